"""
Arithmetic on sessions: used, for how long, again from when, of what size, per day.

Pure: time and sessions come in as arguments. Amounts are resource-seconds, rates are base units, times are seconds
since the epoch. A session that is alive is counted to the present; one that starts later, or ends before it starts,
counts nothing. Everything is `O(n log n)` in the number of sessions.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from operator import attrgetter
from typing import Self
from zoneinfo import ZoneInfo

from jupyterhub_quota.past import Past, Use
from jupyterhub_quota.policy import Quota
from jupyterhub_quota.session import Resource, Session

# Sums of floats are right to about this share; "at most 60" must not fail on 60.000000001.
ROUNDING = 1e-9


def spans(
    sessions: Iterable[Session], resource: Resource, since: float, at: float
) -> Iterator[tuple[float, float, float]]:
    """Yield (start, end, rate) of what each session held of *resource* between *since* and *at*, if anything."""
    # Read for every session of every quota: comparisons take a third of the time that min, max and calls would.
    amount_of = attrgetter(resource.value)
    for session in sessions:
        rate = amount_of(session.request)
        if rate > 0:
            start = session.start if session.start > since else since  # noqa: FURB136
            end = at if session.alive or session.end > at else session.end
            if start < end:
                yield start, end, rate


def used(sessions: Iterable[Session], quota: Quota, at: float) -> float:
    """Return what *sessions* used of the quota's resource in its window, which ends at *at*."""
    since = at - quota.window
    if isinstance(sessions, Past):
        use = sessions.use(quota.resource)
        return use.until(at) - use.until(since)
    return math.fsum((end - start) * rate for start, end, rate in spans(sessions, quota.resource, since, at))


def rate(sessions: Iterable[Session], resource: Resource) -> float:
    """Return how much of *resource* the sessions hold that are alive, in base units."""
    return math.fsum(session.request.of(resource) for session in sessions if session.alive)


