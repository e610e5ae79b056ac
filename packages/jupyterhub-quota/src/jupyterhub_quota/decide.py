"""
Decide whether a launch may start.

Pure: no clock, no network, no logging. One rule: a launch is allowed when it can run for at least the policy's
`minimum_runtime` before a quota is used up.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from jupyterhub_quota.decision import BLOCKING, Decision, Outcome, Reason, Refill, Status
from jupyterhub_quota.ledger.protocol import Reading
from jupyterhub_quota.policy import AtLaunch, Offer, Policy, Quota, WhenUnknown
from jupyterhub_quota.session import Request, Resource, Session, Subject
from jupyterhub_quota.usage import ROUNDING, Decay, rate, used


def decide(policy: Policy, subject: Subject, server: str, request: Request, reading: Reading, at: float) -> Decision:
    """
    Decide whether *subject* may start *server*, which asks for *request*.

    Args:
        policy: the quotas and how they are enforced.
        subject: whose server it is.
        server: its name; a session of the same name that is still alive in *reading* has ended since, as a server runs
            once.
        request: what it will hold.
        reading: the subject's sessions of at least the policy's longest window.
        at: the present.

    Source: design, "The decision".
    """
    sessions = reading.sessions
    alive = [session for session in sessions if session.alive]
    running = tuple(session for session in alive if session.server != server)
    if len(running) < len(alive):
        sessions = tuple(ended(each) if each.alive and each.server == server else each for each in sessions)
    statuses = tuple(
        status for resource in Resource for status in statuses_of(policy, subject, sessions, at, resource, request)
    )
    blocking = {status.blocking for status in statuses if status.blocking}
    asked = [status for status in statuses if request.of(status.resource) > 0]
    if blocking:
        outcome = Outcome.REFUSED if policy.at_launch is AtLaunch.REFUSE else Outcome.WARNED
        reason = next(reason for reason in BLOCKING if reason in blocking)
    else:
        outcome = Outcome.ALLOWED
        reason = Reason.UNLIMITED if all(status.unlimited for status in asked) else Reason.WITHIN_QUOTA
    if policy.exempts(subject):
        outcome, reason = Outcome.ALLOWED, Reason.EXEMPT
    elif policy.at_launch is AtLaunch.IGNORE:
        outcome, reason = Outcome.ALLOWED, Reason.NOT_ENFORCED
    return Decision(
        outcome=outcome,
        reason=reason,
        reference=reference(policy, subject, server, request, at),
        subject=subject,
        server=server,
        request=request,
        at=at,
        statuses=tuple(sorted(statuses, key=lambda s: BLOCKING.index(s.blocking) if s.blocking else len(BLOCKING))),
        refills=refills(policy, subject, sessions, request, at) if blocking else (),
        runtime=min((status.runtime for status in asked), default=math.inf),
        running=running,
        groups=tuple(
            sorted({o.group for r in Resource if request.of(r) > 0 for o in policy.offers(subject, r) if o.group})
        ),
        unmetered=unmetered(policy, subject, request),
        as_of=reading.as_of,
        complete_since=reading.complete_since,
        policy=policy.digest,
    )


def decide_unknown(
    policy: Policy,
    subject: Subject,
    server: str,
    request: Request,
    at: float,
    problem: str,
    reason: Reason = Reason.NOT_KNOWN,
) -> Decision:
    """
    Decide where usage (or who the subject is) cannot be known, by the policy's `when_unknown`.

    Args:
        policy: the quotas and how they are enforced.
        subject: whose server it is.
        server: its name.
        request: what it will hold.
        at: the present.
        problem: what could not be known.
        reason: NOT_KNOWN, or ERROR where our own code failed: that refuses unless the policy only warns.
    """
    if policy.exempts(subject):
        outcome, reason = Outcome.ALLOWED, Reason.EXEMPT
    elif policy.at_launch is AtLaunch.IGNORE:
        outcome, reason = Outcome.ALLOWED, Reason.NOT_ENFORCED
    elif policy.at_launch is AtLaunch.WARN:
        outcome = Outcome.WARNED
    else:
        allows = policy.when_unknown is WhenUnknown.ALLOW and reason is Reason.NOT_KNOWN
        outcome = Outcome.ALLOWED if allows else Outcome.REFUSED
    return Decision(
        outcome=outcome,
        reason=reason,
        reference=reference(policy, subject, server, request, at),
        subject=subject,
        server=server,
        request=request,
        at=at,
        problem=problem,
        policy=policy.digest,
    )


def statuses_of(
    policy: Policy, subject: Subject, sessions: Sequence[Session], at: float, resource: Resource, request: Request
) -> tuple[Status, ...]:
    """
    Return the quotas of the subject's most generous offer of *resource*, with their usage.

    The most generous offer is the one under which the request can run longest; among equals, the one with most left.
    """
    offers = policy.offers(subject, resource)
    if not offers:
        quota = Quota(resource, math.inf, policy.window)
        return (
            Status(
                resource, math.inf, policy.window, used(sessions, quota, at), lifting_group(policy, subject, resource)
            ),
        )
    candidates = [
        tuple(_status(policy, offer, quota, sessions, at, request.of(resource)) for quota in offer.quotas)
        for offer in offers
    ]
    return max(candidates, key=lambda s: (min(x.runtime for x in s), min(x.remaining for x in s)))


def lifting_group(policy: Policy, subject: Subject, resource: Resource) -> str | None:
    """Return the subject's group that says that *resource* is unlimited; None where the default does."""
    return next((name for name in sorted(subject.groups) if policy.groups.get(name, {}).get(resource) == ()), None)


