"""
What was used on which day and by which server, and what of it comes back when.

Pure: arithmetic on sessions, for pages and reports. Amounts are resource-seconds. All days of a quota together are what
it counts as used; all that comes back is that, too.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from jupyterhub_quota.policy import Quota
from jupyterhub_quota.session import Session
from jupyterhub_quota.usage import Decay, per_day


@dataclass(frozen=True, slots=True)
class DayOfUse:
    """
    What a quota counts for one calendar day.

    Attributes:
        day: which.
        amount: used on this day.
        total: used from the beginning of the window to the end of this day.
        by_server: the amount by the name of the server; servers that used nothing are left out.
    """

    day: date
    amount: float
    total: float
    by_server: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class DayOfReturn:
    """What (*amount*) of today's use leaves the window on a coming *day*."""

    day: date
    amount: float


def days_of_use(sessions: Iterable[Session], quota: Quota, at: float, timezone: ZoneInfo) -> tuple[DayOfUse, ...]:
    """
    Return what *quota* counts at *at*, day by day.

    Args:
        sessions: of one subject, or of several together.
        quota: for its resource and window; the first day begins with the window.
        at: the present.
        timezone: whose midnights part the days.
    """
    servers: dict[str, list[Session]] = {"": []}
    for session in sessions:
        servers.setdefault(session.server, []).append(session)
    since = at - quota.window
    tables = {name: per_day(own, quota.resource, since, at, timezone) for name, own in servers.items()}
    days = tuple(tables[""])
    amounts = [math.fsum(table[day] for table in tables.values()) for day in days]
    return tuple(
        DayOfUse(day, amount, total, {name: table[day] for name, table in tables.items() if table[day] > 0})
        for day, amount, total in zip(days, amounts, accumulate(amounts), strict=True)
    )


def days_of_return(decay: Decay, timezone: ZoneInfo) -> tuple[DayOfReturn, ...]:
    """
    Return on which coming days how much comes back if nothing more is used; days on which nothing does are left out.

    Args:
        decay: how today's use falls out of the window.
        timezone: whose midnights part the days.
    """
    found = []
    day = datetime.fromtimestamp(decay.at, timezone).date()
    before = decay.amounts[0]
    noise = 1e-9 * before
    while before > noise:
        midnight = datetime.combine(day + timedelta(days=1), time(), timezone).timestamp()
        after = decay.left(midnight)
        if before - after > noise:
            found.append(DayOfReturn(day, before - after))
            before = after
        day += timedelta(days=1)
    return tuple(found)
