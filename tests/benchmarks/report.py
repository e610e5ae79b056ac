"""The lines of the report: a work, its goal, what was measured."""

import dataclasses
import os
import platform
import time
from typing import Any

from programs import PROGRAMS
from timing import Times


@dataclasses.dataclass(slots=True)
class Row:
    """
    One line of the report.

    Attributes:
        work: what was done.
        goal: what is to be reached, in words; empty where nothing is.
        measured: what was.
        reached: None where it cannot be said of this size.
        figures: the same, for programs.
    """

    work: str
    goal: str
    measured: str
    reached: bool | None
    figures: dict[str, Any]

    def __str__(self) -> str:
        reached = {True: "reached", False: "NOT REACHED", None: ""}[self.reached]
        goal = f" (goal: {self.goal})" if self.goal else ""
        return f"{self.work}\n    {self.measured}{goal} {reached}".rstrip()


def row_of(work: str, times: Times, goal: float | None = None, *, of_goal: bool = True) -> Row:
    """Return a row of work whose goal is a ratio, unless this size is not the one *of* the *goal*."""
    return Row(
        work,
        f"<= {goal:g} x" if goal else "",
        f"{milliseconds(times.median)} = {times.ratio:.1f} x, p99 {times.p99_ratio:.1f} x",
        times.ratio <= goal if goal and of_goal else None,
        dataclasses.asdict(times),
    )


def ratio_row(work: str, ratio: float) -> Row:
    """Return a row of a cost that is to be flat."""
    return Row(work, "within 1.5 x", f"{ratio:.2f} x", ratio <= 1.5, {"ratio": ratio})


def milliseconds(seconds: float) -> str:
    """Return a time as people read it."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.2f} s"


def machine() -> str:
    """Return what it ran on."""
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}, "
        f"Prometheus {PROGRAMS['prometheus'].version}, {time.strftime('%Y-%m-%d')}"
    )


def say(text: object) -> None:
    """Print at once."""
    print(text, flush=True)
