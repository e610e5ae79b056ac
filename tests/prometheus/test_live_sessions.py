"""
What our ledger reads from the real programs, compared with what truly was: a quarter of a minute in which much happens.

Scrapes and rules run every second. A session that is alive is known up to the last scrape; one that ended may miss the
time since its last sighting, at most one scrape and one rule interval, and is never charged beyond its end.
"""

import time
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from jupyterhub_quota import Session
from testbed import GIB, Bed, Pod
from testbed.reading import Reading, uid_of

MIB = 2**20
LATE_SECONDS = 2.0 + 0.5  # one scrape, one rule interval, and how long kube-state-metrics and Prometheus take over it
NAMES = {
    "e-mail": "maria-magdalena.von-und-zu-hohenstein@students.informatik.university-of-somewhere.example.org",
    "quotes": """o'neill "ann" x""",
    "backslash": "domain\\ann",
    "newline": "ann\nbob",
    "braces": "{ann}",
    "comma and brace": 'ann",resource="cpu"} or vector(1) or {x="',
    "pipe": "google-oauth2|117",
    "upper case": "ANN",
    "everything": 'a.*|b$"\\\n{}',
    "other letters": "зоя-żółć-玲",
    "spaces around": "  ann  ",
    "a letter": "a",
    "dollar and dot": "ann.$1.*",
    "like a number": "007",
    "a tab, a return": "ann\tbob\r",
    "a broken character": "ann\ufffd",
    "beyond the plane": "ann🦉",
    "joined letters": "ann\u0301\u200d",
}
SERVER = "gpu server"


@dataclass
class Story:
    """What happened, and what a reading of everybody says of it."""

    bed: Bed
    reading: Reading
    pods: dict[str, Pod]

    def session(self, key: str) -> Session:
        """Return the session of the pod that *key* names, which has kept its size."""
        (session,) = self.reading.of(self.pods[key].uid)
        return session

    def charged(self, user: str, resource: str = "memory") -> float:
        """Return what *user* is charged."""
        return self.reading.charged(resource, user)

    def truth(self, user: str, resource: str = "memory") -> float:
        """Return what *user* held when the ledger was read."""
        return self.bed.truth(user, resource, self.reading.as_of).amount


@pytest.fixture(scope="module")
def story(bed: Bed) -> Story:
    """A quarter of a minute of a cluster with some 150 pods."""
    students = {f"student{number}": bed.start_pod(f"student{number}", memory=number * MIB) for number in range(1, 121)}
    names = {name: bed.start_pod(name, memory=GIB) for name in NAMES.values()}
    here = SimpleNamespace(
        many=bed.start_pod(
            "many",
            memory=GIB,
            cpu=0.5,
            containers=({"memory": GIB},),
            sidecars=({"memory": GIB, "cpu": 0.25},),
            init=({"memory": GIB},),
        ),
        initial=bed.start_pod("initial", memory=GIB, init=({"memory": 4 * GIB}, {"cpu": 2})),
        waits=bed.start_pod("waits", memory=GIB, waits=True),
        completed=bed.start_pod("completed", memory=GIB),
        first=bed.start_pod("tom", name="jupyter-tom", memory=GIB),
        dead=bed.start_pod("dead", memory=GIB),
        elsewhere=bed.start_pod("ann", namespace="other", memory=64 * GIB),
        ann=bed.start_pod("ann", server=SERVER, memory=GIB, gpu=2),
        dask=bed.start_pod("ann", memory=2 * GIB, component="dask-worker", application="dask-gateway"),
        other_gpus=bed.start_pod(
            "other gpus",
            memory=GIB,
            containers=({"amd.com/gpu": 1, "gpu.intel.com/i915": 2}, {"example.com/Fast-GPU": 4}),
        ),
        resized=bed.start_pod("resized", memory=GIB),
        annotated=bed.start_pod("annotated", memory=GIB, annotations={"jupyterhub-quota/groups": '["a{b}", "c"]'}),
        relabelled=bed.start_pod("relabelled", memory=GIB),
    )
    time.sleep(5)
    bed.schedule(here.waits)
    bed.finish(here.completed)
    bed.mark_deleted(here.dead, grace=2)
    bed.delete(here.first)
    here.second = bed.start_pod("tom", name="jupyter-tom", memory=2 * GIB)
    bed.resize(here.resized, memory=3 * GIB)
    bed.annotate(here.relabelled, {"jupyterhub-quota/profile": "large", "hub.jupyter.org/username": "somebody else"})
    time.sleep(5)
    for number in range(1, 61):
        bed.delete(students[f"student{number}"])
    bed.settle()
    pods = vars(here) | students | names
    everybody = bed.read()  # with what other tests left behind
    uids = {pod.uid for pod in pods.values()}
    ours = tuple(session for session in everybody.sessions if uid_of(session) in uids)
    for pod in pods.values():
        if pod.uid in bed.api.pods:
            bed.delete(pod)
    return Story(bed, replace(everybody, sessions=ours), pods)


