"""
The same words for a KubeSpawner that formats events itself (newer than 7.1), where `setup` is not wanted.

    c.KubeSpawner.event_formatter_class = "jupyterhub_spawn_progress.formatter.SentenceFormatter"
"""

from collections.abc import Mapping
from typing import Any

from traitlets.config import LoggingConfigurable

from .rules import default_table
from .translate import translate

try:
    from kubespawner.events import EventFormatter
except ImportError:  # KubeSpawner up to 7.1, or none
    EventFormatter = LoggingConfigurable


class SentenceFormatter(EventFormatter):  # type: ignore[misc]  # KubeSpawner ships no types
    """One event, one sentence; an empty text for an event that a person need not know of."""

    def format_event(self, event: Mapping[str, Any]) -> str:
        """Return what a person reads instead of *event*."""
        return next((message.text for message in translate([event], table=default_table())), "")
