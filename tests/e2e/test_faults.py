"""Faults while a server runs: what it is charged in the end is what it held."""

import re
from datetime import datetime

import pytest

from bed.killer import kill
from bed.record import memory_used, status
from bed.waiting import until

GIB = 2**30


@pytest.fixture
def session(hub, namespace, deployment, request):
    """
    A user's server of 512 MiB that runs while a fault happens; `end()` stops it and returns two numbers.

    They are what Kubernetes says it held, and what it was charged, in seconds of 512 MiB.
    """
    user = re.sub("[^a-z]+", "-", request.node.name.removeprefix("test_")).strip("-")
    hub.add(user, "regular")
    assert f"Server ready at /user/{user}/" == hub.start(user, "half")[-1]
    pod = namespace.pods(f"hub.jupyter.org/username={user}")[0]
    scheduled = next(one for one in pod["status"]["conditions"] if one["type"] == "PodScheduled")["lastTransitionTime"]
    until(lambda: status(deployment, user, "regular")["running"], f"{user}'s server to be recorded")

    def end():
        hub.stop(user)
        stopped = datetime.now().astimezone().timestamp()
        until(lambda: [] == status(deployment, user, "regular")["running"], "its end to be recorded", minutes=5)
        held = stopped - datetime.fromisoformat(scheduled).timestamp()
        return held, memory_used(deployment, user, "regular") / (GIB / 2)

    return end


def exact(held, charged):
    """One scrape and one rule interval less at the end, of five seconds each, and never more than was held."""
    return held - 20 <= charged <= held + 2


class TestWhileAServerRuns:
    """Lifetimes are charged, not samples."""

    @pytest.mark.parametrize("part", ["prometheus", "kube-state-metrics"])
    def test_killed(self, session, namespace, deployment, part):
        """`kill -9` of what records."""
        pod = pods_of(namespace, part)[0]["metadata"]["name"]
        kill(namespace, pod, part, deployment.images["hub"])
        until(lambda: restarts_of(namespace, part), f"{part} to be restarted")
        deployment.all_up()

        assert exact(*session())

    def test_prometheus_pod_deleted(self, session, namespace, deployment):
        """The volume is there for the next one."""
        namespace.kubectl("delete", "pod", "jupyterhub-quota-prometheus-0", "--grace-period=0", "--force")
        deployment.all_up()

        assert exact(*session())

    def test_kube_state_metrics_twice(self, session, namespace, deployment):
        """Two of them for a while, as in a rollout."""
        workload = "deployment/jupyterhub-quota-kube-state-metrics"
        namespace.kubectl("scale", workload, "--replicas=2")
        namespace.rolled_out(workload)
        namespace.kubectl("rollout", "restart", workload)
        namespace.rolled_out(workload)
        namespace.kubectl("scale", workload, "--replicas=1")
        deployment.all_up()

        assert exact(*session())

    def test_hub_killed(self, hub, session, namespace):
        """The server runs on, and the hub finds it again."""
        namespace.kubectl("delete", "pod", "--selector", "component=hub", "--grace-period=0", "--force")
        namespace.rolled_out("deployment/hub")
        until(lambda: hub.api.get("").is_success, "the hub behind its proxy")

        assert exact(*session())


class TestPrometheusAway:
    """The policy's `tolerate` is a minute here."""

    def test_short_then_long(self, hub, namespace, deployment):
        """Launches go on, then `when_unknown` counts, and afterwards all is well again."""
        hub.add("walter", "regular")
        assert "Server ready at /user/walter/" == hub.start("walter", "normal")[-1]
        hub.stop("walter")
        namespace.kubectl("scale", "statefulset/jupyterhub-quota-prometheus", "--replicas=0")
        try:
            assert "Server ready at /user/walter/" == hub.start("walter", "normal")[-1]
            hub.stop("walter")

            def refused():
                last = hub.start("walter", "normal")[-1]
                hub.stop("walter")
                return last.startswith("Spawn failed") and last

            said = until(refused, "the hub to know no longer", minutes=3, every=5)
            assert "is not known" in said
        finally:
            namespace.kubectl("scale", "statefulset/jupyterhub-quota-prometheus", "--replicas=1")
        deployment.all_up()

        assert until(lambda: "Server ready" in hub.start("walter", "normal")[-1], "launches to go on", every=5)


def restarts_of(namespace, part):
    """Return how often the container of a part of ours was started again."""
    return sum(one["restartCount"] for pod in pods_of(namespace, part) for one in pod["status"]["containerStatuses"])


def pods_of(namespace, part):
    """Return the pods of a part of ours."""
    return namespace.pods(f"app.kubernetes.io/component={part},app.kubernetes.io/instance=quota")
