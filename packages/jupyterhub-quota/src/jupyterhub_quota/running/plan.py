"""What one round found, and what it wants done."""

from dataclasses import dataclass
from enum import StrEnum

from jupyterhub_quota.running.memory import Memory
from jupyterhub_quota.running.notice import Notice


class HeldBack(StrEnum):
    """Why a server is not stopped although its time is up: a small fixed set, fit for the label of a metric."""

    LEDGER = "ledger"
    HUB = "hub"
    POLICY = "policy"
    CLOCK = "clock"
    AT_LAUNCH = "at-launch"
    BRAKE = "brake"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why nobody is stopped in this round."""

    reason: HeldBack
    problem: str


@dataclass(frozen=True, slots=True)
class Plan:
    """
    One round.

    Attributes:
        at: when, seconds since the epoch.
        memory: for the next round.
        as_of: the time of which usage is known.
        complete_since: older use may be missing; None where nothing is known to be missing.
        running: how many servers run.
        unmatched: how many of them have no session on record that is certainly theirs.
        forecasts: what lies ahead of servers, the first end first.
        warnings: what is to be said now, and was not before.
        stops: what is to be stopped now.
        held_back: what would be stopped now but for a reason.
        late: what was used up long before it was first seen so.
        brake: whether an admin is asked before those are stopped.
        doubt: why this round judged nobody; then all lists but *held_back* are empty.
    """

    at: float
    memory: Memory
    as_of: float | None = None
    complete_since: float | None = None
    running: int = 0
    unmatched: int = 0
    forecasts: tuple[Notice, ...] = ()
    warnings: tuple[Notice, ...] = ()
    stops: tuple[Notice, ...] = ()
    held_back: tuple[tuple[Notice, HeldBack], ...] = ()
    late: tuple[Notice, ...] = ()
    brake: bool = False
    doubt: Doubt | None = None

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What people are shown: those of the forecasts of which there is something to warn."""
        return tuple(notice for notice in self.forecasts if notice.level is not None)
