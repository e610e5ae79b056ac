"""
One start, watched: what is new to say at each look, and when there is no hope left.

Holds what the pure parts need to be told again: what has been said and since when which failure holds. The clock and
what is seen are arguments.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from .events import Event
from .failure import Verdict, hopeless
from .patience import Said, duration, patience
from .rules import Table
from .translate import Message, translate


class Narrator:
    """
    Tells one start.

    Args:
        table: the rules.
        began: when the start began, in seconds of any one clock.
        patience_seconds: after how much silence something is said all the same; 0 for never.
    """

    def __init__(self, table: Table, *, began: float, patience_seconds: float) -> None:
        self.table = table
        self._began = began
        self._patience_seconds = patience_seconds
        self._story: list[Said] = []
        self._since: dict[str, float] = {}
        self._pod: Mapping[str, Any] | None = None

    def look(
        self, events: Iterable[Mapping[str, Any] | Event], pod: Mapping[str, Any] | None, now: float
    ) -> tuple[tuple[Message, ...], Verdict | None]:
        """
        Return what is new to say at *now*, and why to end the start now, if at all.

        *pod* is None before it is there and after it has gone.
        """
        events = tuple(events)
        is_gone = pod is None and self._pod is not None
        self._pod = pod or self._pod
        said = [said.message for said in self._story]
        messages = translate(events, self._pod, said=said, table=self.table)
        self._story += [Said(message, now) for message in messages]
        verdict = self._verdict(hopeless(events, self._pod, is_gone=is_gone, table=self.table), now)
        if not messages and not verdict:
            messages = self._patience(now)
        return messages, verdict

    def gave_up(self, waited: float) -> str:
        """Return what to say when the hub waits no longer, after *waited* seconds."""
        text = f"Your server did not start within {duration(waited)}."
        last = next((said.message.text for said in reversed(self._story) if not said.is_patience), None)
        if last:
            text += f" The last thing that happened: {last}"
        return text + " Try again later or with a smaller size; if it does not help, tell your hub's admins."

    def _verdict(self, verdicts: tuple[Verdict, ...], now: float) -> Verdict | None:
        self._since = {verdict.name: self._since.get(verdict.name, now) for verdict in verdicts}
        return next((verdict for verdict in verdicts if now - self._since[verdict.name] >= verdict.after), None)

    def _patience(self, now: float) -> tuple[Message, ...]:
        message = patience(self._story, now, every=self._patience_seconds, began=self._began, table=self.table)
        if message is None:
            return ()
        self._story.append(Said(message, now, is_patience=True))
        return (message,)
