"""
Say how a warning or a stop came about, from its event alone.

For admins, in the past tense, with the numbers. Pure.
"""

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from jupyterhub_quota.amounts import MINUTE
from jupyterhub_quota.everybody import SERVER
from jupyterhub_quota.explanation import request_text, server_text
from jupyterhub_quota.running.event import Action, RunningEvent, RunningQuota, RunningSession
from jupyterhub_quota.sentences import WORDS
from jupyterhub_quota.telling import groups_text, instant, known_text, listed, quota_label, shown, tell
from jupyterhub_quota.wording import format_amount, format_duration, format_used, format_window


def explain_running(event: Mapping[str, object]) -> str:
    """
    Return in sentences how the warning or the stop came about of which *event* tells.

    Raises:
        InputError: this is no such event; the message names the first field that is missing or wrong.
    """
    return tell(event, RunningEvent, "policy.timezone", "an event of version 1 about a running server", _told)


def _told(event: RunningEvent, zone: ZoneInfo) -> Iterable[str]:
    yield _head(event, zone)
    yield _server(event, zone)
    yield from known_text(event.as_of, event.complete_since, zone)
    yield from (_quota(quota) for quota in event.quotas)
    yield from _others(event, zone)
    yield _when(event, zone)
    yield _why(event)
    yield _policy(event)
    yield f"The user {'reads' if event.action is Action.WARNED else 'read'}: {shown(event.sentence)}"


def _head(event: RunningEvent, zone: ZoneInfo) -> str:
    what = {Action.WARNED: "Warning", Action.STOPPED: "Stop"}[event.action]
    return f"{what} {shown(event.reference)} of {instant(event.at, zone)}: {WORDS[event.resource]}."


def _server(event: RunningEvent, zone: ZoneInfo) -> str:
    size = request_text(event.session.request.value)
    ran = f"ran {server_text(event.server)} with {size} since {instant(event.session.start, zone)}"
    return f"{shown(event.user)}, {groups_text(event.groups)}, {ran}."


def _quota(quota: RunningQuota) -> str:
    label, window = quota_label(quota.resource, quota.group), format_window(quota.window_seconds)
    if quota.limit <= 0:
        used = format_amount(quota.resource, quota.used)
        return f"{label}: the quota is 0, and {used} were used in the last {window}."
    return f"{label}: {format_used(quota.resource, quota.used, quota.limit)} used in the last {window}."


def _others(event: RunningEvent, zone: ZoneInfo) -> Iterable[str]:
    if event.others:
        held = [f"{_held(other)} since {instant(other.start, zone)}" for other in event.others]
        yield f"The same user also held it with {listed(held)}."


def _held(session: RunningSession) -> str:
    size = request_text(session.request.value)
    if session.component in {"", SERVER}:
        return f"{server_text(session.server)} ({size})"
    return f"the pod '{shown(session.pod)}' ({shown(session.component)}, {size})"


def _when(event: RunningEvent, zone: ZoneInfo) -> str:
    """The moments from which grace ran."""
    if event.used_up is None or event.said is None:
        return f"With what ran, it would be used up {_at(event.runs_out, zone)}."
    return f"It was used up {_at(event.used_up, zone)}; this was first seen {_at(event.said, zone)}."


def _why(event: RunningEvent) -> str:
    if event.action is Action.WARNED:
        if not event.stops:
            return "The policy stops no server, so the user was only warned."
        left = max(0.0, event.ends - event.at)
        how_long = f"{'' if left < MINUTE else 'about '}{format_duration(left)}" if left > 0 else "nothing"
        return f"There was {how_long} left until the server would be stopped, so the user was warned."
    grace = format_duration(event.policy.grace_seconds)
    released = " An admin had let it go from the brake." if event.released else ""
    latest = "the latest of used up, first seen and the server's start"
    return f"The policy gives {grace} from {latest}; they were over, so it was stopped.{released}"


def _policy(event: RunningEvent) -> str:
    policy = event.policy
    grace, minimum = format_duration(policy.grace_seconds), format_duration(policy.minimum_runtime_seconds)
    rules = f"at_launch {policy.at_launch}, while_running {policy.while_running}"
    return f"Policy {shown(policy.digest)}: {rules}, grace {grace}, minimum_runtime {minimum}."


def _at(seconds: float, zone: ZoneInfo) -> str:
    return f"at {instant(seconds, zone)}"
