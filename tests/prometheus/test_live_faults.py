"""What the ledger says after something broke, compared with what truly was."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed import GIB, Bed, Pod

LATE_SECONDS = 2.0 + 0.5  # one scrape, one rule interval, and how long the programs take over it


class Sessions:
    """A test's own users, and the two ways in which they are compared with the ledger."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.pods: list[Pod] = []

    def start(self, **options: object) -> Pod:
        """Start a session of a new user."""
        pod = self.bed.start_pod(f"user-{len(self.bed.pods)}", **({"memory": 4 * GIB} | options))
        self.pods.append(pod)
        return pod

    def is_charged_exactly(self, pod: Pod) -> None:
        """Fail unless *pod*, which outlived the fault, is charged what it held up to the last scrape."""
        as_of = self.bed.settle()
        reading = self.bed.read(pod.user)
        assert reading.as_of >= as_of
        assert 1 == len(reading.rows)
        assert self.bed.truth(pod.user, at=reading.as_of).seconds == pytest.approx(reading.rows[0].seconds(), abs=1)
        assert self.bed.truth(pod.user, at=reading.as_of).amount == pytest.approx(reading.charged(), abs=4 * GIB)

    def ended_between(self, pod: Pod, last_sighting: float, end: float) -> None:
        """Fail unless the session of *pod* ends between its *last_sighting* and its true *end*."""
        self.bed.settle()
        (row,) = self.bed.read(pod.user).rows
        assert last_sighting - LATE_SECONDS <= row.end <= end + 0.5

    def clear(self) -> None:
        """Remove what is left."""
        for pod in self.pods:
            if pod.uid in self.bed.api.pods:
                self.bed.delete(pod)


@pytest.fixture
def sessions(bed: Bed) -> Iterator[Sessions]:
    """Sessions of users that no other test has; they are gone afterwards."""
    sessions = Sessions(bed)
    yield sessions
    sessions.clear()


class TestOutlived:
    """A session that outlives the fault is charged for all of it."""

    def test_scrapes_that_fail(self, bed: Bed, sessions: Sessions):
        """kube-state-metrics does not answer for four seconds."""
        pod = sessions.start()
        bed.settle()
        bed.kube_state_metrics.pause()
        time.sleep(4)
        bed.kube_state_metrics.resume()

        sessions.is_charged_exactly(pod)

    def test_kube_state_metrics_restarts(self, bed: Bed, sessions: Sessions):
        """In order, and killed."""
        pod = sessions.start()
        bed.settle()
        bed.kube_state_metrics.restart()
        time.sleep(1)
        bed.kube_state_metrics.kill()
        time.sleep(1)
        bed.kube_state_metrics.start().wait_until_ready()

        sessions.is_charged_exactly(pod)

    def test_two_kube_state_metrics(self, bed: Bed, sessions: Sessions):
        """Side by side, then only the second, then only the first."""
        pod = sessions.start()
        bed.settle()
        bed.second_kube_state_metrics.start().wait_until_ready()
        time.sleep(2)
        sessions.is_charged_exactly(pod)
        bed.kube_state_metrics.pause()
        time.sleep(2)
        sessions.is_charged_exactly(pod)
        bed.kube_state_metrics.resume()
        bed.second_kube_state_metrics.stop()

        sessions.is_charged_exactly(pod)

    def test_prometheus_is_killed_after_a_third_of_the_session(self, bed: Bed, sessions: Sessions):
        """Nothing was written for seconds."""
        pod = sessions.start()
        bed.settle()
        time.sleep(2)
        bed.prometheus.kill()
        time.sleep(3)
        bed.prometheus.start().wait_until_ready()

        sessions.is_charged_exactly(pod)


