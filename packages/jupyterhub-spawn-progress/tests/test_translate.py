"""From events and status to messages."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_spawn_progress import Message, default_table, hopeless, translate
from jupyterhub_spawn_progress.formatter import SentenceFormatter

RECORDED = {
    path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "recorded").glob("*.json"))
}
FOUND = "A machine has been found for your server."
PRESENT = "Your environment is already on the machine."
STARTING = "Your server is starting."
NO_ROOM = "No machine has enough room for your server right now. Waiting for a free place, or for a new machine."


def event(component, reason, message="", field="", at=0.0, uid="pod-1", **fields):
    stamp = datetime.fromtimestamp(1_800_000_000 + at, UTC).isoformat().replace("+00:00", "Z")
    return {
        "involvedObject": {"kind": "Pod", "name": "jupyter-ann", "uid": uid, "fieldPath": field},
        "reason": reason,
        "message": message,
        "reportingComponent": component,
        "eventTime": stamp,
    } | fields


def texts(events, pod=None, **options):
    return [message.text for message in translate(events, pod, **options)]


def pod(created=0.0, uid="pod-1", **status):
    stamp = datetime.fromtimestamp(1_800_000_000 + created, UTC).isoformat()
    return {"metadata": {"uid": uid, "creationTimestamp": stamp}, "status": status}


def usual(pulled, created, started):
    return [
        event("default-scheduler", "Scheduled", "Successfully assigned jhub/jupyter-ann to node-1"),
        event("kubelet", "Pulled", pulled, "spec.containers{notebook}", 1),
        event("kubelet", "Created", created, "spec.containers{notebook}", 2),
        event("kubelet", "Started", started, "spec.containers{notebook}", 3),
    ]


@pytest.mark.parametrize(
    "events",
    [
        usual('Container image "a" already present on machine', "Created container notebook", "Started container x"),
        usual('Container image "a" already present on machine', "Created container: notebook", "Started container x"),
        usual(
            'Container image "a" already present on machine and can be accessed by the pod',
            "Container created",
            "Container started",
        ),
    ],
    ids=["1.28", "1.30", "1.35"],
)
def test_all_versions_read_the_same(events):
    """The texts of Kubernetes change; what a person reads does not."""
    assert [FOUND, PRESENT, STARTING] == texts(events)


@pytest.mark.parametrize(
    "component", ["default-scheduler", "jhub-user-scheduler", "gke.io/optimize-utilization-scheduler"]
)
def test_all_schedulers_read_the_same(component):
    """The stock one, that of Zero to JupyterHub, that of GKE."""
    full = event(component, "FailedScheduling", "0/3 nodes are available: 1 Insufficient cpu, 2 Too many pods.")

    assert [NO_ROOM, FOUND] == texts([full, event(component, "Scheduled", at=5)])


@pytest.mark.parametrize(
    "taint", ["node(s) had untolerated taint {gpu: yes}", "node(s) had untolerated taint(s)"], ids=["1.28", "1.35"]
)
def test_no_machine_of_the_right_kind(taint):
    """Where all that run are for something else."""
    message = f"0/3 nodes are available: 1 {taint}, 2 node(s) didn't match Pod's node affinity/selector."

    assert ["No machine of the right kind is running. Waiting for one."] == texts(
        [event("default-scheduler", "FailedScheduling", message)]
    )


@pytest.mark.parametrize("name", RECORDED)
def test_both_event_apis_read_the_same(name):
    """v1 and events.k8s.io/v1."""
    recording = RECORDED[name]

    assert texts(recording["events"], recording["pod"]) == texts(recording["events_v1"], recording["pod"])


@pytest.mark.parametrize("name", RECORDED)
def test_order_of_arrival_does_not_matter(name):
    """A reflector hands events over in no order that means anything."""
    recording = RECORDED[name]

    assert texts(recording["events"], recording["pod"]) == texts(reversed(recording["events"]), recording["pod"])


@pytest.mark.parametrize("name", RECORDED)
def test_nothing_is_said_twice(name):
    """Neither in one look nor in the next."""
    recording = RECORDED[name]
    said = translate(recording["events"], recording["pod"])

    assert len(said) == len({message.text for message in said})
    assert () == translate(recording["events"], recording["pod"], said=said)


def test_whole_seconds_and_fractions():
    """The scheduler writes fractions of a second and the kubelet does not, so it seems to be earlier."""
    events = [
        event("default-scheduler", "Scheduled", at=0.9),
        event("kubelet", "Pulled", 'Container image "a" already present on machine'),
    ]

    assert [FOUND, PRESENT] == texts(events)


def test_a_start_only_moves_forward():
    """What belongs to an earlier phase is stale."""
    said = (Message(FOUND, 40, "found"),)

    assert [] == texts([event("default-scheduler", "FailedScheduling", "Insufficient memory", at=9)], said=said)


def test_trouble_is_said_whenever_it_comes():
    """It belongs to no phase."""
    said = (Message(STARTING, 85, "starting"),)

    assert ["The machine of your server runs short of memory or disk space."] == texts(
        [event("kubelet", "Evicted", "The node was low on resource: memory.")], said=said
    )


def test_events_of_another_pod():
    """An earlier pod of the same name has another uid."""
    events = [event("kubelet", "Evicted", uid="pod-0"), event("default-scheduler", "Scheduled")]

    assert [FOUND] == texts(events, pod())


def test_events_without_uid():
    """Those of the taint-eviction controller count if they are not older than the pod."""
    marking = "Marking for deletion Pod jhub/jupyter-ann"
    old = event("taint-eviction-controller", "TaintManagerEviction", marking, at=0, uid=None)
    new = event("taint-eviction-controller", "TaintManagerEviction", marking, at=20, uid=None)

    assert [] == texts([old], pod(created=10))
    assert ["The machine of your server stopped working."] == texts([old, new], pod(created=10))


def test_status_alone():
    """A hub without events still learns from the status."""
    status = {
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": "notebook", "state": {"running": {}}, "ready": False}],
    }

    assert [FOUND, STARTING] == texts([], pod(**status))


def test_messages_of_other_hooks():
    """What a newer KubeSpawner's add_custom_event puts among the events is shown as it is."""
    assert ["Hello <b>there</b>"] == texts([event("", "", "Hello <b>there</b>", type="Custom")])


