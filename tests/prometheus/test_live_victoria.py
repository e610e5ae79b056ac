"""VictoriaMetrics answers the same query with the same sessions."""

import time
from pathlib import Path

import pytest

from testbed import GIB, Bed, read, victoria_metrics

AWKWARD = 'a.*|b$"\\\n{}'
VISIBLE_SECONDS = 30


def test_the_same_sessions_are_read(tmp_path: Path):
    """Of one that is resized and goes on, and of one that ended, under a name with all that needs quoting."""
    victoria, url = victoria_metrics(tmp_path)
    victoria.start().wait_until_ready()
    try:
        with Bed(tmp_path, remote_write=f"{url}/api/v1/write") as bed:
            resized, ended = bed.start_pod("ann", memory=GIB, cpu=0.5), bed.start_pod(AWKWARD, memory=GIB)
            time.sleep(3)
            bed.resize(resized, memory=2 * GIB)
            bed.delete(ended)
            known = bed.settle()
            expected = bed.read(AWKWARD)
            deadline = time.monotonic() + VISIBLE_SECONDS
            while (read(url, "ann").as_of or 0) < known and time.monotonic() < deadline:
                time.sleep(0.2)
            ann, awkward = read(url, "ann"), read(url, AWKWARD)
    finally:
        victoria.stop()

    assert known <= ann.as_of
    assert expected.rows == awkward.rows
    assert () == awkward.alive()
    (row,) = ann.alive()
    assert row.resized
    assert {"memory", "cpu"} == set(row.requests)
    assert resized.scheduled == pytest.approx(row.start)
