"""
Decisions as events: all that a decision looked at, so that "why was I refused?" has an answer later.

An event says everything itself and needs no policy to be understood. `jupyter_events` takes the schema as it is.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from jupyterhub_quota.answers import Json, decision_json, number, running_json
from jupyterhub_quota.decision import Decision, Outcome, Reason
from jupyterhub_quota.policy import AtLaunch, Policy, WhenUnknown
from jupyterhub_quota.session import Request, Resource

Amount = Annotated[float, Field(ge=0)]


class Part(BaseModel):
    """Readers ignore what they do not know, so that an event may get more fields within its version."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, use_attribute_docstrings=True)


class EventRequest(Part):
    """What a server reserves."""

    memory: Amount
    """Bytes."""
    cpu: Amount
    """Cores."""
    gpu: Amount
    """Devices."""

    @property
    def value(self) -> Request:
        """The same as a value."""
        return Request(self.memory, self.cpu, self.gpu)


class EventServer(Part):
    """A server that ran already."""

    server: str
    """Its name; empty for the default server."""
    start: float
    """Since when, in seconds since the epoch."""
    request: EventRequest


class EventQuota(Part):
    """A quota of the offer that counted, with its usage. Amounts are resource-seconds."""

    resource: Resource
    window_seconds: float
    limit: Amount | None
    """null is unlimited."""
    used: Amount
    remaining: Amount | None
    """null is unlimited."""
    group: str | None
    """The group that gives this quota; null is the default."""
    blocking: bool
    reason: Reason | None
    """Why it blocks; null where it does not."""
    runtime_seconds: Amount | None
    """How long the request can run, beside all that runs already, before this quota is used up; null is for ever."""
    fits: Amount | None
    """The largest size that could start; null where that was not asked."""


class EventRefill(Part):
    """From when the request can run for so long, with no further use until then and no other server."""

    runtime_seconds: Amount
    at: float


class EventPolicy(Part):
    """What of the policy mattered."""

    digest: str
    at_launch: AtLaunch
    when_unknown: WhenUnknown
    minimum_runtime_seconds: Amount
    session_seconds: Amount
    tolerate_seconds: Amount
    timezone: str


class DecisionEvent(Part):
    """A decision about one launch, with all that it looked at. Times are seconds since the epoch."""

    version: Literal[1]
    reference: str
    user: str
    groups: list[str]
    """All groups of the user at that time."""
    server: str
    """Name of the server that is to start; empty for the default server."""
    request: EventRequest
    at: float
    allowed: bool
    outcome: Outcome
    reason: Reason
    sentence: str
    """What the user read."""
    problem: str
    """What could not be known; empty where all was."""
    runtime_seconds: Amount | None
    """How long it can run; null where nothing ends it, or where that is not known."""
    refills: list[EventRefill]
    quotas: list[EventQuota]
    counted_groups: list[str]
    """The groups whose quotas counted; empty is the default."""
    running: list[EventServer]
    unmetered: list[Resource]
    """Limited resources of which the launch reserves nothing, so that its use of them is never charged."""
    as_of: float | None
    """The time of which usage was known; null where it was not."""
    complete_since: float | None
    """Older use may be missing; null where nothing is known to be missing."""
    policy: EventPolicy


def decision_event(decision: Decision, policy: Policy) -> Json:
    """
    Return *decision* as an event that fits DECISION_SCHEMA.

    Args:
        decision: what was decided.
        policy: the one that it was decided by.
    """
    event = decision_json(decision)
    for quota, status in zip(event["quotas"], decision.statuses, strict=True):
        quota["reason"] = None if status.blocking is None else status.blocking.value
        quota["runtime_seconds"] = number(status.runtime)
        quota["fits"] = number(status.fits)
    return {
        "version": 1,
        **event,
        "user": decision.subject.name,
        "groups": sorted(decision.subject.groups),
        "server": decision.server,
        "request": dict(decision.request.as_mapping()),
        "problem": decision.problem,
        "counted_groups": list(decision.groups),
        "running": [running_json(session) for session in decision.running],
        "unmetered": [resource.value for resource in decision.unmetered],
        "policy": {
            "digest": decision.policy,
            "at_launch": policy.at_launch.value,
            "when_unknown": policy.when_unknown.value,
            "minimum_runtime_seconds": policy.minimum_runtime,
            "session_seconds": policy.session,
            "tolerate_seconds": policy.tolerate,
            "timezone": policy.timezone.key,
        },
    }


# The id needs no address of ours. Its version is the event's, as text because jupyter_events wants it so.
DECISION_SCHEMA: dict[str, Any] = {
    "$id": "urn:jupyterhub-quota:decision",
    "version": "1",
    **DecisionEvent.model_json_schema(),
}