@dataclass(frozen=True, slots=True)
class Decay:
    """
    How old use falls out of a quota's window when nothing new is used.

    A falling line of straight pieces: *times* are its corners from the present to one window later, *amounts* what of
    today's use is then still in the window.
    """

    quota: Quota
    times: tuple[float, ...]
    amounts: tuple[float, ...]

    @classmethod
    def of(cls, sessions: Iterable[Session], quota: Quota, at: float) -> Self:
        """Return the decay, from *at* on, of what *sessions* used until then."""
        window = quota.window
        use = sessions.use(quota.resource) if isinstance(sessions, Past) else Use.of(sessions, quota.resource)
        total = use.until(at)
        first, last = bisect_right(use.times, at - window), bisect_left(use.times, at)
        times = [at, *[time_ + window for time_ in use.times[first:last]], at + window]
        amounts = [total - use.until(at - window), *[total - amount for amount in use.amounts[first:last]], 0.0]
        return cls(quota, tuple(times), tuple(amounts))

    @property
    def at(self) -> float:
        """The present."""
        return self.times[0]

    def left(self, when: float) -> float:
        """Return what of today's use is still in the window at *when*."""
        i = bisect_right(self.times, when) - 1
        if i < 0:
            return self.amounts[0]
        if i + 1 == len(self.times):
            return 0.0
        share = (when - self.times[i]) / (self.times[i + 1] - self.times[i])
        return self.amounts[i] + share * (self.amounts[i + 1] - self.amounts[i])

    def fits(self, amount: float) -> bool:
        """Return whether *amount* is within the limit, but for rounding."""
        return amount <= self.quota.limit * (1 + ROUNDING)

    def runtime(self, rate: float) -> float:
        """
        Return for how many seconds *rate* can run from now before the quota is used up.

        Args:
            rate: all that is held from now on, in base units.

        Returns:
            0 where nothing is left, infinity where old use falls out as quickly as new use comes in.
        """
        if not self.fits(self.amounts[0]):
            return 0.0
        at, most = self.at, self.quota.limit * (1 + ROUNDING)
        earlier, before = at, self.amounts[0]
        for when, left in zip(self.times, self.amounts, strict=True):
            amount = left + rate * (when - at)
            if amount > most:
                share = max(0.0, self.quota.limit - before) / (amount - before)
                return earlier - at + share * (when - earlier)
            earlier, before = when, amount
        return math.inf

    def refill(self, rate: float, runtime: float) -> float | None:
        """
        Return from when *rate* can run for *runtime* seconds, when nothing else is used until then.

        Returns:
            The first such time, the present included; None where the limit is too small for it ever.
        """
        runtime = min(runtime, self.quota.window)
        if not self.fits(rate * runtime):
            return None
        if self._carries(self.at, rate, runtime):
            return self.at
        # Between neighbours of this list every condition is a straight line, and they only ever ease.
        end = self.times[-1]
        corners = sorted({*self.times, *(t - runtime for t in self.times if t - runtime > self.at)})
        i = bisect_left(corners, True, key=lambda corner: self._carries(corner, rate, runtime))
        low, high = corners[i - 1], min(corners[i], end)
        between = self._corners(high, low + runtime)
        crossings = [
            self._crossing(low, self.left(low), high, self.left(high)),
            self._crossing(
                low, self.left(low + runtime) + rate * runtime, high, self.left(high + runtime) + rate * runtime
            ),
        ]
        crossings += [
            self._crossing(low, left + rate * (t - low), high, left + rate * (t - high)) for t, left in between
        ]
        return max(crossings)

    def largest(self, others: float, runtime: float) -> float:
        """
        Return the largest rate that can run for *runtime* seconds from now, beside *others*.

        Args:
            others: what is held anyway from now on, in base units.
            runtime: seconds.
        """
        if not self.fits(self.amounts[0]):
            return 0.0
        until = self.at + min(runtime, self.quota.window)
        corners = [*self._corners(self.at, until), (until, self.left(until))]
        return max(0.0, min((self.quota.limit - left) / (t - self.at) - others for t, left in corners if t > self.at))

    def _corners(self, low: float, high: float) -> Iterator[tuple[float, float]]:
        """Corners from *low* to *high* inclusive: when, and what is left then."""
        for i in range(bisect_left(self.times, low), bisect_right(self.times, high)):
            yield self.times[i], self.amounts[i]

    def _carries(self, start: float, rate: float, runtime: float) -> bool:
        """Whether *rate* can run from *start* for *runtime*."""
        end = start + runtime
        return (
            self.fits(self.left(start))
            and self.fits(self.left(end) + rate * runtime)
            and all(self.fits(left + rate * (t - start)) for t, left in self._corners(start, end))
        )

    def _crossing(self, low: float, at_low: float, high: float, at_high: float) -> float:
        """When a line that falls from *at_low* to *at_high* reaches the limit, between *low* and *high*."""
        if at_low <= self.quota.limit:
            return low
        if at_high >= self.quota.limit:
            return high
        return low + (high - low) * (at_low - self.quota.limit) / (at_low - at_high)


def per_day(
    sessions: Iterable[Session], resource: Resource, since: float, at: float, timezone: ZoneInfo
) -> dict[date, float]:
    """
    Return what was used on each calendar day between *since* and *at*, days without use included.

    Days begin at midnight in *timezone*, so the days on which clocks change have 23 or 25 hours.
    """
    day = datetime.fromtimestamp(since, timezone).date()
    last = datetime.fromtimestamp(at, timezone).date()
    days, midnights = [day], []
    while day < last:
        day += timedelta(days=1)
        days.append(day)
        midnights.append(datetime.combine(day, time(), timezone).timestamp())
    borders = [since, *midnights, at]
    amounts: list[list[float]] = [[] for _ in days]
    for start, end, rate in spans(sessions, resource, since, at):
        first = bisect_right(borders, start) - 1
        for i in range(first, len(days)):
            if borders[i] >= end:
                break
            amounts[i].append((min(end, borders[i + 1]) - max(start, borders[i])) * rate)
    return {day: math.fsum(parts) for day, parts in zip(days, amounts, strict=True)}
