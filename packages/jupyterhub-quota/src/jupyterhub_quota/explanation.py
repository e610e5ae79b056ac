"""
Say how a decision came about, from its event alone.

For admins, in the past tense, with the numbers. Pure.
"""

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from jupyterhub_quota.amounts import MINUTE
from jupyterhub_quota.decision import BLOCKING, Outcome, Reason
from jupyterhub_quota.event import DecisionEvent, EventQuota
from jupyterhub_quota.policy import AtLaunch
from jupyterhub_quota.sentences import WORDS
from jupyterhub_quota.session import Request, Resource
from jupyterhub_quota.telling import groups_text, instant, known_text, listed, quota_label, shown, tell
from jupyterhub_quota.wording import format_amount, format_duration, format_size, format_used, format_window


def explain(event: Mapping[str, object]) -> str:
    """
    Return in sentences how the decision came about of which *event* tells.

    Raises:
        InputError: this is no decision event; the message names the first field that is missing or wrong.
    """
    return tell(event, DecisionEvent, "policy.timezone", "a decision event of version 1", _told)


def _told(event: DecisionEvent, timezone: ZoneInfo) -> Iterable[str]:
    yield _head(event, timezone)
    yield _asked(event)
    yield from known_text(event.as_of, event.complete_since, timezone)
    yield from _beside(event, timezone)
    yield from (_quota(quota, event) for quota in event.quotas)
    yield _why(event)
    yield from _again(event, timezone)
    yield from _not_charged(event)
    yield _policy(event)
    yield f"The user read: {shown(event.sentence)}"


def _head(event: DecisionEvent, timezone: ZoneInfo) -> str:
    return f"Decision {shown(event.reference)} of {instant(event.at, timezone)}: {event.outcome} ({event.reason})."


def _asked(event: DecisionEvent) -> str:
    belongs = f", {groups_text(event.groups)},"
    if not event.groups and event.reason in {Reason.NOT_KNOWN, Reason.ERROR}:
        belongs = ""  # the groups may be what was not known
    return (
        f"{shown(event.user)}{belongs} asked for {server_text(event.server)} with {request_text(event.request.value)}."
    )


def _beside(event: DecisionEvent, timezone: ZoneInfo) -> Iterable[str]:
    """What ran, if usage was known."""
    if event.as_of is None:
        return
    servers = [
        f"{server_text(other.server)} with {request_text(other.request.value)} since {instant(other.start, timezone)}"
        for other in event.running
    ]
    yield f"Beside it ran {listed(servers)}." if servers else "Nothing of this user ran beside it."


def _quota(quota: EventQuota, event: DecisionEvent) -> str:
    """One quota with its usage, and what that meant for the launch."""
    label, window = quota_label(quota.resource, quota.group), format_window(quota.window_seconds)
    if quota.limit is None or quota.remaining is None:
        return f"{label}: not limited; {format_amount(quota.resource, quota.used)} used in the last {window}."
    told = f"{label}: the quota is 0."
    if quota.limit > 0:
        used = format_used(quota.resource, quota.used, quota.limit)
        left = format_amount(quota.resource, quota.remaining, like=quota.limit)
        told = f"{label}: {used} used in the last {window}, {left} left."
    return f"{told} {_meant(quota, quota.limit, event)}"


def _meant(quota: EventQuota, limit: float, event: DecisionEvent) -> str:
    """What a limited quota meant for the launch."""
    asked, against = event.request.value.of(quota.resource), "so this stood against it"
    if asked <= 0:
        return "The server reserved none, so this could not stand against it."
    size, minimum = format_size(quota.resource, asked), format_duration(event.policy.minimum_runtime_seconds)
    could = "could run on for ever" if quota.runtime_seconds is None else _could(quota.runtime_seconds)
    beside = " beside the others" if any(other.request.value.of(quota.resource) for other in event.running) else ""
    if quota.reason is None:
        return f"{size} {could}{beside}: enough."
    if quota.reason is Reason.NO_QUOTA:
        return f"The server reserved {size}, {against}."
    if quota.reason is Reason.TOO_LARGE:
        return f"Even all {format_amount(quota.resource, limit)} would not run {size} for {minimum}, {against}."
    if quota.reason is Reason.USED_UP:
        return f"Nothing was left, {against}."
    if quota.reason is Reason.HELD_BY_OTHERS:
        return f"{size} alone could run for {minimum}, but not beside the others, {against}."
    return f"{size} {could}{beside}: less than {minimum}, {against}."


