"""Everybody's usage beside the policy, as values that tables are made of. Pure, but slow for many: made in steps."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from jupyterhub_quota import (
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
    standing,
    statuses_of,
    used,
)


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
        shares = [s.used / s.limit for s, _ in self.statuses if not s.unlimited and s.limit > 0]
        return max(shares, default=None)

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
    Everybody at a moment.

    Attributes:
        policy: the one in force.
        at: the present.
        reading: everybody's sessions; None where nothing is known.
        membership: who is in which group.
        people: by name.
        problem: why usage is not known, a sentence; None where it is.
        retry_seconds: after how long it is worth asking again, where it is.
    """

    policy: Policy
    at: float
    reading: Reading | None
    membership: Membership
    people: Mapping[str, Person] = field(default_factory=dict)
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


def people(
    policy: Policy, reading: Reading, at: float, groups: Mapping[str, frozenset[str]] | None
) -> Iterator[Person]:
    """Yield everybody who is in *groups* or in *reading*, by name."""
    sessions = by_user(reading.sessions)
    for name in sorted({*sessions, *(groups or ())}):
        yield _person(policy, name, (groups or {}).get(name), sessions.get(name, []), at)


def _person(policy: Policy, name: str, groups: frozenset[str] | None, sessions: list[Session], at: float) -> Person:
    running = tuple(session for session in sessions if session.alive)
    whole = [Quota(each, float("inf"), policy.longest_window) for each in resources(policy)]
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
