"""How the ledger is read: cold, by delta, across the window's edge, in the past; of one hub among several."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from jupyterhub_quota import CachedLedger, PrometheusLedger, Session, UnavailableError
from test_live_sessions import NAMES
from testbed import GIB, Bed
from testbed.reading import read_from, uid_of

FRESH_SECONDS = 10.5  # after which a cached answer is brought up to date
TOLERATE = 30.0
DEADLINE = 4.0


@asynccontextmanager
async def cache_over(bed: Bed, tolerate: float = TOLERATE) -> AsyncIterator[CachedLedger]:
    """A cached ledger with a short deadline, which ends with the test. It waits for news: the rules run often."""
    ledger = CachedLedger(PrometheusLedger(bed.url, timeout_seconds=DEADLINE), tolerate=tolerate, interval=0)
    try:
        yield ledger
    finally:
        await ledger.close()


def spans(sessions: tuple[Session, ...], since: float) -> list[tuple[float, float]]:
    """Return from when and of what size the parts of a session were after *since*."""
    return sorted((max(part.start, since), part.request.memory) for part in sessions)


async def later(seconds: float, do: Callable[[], object]) -> object:
    """Wait, then let the test bed do something that blocks."""
    await asyncio.sleep(seconds)
    return await asyncio.to_thread(do)


class TestResize:
    """A resize never rewrites what was charged."""

    async def test_cold_by_delta_and_across_the_edge_of_the_window(self, bed: Bed):
        """Twice resized: read whole, kept and added to, and through windows that begin before, between and after."""
        pod = bed.start_pod("grows", memory=GIB)
        async with cache_over(bed) as cached:
            await asyncio.to_thread(bed.settle)
            began = time.time()
            await read_from(cached, "grows", began - 60, began)
            for size in (2, 3):
                bed.resize(pod, memory=size * GIB)
                await later(FRESH_SECONDS, bed.settle)
                at = time.time()
                delta = await read_from(cached, "grows", began - 60, at)
            cold = await asyncio.to_thread(partial(bed.read, "grows", since=began - 60, at=at))
        bed.delete(pod)

        first, second, third = cold.of(pod.uid)
        assert [GIB, 2 * GIB, 3 * GIB] == [part.request.memory for part in (first, second, third)]
        assert cold.of(pod.uid) == delta.of(pod.uid)
        assert (pod.scheduled, True) == (first.start, third.alive)
        for since, sizes in ((second.start - 1, 3), (second.start + 1, 2), (third.start + 1, 1)):
            reading = await asyncio.to_thread(partial(bed.read, "grows", since=since, at=at))
            assert spans(cold.of(pod.uid)[-sizes:], since) == spans(reading.of(pod.uid), since)


class TestNews:
    """What a cache asks for is what is new."""

    async def test_are_what_a_cold_reading_shows(self, bed: Bed):
        """Of one who is known: a session that goes on, one that ends, one that begins, one that is resized."""
        goes_on, ends, grows = (bed.start_pod("known", memory=size * GIB, server=f"s{size}") for size in (1, 2, 3))
        await asyncio.to_thread(bed.settle)
        async with cache_over(bed) as cached:
            since = time.time() - 60
            for user in ("known", "nobody yet"):
                await read_from(cached, user, since, time.time())
            bed.delete(ends)
            bed.resize(grows, memory=4 * GIB)
            begins, stranger = bed.start_pod("nobody yet", memory=GIB), bed.start_pod("stranger", memory=GIB)
            await later(FRESH_SECONDS, bed.settle)
            at = time.time()
            found = {user: await read_from(cached, user, since, at) for user in ("known", "nobody yet")}
            cold = {user: await asyncio.to_thread(partial(bed.read, user, since=since, at=at)) for user in found}
            kept = set(cached._kept)
        for pod in (goes_on, grows, begins, stranger):
            bed.delete(pod)

        for user, reading in found.items():
            assert sorted(cold[user].sessions, key=repr) == sorted(reading.sessions, key=repr)
        assert {"known", "nobody yet"} == kept
        assert {goes_on.uid, grows.uid} == {uid_of(session) for session in found["known"].alive()}

    async def test_of_everybody_are_those_of_strangers_too(self, bed: Bed):
        """Once everybody was read."""
        async with cache_over(bed) as cached:
            since = time.time() - 3600
            await read_from(cached, None, since, time.time())
            pod = bed.start_pod("not seen before", memory=GIB, server="a server")
            await later(FRESH_SECONDS, bed.settle)
            reading = await read_from(cached, None, since, time.time())
        bed.delete(pod)

        assert [("not seen before", GIB, "a server", True)] == [
            (session.user, session.request.memory, session.server, session.alive) for session in reading.of(pod.uid)
        ]

    async def test_come_although_nothing_is_scraped(self, bed: Bed):
        """The newest heartbeat is an old one; what was alive stays so."""
        pod = bed.start_pod("unseen", memory=GIB)
        await asyncio.to_thread(bed.settle)
        ledger = PrometheusLedger(bed.url)

        class Nobody:
            """Has kept nothing."""

            def wants(self, user):
                return user == "unseen"

            def last(self, user, session):
                return None

        try:
            at = time.time() + 1800  # by then there was no sample for half an hour
            reading = await ledger.follow(since=at - 300, at=at, asker=Nobody())
        finally:
            await ledger.close()
        bed.delete(pod)

        assert () == reading.sessions
        assert time.time() - 60 < reading.as_of < time.time() + 1


class TestCrowds:
    """Many users who are asked about at the same moment."""

    @pytest.fixture
    def bed(self, tmp_path: Path) -> Iterator[Bed]:
        """One of its own: these names are charged in other tests too."""
        with Bed(tmp_path) as bed:
            yield bed

    async def test_each_gets_what_is_theirs(self, bed: Bed):
        """Names that are expressions, or parts of others, among them; in a few questions."""
        names = [*NAMES.values(), "ann", "student1", "student11", "student1.*", "", "a|b", "nobody"]
        pods = {name: bed.start_pod(name, memory=GIB) for name in names if name not in {"", "nobody"}}
        await asyncio.to_thread(bed.settle)
        at = time.time()
        ledger = PrometheusLedger(bed.url)
        try:
            readings = await asyncio.gather(*(ledger.read(since=at - 60, at=at, user=name) for name in names))
            alone = [await ledger.read(since=at - 60, at=at, user=name) for name in names]
        finally:
            await ledger.close()

        for name, reading, other in zip(names, readings, alone, strict=True):
            expected = {(name, pods[name].uid)} if name in pods else set()
            assert expected == {(each.user, uid_of(each)) for each in reading.sessions if each.alive}, name
            assert sorted(other.sessions, key=repr) == sorted(reading.sessions, key=repr)
            assert other.as_of == reading.as_of


class TestThePast:
    """A question about a past moment."""

    def test_is_answered_as_it_was(self, bed: Bed):
        """What ended since was alive, what started since is not there, and what is as of then is told."""
        ended = bed.start_pod("past", memory=GIB)
        bed.settle()
        time.sleep(1)
        then = time.time()
        bed.delete(ended)
        time.sleep(2)
        started = bed.start_pod("past", memory=GIB)
        bed.settle()
        past, present = bed.read("past", at=then), bed.read("past")
        bed.delete(started)

        assert then - 3 <= past.as_of <= then
        assert [ended.uid] == [uid_of(session) for session in past.alive()]
        assert {ended.uid} == past.uids()
        assert {ended.uid, started.uid} == present.uids()
        assert [started.uid] == [uid_of(session) for session in present.alive()]

    def test_before_the_record_began_nothing_is_known(self, bed: Bed):
        """Not known is not zero."""
        assert None is bed.read("past", at=time.time() - 7200).as_of

    def test_since_when_history_is_complete_is_told(self, bed: Bed):
        """It began after the window did; of everybody as of one, and through however many slices."""
        window = {"since": time.time() - 20 * 365 * 86400}
        found = {bed.read(user, **window).complete_since for user in ("ann", None)}

        assert 1 == len(found)
        assert time.time() - 3600 < found.pop() < time.time()


class TestSeveralHubs:
    """One Prometheus that shows the pods of two hubs."""

    def test_the_namespace_tells_them_apart(self, tmp_path: Path):
        """The same user name in both; without a namespace both are counted."""
        with Bed(tmp_path, namespaces=("hub", "other")) as bed:
            here, there = bed.start_pod("ann", memory=GIB), bed.start_pod("ann", memory=GIB, namespace="other")
            bed.settle()

            for user in ("ann", None):
                assert {here.uid} == bed.read(user, namespace="hub").uids()
                assert {there.uid} == bed.read(user, namespace="other").uids()
                assert {here.uid, there.uid} == bed.read(user).uids()
            assert None is bed.read("ann", namespace="third").as_of


class TestAway:
    """Decisions go on from what was read while Prometheus is away, for as long as that is tolerated."""

    async def test_answers_come_in_time(self, bed: Bed):
        """
        Prometheus hangs: it takes connections and never answers.

        Several decisions in a row, each well within the hub's five seconds; then not known; then known again.
        """
        pod = bed.start_pod("away", memory=GIB)
        await asyncio.to_thread(bed.settle)
        began = time.time()
        took, reading = [], None

        async def ask(tolerated: bool = True) -> None:
            nonlocal reading
            asked = time.monotonic()
            try:
                reading = await read_from(cached, pod.user, began - 60, time.time())
                known = True
            except UnavailableError:
                known = False
            assert tolerated == known
            took.append(time.monotonic() - asked)

        async with cache_over(bed) as cached:
            await ask()
            await later(FRESH_SECONDS, bed.prometheus.pause)
            try:
                for pause in (0, 0, 0.5, 9.5, 0.1):
                    await asyncio.sleep(pause)
                    await asyncio.gather(ask(), ask())
                    assert reading.as_of <= began
                    assert {pod.uid} == {uid_of(session) for session in reading.alive()}
                await asyncio.sleep(max(0, began + TOLERATE + 0.5 - time.time()))
                await ask(tolerated=False)
                await ask(tolerated=False)
            finally:
                bed.prometheus.resume()
            await later(FRESH_SECONDS, bed.settle)
            await ask()
        bed.delete(pod)

        assert max(took) < DEADLINE + 0.5
        assert sum(seconds > 0.2 for seconds in took) <= 7
        assert reading.as_of > began + TOLERATE
