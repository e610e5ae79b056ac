"""
What the hub's own metrics say of quotas.

Labels come from small fixed sets, and every pair of them is there at 0 from the start: a counter that is born at 1 has
never increased.
"""

from prometheus_client import Counter, Gauge, Histogram

from jupyterhub_quota import Outcome, Reason, Resource

_BLOCKING = (Reason.NO_QUOTA, Reason.TOO_LARGE, Reason.USED_UP, Reason.TOO_LITTLE_LEFT, Reason.HELD_BY_OTHERS)
_PAIRS = {
    Outcome.ALLOWED: (Reason.WITHIN_QUOTA, Reason.UNLIMITED, Reason.EXEMPT, Reason.NOT_KNOWN),
    Outcome.WARNED: (*_BLOCKING, Reason.NOT_KNOWN, Reason.ERROR),
    Outcome.REFUSED: (*_BLOCKING, Reason.NOT_KNOWN, Reason.ERROR),
}

DECISIONS = Counter(
    "jupyterhub_quota_decisions", "Launches that were decided on, by outcome and reason.", ["outcome", "reason"]
)
for _outcome, _reasons in _PAIRS.items():
    for _reason in _reasons:
        DECISIONS.labels(_outcome.value, _reason.value)

UNMETERED = Counter(
    "jupyterhub_quota_unmetered_launches",
    "Launches that reserve nothing of a resource that is limited for their owner: their use is never charged.",
    ["resource"],
)
for _resource in (Resource.MEMORY, Resource.CPU):
    UNMETERED.labels(_resource.value)

POLICY_VALID = Gauge(
    "jupyterhub_quota_policy_valid",
    "1 while the newest policy is in force, 0 while it is broken and an older one counts.",
)

LEDGER_UP = Gauge("jupyterhub_quota_ledger_up", "1 if usage was known for the last decision, 0 if not.")

DECISION_SECONDS = Histogram(
    "jupyterhub_quota_decision_duration_seconds",
    "How long launches waited for their decision.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 5, 10),
)
