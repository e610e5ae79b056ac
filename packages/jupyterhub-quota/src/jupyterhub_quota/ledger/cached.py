"""
A ledger that keeps what it has read, and asks the one behind it only for what is new.

Starts and ends are absolute, so reading again changes nothing. A subject's first read is a question of its own; after
that one short read of everybody who was alive lately serves all who ask. The cursor is the ledger's `as_of`, never our
clock.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from jupyterhub_quota.amounts import DAY, HOUR, MINUTE
from jupyterhub_quota.errors import UnavailableError
from jupyterhub_quota.ledger.protocol import Ledger, Reading
from jupyterhub_quota.session import Session

# An answer so old is still new: the rules behind it are evaluated less often.
FRESH_SECONDS = 10.0
# What was late in coming is read again. A first read reaches back so much further, for askers whose clocks differ.
OVERLAP_SECONDS = 5.0 * MINUTE
# After a longer silence, reading a subject anew is quicker than reading what everybody did meanwhile.
LONGEST_GAP_SECONDS = 15.0 * MINUTE
# Whom nobody asked about for so long is forgotten; how often that, and what is too old, is looked for.
FORGET_SECONDS = 1.0 * DAY
SWEEP_SECONDS = 1.0 * HOUR
# How long to wait for a ledger that was away a moment ago, when there is something to answer from.
PATIENCE_SECONDS = 1.0

_Parts = tuple[Session, ...]  # one session, in its order: one that was resized has several parts


@dataclass(slots=True)
class _Kept:
    """
    What is kept of one subject.

    Attributes:
        since: what ended earlier was not read, or is dropped.
        as_of: the time of which this is.
        complete_since: as it was at the first reading.
        read, asked: when the ledger behind was last asked, and when we were.
    """

    since: float
    as_of: float
    complete_since: float | None
    read: float
    asked: float
    sessions: dict[str, _Parts] = field(default_factory=dict)  # by id
    alive: set[str] = field(default_factory=set)
    flat: tuple[Session, ...] | None = None
    first_end: float = math.inf
    newest: float = -math.inf

    def empty(self) -> "_Kept":
        """Return the same for another subject, without sessions."""
        return _Kept(self.since, self.as_of, self.complete_since, self.read, self.asked)

    def fresh(self, at: float) -> bool:
        """Return whether nothing newer can be known. A clock that was ahead when this was read proves nothing."""
        return at <= self.as_of or (abs(at - self.read) < FRESH_SECONDS and at - self.as_of < OVERLAP_SECONDS)

    def put(self, id_: str, parts: _Parts) -> None:
        """Keep *parts* of a session, instead of what was kept of it."""
        self.sessions[id_], self.flat = parts, None
        (self.alive.add if parts[-1].alive else self.alive.discard)(id_)

    def merge(self, news: dict[str, _Parts], since: float, as_of: float) -> None:
        """Add what a look at the time from *since* to *as_of* showed. What the ledger knew better before stays."""
        for id_, parts in news.items():
            old = self.sessions.get(id_)
            if old is None:
                self.put(id_, parts)
            elif parts[-1].end > old[-1].end or (parts[-1].end == old[-1].end and as_of >= self.as_of):
                self.put(id_, _joined(old, parts, since))
        for id_ in self.alive - {id_ for id_, parts in news.items() if parts[-1].alive}:
            *before, last = self.sessions[id_]
            if last.end <= as_of:
                self.put(id_, (*before, replace(last, alive=False)))
        self.as_of = max(self.as_of, as_of)

    def drop_before(self, since: float) -> None:
        """Drop what ended before *since*."""
        if since > self.since:
            self.since = since
            if self.first_end <= since:  # as of when they were last asked for
                kept = {i: each for i, each in self.sessions.items() if each[-1].end > since or i in self.alive}
                self.sessions, self.flat = kept, None

    def between(self, since: float, at: float) -> tuple[Session, ...]:
        """Return what was held after *since*, as it was at *at*."""
        if self.flat is None:
            self.flat = tuple(chain.from_iterable(self.sessions.values()))
            self.first_end = min((each.end for each in self.flat if not each.alive), default=math.inf)
            self.newest = max((max(each.start, each.end) for each in self.flat), default=-math.inf)
        if since < self.first_end and self.newest <= at:
            return self.flat
        return tuple(
            replace(each, end=at, alive=True) if each.end > at else each
            for each in self.flat
            if each.start <= at and (each.end > since or each.alive)
        )


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
        # By user. Under None, since and as of when everybody is known: whoever is not there held nothing.
        self._kept: dict[str | None, _Kept] = {}
        self._cursor: float | None = None  # everything kept is known at least up to here
        self._window = 0.0  # the longest that was asked for
        self._failed = self._swept = -math.inf
        self._failure: UnavailableError | None = None
        self._under_way: dict[object, asyncio.Task[None]] = {}

    async def read(self, *, since: float, at: float, user: str | None = None) -> Reading:
        """See `Ledger.read`. Not known is what was never read, or too long ago while the ledger behind is away."""
        self._window = max(self._window, at - since)
        self._sweep(at)
        kept = self._find(since, user)
        if kept is None:
            if self._cursor is not None and at < self._cursor - OVERLAP_SECONDS:
                return await self._ledger.read(since=since, at=at, user=user)  # about the past
            await asyncio.shield(self._task(("first", user), lambda: self._read_first(since, at, user)))
            kept = self._find(since, user)
            if kept is None:  # whom we waited for asked for less
                return await self._ledger.read(since=since, at=at, user=user)
        elif not kept.fresh(at) and abs(at - self._failed) >= FRESH_SECONDS:
            await self._bring_up_to_date(at, kept)
            kept = self._find(since, user) or kept
        if self._failure is not None and at - kept.as_of > self.tolerate:
            raise UnavailableError(str(self._failure), self._failure.reason) from self._failure
        kept.asked = at
        found = (kept,) if user is not None else tuple(self._kept.values())
        sessions = tuple(chain.from_iterable(each.between(since, at) for each in found))
        return Reading(sessions, min(kept.as_of, at), kept.complete_since)

    async def close(self) -> None:
        """Let go of connections; what was read is kept."""
        for task in (tasks := tuple(self._under_way.values())):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._ledger.close()

    def _find(self, since: float, user: str | None) -> _Kept | None:
        """What is kept of *user*, or of everybody, if it reaches back to *since*."""
        everybody = self._kept.get(None)
        kept = self._kept.get(user) or (everybody and everybody.empty())
        return kept if kept is not None and kept.since <= since else None

    async def _bring_up_to_date(self, at: float, kept: _Kept) -> None:
        """Read what is new, if that can be done in time."""
        task = self._task("news", lambda: self._read_news(at))
        if self._failure is not None and at - kept.as_of <= self.tolerate:
            await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        else:
            await asyncio.shield(task)

    def _task(self, key: object, ask: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Ask, or join who asks the same already. Shielded: who is cancelled takes nothing from the others."""
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(ask())
            task.add_done_callback(lambda done: self._ended(key, done))
        return task

    def _ended(self, key: object, done: "asyncio.Task[None]") -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # seen, should nobody wait any more

    async def _read_first(self, since: float, at: float, user: str | None) -> None:
        """Read all of one subject, or of everybody."""
        since -= OVERLAP_SECONDS
        reading = await self._ledger.read(since=since, at=at, user=user)
        first = _Kept(since, reading.as_of, reading.complete_since, at, at)
        news = _by_user(reading.sessions) if user else await asyncio.to_thread(_by_user, reading.sessions)
        if user is None:
            self._kept, self._cursor, self._failure = {}, None, None
        self._kept[user] = first
        self._cursor = min(reading.as_of, reading.as_of if self._cursor is None else self._cursor)
        for name, own in news.items():
            kept = self._kept.setdefault(name, first.empty())
            for id_, parts in own.items():
                kept.put(id_, parts)

    async def _read_news(self, at: float) -> None:
        """Read what everybody did since the last answer, and what was late before it."""
        since = min(at if self._cursor is None else self._cursor, at) - OVERLAP_SECONDS
        try:
            reading = await self._ledger.read(since=since, at=at)
        except UnavailableError as error:
            self._failed, self._failure = at, error
            return
        self._failed, self._failure, self._cursor = -math.inf, None, reading.as_of
        news = _by_user(reading.sessions)
        if everybody := self._kept.get(None):
            self._kept |= {user: everybody.empty() for user in news.keys() - self._kept.keys()}
        for user, kept in self._kept.items():
            if kept.as_of < since:  # read meanwhile, and further back than this reaches
                self._cursor = min(self._cursor, kept.as_of)
            else:
                kept.merge(news.get(user, {}), since, reading.as_of)
                kept.read = at

    def _sweep(self, at: float) -> None:
        """Forget whom nobody asks about, and what nobody asks for."""
        if None not in self._kept and at - (self._cursor or at) > max(LONGEST_GAP_SECONDS, self.tolerate):
            self._kept, self._cursor, self._failure = {}, None, None
        if self._cursor is None or abs(at - self._swept) < SWEEP_SECONDS:
            return
        self._swept, oldest = at, self._cursor - self._window - OVERLAP_SECONDS
        for kept in self._kept.values():
            kept.drop_before(oldest)
        if None not in self._kept:
            self._kept = {user: kept for user, kept in self._kept.items() if at - kept.asked < FORGET_SECONDS}


def _by_user(sessions: Iterable[Session]) -> dict[str | None, dict[str, _Parts]]:
    """The parts of each session of each user, in their order."""
    found: dict[str | None, dict[str, _Parts]] = {}
    for part in sorted(sessions, key=lambda part: part.start):
        own = found.setdefault(part.user, {})
        own[part.id] = (*own.get(part.id, ()), part)
    return found


def _joined(old: _Parts, new: _Parts, since: float) -> _Parts:
    """*old* up to *since*, *new* from then on."""
    since = min(since, old[-1].end)
    early = [replace(part, end=min(part.end, since), alive=False) for part in old if part.start < since]
    late = [replace(part, start=max(part.start, since)) for part in new if part.end > since or part.alive]
    if early and late and early[-1].request == late[0].request:
        late[0] = replace(late[0], start=early.pop().start)
    return (*early, *late) or new
