"""Sessions that are kept, and what they used, computed once: it depends neither on a window nor on the present."""

import math
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from jupyterhub_quota.session import Resource, Session


@dataclass(frozen=True, slots=True)
class Use:
    """
    What sessions used of a resource up to any moment: a rising line of straight pieces, which goes on after the last.

    Attributes:
        times: its corners, seconds since the epoch.
        amounts: what was used before each corner.
        held: how much is held after each corner, in base units.
    """

    times: Sequence[float]
    amounts: Sequence[float]
    held: Sequence[float]

    @classmethod
    def of(cls, sessions: Iterable[Session], resource: Resource) -> Self:
        """Return what *sessions* use of *resource*; those that are alive go on."""
        changes = []
        for session in sessions:
            rate = session.request.of(resource)
            if rate > 0 and session.alive:
                changes.append((session.start, rate))
            elif rate > 0 and session.start < session.end:
                changes += (session.start, rate), (session.end, -rate)
        changes.sort()
        times, amounts, rates = array("d"), array("d"), array("d")
        when, amount, held, several = -math.inf, 0.0, 0.0, 0
        for time_, change in changes:
            if time_ != when:
                if several:
                    amount += held * (time_ - when)
                when = time_
                times.append(when)
                amounts.append(amount)
                rates.append(0.0)
            several += 1 if change > 0 else -1
            # What is left of a sum of floats when all have gone is noise.
            rates[-1] = held = held + change if several else 0.0
        return cls(times, amounts, rates)

    def until(self, when: float) -> float:
        """Return what was used before *when*."""
        i = bisect_right(self.times, when) - 1
        return self.amounts[i] + self.held[i] * (when - self.times[i]) if i >= 0 else 0.0


class Past(tuple[Session, ...]):
    """
    Sessions about which the same is asked again and again: what they use is computed once for each resource.

    Attributes:
        uses: what was computed; whoever has the same sessions later goes on with it.
    """

    uses: dict[Resource, Use]

    @classmethod
    def of(cls, sessions: Iterable[Session], uses: dict[Resource, Use]) -> Self:
        """Return *sessions*, of which *uses* is known."""
        past = cls(sessions)
        past.uses = uses
        return past

    def use(self, resource: Resource) -> Use:
        """Return what they use of *resource*."""
        if resource not in self.uses:
            self.uses[resource] = Use.of(self, resource)
        return self.uses[resource]
