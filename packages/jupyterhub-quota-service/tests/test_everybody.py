"""Everybody's table is made in the background, and holds up nobody."""

import asyncio
import threading
import time

import pytest

from jupyterhub_quota import HubClient, Reading, Request, Session
from jupyterhub_quota_service.everybody import Everybody
from jupyterhub_quota_service.policies import Policies

from .conftest import GIB, HOUR

PATIENCE_SECONDS = 60


class Slow(tuple):
    """Sessions, each of which is given out only when *go* says so."""

    __slots__ = ()
    go = threading.Event()

    def __iter__(self):
        """Wait, which blocks whoever reads."""
        assert self.go.wait(PATIENCE_SECONDS)
        return super().__iter__()


class Shelf:
    """A ledger that holds what a test puts there."""

    def __init__(self) -> None:
        self.sessions: tuple[Session, ...] = ()

    async def read(self, *, since, at, user=None):
        """Return all of it."""
        return Reading(self.sessions, at)

    async def close(self):
        """Do nothing."""


class Clock:
    """The present, and as much later as a test says."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        """Return the present."""
        return time.time() + self.ahead


def used(hours: float) -> Session:
    """Return a session of ann."""
    end = time.time() - HOUR
    return Session("past", "ann", "", end - hours * HOUR, end, Request(memory=GIB))


@pytest.fixture
async def shelf():
    """Return a ledger."""
    return Shelf()


@pytest.fixture
def clock():
    """Return the present."""
    return Clock()


@pytest.fixture
async def everybody(shelf, clock):
    """Return everybody's table, made anew for whoever looks; no hub says who is in which group."""
    Slow.go.clear()
    policies = Policies(None, {"default": {"memory": "20 GiB-hours"}})
    hub = HubClient("http://127.0.0.1:9/hub/api", "token")
    found = Everybody(policies, shelf, hub, fresh_seconds=0, clock=clock)
    yield found
    Slow.go.set()
    await found.close()


async def test_who_looks_meanwhile_sees_the_last_one(shelf, everybody):
    """While the next is made, which holds up nobody; then that one."""
    shelf.sessions = (used(1),)
    last = await everybody.table()
    shelf.sessions = Slow([used(2)])

    meanwhile = [await everybody.table() for _ in range(3)]

    assert [last.at] * 3 == [table.at for table in meanwhile]
    Slow.go.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (newest := await everybody.table()).at == last.at:  # noqa: ASYNC110 - whoever looks asks again
            await asyncio.sleep(0.01)
    assert pytest.approx([GIB * HOUR, 2 * GIB * HOUR]) == [t.people["ann"].totals[0] for t in (last, newest)]


async def test_an_old_one_is_shown_with_its_age(shelf, everybody, clock):
    """Who comes after a while sees what was known then, and is told to ask again soon."""
    shelf.sessions = (used(1),)
    last = await everybody.table()
    shelf.sessions = Slow([used(2)])
    clock.ahead = HOUR

    shown = await everybody.table()

    assert (last.at, last.as_of) == (shown.at, shown.as_of)
    assert shown.problem is None
    assert shown.retry_seconds is not None


async def test_who_is_the_first_is_told_that_it_takes_long(shelf, everybody):
    """Nothing is shown as 0."""
    shelf.sessions = Slow([used(1)])

    shown = await everybody.table(hurry=True)

    assert shown.problem == "Everybody's figures are still being read. That can take a minute."
    assert (None, {}) == (shown.as_of, shown.people)