class TestEnded:
    """A session that ends inside the fault is charged up to its last sighting, or to its end if that is still told."""

    def test_prometheus_is_away_while_sessions_end(self, bed: Bed, sessions: Sessions):
        """One is deleted, one completes, and one comes and completes unseen; the last two leave their objects."""
        deleted, completed = sessions.start(), sessions.start()
        time.sleep(2)
        seen = bed.settle()
        bed.prometheus.stop()
        unseen = sessions.start()
        time.sleep(3)
        bed.delete(deleted)
        bed.finish(completed)
        bed.finish(unseen)
        bed.prometheus.start().wait_until_ready()

        sessions.ended_between(deleted, seen, deleted.ended)
        sessions.ended_between(completed, completed.ended, completed.ended)
        sessions.is_charged_exactly(unseen)

    def test_a_session_that_ended_is_not_alive_although_its_series_are_still_visible(
        self, bed: Bed, sessions: Sessions
    ):
        """After a restart Prometheus shows for five minutes what it last saw."""
        pod = sessions.start()
        bed.settle()
        bed.prometheus.kill()
        bed.delete(pod)
        bed.prometheus.start().wait_until_ready()
        bed.settle()

        assert () == bed.read(pod.user).alive()


class TestTheHeartbeat:
    """Whether the ledger is known."""

    def test_it_stands_still_while_scrapes_fail(self, bed: Bed):
        """And says since when."""
        as_of = bed.settle()
        bed.kube_state_metrics.pause()
        time.sleep(4)
        told = bed.read().as_of
        bed.kube_state_metrics.resume()

        assert as_of <= told <= as_of + LATE_SECONDS
        bed.settle()

    @pytest.mark.parametrize(
        ("without", "users"),
        [
            (("--metric-annotations-allowlist",), 1),
            (("--metric-annotations-allowlist", "--metric-labels-allowlist"), 1),
            (("--metric-annotations-allowlist", "--metric-labels-allowlist"), 0),
        ],
    )
    def test_without_allow_lists_there_is_none(self, tmp_path: Path, without: tuple[str, ...], users: int):
        """Pods are scraped, and nothing is known of anybody."""
        with Bed(tmp_path, without=without) as bed:
            for _ in range(users):
                bed.start_pod("ann", memory=GIB)
            time.sleep(3)

            assert bed.query("count(kube_pod_status_scheduled_time)")
            assert bed.read().as_of is None


class TestEverythingAtOnce:
    """A random mix of the faults above."""

    def test_what_each_user_is_charged(self, bed: Bed, sessions: Sessions):
        """Nobody more than they had; those who are alive exactly; the others up to a sighting before the fault."""
        chance = random.Random(7)  # noqa: S311 - the same mix every time
        started = time.time()
        faulty: list[tuple[float, float]] = []
        for fault in ("scrapes", "kube-state-metrics", "prometheus", "second"):
            new = [sessions.start(memory=chance.randrange(1, 9) * GIB) for _ in range(5)]
            bed.settle()
            began = time.time()
            match fault:
                case "scrapes":
                    bed.kube_state_metrics.pause()
                case "kube-state-metrics":
                    bed.kube_state_metrics.kill()
                case "prometheus":
                    bed.prometheus.kill()
                case "second":
                    bed.second_kube_state_metrics.start().wait_until_ready()
            time.sleep(chance.uniform(1, 2))
            bed.delete(new[0])
            bed.finish(new[1])
            bed.resize(new[2], memory=9 * GIB)
            time.sleep(chance.uniform(0.5, 1))
            match fault:
                case "scrapes":
                    bed.kube_state_metrics.resume()
                case "kube-state-metrics":
                    bed.kube_state_metrics.start().wait_until_ready()
                case "prometheus":
                    bed.prometheus.start().wait_until_ready()
            bed.settle()
            faulty.append((began, time.time()))
        bed.second_kube_state_metrics.stop()
        bed.settle()
        reading = bed.read()

        rows = {row.uid: row for row in reading.rows if row.start >= started - 1}
        assert {pod.uid for pod in sessions.pods} == set(rows)
        for pod in sessions.pods:
            row, true = rows[pod.uid], pod.held("memory", reading.as_of)
            assert pod.user == row.user
            if pod.ended is None:
                assert true.seconds == pytest.approx(row.seconds(), abs=1)
            else:
                last_sighting = min((began for began, over in faulty if began <= pod.ended <= over), default=pod.ended)
                assert last_sighting - LATE_SECONDS <= row.end <= pod.ended + 1
            if not row.resized:
                assert row.charged("memory") <= true.amount + 1 * pod.request()["memory"]
