"""
The ledger that keeps what it has read.

The ledger behind it is a script here: a real Prometheus cannot be made to be late by minutes, to lose its last hours or
to live through days in a test. It keeps the protocol honestly: it samples twice a minute, knows what its samples show
and nothing else, and raises UnavailableError when it is away. How a real Prometheus is cached: `tests/prometheus`.
"""

import asyncio
import math
import time
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_quota.errors import Unavailable, UnavailableError
from jupyterhub_quota.ledger.cached import CachedLedger
from jupyterhub_quota.ledger.protocol import Reading
from jupyterhub_quota.policy import Quota
from jupyterhub_quota.session import Request, Resource, Session
from jupyterhub_quota.usage import used

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
BEAT = 30.0
MARGIN = HOUR
SMALL, LARGE = Request(memory=1.0), Request(memory=2.0)
NOON = 1_000_000 * BEAT


@dataclass
class Pod:
    """What truly happened: *user* held something from *start* to *end*, more of it from *resized* on."""

    id: str
    user: str
    start: float
    end: float = math.inf
    resized: float = math.inf
    late: float = 0.0  # its samples arrive so much later


@dataclass
class Script:
    """A ledger that samples *pods* every BEAT, is read at *now*, and counts its questions."""

    pods: list[Pod] = field(default_factory=list)
    now: float = NOON
    failure: UnavailableError | None = None
    lost: list[tuple[float, float]] = field(default_factory=list)
    complete_since: float | None = None
    questions: list[tuple[str | None, float]] = field(default_factory=list)  # user, and how far back
    gate: asyncio.Event | None = None  # answers wait for it,
    waits: str | None = ""  # to questions about this user, or, if empty, to all

    async def read(self, *, since: float, at: float, user: str | None = None) -> Reading:
        """See `Ledger.read`."""
        self.questions.append((user, at - since))
        if self.gate is not None and self.waits in {"", user}:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return self.answer(since, at, user)

    async def close(self) -> None:
        """Do nothing."""

    def answer(self, since: float, at: float, user: str | None = None) -> Reading:
        """Return what is known, without counting it as a question."""
        as_of = self._last_beat(min(at, self.now))
        parts = [
            part
            for pod in self.pods
            if user in {None, pod.user} and pod.start <= at
            for part in self._parts(pod, since, as_of)
        ]
        return Reading(tuple(p for p in parts if p.end > since or p.alive), as_of, self.complete_since)

    def _parts(self, pod: Pod, since: float, as_of: float) -> list[Session]:
        seen = self._last_beat(min(as_of, self.now - pod.late, pod.end - BEAT / 2))
        if seen < pod.start:
            return []
        whole = Session(pod.id, pod.user, "", pod.start, seen, SMALL, alive=seen >= as_of)
        change = math.ceil(pod.resized / BEAT) * BEAT if pod.resized < math.inf else math.inf
        if change > seen:
            return [whole]
        if change < since - MARGIN:
            return [replace(whole, request=LARGE)]
        return [
            replace(whole, end=change, alive=False),
            replace(whole, start=change, request=LARGE),
        ]

    def _last_beat(self, t: float) -> float:
        beat = math.floor(t / BEAT) * BEAT
        for begin, end in sorted(self.lost, reverse=True):
            if begin <= beat < end:
                beat = begin - BEAT
        return beat


class Followed(Script):
    """The same, which can also be followed: of sessions that are known it says the ends only, unless they changed."""

    async def follow(self, *, since, at, asker):
        """See `FollowedLedger.follow`."""
        reading = await self.read(since=since, at=at)
        changed = {part.id for part in reading.sessions if since < part.start and part.request == LARGE}
        known = {}
        for part in reading.sessions:
            last = asker.last(part.user, part.id)
            if asker.wants(part.user) and last is not None and part.id not in changed:
                known[part.id] = replace(last, end=max(part.end, known.get(part.id, part).end), alive=part.alive)
        whole = [each for each in reading.sessions if asker.wants(each.user) and each.id not in known]
        return replace(reading, sessions=(*known.values(), *whole))


