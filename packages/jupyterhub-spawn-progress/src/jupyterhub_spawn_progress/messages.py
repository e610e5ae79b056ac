"""
The log of one start: what is said, in order, and for everybody who listens.

A person may reload the page or open a second one, so nothing is consumed: every connection reads the whole log.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, TypeVar

from .translate import Message

T = TypeVar("T")

_ATTRIBUTE = "spawn_progress_log"


class SpawnLog:
    """Messages of one start, readable from the beginning as often as wanted. May be written from any thread."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.is_closed = False
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def say(self, *messages: Message) -> None:
        """Add *messages* at the end."""
        self.messages.extend(messages)
        self._wake()

    def close(self) -> None:
        """Nothing more will be said: who follows comes to an end."""
        self.is_closed = True
        self._wake()

    async def follow(self) -> AsyncGenerator[tuple[Message, ...], None]:
        """Yield all messages so far at once, then new ones as they come, until the log is closed."""
        news = asyncio.Event()
        listener = (asyncio.get_running_loop(), news)
        self._listeners.add(listener)
        read = 0
        try:
            while True:
                news.clear()
                is_closed = self.is_closed
                new = tuple(self.messages[read:])
                read += len(new)
                if new:
                    yield new
                if is_closed:
                    return
                await news.wait()
        finally:
            self._listeners.discard(listener)

    def _wake(self) -> None:
        for loop, news in tuple(self._listeners):
            loop.call_soon_threadsafe(news.set)


def add_message(spawner: Any, text: str) -> None:
    """
    Say *text* in the progress log of the server that *spawner* is starting.

    To be called from hooks, such as `pre_spawn_hook`. The text is plain text: nothing in it is taken for HTML. Every
    page that shows the start shows it, once and in order. On a spawner that `setup` was not applied to, the text is
    kept and nothing else happens.
    """
    log_of(spawner).say(Message(str(text)))


def log_of(spawner: Any) -> SpawnLog:
    """Return the log of the start that *spawner* is about."""
    log = getattr(spawner, _ATTRIBUTE, None)
    return log if isinstance(log, SpawnLog) else new_log(spawner)


def new_log(spawner: Any) -> SpawnLog:
    """Begin an empty log for the next start of *spawner*, and return it."""
    log = SpawnLog()
    setattr(spawner, _ATTRIBUTE, log)
    return log


async def merged(first: AsyncGenerator[T, None], other: AsyncGenerator[T, None]) -> AsyncIterator[T]:
    """Yield from both as they come, *first* first, and end when *first* ends."""
    async with aclosing(first), aclosing(other):
        waiting: dict[asyncio.Task[T], AsyncGenerator[T, None]] = {_next(first): first, _next(other): other}
        try:
            while first in waiting.values():
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in waiting if task in done]:
                    source = waiting.pop(task)
                    if isinstance(task.exception(), StopAsyncIteration):
                        continue
                    yield task.result()
                    waiting[_next(source)] = source
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


def _next(source: AsyncGenerator[T, None]) -> asyncio.Task[T]:
    async def step() -> T:
        return await anext(source)

    return asyncio.ensure_future(step())
