"""A server as the hub shows it, and which session on record is its own."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from jupyterhub_quota.everybody import SERVER
from jupyterhub_quota.session import Session

# What tells one server from the next of the same name.
Key: TypeAlias = tuple[str, str, float]

# How many seconds the clocks of the hub and of the ledger may differ.
SKEW = 5.0

# A hub that keeps the record itself writes the start that it shows, but for rounding.
SAME = 0.001


@dataclass(frozen=True, slots=True)
class RunningServer:
    """
    A server that is ready.

    Attributes:
        user: whose it is.
        name: empty for the default server.
        started: when the hub began to start it, seconds since the epoch.
        groups: of the user, as the hub says.
    """

    user: str
    name: str
    started: float
    groups: frozenset[str] = frozenset()

    @property
    def key(self) -> Key:
        """What tells it from an earlier or later server of the same name."""
        return self.user, self.name, self.started


def session_of(server: RunningServer, sessions: Iterable[Session]) -> Session | None:
    """
    Return the session on record of *server*; None where none is certainly its own.

    The hub does not show names of pods, so user, name and start must fit. A session that began before the server was
    started is an earlier one's. Where the kind of pod is not on record, only the very moment of the start tells.

    Args:
        server: what runs.
        sessions: what its user holds now.

    Returns:
        The present size of it, from the moment it began to hold anything.
    """
    own = [
        session
        for session in sessions
        if session.alive and session.server == server.name and session.start >= server.started - SKEW
    ]
    pods = [session for session in own if session.component == SERVER]
    unnamed = [each for each in own if not each.component and abs(each.start - server.started) <= SAME]
    return max(pods or unnamed, key=lambda session: session.start, default=None)