def held(reading, since):
    """Return what a reading says was held after *since*: nothing else has a meaning."""
    return sorted(
        (s.id, s.user, max(s.start, since), 0.0 if s.alive else s.end, s.request.memory, s.alive)
        for s in reading.sessions
        if s.alive or s.end > max(s.start, since)
    )


def cached(script, tolerate=15 * MINUTE, interval=0.0):
    """Return a cache over *script*, which waits for news unless an *interval* is given."""
    return CachedLedger(script, tolerate=tolerate, interval=interval)


async def ask(ledger, script, user="ann", days=30.0):
    """Ask about the present."""
    return await ledger.read(since=script.now - days * DAY, at=script.now, user=user)


class TestQuestions:
    """How often the ledger behind is asked, and what."""

    async def test_the_first_is_about_the_user_alone(self):
        """And about the whole window."""
        script = Script()

        await ask(cached(script), script)

        ((user, reach),) = script.questions
        assert "ann" == user
        assert 30 * DAY <= reach <= 30 * DAY + HOUR

    async def test_a_fresh_answer_costs_none(self):
        """Within ten seconds."""
        script = Script()
        ledger = cached(script)
        await ask(ledger, script)
        script.now += 9

        await ask(ledger, script)

        assert 1 == len(script.questions)

    async def test_later_ones_are_one_short_one_about_everybody(self):
        """It serves whoever was read before."""
        script = Script()
        ledger = cached(script)
        for user in ("ann", "bob", "cid"):
            await ask(ledger, script, user)
        script.now += 40
        for user in ("ann", "bob", "cid"):
            await ask(ledger, script, user)

        assert [("ann", 1), ("bob", 1), ("cid", 1), (None, 1)] == list(Counter(u for u, _ in script.questions).items())
        assert script.questions[-1][1] < 10 * MINUTE

    async def test_a_hundred_at_once_ask_one(self):
        """All the same user's, not read before; and a hundred users', read before."""
        script = Script()
        ledger = cached(script)
        await asyncio.gather(*(ask(ledger, script) for _ in range(100)))
        assert 1 == len(script.questions)

        for number in range(100):
            await ask(ledger, script, f"user-{number}")
        script.now += 40
        await asyncio.gather(*(ask(ledger, script, f"user-{number}") for number in range(100)))

        assert 1 + 100 + 1 == len(script.questions)

    async def test_askers_whose_clocks_differ_a_little_ask_one(self):
        """Each calls another moment the present."""
        script = Script()
        ledger = cached(script)
        times = [script.now - 0.01 * number for number in range(100)]

        await asyncio.gather(*(ledger.read(since=t - 30 * DAY, at=t, user="ann") for t in times))

        assert 1 == len(script.questions)

    async def test_who_gives_up_takes_nothing_from_the_others(self):
        """The first asker is cancelled while the question is under way."""
        script = Script(pods=[Pod("1", "ann", NOON - HOUR)], gate=asyncio.Event())
        ledger = cached(script)
        first, second = (asyncio.ensure_future(ask(ledger, script)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        script.gate.set()

        assert 1 == len((await second).sessions)
        assert 1 == len(script.questions)

    async def test_a_longer_window_is_read_anew(self):
        """What was kept does not reach back so far."""
        script = Script(pods=[Pod("old", "ann", NOON - 60 * DAY, NOON - 59 * DAY)])
        ledger = cached(script)

        assert 0 == len((await ask(ledger, script, days=30)).sessions)
        assert 1 == len((await ask(ledger, script, days=90)).sessions)
        assert 0 == len((await ask(ledger, script, days=30)).sessions)
        assert 2 == len(script.questions)

    async def test_the_past_is_no_present(self):
        """A question about last week does not make the next one about today long."""
        script = Script()
        ledger = cached(script)
        await ask(ledger, script)
        last_week = script.now - 7 * DAY
        await ledger.read(since=last_week - 30 * DAY, at=last_week, user="bob")
        script.now += 40
        await ask(ledger, script)

        assert script.questions[-1][1] < 10 * MINUTE

    async def test_after_a_long_silence_a_user_is_read_anew(self):
        """What everybody did meanwhile would be more."""
        script = Script()
        ledger = cached(script)
        await ask(ledger, script)
        script.now += 2 * HOUR
        await ask(ledger, script)

        assert ["ann", "ann"] == [user for user, _ in script.questions]

    async def test_everybody_is_read_once(self):
        """After that, users who come for the first time cost nothing, and news are short."""
        script = Script(pods=[Pod("1", "ann", NOON - HOUR)])
        ledger = cached(script)
        await ask(ledger, script, None)
        assert () == (await ask(ledger, script, "bob")).sessions
        script.pods.append(Pod("2", "bob", script.now))
        script.now += 5 * HOUR

        assert {"1", "2"} == {session.id for session in (await ask(ledger, script, None)).sessions}
        assert ["2"] == [session.id for session in (await ask(ledger, script, "bob")).sessions]
        assert [None, None] == [user for user, _ in script.questions]
        assert script.questions[-1][1] < 6 * HOUR


class TestAtOnce:
    """Shortly after reading there is little news, and nobody waits for it."""

    async def test_who_asks_is_answered_from_what_was_read(self):
        """And the news are read once, behind their back."""
        script = Script()
        ledger = cached(script, interval=MINUTE)
        before = await ask(ledger, script)
        script.pods.append(Pod("1", "ann", script.now))
        script.gate = asyncio.Event()
        script.now += 40
        for _ in range(3):
            assert before == await ask(ledger, script)
        script.gate.set()
        await asyncio.sleep(0.01)

        assert 1 == len((await ask(ledger, script)).sessions)
        assert ["ann", None] == [user for user, _ in script.questions]

    async def test_not_after_a_whole_interval(self):
        """Then there is news, and it is waited for."""
        script = Script()
        ledger = cached(script, interval=MINUTE)
        await ask(ledger, script)
        script.pods.append(Pod("1", "ann", script.now))
        script.now += MINUTE

        assert 1 == len((await ask(ledger, script)).sessions)

    async def test_not_where_less_is_tolerated(self):
        """An answer is never older than the policy tolerates, if there is a newer one."""
        script = Script()
        ledger = cached(script, tolerate=20.0, interval=MINUTE)
        await ask(ledger, script)
        script.pods.append(Pod("1", "ann", script.now))
        script.now += 2 * BEAT

        assert 1 == len((await ask(ledger, script)).sessions)

    async def test_the_clock_of_the_ledger_does_not_matter(self):
        """Heartbeats that are minutes behind are no reason to wait for each answer, nor never to ask."""
        script = Script(lost=[(NOON - 4 * MINUTE, NOON + DAY)])
        ledger = cached(script, interval=MINUTE)
        for _ in range(3):
            await ask(ledger, script)
            await asyncio.sleep(0.01)
            script.now += 40

        assert 3 == len(script.questions)


class TestFollowing:
    """A ledger that can be followed is asked for less."""

    async def test_a_user_who_was_read_meanwhile_is_not_taken_for_gone(self):
        """News that were asked for before know nothing of them."""
        script = Followed(pods=[Pod("1", "ann", NOON - HOUR), Pod("2", "bob", NOON - HOUR)])
        ledger = cached(script)
        await ask(ledger, script)
        script.now += MINUTE
        script.gate, script.waits = asyncio.Event(), None
        news = asyncio.ensure_future(ask(ledger, script))
        await asyncio.sleep(0)
        await ask(ledger, script, "bob")
        script.gate.set()
        await news

        assert [True] == [session.alive for session in (await ask(ledger, script, "bob")).sessions]

    async def test_strangers_are_not_kept(self):
        """Nobody asked about them."""
        script = Followed(pods=[Pod("1", "ann", NOON - HOUR), Pod("2", "bob", NOON - HOUR)])
        ledger = cached(script)
        await ask(ledger, script)
        script.now += MINUTE
        await ask(ledger, script)

        assert {"ann"} == set(ledger._kept)

    async def test_everybody_hears_of_those_who_are_new(self):
        """Once everybody was read, nobody is a stranger."""
        script = Followed()
        ledger = cached(script)
        await ask(ledger, script, None)
        script.pods.append(Pod("1", "new", script.now))
        script.now += MINUTE

        assert ["new"] == [session.user for session in (await ask(ledger, script, None)).sessions]

    async def test_an_end_that_turns_out_to_be_earlier_is_the_end(self):
        """A pod is seen to run; then it says that it was done a little before."""
        pod = Pod("1", "ann", NOON - HOUR)
        script = Followed(pods=[pod])
        ledger = cached(script)
        await ask(ledger, script)
        pod.end = NOON - 0.5 * BEAT
        script.now += MINUTE

        assert [(NOON - BEAT, False)] == [(s.end, s.alive) for s in (await ask(ledger, script)).sessions]


class TestAnswers:
    """What is answered is what the ledger behind says."""

    async def test_a_session_goes_on(self):
        """Once, from its start to where it was last seen."""
        script = Script(pods=[Pod("1", "ann", NOON - HOUR)])
        ledger = cached(script)
        for _ in range(5):
            (session,) = (await ask(ledger, script)).sessions
            assert (NOON - HOUR, script.now, True) == (session.start, session.end, session.alive)
            script.now += MINUTE

    async def test_a_session_that_ended_is_over(self):
        """At its last sighting."""
        script = Script(pods=[Pod("1", "ann", NOON - HOUR, NOON + 45)])
        ledger = cached(script)
        await ask(ledger, script)
        script.now += 2 * MINUTE

        (session,) = (await ask(ledger, script)).sessions
        assert (NOON + BEAT, False) == (session.end, session.alive)

    @pytest.mark.parametrize("user", ["ann", None])
    async def test_a_resize_charges_what_was_held_before_it_as_before(self, user):
        """Known to the cache, seen by it, and long past."""
        pod = Pod("1", "ann", NOON - HOUR, resized=NOON + 7 * MINUTE)
        script = Script(pods=[pod])
        ledger = cached(script)
        for _ in range(20):
            await ask(ledger, script, user)
            script.now += 10 * MINUTE
        reading = await ask(ledger, script, user)

        assert [(NOON - HOUR, pod.resized, SMALL, False), (pod.resized, script.now, LARGE, True)] == sorted(
            (each.start, each.end, each.request, each.alive) for each in reading.sessions
        )

    async def test_everybody_keeps_all_parts_of_a_session(self):
        """One that was resized before the first reading."""
        script = Script(pods=[Pod("1", "ann", NOON - DAY, resized=NOON - HOUR)])
        ledger = cached(script)

        assert {SMALL, LARGE} == {session.request for session in (await ask(ledger, script, None)).sessions}

    async def test_what_is_used_is_of_the_window_that_is_asked_for(self):
        """A short one first, of a user of whom more is known, then a long one."""
        script = Script([Pod("a", "ann", NOON - 9 * DAY, NOON - 8 * DAY), Pod("b", "ann", NOON - HOUR)])
        ledger = cached(script)
        await ask(ledger, script, days=10)
        found = []
        for days in (1, 10, 1):
            quota = Quota(Resource.MEMORY, 1.0, days * DAY)
            found.append(used((await ask(ledger, script, days=days)).sessions, quota, NOON) / HOUR)

        assert pytest.approx([1, 25, 1], abs=0.02) == found

    async def test_what_is_used_follows_the_news(self):
        """A session goes on, grows, ends."""
        script = Script([Pod("a", "ann", NOON - HOUR, NOON + 2 * HOUR, resized=NOON + HOUR)])
        ledger = cached(script)
        found = []
        for _ in range(5):
            sessions = (await ask(ledger, script)).sessions
            found.append(used(sessions, Quota(Resource.MEMORY, 1.0, DAY), script.now) / HOUR)
            script.now += HOUR / 2

        assert pytest.approx([1, 1.5, 2, 3, 4], abs=0.02) == found

    async def test_since_when_history_is_complete_is_told(self):
        """As the ledger behind does."""
        script = Script(complete_since=NOON - DAY)
        ledger = cached(script)
        await ask(ledger, script)
        script.now += MINUTE

        assert NOON - DAY == (await ask(ledger, script)).complete_since

    async def test_the_past_is_answered_as_it_was(self):
        """What started later is not there, what ended later was alive."""
        script = Script(pods=[Pod("1", "ann", NOON - HOUR, NOON - 10 * MINUTE), Pod("2", "ann", NOON - 5 * MINUTE)])
        ledger = cached(script)
        await ask(ledger, script)
        then = NOON - 30 * MINUTE

        (session,) = (await ledger.read(since=then - DAY, at=then, user="ann")).sessions
        assert ("1", then, True) == (session.id, session.end, session.alive)

    async def test_a_first_answer_that_took_long_is_brought_up_to_date(self):
        """News were read meanwhile, for others, and more of them later."""
        script = Script(gate=asyncio.Event(), waits="ann")
        ledger = cached(script)
        await ask(ledger, script, "bob")
        first = asyncio.ensure_future(ask(ledger, script))
        await asyncio.sleep(0)
        script.pods.append(Pod("1", "ann", NOON + BEAT, NOON + MINUTE))
        script.now += 8 * MINUTE
        await ask(ledger, script, "bob")
        script.gate.set()
        assert () == (await first).sessions
        script.now += MINUTE

        assert 1 == len((await ask(ledger, script)).sessions)

    async def test_late_samples_are_still_counted(self):
        """They arrive four minutes after the heartbeat."""
        script = Script(pods=[Pod("1", "ann", NOON, late=4 * MINUTE)])
        ledger = cached(script)
        for _ in range(10):
            await ask(ledger, script)
            script.now += MINUTE

        (session,) = (await ask(ledger, script)).sessions
        assert script.now - 4 * MINUTE == session.end


class TestOutages:
    """The ledger behind is away."""

    AWAY = UnavailableError("Prometheus cannot be reached", Unavailable.UNREACHABLE)

    async def test_shorter_than_tolerated_answers_go_on(self):
        """From what was read; as of when is told."""
        script = Script(pods=[Pod("1", "ann", NOON - HOUR)])
        ledger = cached(script)
        known = await ask(ledger, script)
        script.failure = self.AWAY
        script.now += 14 * MINUTE

        assert known == await ask(ledger, script)

    async def test_longer_is_not_known(self):
        """With the reason of the ledger behind."""
        script = Script()
        ledger = cached(script)
        await ask(ledger, script)
        script.failure = self.AWAY
        script.now += 14 * MINUTE
        await ask(ledger, script)
        script.now += 2 * MINUTE

        with pytest.raises(UnavailableError) as error:
            await ask(ledger, script)
        assert Unavailable.UNREACHABLE == error.value.reason

    async def test_who_was_never_read_is_not_known(self):
        """There is nothing to answer from."""
        script = Script()
        ledger = cached(script)
        await ask(ledger, script)
        script.failure = self.AWAY

        with pytest.raises(UnavailableError):
            await ask(ledger, script, "bob")

    async def test_only_the_first_asker_waits(self):
        """The others are answered at once, and a question that is still under way holds up nobody for long."""
        script = Script()
        ledger = cached(script)
        await ask(ledger, script)
        script.failure = self.AWAY
        script.now += MINUTE
        await ask(ledger, script)
        script.now += MINUTE
        script.gate = asyncio.Event()
        began = time.monotonic()
        await ask(ledger, script)
        await ask(ledger, script)

        assert time.monotonic() - began < 3

    async def test_a_ledger_that_is_back_is_asked_again(self):
        """Within ten seconds, and who asks then hears the news."""
        script = Script()
        ledger = cached(script)
        await ask(ledger, script)
        script.failure = self.AWAY
        script.now += 5 * MINUTE
        await ask(ledger, script)
        script.failure = None
        script.pods.append(Pod("1", "ann", NOON + MINUTE))
        script.now += 10

        assert 1 == len((await ask(ledger, script)).sessions)

    async def test_it_is_back_after_longer_than_tolerated(self):
        """What happened meanwhile is read."""
        script = Script()
        ledger = cached(script)
        await ask(ledger, script, None)
        script.failure = self.AWAY
        script.now += DAY
        with pytest.raises(UnavailableError):
            await ask(ledger, script, None)
        script.failure = None
        script.pods.append(Pod("1", "ann", NOON + HOUR, NOON + 2 * HOUR))
        script.now += 10

        assert 1 == len((await ask(ledger, script, None)).sessions)

    async def test_a_ledger_that_lost_its_last_hours(self):
        """What it showed before stays, the session that goes on is there once, what ended is not alive again."""
        pods = [
            Pod("before", "ann", NOON - 5 * HOUR, NOON - 4 * HOUR),
            Pod("wholly lost", "ann", NOON - 2 * HOUR, NOON - HOUR),
            Pod("end lost", "ann", NOON - 4 * HOUR, NOON - 10 * MINUTE),
            Pod("goes on", "ann", NOON - 4 * HOUR),
        ]
        script = Script(pods=pods)
        ledger = cached(script)
        known = await ask(ledger, script, None)
        script.lost = [(NOON - 3 * HOUR, NOON + 5 * MINUTE)]
        script.now += 4 * MINUTE
        assert held(known, 0) == held(await ask(ledger, script, None), 0)
        script.now += 4 * MINUTE
        after = await ask(ledger, script, None)

        assert held(known, 0) == held(after, 0)
        assert script.now == after.as_of

    async def test_a_ledger_that_lost_the_end_of_a_session(self):
        """It does not show the session any more, which is over when we last saw it."""
        script = Script(pods=[Pod("1", "ann", NOON - 4 * HOUR, NOON + MINUTE)])
        ledger = cached(script)
        await ask(ledger, script)
        script.lost = [(NOON - HOUR, NOON + 5 * MINUTE)]
        script.now += 6 * MINUTE

        (session,) = (await ask(ledger, script)).sessions
        assert (NOON, False) == (session.end, session.alive)

    async def test_any_other_error_is_not_hidden(self):
        """It is a fault in our code."""

        class Broken(Script):
            async def read(self, **_):
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await ask(cached(Broken()), Script())


class TestMemory:
    """What is kept is bounded."""

    async def test_who_is_not_asked_about_for_a_day_is_forgotten(self):
        """The next question is a first one."""
        script = Script()
        ledger = cached(script)
        await ask(ledger, script, "bob")
        for _ in range(24 * 8):
            script.now += 10 * MINUTE
            await ask(ledger, script, "ann")
        await ask(ledger, script, "bob")

        assert ["bob", "bob"] == [user for user, _ in script.questions if user == "bob"]

    @pytest.mark.parametrize("user", ["ann", None])
    async def test_old_sessions_are_dropped(self, user):
        """Those that ended before any window that is asked about."""
        script = Script(pods=[Pod("1", "ann", NOON - 9 * HOUR, NOON - 8 * HOUR), Pod("2", "ann", NOON - HOUR)])
        ledger = cached(script)
        for _ in range(36):
            await ask(ledger, script, user, days=0.5)
            script.now += 10 * MINUTE

        assert {"2"} == set(ledger._kept["ann"].sessions)

    async def test_nothing_is_read_again_for_having_been_dropped(self):
        """The window moves on with what is dropped."""
        script = Script()
        ledger = cached(script)
        for _ in range(60):
            await ask(ledger, script, None, days=0.5)
            script.now += 10 * MINUTE

        assert 1 == sum(reach > HOUR for _, reach in script.questions)

    async def test_without_news_the_same_values_are_returned(self):
        """Nothing is built anew for thousands of sessions."""
        pods = [
            Pod(f"{n}-{m}", f"user-{n}", NOON - (m + 2) * HOUR, NOON - (m + 1) * HOUR)
            for n in range(50)
            for m in range(65)
        ]
        script = Script(pods=pods)
        ledger = cached(script)
        first = await ask(ledger, script, None)
        script.now += MINUTE
        second = await ask(ledger, script, None)

        assert 50 * 65 == len(second.sessions)
        assert {id(session) for session in first.sessions} == {id(session) for session in second.sessions}


async def test_closing_ends_what_is_under_way():
    """And the ledger may be read again."""
    script = Script(gate=asyncio.Event())
    ledger = cached(script)
    asker = asyncio.ensure_future(ask(ledger, script))
    await asyncio.sleep(0)
    await ledger.close()
    with pytest.raises(asyncio.CancelledError):
        await asker
    script.gate = None

    assert () == (await ask(ledger, script)).sessions


USERS = ("ann", "bob")
SECONDS = st.integers(-3 * 3600, 4 * 3600).map(float)
PODS = st.builds(
    lambda number, user, start, length, resized, late: Pod(
        str(number), user, NOON + start, NOON + start + length, NOON + start + resized, late
    ),
    st.uuids(),
    st.sampled_from(USERS),
    SECONDS,
    st.one_of(st.just(math.inf), st.integers(1, 4 * 3600).map(float)),
    st.one_of(st.just(math.inf), st.integers(1, 4 * 3600).map(float)),
    st.sampled_from([0.0, 0.0, 0.0, 100.0, 240.0]),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["read", "read", "read", "fail", "lose", "jump"]),
        st.sampled_from([*USERS, None]),
        st.sampled_from([10.0, 35.0, 120.0, 800.0, 2000.0, 7200.0]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from([Script, Followed]),
    pods=st.lists(PODS, max_size=8),
    steps=STEPS,
    window=st.sampled_from([HOUR, 5 * HOUR, DAY]),
)
def test_whatever_happens_the_answer_is_that_of_the_ledger_behind(kind, pods, steps, window):
    """
    Reads in any order, late samples, outages, clocks that jump ahead and back.

    What is used is that of the answer. The answer is equal where the ledger behind lost nothing. Where it did, whatever
    it still has is there, once, and no shorter.
    """

    async def play():
        script, skew, failed = kind(pods=pods), 0.0, -math.inf
        ledger = cached(script)
        for what, user, seconds in steps:
            script.now += seconds
            script.failure = TestOutages.AWAY if what == "fail" else None
            if what == "lose":
                script.lost.append((script.now - seconds * 3, script.now))
            skew = {"jump": seconds if skew <= 0 else -seconds}.get(what, skew)
            at = script.now + skew
            since = at - window
            expected = script.answer(since, at, user)
            try:
                reading = await ledger.read(since=since, at=at, user=user)
            except UnavailableError:
                # A ledger that is back is asked again after ten seconds, by our clock.
                assert script.failure is not None or abs(at - failed) < 10
                failed = at if script.failure else failed
                continue
            failed = at if script.failure else failed
            quota = Quota(Resource.MEMORY, 1.0, window)
            assert pytest.approx(used(list(reading.sessions), quota, at)) == used(reading.sessions, quota, at)
            was = held(reading, since)
            assert len({(id_, start) for id_, _, start, *_ in was}) == len(was)
            assert reading.as_of <= at
            if script.failure is not None:
                assert at - reading.as_of <= ledger.tolerate
            elif skew >= 0 and not script.lost:
                assert held(expected, since) == was
                assert expected.as_of == reading.as_of
            elif skew >= 0:
                ends = {id_: math.inf if alive else end for id_, _, _, end, _, alive in was}
                for id_, _, _, end, _, alive in held(expected, since):
                    assert alive or end <= ends[id_]

    asyncio.run(play())
