"""
What the API answers about the end of servers, in the answers about one user.

See `models.py` for what holds for all.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class _Told(BaseModel):
    """As `models.Model`, which these are a part of."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Notice(_Told):
    """A server whose quota is used up, or soon will be: what a notification says. Stable: other programs show it."""

    server: str
    """Its name; empty for the default server."""
    server_text: str
    """How to speak of it: "your default server"."""
    resource: str
    """What runs out: "memory", "cpu" or "gpu"."""
    used_up: bool
    """Whether it is used up already."""
    stops: bool
    """Whether the server is stopped at the end; otherwise no new one starts then."""
    ends: float
    """When, in seconds since the epoch. It may move as use grows and old use is no longer counted."""
    ends_text: str
    """The same in words: "today at 14:15 CEST"."""
    seconds_left: float
    """How long that is from `Known.at` on; never below 0."""
    sentence: str
    """What happens, with the numbers."""
    advice: str
    """What to do."""


class StoppedServer(_Told):
    """A server that was stopped because a quota was used up."""

    server: str
    """Its name; empty for the default server."""
    server_text: str
    """How to speak of it."""
    at: float
    """When it was stopped."""
    sentence: str
    """What happened, and why."""
    reference: str
    """Short name under which admins find more."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Both of one user."""

    notices: tuple[Notice, ...] = ()
    stopped: tuple[StoppedServer, ...] = ()
