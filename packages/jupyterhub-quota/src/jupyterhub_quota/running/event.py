"""
Warnings and stops as events: all that was looked at, so that "why was my server stopped?" has an answer later.

An event says everything itself and needs no policy to be understood. `jupyter_events` takes the schema as it is.
"""

import hashlib
from enum import StrEnum
from typing import Any, Literal

from jupyterhub_quota.answers import Json
from jupyterhub_quota.event import Amount, EventRequest, Part
from jupyterhub_quota.policy import AtLaunch, Policy, WhileRunning
from jupyterhub_quota.running.answers import quotas_json
from jupyterhub_quota.running.notice import Notice
from jupyterhub_quota.running.plan import Plan
from jupyterhub_quota.running.sentences import advice_sentence, notice_sentence, stopped_sentence
from jupyterhub_quota.session import Resource, Session


class Action(StrEnum):
    """What was done."""

    WARNED = "warned"
    STOPPED = "stopped"


class RunningQuota(Part):
    """A quota that counted, with what was certainly used. Amounts are resource-seconds."""

    resource: Resource
    window_seconds: float
    limit: Amount
    used: Amount
    group: str | None
    """The group that gives this quota; null is the default."""


class RunningSession(Part):
    """What held the resource."""

    server: str
    """Name of the server; empty for the default server, and for what is no server."""
    pod: str
    """Name of the pod; empty where there is none on record."""
    component: str
    """What kind of pod, where that is on record."""
    start: float
    request: EventRequest


class RunningPolicy(Part):
    """What of the policy mattered."""

    digest: str
    at_launch: AtLaunch
    while_running: WhileRunning
    grace_seconds: Amount
    minimum_runtime_seconds: Amount
    tolerate_seconds: Amount
    timezone: str


class RunningEvent(Part):
    """A server that was warned or stopped, with all that was looked at. Times are seconds since the epoch."""

    version: Literal[1]
    action: Action
    reference: str
    user: str
    groups: list[str]
    """All groups of the user at that time."""
    server: str
    """Name of the server; empty for the default server."""
    started: float
    """When the hub began to start it."""
    at: float
    resource: Resource
    """What ran out."""
    quotas: list[RunningQuota]
    session: RunningSession
    """The server itself, as it is on record."""
    others: list[RunningSession]
    """What else of this user held the resource."""
    used_up: float | None
    """Since when the quota was used up; null where it was not yet."""
    said: float | None
    """When this was first seen, on good data, under this policy and these groups."""
    runs_out: float
    """When the quota was or would be used up, with what ran."""
    ends: float
    """When the server was to be stopped; where nothing is stopped, the same as `runs_out`."""
    stops: bool
    """Whether the policy stops servers."""
    released: bool
    """Whether an admin let it go from the brake."""
    sentence: str
    """What the user reads."""
    as_of: float | None
    """The time of which usage was known."""
    complete_since: float | None
    """Older use may be missing; null where nothing is known to be missing."""
    policy: RunningPolicy


def running_event(
    action: Action, notice: Notice, plan: Plan, policy: Policy, *, at: float, released: bool = False
) -> Json:
    """
    Return what was done about a server as an event that fits RUNNING_SCHEMA.

    Args:
        action: what was done.
        notice: why.
        plan: the round that found it.
        policy: the one by which it did.
        at: when it was done.
        released: whether an admin let the server go from the brake.
    """
    sentence = f"{notice_sentence(notice, policy, at)} {advice_sentence(notice, policy)}"
    if action is Action.STOPPED:
        sentence = stopped_sentence(notice, policy, at, at)
    return {
        "version": 1,
        "action": action.value,
        "reference": reference(action, notice, at),
        "user": notice.server.user,
        "groups": sorted(notice.server.groups),
        "server": notice.server.name,
        "started": notice.server.started,
        "at": at,
        "resource": notice.resource.value,
        "quotas": quotas_json(notice),
        "session": _session(notice.session),
        "others": [_session(session) for session in notice.others],
        "used_up": notice.used_up,
        "said": notice.said,
        "runs_out": notice.runs_out,
        "ends": notice.ends,
        "stops": notice.stops,
        "released": released,
        "sentence": sentence,
        "as_of": plan.as_of,
        "complete_since": plan.complete_since,
        "policy": {
            "digest": policy.digest,
            "at_launch": policy.at_launch.value,
            "while_running": policy.while_running.value,
            "grace_seconds": policy.grace,
            "minimum_runtime_seconds": policy.minimum_runtime,
            "tolerate_seconds": policy.tolerate,
            "timezone": policy.timezone.key,
        },
    }


def reference(action: Action, notice: Notice, at: float) -> str:
    """Return a short name for what was done."""
    done = (action.value, notice.server.key, notice.resource.value, at)
    return hashlib.sha256(repr(done).encode(errors="surrogatepass")).hexdigest()[:6]


def _session(session: Session) -> Json:
    return {
        "server": session.server,
        "pod": session.pod,
        "component": session.component,
        "start": session.start,
        "request": dict(session.request.as_mapping()),
    }


# The id needs no address of ours. Its version is the event's, as text because jupyter_events wants it so.
RUNNING_SCHEMA: dict[str, Any] = {
    "$id": "urn:jupyterhub-quota:running",
    "version": "1",
    **RunningEvent.model_json_schema(),
}
