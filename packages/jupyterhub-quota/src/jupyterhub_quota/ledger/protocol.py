"""The one seam to the outside: which sessions were held, and as of when is that known."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jupyterhub_quota.session import Session


@dataclass(frozen=True, slots=True)
class Reading:
    """
    What a ledger knows.

    Attributes:
        sessions: every session that held something after the time that was asked for, in no order.
        as_of: the time of which this is the state; sessions that are alive were so then.
        complete_since: sessions that ended before may be missing; None where nothing is known to be missing.
    """

    sessions: tuple[Session, ...]
    as_of: float
    complete_since: float | None = None


class Ledger(Protocol):
    """The record of sessions that usage is computed from."""

    async def read(self, *, since: float, at: float, user: str | None = None) -> Reading:
        """
        Return the sessions that held something after *since*, of *user* or of everybody.

        Args:
            since: seconds since the epoch; sessions that ended before are left out.
            at: the present, or the past moment that is asked about; sessions that start later are left out.
            user: exactly this name, or None for everybody.

        Raises:
            UnavailableError: it cannot be known. An empty answer means that there are none.
        """
        ...

    async def close(self) -> None:
        """Let go of connections. The ledger may be read again afterwards."""
        ...


@runtime_checkable
class SelectiveLedger(Ledger, Protocol):
    """A ledger that tells of some users sooner than of everybody."""

    async def read_some(self, *, since: float, at: float, users: Collection[str]) -> Reading:
        """Return what `read` would of these users, in one answer."""
        ...


class Asker(Protocol):
    """Somebody who has read a ledger before and kept what it said."""

    def wants(self, user: str) -> bool:
        """Return whether they want to hear of this user."""
        ...

    def last(self, user: str, session: str) -> Session | None:
        """Return the last part that they know of the session with this id; None if they know nothing of it."""
        ...


@runtime_checkable
class FollowedLedger(Ledger, Protocol):
    """A ledger that can say what is new in fewer words to who has read it before."""

    async def follow(self, *, since: float, at: float, asker: Asker) -> Reading:
        """
        Return what `read` would of everybody whom *asker* wants to hear of.

        Of a session that they know, of the same size still, nothing need be read but its end.
        """
        ...
