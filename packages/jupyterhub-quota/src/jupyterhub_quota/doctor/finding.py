"""What the doctor says: findings with stable names, and what could not be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Name(StrEnum):
    """What can be found: a small fixed set."""

    # The ledger.
    UNREACHABLE = "unreachable"
    DENIED = "denied"
    NO_ANSWER = "no-answer"
    CLOCK_SKEW = "clock-skew"
    NO_KUBE_STATE_METRICS = "no-kube-state-metrics"
    KUBE_STATE_METRICS_DOWN = "kube-state-metrics-down"
    NO_PODS = "no-pods"
    NO_USER_NAMES = "no-user-names"
    NO_COMPONENTS = "no-components"
    RULES_ABSENT = "rules-absent"
    RULES_FAILING = "rules-failing"
    STALE = "stale"
    SHORT_RETENTION = "short-retention"
    NOT_RECORDING = "not-recording"
    # What is recorded.
    SHORT_HISTORY = "short-history"
    TWO_USER_NAMES = "two-user-names"
    NO_REQUESTS = "no-requests"
    NEVER_ASKED_FOR = "never-asked-for"
    # The hub.
    HUB_NOT_KNOWN = "hub-not-known"
    GROUP_WITHOUT_MEMBERS = "group-without-members"
    USERS_WITHOUT_GROUP = "users-without-group"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that is wrong, or may be.

    Attributes:
        name: which.
        seen: a sentence: what was seen.
        advice: a sentence: what to do.
        problem: whether it is certainly wrong; otherwise it only looks like an accident.
    """

    name: Name
    seen: str
    advice: str
    problem: bool = True


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """
    All that was found.

    Attributes:
        findings: those nearest to a cause first.
        notes: what could not be looked at, in sentences.
        as_of: the time of which usage is known; None where it is not.
    """

    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    as_of: float | None = None

    @property
    def healthy(self) -> bool:
        """Whether nothing is certainly wrong."""
        return not any(finding.problem for finding in self.findings)


def counted(number: float, what: str) -> str:
    """Return "1 pod" or "2 pods"."""
    return f"{number:.0f} {what}{'' if number == 1 else 's'}"


def examples(names: Sequence[str], most: int = 3) -> str:
    """Return some of *names* to stand behind a number of them: " ('ann', 'bob', 'cid' and more)"; nothing for none."""
    if not names:
        return ""
    shown = [repr(name) for name in sorted(names)[:most]]
    listed = ", ".join(shown)
    return f" ({listed} and more)" if len(names) > most else f" ({listed})"