class TestWhoPays:
    """Nobody is ever charged for somebody else."""

    def test_students_who_are_there_pay_exactly_for_what_they_have(self, story: Story):
        """Each has another size, and a name that begins like others'."""
        for number in range(61, 121):
            name = f"student{number}"
            assert story.truth(name) == pytest.approx(story.charged(name)), name

    def test_students_who_left_pay_no_more_than_they_had(self, story: Story):
        """Up to their last sighting."""
        for number in range(1, 61):
            missing = story.pods[f"student{number}"].ended - story.session(f"student{number}").end
            assert -0.5 <= missing <= LATE_SECONDS, number

    @pytest.mark.parametrize("kind", NAMES)
    def test_a_name_is_found_whatever_is_in_it(self, story: Story, kind: str):
        """Asked for by name, this user's one session comes, and nobody else's."""
        user = NAMES[kind]

        assert [story.pods[user].uid] == [uid_of(session) for session in story.bed.read(user).sessions]
        assert story.truth(user) == pytest.approx(story.charged(user))

    def test_another_namespace_is_not_the_hubs(self, story: Story):
        """Its pods carry the same user name and are shown by the same kube-state-metrics."""
        assert story.pods["elsewhere"].uid not in story.reading.uids()
        assert [] == story.bed.query('{namespace="other"}')

    def test_a_dask_worker_is_charged_to_its_user(self, story: Story):
        """Beside the server."""
        assert {story.pods["ann"].uid, story.pods["dask"].uid} == story.bed.read("ann").uids()
        ann, dask = story.session("ann"), story.session("dask")

        assert (GIB, 2 * GIB, ann.start, ann.end) == (ann.request.memory, dask.request.memory, dask.start, dask.end)

    def test_an_annotation_that_changes_charges_nobody_else(self, story: Story):
        """A profile that comes, and even another name, change neither the charge nor who pays."""
        assert story.truth("somebody else") == pytest.approx(story.charged("relabelled"))
        assert 0 == story.charged("somebody else")


