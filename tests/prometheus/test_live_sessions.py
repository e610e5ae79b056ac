"""
What a query reads from the real programs, compared with what truly was: a quarter of a minute in which much happens.

Scrapes and rules run every second. A session that is alive is known up to the last scrape; one that ended may miss the
time since its last sighting, at most one scrape and one rule interval, and is never charged beyond its end.
"""

import time
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from testbed import GIB, Bed, Pod, Reading, Row, segments

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
}
SERVER = "gpu server"


@dataclass
class Story:
    """What happened, and what a reading of everybody says of it."""

    bed: Bed
    reading: Reading
    pods: dict[str, Pod]

    def row(self, key: str) -> Row:
        """Return the row of the pod that *key* names."""
        (row,) = [row for row in self.reading.rows if row.uid == self.pods[key].uid]
        return row

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
    ours = tuple(row for row in everybody.rows if row.uid in {pod.uid for pod in pods.values()})
    for pod in pods.values():
        if pod.uid in bed.api.pods:
            bed.delete(pod)
    return Story(bed, replace(everybody, rows=ours), pods)


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
            missing = story.pods[f"student{number}"].ended - story.row(f"student{number}").end
            assert -0.5 <= missing <= LATE_SECONDS, number

    @pytest.mark.parametrize("kind", NAMES)
    def test_a_name_is_found_whatever_is_in_it(self, story: Story, kind: str):
        """Asked for by name, this user's one session comes, and nobody else's."""
        user = NAMES[kind]

        assert [story.pods[user].uid] == [row.uid for row in story.bed.read(user).rows]
        assert story.truth(user) == pytest.approx(story.charged(user))

    def test_another_namespace_is_not_the_hubs(self, story: Story):
        """Its pods carry the same user name and are shown by the same kube-state-metrics."""
        assert story.pods["elsewhere"].uid not in {row.uid for row in story.reading.rows}
        assert [] == story.bed.query('{namespace="other"}')

    def test_a_dask_worker_is_charged_to_its_user(self, story: Story):
        """Beside the server."""
        assert {story.pods["ann"].uid, story.pods["dask"].uid} == {row.uid for row in story.bed.read("ann").rows}
        assert story.row("dask").charged("memory") == pytest.approx(2 * story.row("ann").charged("memory"))

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

    def test_devices_are_recorded_under_their_own_name(self, story: Story):
        """Two of them."""
        assert 2 == story.row("ann").requests["nvidia_com_gpu"]

    def test_a_completed_pod_ends_when_it_was_done(self, story: Story):
        """To the second, however long its object stays."""
        assert (
            story.pods["completed"].finished - 1 <= story.row("completed").end <= story.pods["completed"].finished + 1
        )

    def test_a_dead_node_ends_the_session_at_the_deletion_time(self, story: Story):
        """Its pod is shown as running for ever."""
        assert story.pods["dead"].deletion == story.row("dead").end

    def test_two_pods_of_one_name_are_two_sessions(self, story: Story):
        """The second begins after the first."""
        assert {story.pods["first"].uid, story.pods["second"].uid} == {row.uid for row in story.bed.read("tom").rows}
        assert story.row("first").end <= story.row("second").start + 1

    def test_a_resized_pod_is_told_from_others(self, story: Story):
        """It is the only one with a mark, and is charged the mean."""
        assert {story.pods["resized"].uid} == {row.uid for row in story.reading.rows if row.resized}
        assert story.truth("resized") == pytest.approx(story.charged("resized"), abs=2 * GIB * LATE_SECONDS)

    def test_who_is_alive_is_known(self, story: Story):
        """All but those that ended."""
        ended = {story.pods[key].uid for key in ("completed", "dead", "first", *(f"student{n}" for n in range(1, 61)))}

        assert ended == {row.uid for row in story.reading.rows} - {row.uid for row in story.reading.alive()}

    def test_a_resize_opens_another_segment(self, story: Story):
        """What was charged before it stays; the change is known to a scrape and a rule interval."""
        row = story.row("resized")
        first, second = segments(story.bed.url, row, "memory")
        resized_at = story.pods["resized"].sizes[1][0]

        assert (row.start, GIB) == (first[0], first[2])
        assert (row.end, 3 * GIB) == (second[1], second[2])
        assert -0.5 <= first[1] - resized_at <= LATE_SECONDS


class TestInfo:
    """What reports need of a pod."""

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
