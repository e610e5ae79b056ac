"""Faults while a server runs: what it is charged in the end is what it held. And what happens while nobody can know."""

import os
import re
import signal
from datetime import datetime

import pytest

from bed.killer import kill
from bed.kubelet import kubelet, repair
from bed.record import charged_in_the_end, firing, recorded, status
from bed.story import now
from bed.waiting import until

GIB = 2**30


@pytest.fixture
def session(hub, namespace, deployment, request):
    """
    A user's server of 512 MiB that runs while a fault happens; `end()` stops it and says whether its charge is exact.

    What it is compared with is what Kubernetes and the hub say. It may be less by one scrape and one rule interval, of
    five seconds each, twice that on a busy machine, and never more.
    """
    user = re.sub("[^a-z]+", "-", request.node.name.removeprefix("test_")).strip("-")
    hub.add(user, "regular")
    assert f"Server ready at /user/{user}/" == hub.start(user, "half")[-1]
    pod = namespace.pods(f"hub.jupyter.org/username={user}")[0]
    scheduled = next(one for one in pod["status"]["conditions"] if one["type"] == "PodScheduled")["lastTransitionTime"]
    begin = datetime.fromisoformat(scheduled).timestamp()
    until(lambda: status(deployment, user, "regular")["running"], f"{user}'s server to be recorded")

    def end():
        recorded(deployment, user, "regular")  # The server outlives the fault.
        alive = now() - begin
        hub.stop(user)
        gone = now() - begin
        charged = charged_in_the_end(deployment, user, "regular") / (GIB / 2)
        assert alive - 20 <= charged <= gone + 2

    return end


class TestWhileAServerRuns:
    """Lifetimes are charged, not samples."""

    @pytest.mark.parametrize("part", ["prometheus", "kube-state-metrics"])
    def test_killed(self, session, namespace, deployment, part):
        """`kill -9` of what records."""
        before = restarts_of(namespace, part)
        pod = pods_of(namespace, part)[0]["metadata"]["name"]
        kill(namespace, pod, part, deployment.images["hub"])
        until(lambda: restarts_of(namespace, part) > before, f"{part} to be restarted")
        deployment.all_up()

        session()

    def test_prometheus_pod_deleted(self, session, namespace, deployment):
        """The volume is there for the next one."""
        before = uids(pods_of(namespace, "prometheus"))
        namespace.kubectl("delete", "pod", "jupyterhub-quota-prometheus-0", "--grace-period=0", "--force")
        until(lambda: uids(pods_of(namespace, "prometheus"), ready=True) - before, "another pod of Prometheus")
        deployment.all_up()

        session()

    def test_kube_state_metrics_twice(self, session, namespace, deployment):
        """Two of them for a while, as in a rollout."""
        workload = "deployment/jupyterhub-quota-kube-state-metrics"
        namespace.kubectl("scale", workload, "--replicas=2")
        namespace.rolled_out(workload)
        namespace.kubectl("rollout", "restart", workload)
        namespace.rolled_out(workload)
        namespace.kubectl("scale", workload, "--replicas=1")
        deployment.all_up()

        session()

    def test_hub_killed(self, hub, session, namespace):
        """The server runs on, and the hub finds it again."""
        before = uids(namespace.pods("component=hub"))
        namespace.kubectl("delete", "pod", "--selector", "component=hub", "--grace-period=0", "--force")
        until(lambda: uids(namespace.pods("component=hub"), ready=True) - before, "another pod of the hub")
        until(lambda: hub.api.get("").is_success, "the hub behind its proxy")

        session()

    def test_kubelet_killed(self, hub, session, namespace, deployment):
        """`kill -9` of what runs pods: they run on without it, and are charged for that."""
        try:
            process = kubelet()
        except LookupError as reason:
            pytest.skip(str(reason))
        last = renewed(namespace)
        os.kill(process, signal.SIGKILL)
        try:
            until(lambda: now() - renewed(namespace) > 15, "the node not to report")
        finally:
            repair()
        until(lambda: renewed(namespace) - last > 15, "the node to report again")
        namespace.rolled_out("deployment/hub", "deployment/proxy")
        deployment.all_up()
        until(lambda: hub.api.get("").is_success, "the hub behind its proxy")

        session()


@pytest.fixture
def away(namespace, deployment):
    """Take Prometheus away, until `back()`."""
    workload = "statefulset/jupyterhub-quota-prometheus"

    def scale(replicas):
        namespace.kubectl("scale", workload, f"--replicas={replicas}")

    def go():
        scale(0)

    def back():
        scale(1)
        deployment.all_up()

    yield go, back
    back()


class TestPrometheusAway:
    """The policy's `tolerate` is a minute here."""

    def test_refused(self, hub, namespace, deployment, away):
        """Launches go on for a while, then none is allowed, an alert says so, and afterwards all is well again."""
        go, back = away
        hub.add("walter", "regular")
        hub.request("walter", "normal")
        # His quota was looked at just now, and counts for a minute: so no time is spent on waiting for the server.
        until(lambda: namespace.pods("hub.jupyter.org/username=walter"), "walter's server to be allowed")
        go()
        assert "Server ready at /user/walter/second/" == hub.start("walter", "normal", server="second")[-1]
        hub.stop("walter", server="second")

        assert "is not known at the moment, so this server cannot start" in until(
            lambda: said_when_unknown(hub, "walter"), "the hub to know no longer", every=5
        )
        back()
        hub.stop("walter")
        assert until(lambda: "Server ready" in hub.start("walter", "normal")[-1], "launches to go on", every=5)
        hub.stop("walter")
        assert until(
            lambda: "JupyterHubQuotaLaunchesRefusedUnknown" in firing(deployment), "the alert to fire", every=2
        )

    def test_allowed(self, hub, deployment, away):
        """With `when_unknown: allow` servers start all the same, and an alert says that nothing holds anybody back."""
        go, back = away
        hub.add("xenia", "regular")
        deployment.quota({"policy": {"when_unknown": "allow", "tolerate": "20s"}})
        deployment.hurry()
        deployment.in_force("when_unknown: allow")
        try:
            go()
            assert "is not known at the moment. This server starts all the same." in until(
                lambda: said_when_unknown(hub, "xenia"), "the hub to know no longer", every=5
            )
            back()
            assert until(lambda: "JupyterHubQuotaLaunchesUnchecked" in firing(deployment), "the alert to fire", every=2)
        finally:
            back()
            deployment.quota()
            deployment.hurry()
            deployment.in_force("when_unknown: refuse")


def said_when_unknown(hub, user):
    """Start and stop a server; return what was said of usage that is not known, if that was said."""
    lines = hub.start(user, "normal", server="again")
    hub.stop(user, server="again")
    return next((line for line in lines if "is not known" in line), "")


def renewed(namespace):
    """Return when the node last reported."""
    leases = namespace.get("leases", "--namespace", "kube-node-lease")
    return max(datetime.fromisoformat(one["spec"]["renewTime"]).timestamp() for one in leases)


def restarts_of(namespace, part):
    """Return how often the container of a part of ours was started again."""
    return sum(one["restartCount"] for pod in pods_of(namespace, part) for one in pod["status"]["containerStatuses"])


def pods_of(namespace, part):
    """Return the pods of a part of ours."""
    return namespace.pods(f"app.kubernetes.io/component={part},app.kubernetes.io/instance=quota")


def uids(pods, *, ready=False):
    """Return which pods these are, all or those that are ready."""
    return {
        pod["metadata"]["uid"]
        for pod in pods
        if not ready or any("Ready" == one["type"] and "True" == one["status"] for one in pod["status"]["conditions"])
    }
