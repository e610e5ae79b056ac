"""
Many who ask about one subject each, at the same moment: few questions for all of them.

Who comes first is asked about at once. Whoever comes while enough questions are under way waits, and is then asked
about together with others who wait. Knows nothing of what is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from jupyterhub_quota.ledger.protocol import Reading
from jupyterhub_quota.session import held_between

# So many questions at once keep Prometheus busy without making each of them slow; so many subjects in one of them.
AT_ONCE = 3
MOST = 20
# Whose present and window differ by no more than this may be asked about together.
APART_SECONDS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class _Asker:
    """Who waits for what."""

    user: str
    since: float
    at: float
    answer: asyncio.Future[Reading]

    def goes_with(self, other: "_Asker") -> bool:
        """Return whether one question can be about both."""
        return max(abs(self.since - other.since), abs(self.at - other.at)) <= APART_SECONDS


class Crowd:
    """
    Questions about subjects.

    Args:
        ask: reads some subjects, from a time to another, and returns what is known of each.
    """

    def __init__(self, ask: Callable[[frozenset[str], float, float], Awaitable[Mapping[str, Reading]]]) -> None:
        self._ask = ask
        self._waiting: list[_Asker] = []
        self._questions: set[asyncio.Task[None]] = set()

    async def read(self, user: str, since: float, at: float) -> Reading:
        """
        Return what is known of *user* from *since* to *at*.

        A question that nobody waits for any more is given up.

        Raises:
            UnavailableError: it cannot be known.
        """
        asker = _Asker(user, since, at, asyncio.get_running_loop().create_future())
        self._waiting.append(asker)
        self._begin()
        try:
            return _clipped(await asker.answer, since, at)
        finally:
            if asker in self._waiting:
                self._waiting.remove(asker)

    async def close(self) -> None:
        """Give up all questions, also those that wait for their turn."""
        waiting, self._waiting = self._waiting, []
        for asker in waiting:
            asker.answer.cancel()
        for task in (tasks := tuple(self._questions)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self) -> None:
        """Ask about some who wait, if few questions are under way."""
        if not self._waiting or len(self._questions) >= AT_ONCE:
            return
        first = self._waiting[0]
        together = [asker for asker in self._waiting if asker.goes_with(first)][:MOST]
        self._waiting = [asker for asker in self._waiting if asker not in together]
        task = asyncio.get_running_loop().create_task(self._answer(together))
        self._questions.add(task)
        task.add_done_callback(self._ended)
        for asker in together:
            asker.answer.add_done_callback(lambda _: self._let_go(task, together))

    async def _answer(self, askers: list[_Asker]) -> None:
        """Ask, and tell all of *askers*."""
        users = frozenset(asker.user for asker in askers)
        try:
            found = await self._ask(users, min(a.since for a in askers), max(a.at for a in askers))
        except asyncio.CancelledError:
            for asker in askers:
                asker.answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, each of them gets it
            for asker in (asker for asker in askers if not asker.answer.done()):
                asker.answer.set_exception(error)
                asker.answer.exception()  # seen, should its asker go at this very moment
        else:
            for asker in (asker for asker in askers if not asker.answer.done()):
                asker.answer.set_result(found[asker.user])

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._questions.discard(task)
        self._begin()

    @staticmethod
    def _let_go(task: "asyncio.Task[None]", askers: list[_Asker]) -> None:
        if all(asker.answer.cancelled() for asker in askers):
            task.cancel()


def _clipped(reading: Reading, since: float, at: float) -> Reading:
    """Return what was read, perhaps from a little earlier and up to a little later, from *since* to *at* alone."""
    return replace(reading, sessions=held_between(reading.sessions, since, at), as_of=min(reading.as_of, at))