class TestWhatIsCharged:
    """Requests as the scheduler counts them, from the node to the end."""

    @pytest.mark.parametrize("user", ["many", "initial", "ann", "waits"])
    @pytest.mark.parametrize("resource", ["memory", "cpu"])
    def test_containers_sidecars_init_containers_and_waiting(self, story: Story, user: str, resource: str):
        """Each is charged what its pod truly held up to the last scrape."""
        assert story.truth(user, resource) == pytest.approx(story.charged(user, resource))

    def test_devices_are_charged(self, story: Story):
        """Two of NVIDIA; one of AMD and two of Intel, whatever Intel's are called."""
        assert 2 == story.session("ann").request.gpu
        assert 3 == story.session("other_gpus").request.gpu

    @pytest.mark.parametrize(
        ("names", "gpus"), [(["example.com/Fast-GPU"], 4), (["*.com/*gpu"], 1), (["*GPU", "amd.com/gpu"], 5), ([], 0)]
    )
    def test_which_devices_are_gpus_is_chosen_on_reading(self, story: Story, names: list[str], gpus: int):
        """By the names that pods ask for, with capital letters and all; `*` never takes memory for a GPU."""
        (session,) = story.bed.read("other gpus", gpu_resources=names).sessions

        assert gpus == session.request.gpu

    def test_a_completed_pod_ends_when_it_was_done(self, story: Story):
        """To the second, however long its object stays."""
        assert (
            story.pods["completed"].finished - 1
            <= story.session("completed").end
            <= story.pods["completed"].finished + 1
        )

    def test_a_dead_node_ends_the_session_at_the_deletion_time(self, story: Story):
        """Its pod is shown as running for ever."""
        assert story.pods["dead"].deletion == story.session("dead").end

    def test_two_pods_of_one_name_are_two_sessions(self, story: Story):
        """The second begins after the first."""
        assert {story.pods["first"].uid, story.pods["second"].uid} == story.bed.read("tom").uids()
        assert story.session("first").end <= story.session("second").start + 1

    def test_a_resized_pod_is_charged_what_it_held(self, story: Story):
        """But for the time until the change was seen."""
        assert story.truth("resized") == pytest.approx(story.charged("resized"), abs=2 * GIB * LATE_SECONDS)

    def test_everybody_in_slices_is_the_same_as_at_once(self, story: Story):
        """Sessions that cross the borders of slices of two seconds, one of them resized, are put together again."""
        at, since = story.reading.as_of, story.reading.as_of - 60
        at_once = story.bed.read(since=since, at=at)
        in_slices = story.bed.read(since=since, at=at, slice_seconds=2)

        assert sorted(at_once.sessions, key=repr) == sorted(in_slices.sessions, key=repr)
        assert at_once.as_of == in_slices.as_of

    def test_everybody_is_all_users_one_by_one(self, story: Story):
        """In slices."""
        at, since = story.reading.as_of, story.reading.as_of - 60
        everybody = story.bed.read(since=since, at=at, slice_seconds=7)
        names = ["ann", "resized", "many", "completed", "tom", "student7", "student77", *NAMES.values()]

        for name in names:
            alone = story.bed.read(name, since=since, at=at)
            assert set(alone.sessions) == {session for session in everybody.sessions if name == session.user}, name

    def test_who_is_alive_is_known(self, story: Story):
        """All but those that ended."""
        ended = {story.pods[key].uid for key in ("completed", "dead", "first", *(f"student{n}" for n in range(1, 61)))}

        assert ended == story.reading.uids() - {uid_of(session) for session in story.reading.alive()}

    def test_a_resize_opens_another_segment(self, story: Story):
        """What was charged before it stays; the change is known to a scrape and a rule interval."""
        pod = story.pods["resized"]
        first, second = story.reading.of(pod.uid)

        assert (pod.scheduled, GIB, False) == (first.start, first.request.memory, first.alive)
        assert (first.end, 3 * GIB, True) == (second.start, second.request.memory, second.alive)
        assert -0.5 <= first.end - pod.sizes[1][0] <= LATE_SECONDS


class TestInfo:
    """What reports need of a pod."""

    def test_a_session_says_what_it_was(self, story: Story):
        """The name of its server, its pod and its component; what is no server of the hub has no name."""
        ann, dask = story.session("ann"), story.session("dask")

        assert (SERVER, story.pods["ann"].name, "singleuser-server") == (ann.server, ann.pod, ann.component)
        assert ("", story.pods["dask"].name, "dask-worker") == (dask.server, dask.pod, dask.component)

    def test_a_server_is_described(self, story: Story):
        """Its name, its pod, its component and application."""
        pod = story.pods["ann"]

        assert {
            "username": "ann",
            "servername": SERVER,
            "pod": pod.name,
            "component": "singleuser-server",
            "application": "jupyterhub",
        } == info(story, "ann")

    def test_groups_are_kept_as_they_were_written(self, story: Story):
        """With what is special in names of groups."""
        assert '["a{b}", "c"]' == info(story, "annotated")["groups"]

    def test_the_profile_is_kept(self, story: Story):
        """It came while the pod ran, and is still found under the uid."""
        pod = story.pods["relabelled"]

        assert 1 == len(
            story.bed.query(f'last_over_time(jupyterhub_quota:pod_info{{uid="{pod.uid}",profile="large"}}[1h])')
        )


def info(story: Story, key: str) -> dict[str, str]:
    """Return the latest row of the pod that *key* names, without what all have."""
    pod = story.pods[key]
    (row,) = story.bed.query(f'topk(1, max_over_time(jupyterhub_quota:pod_info{{uid="{pod.uid}"}}[1h]))')
    return {name: text for name, text in row["metric"].items() if name not in {"__name__", "namespace", "uid"}}
