"""What our ledger reads, to be compared with the truth of a script."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from jupyterhub_quota import Ledger, PrometheusLedger, Resource, Session, UnavailableError

WINDOW_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of somebody's, or everybody's, sessions; *as_of* is None where it is not known."""

    sessions: tuple[Session, ...]
    as_of: float | None
    complete_since: float | None

    def of(self, uid: str) -> tuple[Session, ...]:
        """Return the session of one pod, in its parts, the first one first."""
        parts = [session for session in self.sessions if session.id.endswith(f"/{uid}")]
        return tuple(sorted(parts, key=lambda part: part.start))

    def charged(self, resource: str = "memory", user: str | None = None) -> float:
        """Return what *user*, or everybody, is charged of *resource*."""
        counted = Resource(resource)
        return sum((s.end - s.start) * s.request.of(counted) for s in self.sessions if user in {None, s.user})

    def uids(self) -> set[str]:
        """Return the pods."""
        return {uid_of(session) for session in self.sessions}

    def alive(self) -> tuple[Session, ...]:
        """Return the sessions that were there when last looked."""
        return tuple(session for session in self.sessions if session.alive)


def uid_of(session: Session) -> str:
    """Return the uid of the pod."""
    return session.id.partition("/")[2]


def read(
    url: str, user: str | None = None, *, since: float | None = None, at: float | None = None, **options: Any
) -> Reading:
    """
    Return what a ledger that was just opened knows of *user*, or of everybody.

    Args:
        url: where Prometheus is.
        user: who, or None for everybody.
        since: an hour before *at* if not given.
        at: the present if not given.
        options: of the ledger.
    """
    at = time.time() if at is None else at

    async def ask() -> Reading:
        ledger = PrometheusLedger(url, **options)
        try:
            return await read_from(ledger, user, at - WINDOW_SECONDS if since is None else since, at)
        except UnavailableError:
            return Reading((), None, None)
        finally:
            await ledger.close()

    return asyncio.run(ask())


async def read_from(ledger: Ledger, user: str | None, since: float, at: float) -> Reading:
    """Return what *ledger* knows."""
    reading = await ledger.read(since=since, at=at, user=user)
    return Reading(reading.sessions, reading.as_of, reading.complete_since)
