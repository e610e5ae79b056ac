"""What was done about servers, kept in memory for pages, and told to whoever reads the log of events."""

import logging
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from jupyter_events import EventLogger

from jupyterhub_quota import RUNNING_SCHEMA

log = logging.getLogger(__name__)

# So many are kept; older ones are in the log of events.
MOST = 1000

Event = dict[str, Any]


class Deeds:
    """
    Warnings and stops, the latest last.

    Args:
        tell: what writes an event to a log.
    """

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._kept: deque[Event] = deque(maxlen=MOST)

    def add(self, event: Event) -> None:
        """Keep and tell. A log that cannot be written stops nothing."""
        self._kept.append(event)
        try:
            self._tell(event)
        except Exception:
            log.exception("The event %s could not be written", event["reference"])

    def __iter__(self) -> Iterator[Event]:
        return iter(tuple(self._kept))

    def stopped(self, user: str, *, within: float, at: float) -> tuple[Event, ...]:
        """Return the stops of servers of *user* in the last seconds, the latest first."""
        return tuple(
            event
            for event in reversed(self._kept)
            if event["action"] == "stopped" and event["user"] == user and at - event["at"] <= within
        )


def to_standard_output() -> Callable[[Event], None]:
    """Return what writes events as the hub does: JSON, one a line. Logs go to standard error."""
    events = EventLogger(handlers=[logging.StreamHandler(sys.stdout)])
    events.register_event_schema(RUNNING_SCHEMA)

    def tell(event: Event) -> None:
        events.emit(schema_id=RUNNING_SCHEMA["$id"], data=event)

    return tell
