"""Rows of the ledger's series, put together into sessions."""

import json
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_quota.ledger.pods import Found, gpu_pattern
from jupyterhub_quota.ledger.rows import Row
from jupyterhub_quota.session import Request

GPU = gpu_pattern(["nvidia.com/gpu", "gpu.intel.com/*"])


def row(name, value, at=1000.0, uid="1", user="ann", **labels):
    """Return what an answer says of a pod: its labels, when it was known, and a value."""
    series = {"__name__": f"jupyterhub_quota:pod_{name}", "namespace": "hub", "uid": uid, "username": user}
    return series | labels, at, value


def pod(uid="1", start=100.0, end=900.0, user="ann", at=1000.0, **requests):
    """Return the rows of a pod."""
    own = {"uid": uid, "user": user, "at": at}
    amounts = [row("request", amount, **own, resource=name) for name, amount in requests.items()]
    return [*amounts, row("start_seconds", start, **own), row("end_seconds", end, **own)]


def answer(rows):
    """Return the answer with *rows*."""
    result = [{"metric": labels, "value": [at, str(value)]} for labels, at, value in rows]
    return bytearray(json.dumps({"status": "success", "data": {"result": result}}), "utf-8")


def changes(uid, resource, *samples):
    """Return what was requested before each change."""
    return Row({"namespace": "hub", "uid": uid, "username": "ann", "resource": resource}, samples)


def sessions(*slices, before=(), last=(), as_of=1000.0):
    """Return the sessions that *slices* make."""
    found = Found()
    for rows in slices:
        found.read(answer(rows))
    if before or last:
        found.add_changes(before, last)
    return list(found.sessions(GPU, as_of))


class TestSessions:
    """A session is a pod of a namespace, seen with its node."""

    def test_what_it_held(self):
        """Requests, start and end; anything else is not counted."""
        (session,) = sessions(pod(memory=4.0, cpu=0.5, nvidia_com_gpu=1.0, pods=110.0))

        assert Request(memory=4.0, cpu=0.5, gpu=1.0) == session.request
        assert ("hub/1", "ann", 100, 900, False) == (
            session.id,
            session.user,
            session.start,
            session.end,
            session.alive,
        )

    def test_without_a_node_there_is_none(self):
        """A request and a name make no session."""
        assert [] == sessions([row("request", 4.0, resource="memory"), row("info", 900, pod="jupyter-ann")])

    def test_without_requests_it_holds_nothing(self):
        """And is there."""
        (session,) = sessions(pod())

        assert Request() == session.request

    def test_it_is_alive_if_it_was_seen_when_last_looked(self):
        """Up to the moment as of which the ledger is known."""
        assert [True] == [session.alive for session in sessions(pod(end=1000.0))]
        assert [False] == [session.alive for session in sessions(pod(end=999.9))]

    def test_the_latest_name_wins(self):
        """A profile or a label that came later makes no second session."""
        early = row("info", 300, servername="", pod="jupyter-ann", component="")
        late = row("info", 600, servername="gpu", pod="jupyter-ann", component="singleuser-server")
        (session,) = sessions([*pod(memory=1.0), late, early])

        assert ("gpu", "jupyter-ann", "singleuser-server") == (session.server, session.pod, session.component)

    def test_the_latest_end_is_the_end(self):
        """Also where it is earlier: a pod may have been seen to run a little after it was done."""
        early, late = pod(end=900.0, at=901.0), pod(end=899.0, at=960.0)

        assert [899.0] == [session.end for session in sessions(early, late)]
        assert [899.0] == [session.end for session in sessions(late, early)]

    def test_where_slices_differ_without_a_change_the_smaller_request_counts(self):
        """In the user's favour."""
        assert [Request(4.0)] == [each.request for each in sessions(pod(memory=8.0, at=500.0), pod(memory=4.0))]

    def test_pods_that_were_resized_are_told(self):
        """What they requested when is another question."""
        rows = [*pod(memory=8.0), *pod("2", memory=1.0), row("request_before", 4.0, resource="memory")]

        assert {"1"} == Found().read(answer(rows))

    def test_the_heartbeat_is_no_pod(self):
        """It says up to when, and since when, the ledger is known."""
        found = Found()
        found.read(answer([({"stat": "newest"}, 1000.0, 990.0), ({"stat": "oldest"}, 1000.0, 10.0)]))

        assert (990.0, 10.0, []) == (found.seen, found.first, list(found.sessions(GPU, 990.0)))

    def test_two_names_on_one_pod_are_two_people(self):
        """Neither loses their session to the other."""
        found = sessions(pod(user="ann", memory=1.0) + pod(user="bob", memory=2.0))

        assert {("ann", 1.0), ("bob", 2.0)} == {(session.user, session.request.memory) for session in found}

    @given(
        st.lists(st.tuples(st.integers(1, 5), st.integers(100, 200), st.integers(300, 1000)), max_size=20), st.randoms()
    )
    def test_the_order_of_slices_does_not_matter(self, seen, chance: random.Random):
        """Each session is there once, from the first start to the end that was known last."""
        slices = [
            pod(str(uid), float(start), float(end), at=1000.0 + number, memory=float(uid))
            for number, (uid, start, end) in enumerate(seen)
        ]
        mixed = chance.sample(slices, len(slices))

        assert sorted(sessions(*slices), key=repr) == sorted(sessions(*mixed), key=repr)
        assert {f"hub/{uid}" for uid, *_ in seen} == {session.id for session in sessions(*mixed)}
        assert len({uid for uid, *_ in seen}) == len(sessions(*mixed))


