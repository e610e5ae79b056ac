"""Waiting for something to become so: by looking, with a limit of minutes, never by the clock alone."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], what: str, *, minutes: float = 5, every: float = 0.5) -> T:
    """
    Return what *look* returns as soon as it is true.

    The limit is far beyond what a busy machine needs: it is there for what never comes.

    An error while looking counts as "not yet": what is looked at may be about to come, or to come back.

    Raises:
        TimeoutError: it did not become so; with what was seen last.
    """
    end = time.monotonic() + 60 * minutes
    while True:
        try:
            seen: T | Exception = look()
        except Exception as error:  # noqa: BLE001 - it is told below, if it stays
            seen = error
        if seen and not isinstance(seen, Exception):
            return seen
        if time.monotonic() > end:
            raise TimeoutError(f"Waited {minutes:g} minutes for {what}; seen last: {seen!r}")
        time.sleep(every)
