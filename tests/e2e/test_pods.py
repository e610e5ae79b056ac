"""Pods of every kind: which of them are charged, to whom, and for how long."""

from datetime import datetime

import pytest

from bed.record import charged_in_the_end, memory_used, recorded, status
from bed.waiting import until

GIB = 2**30
WRITE = "import pathlib, time; pathlib.Path('/scratch/big').write_bytes(bytes(2**25)); time.sleep(600)"


def pod(name, image, *, seconds=10, **spec):
    """Return a pod that reserves half a GiB for a while; whose it is, is its name."""
    container = {
        "name": "notebook",
        "image": str(image),
        "command": ["sleep", str(seconds)],
        "resources": {"requests": {"memory": "512Mi", "cpu": "1m"}},
    }
    container |= spec.pop("container", {})
    metadata = {"name": name, "annotations": {"hub.jupyter.org/username": name}}
    body = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": body}


@pytest.fixture(autouse=True, scope="module")
def pods(hub, namespace, deployment, sams_server):
    """
    Pods that end in their several ways, all at once, while the tests of names run.

    From here on sam's server runs, for test_running.py.
    """
    image = deployment.images["hub"]
    preparing = {"name": "prepare", "image": str(image), "command": ["sleep", "5"]}
    namespace.apply(
        pod("completed", image),
        pod(
            "evicted",
            image,
            container={
                "command": ["python", "-c", WRITE],
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            },
            volumes=[{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}],
        ),
        pod("pending", image, nodeSelector={"no-such": "node"}),
        pod("prepared", image, initContainers=[preparing | {"resources": {"requests": {"memory": "2Gi"}}}]),
    )


def charged(deployment, user):
    """Return for how many seconds of half a GiB a user is charged, once nothing of theirs runs."""
    return charged_in_the_end(deployment, user, "regular") / (GIB / 2)


def held(namespace, name):
    """Return for how many seconds a pod that has ended held its place, as Kubernetes tells it."""
    found = namespace.get("pod", name)["status"]
    begin = next(one for one in found["conditions"] if one["type"] == "PodScheduled")["lastTransitionTime"]
    end = found["containerStatuses"][0]["state"]["terminated"]["finishedAt"]
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


class TestNames:
    """Whose a server is."""

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def servers(cls, hub):
        """Three people start a server each."""
        assert "Server ready at /user/lila/" == hub.start("lila", "half")[-1]
        assert "Server ready at /user/bob@example.org/" == hub.start("bob@example.org", "half")[-1]
        assert "Server ready at /user/nora/lab/" == hub.start("nora", "half", server="lab")[-1]
        yield
        hub.stop("lila")
        hub.stop("bob@example.org")
        hub.stop("nora", server="lab")

    def test_name_that_begins_another(self, deployment):
        """`lil` is not `lila`."""
        until(lambda: memory_used(deployment, "lila", "regular"), "lila's use")

        assert 0 == memory_used(deployment, "lil", "regular")

    def test_address(self, deployment):
        """The pod's name and labels cannot hold it, its annotation does."""
        assert until(lambda: memory_used(deployment, "bob@example.org", "regular"), "bob's use")

    def test_named_server(self, deployment):
        """Charged to its owner, under its name."""
        assert until(
            lambda: ["lab"] == [one["server"] for one in status(deployment, "nora", "regular")["running"]], "nora's use"
        )


class TestEnds:
    """From the moment that a pod has its place to the moment that it ends, however it does."""

    def test_completed(self, namespace, deployment):
        """Not for as long as the object stays."""
        seconds = charged(deployment, "completed")

        assert held(namespace, "completed") == pytest.approx(seconds, abs=12)

    def test_init_container(self, namespace, deployment):
        """Kubernetes reserves the largest init container for the whole pod: 2 GiB here."""
        seconds = charged(deployment, "prepared") / 4

        assert held(namespace, "prepared") == pytest.approx(seconds, abs=12)

    def test_evicted(self, namespace, deployment):
        """The kubelet puts it out, and its object stays."""
        until(lambda: namespace.get("pod", "evicted")["status"].get("reason") == "Evicted", "its eviction")
        seconds = charged(deployment, "evicted")
        recorded(deployment, "evicted", "regular", seconds=20)

        assert seconds == pytest.approx(charged(deployment, "evicted"), abs=1)

    def test_pending(self, deployment):
        """A pod without a place holds nothing, while others that came with it are charged."""
        charged(deployment, "completed")

        assert 0 == memory_used(deployment, "pending", "regular")
