"""Measure work beside the smallest question there is, in turns, so that what else the machine does hits both."""

import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

Work = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Times:
    """
    How long some work took, in seconds, and how often as long as an empty query.

    Attributes:
        median: of all turns.
        p99: 99 of 100 turns took less.
        ratio: the median of the ratios of each turn to the empty query just before it.
        p99_ratio: the 99th percentile to the median empty query.
        empty: the median empty query.
        turns: how many there were.
    """

    median: float
    p99: float
    ratio: float
    p99_ratio: float
    empty: float
    turns: int


async def timed(work: Work) -> float:
    """Return how many seconds *work* takes."""
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def in_turns(works: Sequence[tuple[Work, Callable[[int], Work]]], turns: int) -> list[Times]:
    """
    Do each of *works* once in every turn, each after an empty query.

    Args:
        works: an empty query to the same program, and from the number of a turn to what is done in it.
        turns: how many; one more comes first and is not counted.
    """
    found: list[list[tuple[float, float]]] = [[] for _ in works]
    for turn in range(turns + 1):
        for (empty, work), pairs in zip(works, found, strict=True):
            pair = (await timed(empty), await timed(work(turn)))
            if turn > 0:
                pairs.append(pair)
    return [summary([own for _, own in pairs], [base for base, _ in pairs]) for pairs in found]


def summary(own: Sequence[float], empty: Sequence[float]) -> Times:
    """Return what to tell of the times of *own* work, next to those of *empty* queries, one for each or just some."""
    base = quantile(empty, 0.5)
    paired = list(zip(own, empty, strict=True)) if len(own) == len(empty) else [(each, base) for each in own]
    return Times(
        median=quantile(own, 0.5),
        p99=quantile(own, 0.99),
        ratio=quantile([each / other for each, other in paired], 0.5),
        p99_ratio=quantile(own, 0.99) / base,
        empty=base,
        turns=len(own),
    )


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that is not below *share* of *values*."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
