"""
What everybody used beside what a policy gives them: by user, and by group.

Pure: arithmetic on one reading of everybody. With it the right limits are found before they are switched on.
"""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jupyterhub_quota.decide import ended, statuses_of
from jupyterhub_quota.decision import Status
from jupyterhub_quota.ledger.protocol import Reading
from jupyterhub_quota.policy import Policy, Quota
from jupyterhub_quota.session import Request, Resource, Session, Subject
from jupyterhub_quota.usage import ROUNDING, used

SERVER = "singleuser-server"
MOST = 0.95


@dataclass(frozen=True, slots=True)
class Person:
    """
    One user.

    Attributes:
        name: the user's.
        groups: those that the hub knows; None where they are not known.
        exempt: whether no quota stops them; False where that is not known.
        statuses: the quotas of each resource that the policy limits for anybody, with their usage. Without known groups
            there is no telling which quota counts: then one without a limit for each window.
        latest: the server that was started last, of what the ledger was asked for.
        refused: whether that server could not start now; None where groups are not known.
    """

    name: str
    groups: frozenset[str] | None
    exempt: bool
    statuses: tuple[Status, ...]
    latest: Session | None
    refused: bool | None


@dataclass(frozen=True, slots=True)
class Spread:
    """
    How much of one quota the members of a group used, in resource-seconds.

    Attributes:
        quota: what one gets who is in this group alone; its limit may be infinite.
        median: half of the members used at most so much.
        most: 95 % of the members used at most so much.
        maximum: nobody used more.
        over: how many reached the limit.
    """

    quota: Quota
    median: float
    most: float
    maximum: float
    over: int


@dataclass(frozen=True, slots=True)
class Group:
    """The members of a group of the policy; *name* is None for those who are in none and not exempt."""

    name: str | None
    members: int
    refused: int
    spreads: tuple[Spread, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """
    Everybody.

    Attributes:
        people: those first who used the largest part of a limit.
        groups: of the policy that have members, by name, last those who are in none; empty where none are known.
        at: the present, seconds since the epoch.
        as_of: the time of which usage is known.
        complete_since: older use may be missing; None where nothing is known to be missing.
    """

    people: tuple[Person, ...]
    groups: tuple[Group, ...]
    at: float
    as_of: float
    complete_since: float | None

    @property
    def known(self) -> int:
        """How many people's groups are known."""
        return sum(person.groups is not None for person in self.people)

    @property
    def refused(self) -> int:
        """How many people would be refused."""
        return sum(person.refused is True for person in self.people)


def overview(policy: Policy, reading: Reading, at: float, groups: Mapping[str, frozenset[str]] | None) -> Overview:
    """
    Return everybody who is in *groups* or in *reading*.

    Args:
        policy: the quotas, in force or not.
        reading: everybody's sessions of at least the policy's longest window.
        at: the present.
        groups: of each user that the hub knows; None where it was not asked.
    """
    sessions: dict[str, list[Session]] = {name: [] for name in groups or ()}
    for session in reading.sessions:
        sessions.setdefault(session.user, []).append(session)
    people = [
        _person(policy, name, None if groups is None else groups.get(name), own, at) for name, own in sessions.items()
    ]
    people.sort(key=_order)
    found = [] if groups is None else list(_groups(policy, people, sessions, at))
    return Overview(tuple(people), tuple(found), at, reading.as_of, reading.complete_since)


def windows(policy: Policy) -> dict[Resource, tuple[float, ...]]:
    """Return the windows over which the policy limits each resource for anybody, the longest first."""
    return {
        resource: tuple(sorted({q.window for q in policy.quotas() if q.resource is resource}, reverse=True))
        for resource in Resource
        if policy.limits(resource)
    }


def over(used: float, limit: float) -> bool:
    """Return whether something was used, and that is all of the limit or more."""
    return used > 0 and used >= limit * (1 - ROUNDING)


def _person(policy: Policy, name: str, groups: frozenset[str] | None, sessions: list[Session], at: float) -> Person:
    servers = (session for session in sessions if session.component in {"", SERVER})
    latest = max(servers, key=lambda session: session.start, default=None)
    if groups is None:
        unlimited = (
            Quota(resource, math.inf, window) for resource, lengths in windows(policy).items() for window in lengths
        )
        statuses = tuple(Status(q.resource, q.limit, q.window, used(sessions, q, at), None) for q in unlimited)
        return Person(name, None, False, statuses, latest, None)
    subject = Subject(name, groups)
    limited = [resource for resource in Resource if policy.limits(resource)]
    statuses = tuple(s for each in limited for s in statuses_of(policy, subject, sessions, at, each, Request()))
    exempt = policy.exempts(subject)
    refused = not exempt and latest is not None and _refused(policy, subject, sessions, latest, at)
    return Person(name, groups, exempt, statuses, latest, refused)


def _refused(policy: Policy, subject: Subject, sessions: list[Session], latest: Session, at: float) -> bool:
    """Whether *latest*, started again now, could not run for the policy's `minimum_runtime`."""
    # A server is not in its own way.
    then = [ended(session) if session.server == latest.server else session for session in sessions]
    return any(
        status.blocking
        for resource in Resource
        if latest.request.of(resource) > 0
        for status in statuses_of(policy, subject, then, at, resource, latest.request)
    )


def _groups(policy: Policy, people: list[Person], sessions: Mapping[str, list[Session]], at: float) -> Iterable[Group]:
    """Yield the figures of each group that has members."""
    known = [person for person in people if person.groups is not None]
    for name in (*sorted(policy.groups), None):
        members = [person for person in known if _belongs(person, name, policy)]
        if members:
            alone = Subject("", frozenset() if name is None else frozenset({name}))
            spreads = tuple(_spread(quota, members, sessions, at) for quota in _quotas(policy, alone))
            yield Group(name, len(members), sum(person.refused is True for person in members), spreads)


def _belongs(person: Person, group: str | None, policy: Policy) -> bool:
    mine = person.groups or frozenset()
    if group is None:
        # Whom the policy exempts it names as well.
        return policy.groups.keys().isdisjoint(mine) and not person.exempt
    return group in mine


def _quotas(policy: Policy, subject: Subject) -> Iterable[Quota]:
    """Yield what *subject* gets of each resource that is limited for anybody."""
    for resource in Resource:
        if policy.limits(resource):
            offers = policy.offers(subject, resource)
            yield from offers[0].quotas if offers else (Quota(resource, math.inf, policy.window),)


def _spread(quota: Quota, members: list[Person], sessions: Mapping[str, list[Session]], at: float) -> Spread:
    amounts = sorted(used(sessions[person.name], quota, at) for person in members)
    most = amounts[math.ceil(MOST * len(amounts)) - 1]
    return Spread(
        quota, statistics.median(amounts), most, amounts[-1], sum(over(amount, quota.limit) for amount in amounts)
    )


def _order(person: Person) -> tuple[float, float, str]:
    """Who used the largest part of a limit comes first; where nothing is limited, who used most."""
    shares = (s.used / s.limit if s.limit > 0 else math.inf for s in person.statuses if s.used > 0)
    first = person.statuses[0].used if person.statuses else 0.0
    return -max(shares, default=0.0), -first, person.name