class TestResized:
    """A pod that was resized is a session for each size."""

    def parts(self, *before, end=900.0, as_of=1000.0, **last):
        """Return when each part begins and ends, and what it holds."""
        found = sessions(
            pod(end=end, **dict.fromkeys(last, 99.0)),
            before=before,
            last=[Row({"namespace": "hub", "uid": "1", "resource": name}, ((1000.0, v),)) for name, v in last.items()],
            as_of=as_of,
        )
        return sorted((each.start, each.end, each.request.memory, each.request.cpu, each.alive) for each in found)

    def test_once(self):
        """What was held before stays as it was."""
        expected = [(100, 300, 4, 0, False), (300, 900, 8, 0, False)]

        assert expected == self.parts(changes("1", "memory", (300.0, 4.0)), memory=8.0)

    def test_there_and_back(self):
        """Three parts."""
        expected = [(100, 300, 4, 0, False), (300, 500, 8, 0, False), (500, 900, 4, 0, False)]

        assert expected == self.parts(changes("1", "memory", (300.0, 4.0), (500.0, 8.0)), memory=4.0)

    def test_two_resources_at_once(self):
        """One change."""
        before = changes("1", "memory", (300.0, 4.0)), changes("1", "cpu", (300.0, 1.0))

        assert [(100, 300, 4, 1, False), (300, 900, 8, 2, False)] == self.parts(*before, memory=8.0, cpu=2.0)

    def test_the_last_part_is_alive(self):
        """No other one is."""
        expected = [(100, 300, 4, 0, False), (300, 900, 8, 0, True)]

        assert expected == self.parts(changes("1", "memory", (300.0, 4.0)), memory=8.0, as_of=900.0)

    def test_a_change_that_is_newer_than_the_last_sighting(self):
        """What is alive holds the new size from then on."""
        expected = [(100, 900, 4, 0, False), (900, 900, 8, 0, True)]

        assert expected == self.parts(changes("1", "memory", (900.5, 4.0)), memory=8.0, as_of=900.0)

    def test_a_change_after_the_end_changes_nothing(self):
        """What is over held the old size."""
        assert [(100, 900, 4, 0, False)] == self.parts(changes("1", "memory", (950.0, 4.0)), memory=8.0)

    def test_what_is_not_counted_makes_no_parts(self):
        """A resource that no quota knows."""
        assert [(100, 900, 8, 0, False)] == self.parts(changes("1", "pods", (300.0, 4.0)), memory=8.0, pods=5.0)

    def test_changes_that_two_slices_show_are_one(self):
        """Slices overlap."""
        twice = (changes("1", "memory", (300.0, 4.0)), changes("1", "memory", (300.0, 4.0)))

        assert 2 == len(self.parts(*twice, memory=8.0))

    @given(
        st.lists(st.tuples(st.integers(101, 899), st.integers(1, 4)), min_size=1, max_size=9, unique_by=lambda c: c[0])
    )
    def test_parts_join_and_add_up(self, history):
        """Without gaps from start to end; the sum is what the changes say."""
        history = sorted(history)
        times = [100, *(t for t, _ in history), 900]
        amounts = [*(amount for _, amount in history), 5]
        parts = self.parts(changes("1", "memory", *((float(t), float(a)) for t, a in history)), memory=5.0)

        assert [100, *(end for _, end, *_ in parts)] == [*(start for start, *_ in parts), 900]
        assert sum((b - a) * size for a, b, size in zip(times, times[1:], amounts, strict=False)) == pytest.approx(
            sum((end - start) * size for start, end, size, *_ in parts)
        )


class TestGpus:
    """Names as pods ask for them, matched as kube-state-metrics shows them."""

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("nvidia.com/gpu", "nvidia_com_gpu"),
            ("nvidia.com/mig-1g.5gb", "nvidia_com_mig_1g_5gb"),
            ("gpu.intel.com/*", "gpu_intel_com_i915"),
            ("Example.com/GPU", "Example_com_GPU"),
        ],
    )
    def test_match(self, name: str, shown: str):
        """Every character that no label may have is an underscore."""
        assert gpu_pattern([name]).fullmatch(shown)

    @pytest.mark.parametrize(
        ("name", "shown"), [("nvidia.com/gpu", "nvidia_com_gpu_shared"), ("a.b", "axb"), ("a", "A")]
    )
    def test_do_not_match(self, name: str, shown: str):
        """Neither parts of a name nor others like it."""
        assert not gpu_pattern([name]).fullmatch(shown)

    def test_none(self):
        """Without names nothing is a GPU."""
        assert not gpu_pattern([]).fullmatch("nvidia_com_gpu")

    def test_memory_is_never_one(self):
        """Whatever the pattern."""
        found = Found()
        found.read(answer(pod(memory=4.0, cpu=1.0, nvidia_com_gpu=2.0)))

        assert [2.0] == [session.request.gpu for session in found.sessions(re.compile(".*"), 1000.0)]
