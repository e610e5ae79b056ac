"""
A ledger that keeps what it has read, and asks the one behind it only for what is new.

Starts and ends are absolute, so reading again changes nothing. A subject's first read is a question of its own; after
that one short read of everybody who was alive lately serves all who ask. The cursor is the ledger's `as_of`, never our
clock.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from jupyterhub_quota.amounts import DAY, HOUR, MINUTE
from jupyterhub_quota.errors import UnavailableError
from jupyterhub_quota.ledger.protocol import Ledger, Reading
from jupyterhub_quota.session import Session

# An answer so old is still new: the rules behind it are evaluated less often.
FRESH_SECONDS = 10.0
# What was late in coming is read again.
OVERLAP_SECONDS = 5.0 * MINUTE
# After a longer silence, reading a subject anew is quicker than reading what everybody did meanwhile.
LONGEST_GAP_SECONDS = 1.0 * HOUR
# Whom nobody asked about for so long is forgotten.
FORGET_SECONDS = 1.0 * DAY


@dataclass(slots=True)
class _Kept:
    """
    What is kept of one subject.

    Attributes:
        since: what ended earlier was not read, or is dropped.
        as_of: the time of which this was at its first reading.
        complete_since: as it was then.
        asked: when it was last asked for.
        sessions: by id; one that was resized has several parts, in their order.
        alive: ids of those that were alive when last seen.
    """

    since: float
    as_of: float
    complete_since: float | None
    asked: float
    sessions: dict[str, tuple[Session, ...]] = field(default_factory=dict)
    alive: set[str] = field(default_factory=set)

    def put(self, parts: Iterable[Session]) -> None:
        """Keep *parts* of sessions, instead of what was kept of the same sessions."""
        for id_, own in _by_id(parts).items():
            self.sessions[id_] = own
            (self.alive.add if own[-1].alive else self.alive.discard)(id_)

    def merge(self, news: Iterable[Session], as_of: float) -> bool:
        """
        Add what a short look at the time before *as_of* showed.

        Returns:
            False where a session changed its size, so that only a reading of all of it says when.
        """
        found = _by_id(news)
        for id_, parts in found.items():
            old = self.sessions.get(id_)
            if old is None:
                self.put(parts)
            elif len(parts) > 1 or parts[0].request != old[-1].request:
                return False
            else:
                end = max(old[-1].end, parts[0].end)
                self.put((*old[:-1], replace(parts[0], start=old[-1].start, end=end)))
        for id_ in self.alive - found.keys():
            *before, last = self.sessions[id_]
            if last.end <= as_of:
                self.put((*before, replace(last, alive=False)))
        return True

    def drop_before(self, since: float) -> None:
        """Drop what ended before *since*."""
        self.since = max(self.since, since)
        self.sessions = {i: parts for i, parts in self.sessions.items() if parts[-1].end > since or i in self.alive}


class CachedLedger:
    """
    Implements `Ledger` over another one.

    Args:
        ledger: the one behind.
        tolerate: for how many seconds it may be away while answers go on from what was read.
    """

    def __init__(self, ledger: Ledger, *, tolerate: float) -> None:
        self.tolerate = tolerate
        self._ledger = ledger
        self._kept: dict[str, _Kept] = {}
        self._everybody: _Kept | None = None  # when and since when all of them were read; holds no sessions
        self._cursor: float | None = None
        self._tried = float("-inf")
        self._failure: UnavailableError | None = None
        self._under_way: dict[object, asyncio.Task[None]] = {}

    async def read(self, *, since: float, at: float, user: str | None = None) -> Reading:
        """
        Return the sessions that held something after *since*; see `Ledger.read`.

        Raises:
            UnavailableError: the ledger behind is away and nothing was read, or too long ago.
        """
        try:
            await self._bring_up_to_date(since, at, user)
        except UnavailableError:
            kept = self._find(since, user)
            if kept is None or at - self._as_of(kept) > self.tolerate:
                raise
        kept = self._find(since, user)
        if kept is None:  # dropped between question and answer
            return await self._ledger.read(since=since, at=at, user=user)
        kept.asked = at
        found = self._kept.values() if user is None else (kept,)
        sessions = tuple(
            _then(session, at)
            for each in found
            for parts in each.sessions.values()
            for session in parts
            if session.start <= at and (session.end > since or session.alive)
        )
        return Reading(sessions, min(self._as_of(kept), at), kept.complete_since)

    async def close(self) -> None:
        """Let go of connections; what was read is kept."""
        await self._ledger.close()

    def _as_of(self, kept: _Kept) -> float:
        return kept.as_of if self._cursor is None else max(kept.as_of, self._cursor)

    def _find(self, since: float, user: str | None) -> _Kept | None:
        """What is kept of *user*, or of everybody, if it reaches back to *since*."""
        kept = self._everybody if user is None else self._kept.get(user)
        if kept is None and user is not None and self._everybody is not None:
            # Everybody was read, and this subject held nothing.
            kept = self._kept[user] = _Kept(*_origin(self._everybody))
        return kept if kept is not None and kept.since <= since else None

    async def _bring_up_to_date(self, since: float, at: float, user: str | None) -> None:
        gap = 0.0 if self._cursor is None else at - self._cursor
        if self._everybody is None and gap > max(LONGEST_GAP_SECONDS, self.tolerate):
            self._kept, self._cursor = {}, None
        if self._find(since, user) is None:
            await self._once(("first", user), lambda: self._read_first(since, at, user))
        elif not 0 <= at - self._tried < FRESH_SECONDS:
            await self._once("news", lambda: self._read_news(at))
        elif self._failure is not None:
            raise self._failure

    async def _once(self, key: object, ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Ask, or wait for who asks the same already. A caller that is cancelled takes nothing from the others."""
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(ask())
            task.add_done_callback(lambda done: self._ended(key, done))
        await asyncio.shield(task)

    def _ended(self, key: object, done: "asyncio.Task[None]") -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # seen, should nobody wait any more

    async def _read_first(self, since: float, at: float, user: str | None) -> None:
        """Read all of one subject, or of everybody."""
        reading = await self._ledger.read(since=since, at=at, user=user)
        first = _Kept(since, reading.as_of, reading.complete_since, at)
        if user is None:
            self._everybody, self._kept = first, {}
            for session in reading.sessions:
                self._kept.setdefault(session.user, _Kept(*_origin(first))).put((session,))
        else:
            self._drop_old(at)
            self._kept[user] = first
            first.put(reading.sessions)
        if self._cursor is None or user is None:
            self._cursor, self._tried, self._failure = reading.as_of, at, None

    async def _read_news(self, at: float) -> None:
        """Read what everybody did since the last answer, and what was late before it."""
        cursor = at if self._cursor is None else min(self._cursor, at)
        try:
            reading = await self._ledger.read(since=cursor - OVERLAP_SECONDS, at=at)
            news: dict[str, list[Session]] = {}
            for session in reading.sessions:
                news.setdefault(session.user, []).append(session)
            if self._everybody is not None:
                for user in news.keys() - self._kept.keys():
                    self._kept[user] = _Kept(*_origin(self._everybody))
            for user, kept in list(self._kept.items()):
                if (kept.alive or user in news) and not kept.merge(news.get(user, ()), reading.as_of):
                    kept.put((await self._ledger.read(since=kept.since, at=at, user=user)).sessions)
        except UnavailableError as error:
            self._tried, self._failure = at, error
            raise
        self._cursor, self._tried, self._failure = reading.as_of, at, None

    def _drop_old(self, at: float) -> None:
        """Forget whom nobody asks about; of others, what nobody asks for."""
        if self._everybody is None:
            self._kept = {user: kept for user, kept in self._kept.items() if at - kept.asked < FORGET_SECONDS}


def _origin(kept: _Kept) -> tuple[float, float, float | None, float]:
    """Where another subject's record begins that was read together with *kept*."""
    return kept.since, kept.as_of, kept.complete_since, kept.asked


def _by_id(parts: Iterable[Session]) -> dict[str, tuple[Session, ...]]:
    """The parts of each session, in their order."""
    found: dict[str, list[Session]] = {}
    for part in parts:
        found.setdefault(part.id, []).append(part)
    return {id_: tuple(sorted(own, key=lambda part: part.start)) for id_, own in found.items()}


def _then(session: Session, at: float) -> Session:
    """*session* as it was at *at*."""
    return replace(session, end=at, alive=True) if session.end > at else session