def _why(event: DecisionEvent) -> str:
    """From the numbers to the outcome."""
    became = {
        Outcome.ALLOWED: "so it was allowed",
        Outcome.WARNED: "so it was allowed with a warning",
        Outcome.REFUSED: "so it was refused",
    }[event.outcome]
    at_launch, when_unknown = f"at_launch: {event.policy.at_launch}", f"when_unknown: {event.policy.when_unknown}"
    minimum = format_duration(event.policy.minimum_runtime_seconds)
    asks = f"the policy asks for at least {minimum} (minimum_runtime)"
    if event.reason in BLOCKING:
        could = _could(event.runtime_seconds or 0.0)
        return f"The server {could}; {asks} and says {at_launch}, {became}."
    if event.reason is Reason.WITHIN_QUOTA:
        if event.runtime_seconds is None:
            return f"Old use falls out of the window as quickly as the server adds to it, {became}."
        return f"The server {_could(event.runtime_seconds)}; {asks}, {became}."
    if event.reason is Reason.UNLIMITED:
        return f"Nothing that the server reserved was limited, {became}."
    if event.reason is Reason.EXEMPT:
        return f"{shown(event.user)} was exempt from quotas, {became} whatever was used."
    if event.reason is Reason.NOT_ENFORCED:
        return f"The policy says {at_launch}, {became} whatever was used."
    what = "There was a fault in the program" if event.reason is Reason.ERROR else "Not everything could be known"
    problem = f": {shown(event.problem).rstrip('.')}" if event.problem else ""
    by_launch = event.reason is Reason.ERROR or event.policy.at_launch is not AtLaunch.REFUSE
    return f"{what}{problem}. The policy says {at_launch if by_launch else when_unknown}, {became}."


def _again(event: DecisionEvent, timezone: ZoneInfo) -> Iterable[str]:
    """From when it could have run."""
    if event.reason not in BLOCKING:
        return
    if not event.refills:
        yield "However long one waits, the quota is too small for this server."
        return
    # Of those that come at the same time, the last says the most.
    longest = {instant(refill.at, timezone): refill.runtime_seconds for refill in event.refills}
    moments = [f"for {format_duration(seconds)} from {when}" for when, seconds in longest.items()]
    supposed = " and all other servers stopped" if event.running else ""
    yield f"With no further use{supposed}, it could run {listed(moments)}."


def _not_charged(event: DecisionEvent) -> Iterable[str]:
    if event.unmetered:
        words = listed([WORDS[resource] for resource in event.unmetered])
        yield f"The server reserved no {words}, which was limited, so what it used of it was not charged."


def _policy(event: DecisionEvent) -> str:
    policy = event.policy
    minimum, session = format_duration(policy.minimum_runtime_seconds), format_duration(policy.session_seconds)
    rules = f"at_launch {policy.at_launch}, when_unknown {policy.when_unknown}"
    return f"Policy {shown(policy.digest)}: {rules}, minimum_runtime {minimum}, session {session}."


def _could(seconds: float) -> str:
    if seconds <= 0:
        return "could not run at all"
    return f"could run for {'' if seconds < MINUTE else 'about '}{format_duration(seconds)}"


def server_text(name: str) -> str:
    """Return how to speak of the server *name*."""
    return f"the server '{shown(name)}'" if name else "the default server"


def request_text(request: Request) -> str:
    """Return *request* as people say it: "4 GiB of memory and 2 cores"."""
    sizes = [(resource, request.of(resource)) for resource in Resource]
    named = [
        format_size(resource, size) + (" of memory" if resource is Resource.MEMORY else "")
        for resource, size in sizes
        if size > 0
    ]
    return listed(named) if named else "nothing reserved"