def test_unknown_events_are_hidden():
    """Calmly."""
    assert [] == texts([event("kueue", "QuotaReserved", "Quota reserved in ClusterQueue users", type="Warning")])


def test_formatter():
    """The same words for a KubeSpawner that formats events itself."""
    formatter = SentenceFormatter()

    assert FOUND == formatter.format_event(event("default-scheduler", "Scheduled"))
    assert "" == formatter.format_event(event("kubelet", "Created"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "metadata": JSON,
            "involvedObject": JSON | st.fixed_dictionaries({"uid": JSON, "fieldPath": JSON}),
            "reason": JSON | st.sampled_from(["Failed", "FailedScheduling", "Pulled", "Started", "Killing", "BackOff"]),
            "message": JSON,
            "type": JSON,
            "source": JSON,
            "reportingComponent": JSON | st.sampled_from(["kubelet", "default-scheduler", "pod", "api"]),
            "eventTime": JSON | st.just("2026-01-01T00:00:00Z"),
            "firstTimestamp": JSON,
            "lastTimestamp": JSON,
            "series": JSON,
        },
    ),
    max_size=6,
)
PODS = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "metadata": JSON,
        "status": JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "phase": JSON | st.sampled_from(["Failed", "Succeeded"]),
                "conditions": JSON | st.lists(st.fixed_dictionaries({"type": JSON, "status": JSON}), max_size=2),
                "containerStatuses": JSON
                | st.lists(
                    st.fixed_dictionaries({}, optional={"state": JSON, "lastState": JSON, "restartCount": JSON}),
                    max_size=2,
                ),
            },
        ),
    },
)


@given(EVENTS, PODS)
def test_no_event_and_no_status_is_an_error(events, pod):
    """Whatever comes: a bar from 0 to 100 that only moves forward, and no text twice."""
    said = translate(events, pod)
    hopeless(events, pod)

    bar = [message.progress for message in said if message.progress is not None]
    assert sorted(bar) == bar
    assert len(said) == len({message.text for message in said})


def test_the_default_table_is_read_once():
    """It does not change."""
    assert default_table() is default_table()
