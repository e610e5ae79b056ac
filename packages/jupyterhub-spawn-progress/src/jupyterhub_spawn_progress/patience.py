"""
What is said when nothing happens for a while.

Pure. A person who waits wants to know for what, and how long that usually takes; less and less often, so that it
stays calm.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .rules import Table
from .translate import Message

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Said:
    """A message and when it was said, in seconds of any one clock."""

    message: Message
    at: float
    is_patience: bool = False


def patience(story: Sequence[Said], now: float, *, every: float, began: float, table: Table) -> Message | None:
    """
    Return what to say at *now* if nothing new has been said for *every* seconds; the next time after twice that.

    Args:
        story: what has been said so far.
        now: seconds of the same clock.
        every: seconds of silence; 0 turns patience off.
        began: when the start began.
        table: the phases, with what is said while one lasts.
    """
    if not every:
        return None
    quiet = 0
    while quiet < len(story) and story[-1 - quiet].is_patience:
        quiet += 1
    if now - (story[-1].at if story else began) < every * 2**quiet:
        return None
    first = next(iter(table.phases.values()))
    phase = first
    since = began
    for said in story:
        known = table.phases.get(said.message.phase, first)
        if known.order > phase.order:
            phase, since = known, said.at
    text = phase.patience.replace("{waited}", duration(now - since))
    return Message(text, phase=phase.name) if text else None


def duration(seconds: float) -> str:
    """Return *seconds* as people say it: "40 seconds", "1 minute", "5 minutes"."""
    if seconds < MINUTE:
        return _plural(max(1, round(seconds)), "second")
    return _plural(round(seconds / MINUTE), "minute")


def _plural(count: int, unit: str) -> str:
    return f"{count} {unit}" + ("" if count == 1 else "s")