def refills(
    policy: Policy, subject: Subject, sessions: Sequence[Session], request: Request, at: float
) -> tuple[Refill, ...]:
    """Return from when *request* could run for `minimum_runtime` and for `session`, if all others stopped now."""
    found = []
    for runtime in sorted({policy.minimum_runtime, policy.session}):
        moments = [
            _first(
                _all(Decay.of(sessions, quota, at).refill(request.of(resource), runtime) for quota in offer.quotas)
                for offer in offers
            )
            for resource in Resource
            if request.of(resource) > 0 and (offers := policy.offers(subject, resource))
        ]
        moment = _all(moments)
        if moment is not None:
            found.append(Refill(runtime, max(at, moment)))
    return tuple(found)


def unmetered(policy: Policy, subject: Subject, request: Request) -> tuple[Resource, ...]:
    """
    Return the limited resources of which *request* reserves nothing although a server cannot do without.

    A server without GPUs uses none; one that reserves no memory uses memory all the same.
    """
    return tuple(
        resource
        for resource in (Resource.MEMORY, Resource.CPU)
        if request.of(resource) <= 0 and policy.offers(subject, resource)
    )


def ended(session: Session) -> Session:
    """Return *session* as one that ended when it was last seen."""
    return replace(session, alive=False)


def reference(policy: Policy, subject: Subject, server: str, request: Request, at: float) -> str:
    """Return a short name for the decision on this launch: another one where groups or the policy differ."""
    decided = (policy.digest, subject.name, sorted(subject.groups), server, request, at)
    return hashlib.sha256(repr(decided).encode(errors="surrogatepass")).hexdigest()[:6]


def _status(policy: Policy, offer: Offer, quota: Quota, sessions: Sequence[Session], at: float, asked: float) -> Status:
    if asked <= 0:
        return Status(quota.resource, quota.limit, quota.window, used(sessions, quota, at), offer.group)
    minimum = policy.minimum_runtime
    decay = Decay.of(sessions, quota, at)
    spent = decay.amounts[0]
    others = rate(sessions, quota.resource)
    runtime = decay.runtime(others + asked)
    blocking, fits = None, math.inf
    if runtime < minimum * (1 - ROUNDING):
        fits = decay.largest(others, minimum)
        if quota.limit <= 0:
            blocking = Reason.NO_QUOTA
        elif not decay.fits(asked * minimum):
            blocking, fits = Reason.TOO_LARGE, quota.limit / minimum
        elif others > 0 and decay.runtime(asked) >= minimum * (1 - ROUNDING):
            blocking = Reason.HELD_BY_OTHERS
        else:
            blocking = Reason.USED_UP if spent >= quota.limit * (1 - ROUNDING) else Reason.TOO_LITTLE_LEFT
    return Status(quota.resource, quota.limit, quota.window, spent, offer.group, runtime, blocking, fits)


def _all(moments: Iterable[float | None]) -> float | None:
    """The moment from which all hold; None where one never does."""
    found = list(moments)
    return None if None in found else max((moment for moment in found if moment is not None), default=-math.inf)


def _first(moments: Iterable[float | None]) -> float | None:
    """The first of *moments*; None where there is none."""
    return min((moment for moment in moments if moment is not None), default=None)
