"""Whether a start can still succeed."""

import json
from pathlib import Path

import pytest

from jupyterhub_spawn_progress import default_table, hopeless
from jupyterhub_spawn_progress.narrator import Narrator
from jupyterhub_spawn_progress.status import refusal_event

RECORDED = {
    path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "recorded").glob("*.json"))
}


def waiting(reason, message="", **fields):
    state = {"name": "notebook", "state": {"waiting": {"reason": reason, "message": message}}, "ready": False}
    return {"metadata": {"uid": "pod-1"}, "status": {"phase": "Pending", "containerStatuses": [state | fields]}}


def failed(reason):
    return {"metadata": {"uid": "pod-1"}, "status": {"phase": "Failed", "reason": reason}}


def event(component, reason, message):
    return {
        "reportingComponent": component,
        "reason": reason,
        "message": message,
        "involvedObject": {"uid": "pod-1"},
        "eventTime": "2026-01-01T00:00:00Z",
    }


def names(events, pod, **options):
    return [verdict.name for verdict in hopeless(events, pod, **options)]


@pytest.mark.parametrize(
    ("story", "failures"),
    {
        "a-normal": [],
        "b-unschedulable": [],
        "c-bad-image": ["not-found"],
        "c2-image-not-found": ["not-found"],
        "d-missing-configmap": ["configuration-missing"],
        "e-unbound-pvc": [],
        "f-crashloop": ["crash"],
        "i-not-ready": [],
        "k-completed": ["ended"],
        "n-missing-key": ["configuration-missing"],
        "q-run-as-nonroot": ["configuration-wrong"],
        "s-gpu": [],
        "v-startup-probe": ["not-answering"],
        "zd-with-pvc": [],
        "ze-deleted": ["gone"],
    }.items(),
)
def test_recorded(story, failures):
    """What a real cluster shows."""
    assert failures == names(RECORDED[story]["events"], RECORDED[story]["pod"])


@pytest.mark.parametrize(
    ("pod", "name"),
    [
        (waiting("InvalidImageName"), "name-invalid"),
        (waiting("ErrImageNeverPull"), "never-downloaded"),
        (waiting("ErrImagePull", "manifest unknown"), "not-found"),
        (waiting("ErrImagePull", "unauthorized"), "denied"),
        (waiting("ImagePullBackOff", 'Back-off pulling image "a"'), "not-downloaded"),
        (waiting("CreateContainerConfigError", 'secret "a" not found'), "configuration-missing"),
        (waiting("CreateContainerConfigError", "runAsNonRoot"), "configuration-wrong"),
        (waiting("RunContainerError", "executable file not found in $PATH"), "command-not-found"),
        (waiting("CreateContainerError", "context deadline exceeded"), "cannot-start"),
        (waiting("CrashLoopBackOff"), "crash"),
        (failed("Evicted"), "evicted"),
        (failed("OutOfcpu"), "place-taken"),
        (failed("NodeAffinity"), "place-taken"),
        (failed("UnexpectedAdmissionError"), "place-taken"),
        (failed("DeadlineExceeded"), "time-limit"),
        (failed(""), "failed"),
    ],
)
def test_status(pod, name):
    """What the status alone tells."""
    assert [name] == names([], pod)


@pytest.mark.parametrize("phase", ["Running", "Succeeded", "Failed"])
@pytest.mark.parametrize(("reason", "code"), [("Completed", 0), ("Error", 143)])
def test_deleted_ends_because_it_was_deleted(phase, reason, code):
    """Its containers are told to end, and may do so in any way before it is gone."""
    ended = {"name": "notebook", "state": {"terminated": {"reason": reason, "exitCode": code}}, "ready": False}
    pod = {
        "metadata": {"uid": "pod-1", "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "status": {"phase": phase, "containerStatuses": [ended]},
    }

    assert ["gone"] == names([], pod)


@pytest.mark.parametrize(
    "message", ["i/o timeout", "toomanyrequests: rate limit", "connection refused", "unexpected EOF", "502 Bad Gateway"]
)
def test_a_registry_may_recover(message):
    """So nothing is hopeless."""
    assert [] == names([], waiting("ErrImagePull", message))


def test_out_of_memory_is_the_most_telling():
    """A crash loop out of memory is named after its cause."""
    pod = waiting("CrashLoopBackOff", lastState={"terminated": {"reason": "OOMKilled", "exitCode": 137}})

    assert ["out-of-memory"] == names([], pod)


def test_older_kubelets_tell_the_cause_in_an_event_only():
    """Up to 1.30, the status says "Back-off pulling" and no more."""
    events = [event("kubelet", "Failed", 'Failed to pull image "a": manifest unknown')]

    assert ["not-found"] == names(events, waiting("ImagePullBackOff", 'Back-off pulling image "a"'))


def test_events_alone_end_nothing_that_cannot_be_waited_for():
    """An eviction that is cancelled would be one."""
    events = [event("taint-eviction-controller", "TaintManagerEviction", "Marking for deletion Pod a/b")]

    assert [] == names(events, waiting("ContainerCreating"))


def test_a_pod_that_is_gone():
    """The events tell why, if anything does."""
    events = [event("default-scheduler", "Preempted", "Preempted by pod x on node y")]

    assert ["gone"] == names([], waiting("ContainerCreating"), is_gone=True)
    assert ["preempted"] == names(events, waiting("ContainerCreating"), is_gone=True)


def test_what_the_start_has_got_past():
    """A missing file that has appeared ends nothing any more."""
    missing = event("kubelet", "FailedMount", 'MountVolume.SetUp failed for volume "a" : secret "a" not found')
    pulling = event("kubelet", "Pulling", 'Pulling image "a"')

    assert ["files-missing"] == names([missing], waiting("ContainerCreating"))
    assert [] == names([missing, pulling], waiting("ContainerCreating"))


def test_preparing_steps():
    """An init container that fails is not the environment's fault."""
    state = {"name": "setup", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}

    assert ["preparation-fails"] == names([], {"status": {"initContainerStatuses": [state]}})


def test_refusals_that_are_not_json():
    """Some proxies answer in plain text."""
    assert "admission webhook denied" == refusal_event(b"admission webhook denied", 403, "Forbidden").message


class TestGrace:
    """A failure ends a start after it has held for its grace, without a break."""

    def narrator(self):
        return Narrator(default_table().with_graces({"crash": 15}), began=0, patience_seconds=0)

    def verdicts(self, narrator, *looks):
        return [verdict and verdict.name for verdict in (narrator.look([], pod, now)[1] for now, pod in looks)]

    def test_after_its_grace(self):
        """Not before."""
        crash = waiting("CrashLoopBackOff")

        assert [None, None, "crash"] == self.verdicts(self.narrator(), (0, crash), (14, crash), (15, crash))

    def test_a_break_begins_it_anew(self):
        """A server that runs again may have recovered."""
        crash, runs = waiting("CrashLoopBackOff"), waiting("ContainerCreating")
        looks = [(0, crash), (14, crash), (15, runs), (16, crash), (30, crash), (31, crash)]

        assert [None, None, None, None, None, "crash"] == self.verdicts(self.narrator(), *looks)

    def test_wrong_environment_name_within_half_a_minute(self):
        """With the graces that ship."""
        narrator = Narrator(default_table(), began=0, patience_seconds=45)
        recording = RECORDED["c2-image-not-found"]

        ends = [now for now in range(60) if narrator.look(recording["events"], recording["pod"], now)[1]]

        assert 15 == ends[0]
