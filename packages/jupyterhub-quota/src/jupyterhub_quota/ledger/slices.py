"""A long time, read in slices: a few at once, and smaller ones where an answer would be too large."""

import asyncio
from collections.abc import Awaitable, Callable

from jupyterhub_quota.amounts import HOUR
from jupyterhub_quota.errors import Unavailable, UnavailableError

AT_ONCE = 2
# What is too large for a slice so short stays so.
SHORTEST_SECONDS = 1.0 * HOUR


async def in_slices(read: Callable[[float, float], Awaitable[None]], begin: float, end: float, seconds: float) -> None:
    """
    Call *read* with the begin and the end of each slice.

    Args:
        read: reads one slice.
        begin: when the first slice begins.
        end: when the last one ends.
        seconds: how long a slice is, but for the last. One whose answer is too large is read in halves.

    Raises:
        UnavailableError: the first of the slices that failed; the others are given up.
    """
    few = asyncio.Semaphore(AT_ONCE)

    async def slice_(since: float, until: float) -> None:
        try:
            async with few:
                await read(since, until)
        except UnavailableError as error:
            if error.reason is not Unavailable.TOO_LARGE or until - since <= SHORTEST_SECONDS:
                raise
            middle = (since + until) / 2
            await slice_(since, middle)
            await slice_(middle, until)

    borders = [begin]
    while borders[-1] + seconds < end:
        borders.append(borders[-1] + seconds)
    try:
        async with asyncio.TaskGroup() as tasks:
            for since, until in zip(borders, [*borders[1:], end], strict=True):
                tasks.create_task(slice_(since, until))
    except ExceptionGroup as group:
        error = group.exceptions[0]
        raise error from error.__cause__
