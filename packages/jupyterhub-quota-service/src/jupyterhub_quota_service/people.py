"""Everybody's usage beside the policy, as values that tables are made of. Pure, but slow for many: made in a thread."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from jupyterhub_quota import (
    DayOfUse,
    Outlook,
    Policy,
    Quota,
    Reading,
    Request,
    Resource,
    Session,
    Standing,
    Status,
    Subject,
    days_of_use,
    standing,
    statuses_of,
    used,
)
from jupyterhub_quota_service import words


@dataclass(frozen=True, slots=True)
class Person:
    """
    One user.

    Attributes:
        name: the user's.
        groups: None where the hub does not show them; then limits are not known.
        exempt: whether no quota stops them; False where that is not known.
        statuses: the quotas of the resources that anybody's quota limits, each with how it stands.
        running: what is held now.
        totals: what was used in the policy's longest window of each of `resources(policy)`.
    """

    name: str
    groups: frozenset[str] | None
    exempt: bool
    statuses: tuple[tuple[Status, Standing], ...]
    running: tuple[Session, ...]
    totals: tuple[float, ...]

    @property
    def share(self) -> float | None:
        """The largest part of a limit that is used; None where nothing is limited."""
        shares = [words.share(status) for status, _ in self.statuses]
        return max((share for share in shares if share is not None), default=None)

    def used(self, resource: Resource) -> float:
        """How much of *resource* is used, in the window where that is most."""
        return max((status.used for status, _ in self.statuses if status.resource is resource), default=0.0)


@dataclass(frozen=True, slots=True)
class Membership:
    """
    Who is in which group.

    Attributes:
        groups: of each user; None where that was never known.
        as_of: when the hub was asked.
        problem: why it is not newer, or not known; None where the last answer was one.
    """

    groups: Mapping[str, frozenset[str]] | None = None
    as_of: float | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """
    Everybody at a moment. Holds no sessions but those that run: there may be hundreds of thousands.

    Attributes:
        policy: the one in force.
        at: the present.
        membership: who is in which group.
        as_of: when usage is known; None where nothing is.
        complete_since: from when on; None where that is not known.
        people: by name.
        days: what all used together, per day of the policy's longest window, for each of `resources(policy)`.
        problem: why usage is not known, a sentence; None where it is.
        retry_seconds: after how long it is worth asking again, where it is.
    """

    policy: Policy
    at: float
    membership: Membership
    as_of: float | None = None
    complete_since: float | None = None
    people: Mapping[str, Person] = field(default_factory=dict)
    days: tuple[tuple[DayOfUse, ...], ...] = ()
    problem: str | None = None
    retry_seconds: float | None = None


def by_user(sessions: Iterable[Session]) -> dict[str, list[Session]]:
    """Return the sessions of each user."""
    found: dict[str, list[Session]] = {}
    for session in sessions:
        found.setdefault(session.user, []).append(session)
    return found


def resources(policy: Policy) -> tuple[Resource, ...]:
    """Return the resources that are limited for anybody; all, where none is."""
    return tuple(resource for resource in Resource if policy.limits(resource)) or tuple(Resource)


def table_of(policy: Policy, reading: Reading, at: float, membership: Membership) -> Table:
    """Return everybody who is in a group's list of *membership* or in *reading*, by name."""
    sessions, groups = by_user(reading.sessions), membership.groups or {}
    return Table(
        policy,
        at,
        membership,
        reading.as_of,
        reading.complete_since,
        {
            name: _person(policy, name, groups.get(name), sessions.get(name, []), at)
            for name in sorted({*sessions, *groups})
        },
        tuple(tuple(days_of_use(reading.sessions, quota, at, policy.timezone)) for quota in whole_windows(policy)),
    )


def whole_windows(policy: Policy) -> tuple[Quota, ...]:
    """Return quotas without a limit, over the policy's longest window, one for each of `resources(policy)`."""
    return tuple(Quota(each, math.inf, policy.longest_window) for each in resources(policy))


def _person(policy: Policy, name: str, groups: frozenset[str] | None, sessions: list[Session], at: float) -> Person:
    running = tuple(session for session in sessions if session.alive)
    whole = whole_windows(policy)
    totals = tuple(used(sessions, quota, at) for quota in whole)
    if groups is None:
        # There is no telling which quota counts.
        found = [
            Status(quota.resource, quota.limit, quota.window, amount, None)
            for quota, amount in zip(whole, totals, strict=True)
        ]
        return Person(name, None, False, tuple((status, Standing.UNLIMITED) for status in found), running, totals)
    subject = Subject(name, groups)
    statuses = [
        status for each in resources(policy) for status in statuses_of(policy, subject, sessions, at, each, Request())
    ]
    return Person(
        name,
        groups,
        policy.exempts(subject),
        tuple((status, _standing(status, sessions, at, running)) for status in statuses),
        running,
        totals,
    )


def _standing(status: Status, sessions: list[Session], at: float, running: tuple[Session, ...]) -> Standing:
    """How a quota stands; what lies ahead costs more, so only who runs something is asked for it."""
    if any(session.request.of(status.resource) > 0 for session in running):
        return Outlook.of(status, sessions, at).standing
    return standing(status.used, status.limit)
