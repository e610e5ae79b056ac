"""How the quotas stand of what somebody holds: used up or not, since when, and for how long it lasts. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from jupyterhub_quota.amounts import DAY
from jupyterhub_quota.crossing import offers_used_up_since
from jupyterhub_quota.decision import Status
from jupyterhub_quota.policy import Offer, Policy
from jupyterhub_quota.session import Resource, Session, Subject
from jupyterhub_quota.usage import ROUNDING, Decay, rate, used

# What lies further ahead is as good as never: it is looked at again before it comes.
AHEAD_SECONDS = 1.0 * DAY


@dataclass(frozen=True, slots=True)
class Held:
    """
    One limited resource that a subject holds now.

    Attributes:
        resource: what is held.
        statuses: the quotas of the most generous offer, with what is certainly used.
        sessions: what holds it, servers of the hub and others.
        since: since when every offer is used up; None where one is not.
        lasts: for how many seconds it can be held on before every offer is used up; infinity where that is more than a
            day ahead.
    """

    resource: Resource
    statuses: tuple[Status, ...]
    sessions: tuple[Session, ...]
    since: float | None
    lasts: float


@dataclass(frozen=True, slots=True)
class _Stand:
    """How one offer stands."""

    statuses: tuple[Status, ...]
    lasts: float


def held_by(policy: Policy, subject: Subject, sessions: Iterable[Session], as_of: float, at: float) -> tuple[Held, ...]:
    """
    Return what *subject* holds of limited resources.

    What is certainly used was used until *as_of*, when the sessions were last seen: only that can stop a server. What
    lies ahead supposes that they still run.
    """
    sessions = tuple(sessions)
    seen = tuple(_until(session, as_of) if session.alive else session for session in sessions)
    found = []
    for resource in Resource:
        holders = tuple(session for session in sessions if session.alive and session.request.of(resource) > 0)
        offers = policy.offers(subject, resource) if holders else ()
        if not offers:
            continue
        stands = [_stand(offer, sessions, seen, at - as_of + ahead(policy), at) for offer in offers]
        best = max(stands, key=lambda stand: (stand.lasts, min(status.remaining for status in stand.statuses)))
        over = all(any(_over(status) for status in stand.statuses) for stand in stands)
        since = offers_used_up_since(offers, seen, at) if over else None
        found.append(Held(resource, best.statuses, holders, since, best.lasts))
    return tuple(found)


def _stand(offer: Offer, sessions: tuple[Session, ...], seen: tuple[Session, ...], horizon: float, at: float) -> _Stand:
    statuses = []
    for quota in offer.quotas:
        certain, held = used(seen, quota, at), rate(sessions, quota.resource)
        runtime = math.inf
        # Nearly everybody is far from any limit, and this is cheap to see.
        if certain + held * horizon > quota.limit:
            runtime = Decay.of(sessions, quota, at).runtime(held)
        statuses.append(Status(quota.resource, quota.limit, quota.window, certain, offer.group, runtime))
    return _Stand(tuple(statuses), min((status.runtime for status in statuses), default=math.inf))


def ahead(policy: Policy) -> float:
    """Return how many seconds are looked ahead: a day, and no less than people are to be warned of."""
    return max([AHEAD_SECONDS, *policy.warn_before])


def _over(status: Status) -> bool:
    return status.used > status.limit * (1 + ROUNDING)


def _until(session: Session, as_of: float) -> Session:
    return replace(session, end=max(session.start, as_of), alive=False)
