"""
A ledger that keeps what it has read, and asks the one behind it only for what is new.

Starts and ends are absolute, so reading again changes nothing. A subject's first read is a question of its own; after
that one short read of everybody who was alive lately serves all who ask, behind an answer that is hardly old and
before one that would be. The cursor is the ledger's `as_of`, never our clock.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine
from itertools import chain
from typing import Any

from jupyterhub_quota.amounts import DAY, HOUR, MINUTE
from jupyterhub_quota.errors import UnavailableError
from jupyterhub_quota.ledger.kept import FRESH_SECONDS, OVERLAP_SECONDS, Earlier, Kept, Parts, by_user
from jupyterhub_quota.ledger.protocol import FollowedLedger, Ledger, Reading
from jupyterhub_quota.session import Session

# After a longer silence, reading a subject anew is quicker than reading what everybody did meanwhile.
LONGEST_GAP_SECONDS = 15.0 * MINUTE
# Whom nobody asked about for so long is forgotten; how often that, and what is too old, is looked for.
FORGET_SECONDS = 1.0 * DAY
SWEEP_SECONDS = 1.0 * HOUR
NOTHING: dict[str, Parts] = {}
# More sessions than this are sorted in a thread.
MANY = 1000
# How long to wait for a ledger that was away a moment ago, when there is something to answer from.
PATIENCE_SECONDS = 1.0


class CachedLedger:
    """
    Implements `Ledger` over another one.

    Args:
        ledger: the one behind.
        tolerate: for how many seconds it may be away while answers go on from what was read.
        interval: for how many seconds after reading there is little news, since the rules behind run so often.
            Who asks meanwhile is answered at once from what was read, and news are read for whoever comes next.
    """

    def __init__(self, ledger: Ledger, *, tolerate: float, interval: float = MINUTE) -> None:
        self.tolerate = tolerate
        self._interval = interval
        self._ledger = ledger
        # By user. Under None, since and as of when everybody is known: whoever is not there held nothing.
        self._kept: dict[str | None, Kept] = {}
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
        if user is None:
            sessions = tuple(chain.from_iterable(each.between(since, at) for each in self._kept.values()))
        else:
            sessions = kept.past(since, at)
        return Reading(sessions, min(kept.as_of, at), kept.complete_since)

    async def close(self) -> None:
        """Let go of connections; what was read is kept."""
        for task in (tasks := tuple(self._under_way.values())):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._ledger.close()

    def _find(self, since: float, user: str | None) -> Kept | None:
        """What is kept of *user*, or of everybody, if it reaches back to *since*."""
        everybody = self._kept.get(None)
        kept = self._kept.get(user) or (everybody and everybody.empty())
        return kept if kept is not None and kept.since <= since else None

    async def _bring_up_to_date(self, at: float, kept: Kept) -> None:
        """Read what is new, if that can be done in time."""
        task = self._task("news", lambda: self._read_news(at))
        if abs(at - kept.read) < self._interval and at - kept.as_of <= self.tolerate:
            return
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
        first = Kept(since, reading.as_of, reading.complete_since, at, at)
        news = await _sorted(reading.sessions)
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
        before = Earlier(dict(self._kept))
        try:
            if isinstance(self._ledger, FollowedLedger):
                reading = await self._ledger.follow(since=since, at=at, asker=before)
            else:
                reading = await self._ledger.read(since=since, at=at)
        except UnavailableError as error:
            self._failed, self._failure = at, error
            return
        self._failed, self._failure, self._cursor = -math.inf, None, reading.as_of
        news = await _sorted(reading.sessions)
        if everybody := self._kept.get(None):
            self._kept |= {user: everybody.empty() for user in news.keys() - self._kept.keys()}
        for user, kept in self._kept.items():
            if kept.as_of < since or not before.covers(user, kept):  # read meanwhile, and not asked about
                self._cursor = min(self._cursor, kept.as_of)
            else:
                kept.merge(news.get(user, NOTHING), since, reading.as_of)
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


async def _sorted(sessions: tuple[Session, ...]) -> dict[str | None, dict[str, Parts]]:
    """The parts of each session of each user; large amounts do not hold up the event loop."""
    return by_user(sessions) if len(sessions) <= MANY else await asyncio.to_thread(by_user, sessions)
