"""VictoriaMetrics answers our ledger with the same sessions."""

import asyncio
import time
from pathlib import Path

import pytest

from jupyterhub_quota import PrometheusLedger, Reading
from testbed import GIB, Bed, victoria_metrics
from testbed.reading import read

AWKWARD = 'a.*|b$"\\\n{}\ufffd'
VISIBLE_SECONDS = 30


def test_the_same_sessions_are_read(tmp_path: Path):
    """Of one that is resized and goes on, and of one that ended, under a name with all that needs quoting."""
    victoria, url = victoria_metrics(tmp_path)
    victoria.start().wait_until_ready()
    try:
        with Bed(tmp_path, remote_write=f"{url}/api/v1/write") as bed:
            resized, ended = bed.start_pod("ann", memory=GIB, cpu=0.1), bed.start_pod(AWKWARD, memory=GIB, gpu=1)
            time.sleep(3)
            bed.resize(resized, memory=2 * GIB)
            bed.delete(ended)
            known = bed.settle()
            deadline = time.monotonic() + VISIBLE_SECONDS
            while (read(url, "ann").as_of or 0) < known and time.monotonic() < deadline:
                time.sleep(0.2)
            at = time.time()
            bed.settle()
            everybody = read(url, since=at - 60, at=at, slice_seconds=10)
            ann, awkward = (read(url, user, since=at - 60, at=at) for user in ("ann", AWKWARD))
            crowd, news = asyncio.run(asked_otherwise(url, at))
            expected = [bed.read(user, since=at - 60, at=at) for user in ("ann", AWKWARD)]
    finally:
        victoria.stop()

    assert known <= ann.as_of
    assert expected[1].sessions == awkward.sessions
    assert (1, False) == (awkward.sessions[0].request.gpu, awkward.sessions[0].alive)
    before, after = ann.of(resized.uid)
    assert (GIB, 2 * GIB, 0.1) == (before.request.memory, after.request.memory, after.request.cpu)
    assert resized.scheduled == before.start
    assert before.end == after.start == pytest.approx(expected[0].of(resized.uid)[1].start)
    assert after.alive
    assert set(everybody.sessions) == {*ann.sessions, *awkward.sessions}
    assert [set(ann.sessions), set(awkward.sessions)] == [set(crowd[user].sessions) for user in ("ann", AWKWARD)]
    assert set(everybody.sessions) == set(news.sessions)


class Newcomer:
    """Wants to hear of everybody and knows nothing."""

    def wants(self, user: str) -> bool:
        """Everybody is of interest."""
        return True

    def last(self, user: str, session: str) -> None:
        """Nothing is known."""


async def asked_otherwise(url: str, at: float) -> tuple[dict[str, Reading], Reading]:
    """Return what a crowd of users hears, more than are asked about one by one; and the news."""
    ledger = PrometheusLedger(url)
    users = ["x", "y|z", "ann", "an.*", AWKWARD, "b"]
    try:
        readings = await asyncio.gather(*(ledger.read(since=at - 60, at=at, user=user) for user in users))
        return dict(zip(users, readings, strict=True)), await ledger.follow(since=at - 60, at=at, asker=Newcomer())
    finally:
        await ledger.close()
