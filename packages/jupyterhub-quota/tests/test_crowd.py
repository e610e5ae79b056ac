"""Many who ask about one subject each: how many questions they cause, and that each gets what is theirs."""

import asyncio
from dataclasses import dataclass, field

import pytest

from jupyterhub_quota.errors import Unavailable, UnavailableError
from jupyterhub_quota.ledger.crowd import AT_ONCE, MOST, Crowd
from jupyterhub_quota.ledger.protocol import Reading
from jupyterhub_quota.session import Request, Session

NOON = 1_000_000.0


@dataclass
class Source:
    """Knows a session of everybody, from a minute before they are asked about, and counts what it is asked."""

    questions: list[tuple[frozenset[str], float, float]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None
    under_way: int = 0
    given_up: int = 0

    async def ask(self, users, since, at):
        """Answer when the gate is open."""
        self.questions.append((users, since, at))
        self.under_way += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        finally:
            self.under_way -= 1
        if self.failure is not None:
            raise self.failure
        return {user: Reading((Session("1", user, "", NOON - 60, at, Request(1.0), alive=True),), at) for user in users}


@pytest.fixture
def source():
    """A source whose gate is shut."""
    return Source()


def asking(crowd, users, at=NOON, since=NOON - 600):
    """Return tasks that ask, one for each of *users*."""
    return [asyncio.ensure_future(crowd.read(user, since, at)) for user in users]


async def test_who_comes_alone_is_asked_about_alone(source):
    """At once."""
    source.gate.set()

    reading = await Crowd(source.ask).read("ann", NOON - 600, NOON)

    assert [(frozenset({"ann"}), NOON - 600, NOON)] == source.questions
    assert ["ann"] == [session.user for session in reading.sessions]


async def test_a_crowd_is_asked_about_in_few_questions(source):
    """A few at once, many users in each, and everybody gets their own."""
    users = [f"user-{number}" for number in range(200)]
    tasks = asking(Crowd(source.ask), users)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert AT_ONCE == source.under_way
    source.gate.set()
    readings = await asyncio.gather(*tasks)

    assert users == [reading.sessions[0].user for reading in readings]
    assert max(len(asked) for asked, *_ in source.questions) == MOST
    assert len(source.questions) <= AT_ONCE + 200 / MOST
    assert len(users) == sum(len(asked) for asked, *_ in source.questions)


async def test_one_user_asked_about_twice_is_in_one_question(source):
    """Both hear of it."""
    crowd = Crowd(source.ask)
    busy = asking(crowd, ["a", "b", "c"])
    await asyncio.sleep(0)
    twice = asking(crowd, ["ann", "ann"])
    await asyncio.sleep(0)
    source.gate.set()
    first, second = await asyncio.gather(*twice)
    await asyncio.gather(*busy)

    assert first == second
    assert 1 == sum("ann" in asked for asked, *_ in source.questions)


async def test_each_hears_of_their_own_time(source):
    """Clocks differ a little: what is read together is cut to what was asked."""
    crowd = Crowd(source.ask)
    busy = asking(crowd, ["a", "b", "c"])
    await asyncio.sleep(0)
    early, late, before = (
        asking(crowd, [user], at=at, since=at - 600)[0]
        for user, at in (("ann", NOON), ("bob", NOON + 0.5), ("cid", NOON - 60.25))
    )
    await asyncio.sleep(0)
    source.gate.set()
    ann, bob, cid = await asyncio.gather(early, late, before)
    await asyncio.gather(*busy)

    assert (frozenset({"ann", "bob"}), NOON - 600, NOON + 0.5) in source.questions
    assert [(NOON, NOON), (NOON + 0.5, NOON + 0.5)] == [(each.as_of, each.sessions[0].end) for each in (ann, bob)]
    assert () == cid.sessions


async def test_a_failure_is_everybodys(source):
    """With its reason; the next question is asked all the same."""
    crowd = Crowd(source.ask)
    source.failure = UnavailableError("Prometheus cannot be reached", Unavailable.UNREACHABLE)
    tasks = asking(crowd, [f"user-{number}" for number in range(50)])
    await asyncio.sleep(0)
    source.gate.set()

    assert {source.failure} == set(await asyncio.gather(*tasks, return_exceptions=True))
    source.failure = None
    assert 1 == len((await crowd.read("ann", NOON - 600, NOON)).sessions)


async def test_who_gives_up_takes_nothing_from_the_others(source):
    """Neither while they wait nor while their question is under way."""
    crowd = Crowd(source.ask)
    tasks = asking(crowd, [f"user-{number}" for number in range(30)])
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.sleep(0)
    source.gate.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)

    assert [isinstance(each, Reading) for each in found] == [False, True] * 15


async def test_a_question_that_nobody_waits_for_is_given_up(source):
    """And those who wait for their turn are not asked about any more."""
    crowd = Crowd(source.ask)
    tasks = asking(crowd, [f"user-{number}" for number in range(30)])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0.01)

    assert (AT_ONCE, AT_ONCE, 0) == (len(source.questions), source.given_up, source.under_way)


async def test_closing_ends_everything(source):
    """Who waits is told so, and the crowd may ask again."""
    crowd = Crowd(source.ask)
    tasks = asking(crowd, [f"user-{number}" for number in range(10)])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await crowd.close()
    source.gate.set()

    assert all(
        isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(*tasks, return_exceptions=True)
    )
    assert 1 == len((await crowd.read("ann", NOON - 600, NOON)).sessions)
