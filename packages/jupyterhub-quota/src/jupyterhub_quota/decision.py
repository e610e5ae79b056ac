"""What is decided about a launch: a value that says everything it looked at."""

import math
from dataclasses import dataclass
from enum import StrEnum

from jupyterhub_quota.session import Request, Resource, Session, Subject


class Outcome(StrEnum):
    """What becomes of the launch."""

    ALLOWED = "allowed"
    WARNED = "warned"
    REFUSED = "refused"


class Reason(StrEnum):
    """Why: a small fixed set, fit for the label of a metric."""

    WITHIN_QUOTA = "within-quota"
    UNLIMITED = "unlimited"
    EXEMPT = "exempt"
    NOT_ENFORCED = "not-enforced"
    NO_QUOTA = "no-quota"
    TOO_LARGE = "too-large"
    USED_UP = "used-up"
    TOO_LITTLE_LEFT = "too-little-left"
    HELD_BY_OTHERS = "held-by-others"
    NOT_KNOWN = "not-known"
    ERROR = "error"


# Where several resources block, the gravest reason is the decision's.
BLOCKING = (Reason.NO_QUOTA, Reason.TOO_LARGE, Reason.USED_UP, Reason.TOO_LITTLE_LEFT, Reason.HELD_BY_OTHERS)


@dataclass(frozen=True, slots=True)
class Status:
    """
    A quota with its usage, for one subject.

    Attributes:
        resource: what is counted.
        limit: resource-seconds; infinity means unlimited.
        window: seconds.
        used: resource-seconds in the window.
        group: the group that gives this quota; None where it is the default.
        runtime: how many seconds what is asked for can run, with all that the subject holds already; infinity where
            this quota is never used up so.
        blocking: why this quota stands against the launch; None where it does not.
        fits: the largest size, in base units, that could start now; for what can never start, that ever could.
    """

    resource: Resource
    limit: float
    window: float
    used: float
    group: str | None
    runtime: float = math.inf
    blocking: Reason | None = None
    fits: float = math.inf

    @property
    def remaining(self) -> float:
        """What is left of the limit, never below 0; infinity where it is unlimited."""
        return max(0.0, self.limit - self.used)

    @property
    def unlimited(self) -> bool:
        """Whether nothing limits this resource."""
        return math.isinf(self.limit)


@dataclass(frozen=True, slots=True)
class Refill:
    """From when (*at*, seconds since the epoch) the request can run for *runtime* seconds, with no use until then."""

    runtime: float
    at: float


@dataclass(frozen=True, slots=True)
class LastStop:
    """
    How the server that ran before *ended*: a quota had been *used_up* so long that running servers are stopped.

    Attributes:
        ended: when it was last seen, seconds since the epoch.
        used_up: since when the quota was used up.
    """

    ended: float
    used_up: float


@dataclass(frozen=True, slots=True)
class Decision:
    """
    Allowed or not, with every status it looked at and the reasons.

    Attributes:
        outcome: what becomes of the launch.
        reason: why.
        reference: short name under which the decision can be found again.
        subject: who asks.
        server: name of the server that is to start; empty for the default server.
        request: what it asks for.
        at: when this was decided, seconds since the epoch.
        statuses: for each resource, the quotas of the offer that counted; those that are blocking first.
        refills: for a launch that is not within quota, from when it could run for the policy's `minimum_runtime` and
            for its `session`, supposing that the subject's other servers stop now. Those that never come are left out.
        runtime: how many seconds this can run before a quota is used up; infinity where none limits it; None where that
            is not known.
        running: what the subject held already.
        groups: the groups whose quotas counted.
        unmetered: limited resources of which the launch reserves nothing, so that its use of them is never charged.
        as_of: the time of which usage is known; None where it is not.
        complete_since: older use may be missing; None where nothing is known to be missing.
        problem: what could not be known, for logs and admins.
        policy: digest of the policy that was in force.
        last_stop: for a refused launch, how the last server ended, if that was long after a quota was used up.
        sentence: all this for the user.
    """

    outcome: Outcome
    reason: Reason
    reference: str
    subject: Subject
    server: str
    request: Request
    at: float
    statuses: tuple[Status, ...] = ()
    refills: tuple[Refill, ...] = ()
    runtime: float | None = None
    running: tuple[Session, ...] = ()
    groups: tuple[str, ...] = ()
    unmetered: tuple[Resource, ...] = ()
    as_of: float | None = None
    complete_since: float | None = None
    problem: str = ""
    policy: str = ""
    last_stop: LastStop | None = None
    sentence: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the launch may start."""
        return self.outcome is not Outcome.REFUSED

    @property
    def blocking(self) -> tuple[Status, ...]:
        """The statuses that stand against the launch, the gravest first."""
        return tuple(status for status in self.statuses if status.blocking)
