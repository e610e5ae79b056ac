"""
How a quota stands: whether it is nearly used up, and for how long it lasts as things run now.

Pure: arithmetic on sessions, for pages and reports.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from jupyterhub_quota.decision import Status
from jupyterhub_quota.policy import Quota
from jupyterhub_quota.session import Session
from jupyterhub_quota.usage import ROUNDING, Decay, rate

NEAR_SHARE = 0.8
NEAR_SECONDS = 7200.0


class Standing(StrEnum):
    """How near a quota is to its limit."""

    OK = "ok"
    NEAR = "near"
    OVER = "over"
    NONE = "none"
    UNLIMITED = "unlimited"


@dataclass(frozen=True, slots=True)
class Outlook:
    """
    What lies ahead of one quota.

    Attributes:
        standing: `near` where 80 % is used, or what runs lasts for less than two hours; `over` where nothing is left;
            `none` where the limit is 0.
        rate: what is held now, in base units.
        lasts: how many seconds that can go on before the quota is used up; infinity where nothing is held, or old use
            falls out as quickly as new use comes in.
        decay: how today's use falls out of the window; None without a limit.
    """

    standing: Standing
    rate: float
    lasts: float
    decay: Decay | None

    @classmethod
    def of(cls, status: Status, sessions: Iterable[Session], at: float) -> Self:
        """Return what lies ahead of *status*, which was computed from *sessions*."""
        sessions = tuple(sessions)
        held = rate(sessions, status.resource)
        if status.unlimited:
            return cls(Standing.UNLIMITED, held, math.inf, None)
        decay = Decay.of(sessions, Quota(status.resource, status.limit, status.window), at)
        lasts = decay.runtime(held) if held > 0 else math.inf
        return cls(standing(status.used, status.limit, lasts), held, lasts, decay)


def standing(used: float, limit: float, lasts: float = math.inf) -> Standing:
    """Return how near *used* is to *limit*, when what is held *lasts* for so many seconds."""
    if math.isinf(limit):
        return Standing.UNLIMITED
    if limit <= 0:
        return Standing.NONE
    if used >= limit * (1 - ROUNDING):
        return Standing.OVER
    near = used >= NEAR_SHARE * limit * (1 - ROUNDING) or lasts < NEAR_SECONDS
    return Standing.NEAR if near else Standing.OK
