"""Who reaches whom, computed from the network policies as a network computes it."""

from typing import Any

import pytest

from rendering import pods, rendered

USER = {"app": "jupyterhub", "component": "singleuser-server", "hub.jupyter.org/network-access-hub": "true"}
HUB = {"app": "jupyterhub", "component": "hub"}
PROXY = {"app": "jupyterhub", "component": "proxy"}
STRANGER = {"app": "something"}
FOREIGN: dict[str, dict[str, str]] = {"user": USER, "hub": HUB, "proxy": PROXY, "stranger": STRANGER}


class Network:
    """The rendered policies, and the pods that they speak of."""

    def __init__(self, values: dict[str, Any]) -> None:
        objects = rendered(values)
        self.policies = [each["spec"] for each in objects if each["kind"] == "NetworkPolicy"]
        self.labels = dict(FOREIGN)
        self.ports: dict[str, dict[str, int]] = {"hub": {"http": 8081}}
        for name, pod in pods(objects):
            short = name.removeprefix("jupyterhub-quota-")
            self.labels[short] = pod["metadata"]["labels"]
            declared = (port for container in pod["spec"]["containers"] for port in container.get("ports", ()))
            self.ports[short] = {port["name"]: port["containerPort"] for port in declared}

    def reaches(self, source: str, target: str, port: int) -> bool:
        """Whether both sides' policies let a connection through."""
        return self._egress(source, target, port) and self._ingress(source, target, port)

    def _ingress(self, source: str, target: str, port: int) -> bool:
        return self._allowed("Ingress", target, "from", source, target, port)

    def _egress(self, source: str, target: str, port: int) -> bool:
        return self._allowed("Egress", source, "to", target, target, port)

    def _allowed(self, kind: str, subject: str, key: str, peer: str, target: str, port: int) -> bool:
        policies = [
            each for each in self.policies if kind in each["policyTypes"] and self._is(subject, each["podSelector"])
        ]
        if not policies:
            return True
        return any(
            self._has_port(rule, target, port)
            and (key not in rule or any(self._fits(peer, each) for each in rule[key]))
            for each in policies
            for rule in each.get(kind.lower(), ())
        )

    def _has_port(self, rule: dict[str, Any], target: str, port: int) -> bool:
        named = self.ports.get(target, {})
        return "ports" not in rule or port in {named.get(each["port"], each["port"]) for each in rule["ports"]}

    def _fits(self, peer: str, each: dict[str, Any]) -> bool:
        return "podSelector" in each and "namespaceSelector" not in each and self._is(peer, each["podSelector"])

    def _is(self, name: str, selector: dict[str, Any]) -> bool:
        return selector.get("matchLabels", {}).items() <= self.labels[name].items()


@pytest.fixture(scope="module")
def network():
    """As the chart is installed by default."""
    return Network({})


# Everything that may connect, and nothing else may.
ALLOWED = {
    ("hub", "prometheus", 9090),
    ("service", "prometheus", 9090),
    ("test-inside", "prometheus", 9090),
    ("prometheus", "kube-state-metrics", 8080),
    ("prometheus", "kube-state-metrics", 8081),
    ("prometheus", "service", 10101),
    ("prometheus", "hub", 8081),
    ("proxy", "service", 10101),
    ("hub", "service", 10101),
    ("test-inside", "service", 10101),
    ("service", "hub", 8081),
}
OURS = (("prometheus", 9090), ("kube-state-metrics", 8080), ("kube-state-metrics", 8081), ("service", 10101))


class TestWhoReachesWhom:
    """The whole matrix."""

    def test_to_our_pods(self, network):
        """From every pod that there is, foreign ones included."""
        found = {
            (source, target, port)
            for source in network.labels
            for target, port in OURS
            if source != target and network.reaches(source, target, port)
        }

        assert {each for each in ALLOWED if each[1] != "hub"} == found

    def test_to_the_hub(self, network):
        """From our pods; the hub's own policy looks for a label, which these have and the others have not."""
        ours = ("prometheus", "kube-state-metrics", "service", "policy-check")
        found = {source for source in ours if network.reaches(source, "hub", 8081)}

        assert {"prometheus", "service"} == found
        assert found == {
            source for source in ours if network.labels[source].get("hub.jupyter.org/network-access-hub") == "true"
        }

    def test_nobody_reaches_other_ports(self, network):
        """Of Prometheus, for whom it is open otherwise."""
        assert not network.reaches("hub", "prometheus", 9091)

    def test_a_user_does_not_reach_prometheus(self, network):
        """Neither with the labels that a user's server has, nor from anywhere else."""
        assert not network.reaches("user", "prometheus", 9090)
        assert not network.reaches("stranger", "prometheus", 9090)

    def test_kube_state_metrics_speaks_to_the_api_server_only(self, network):
        """Its ports, anywhere: no label selects it."""
        assert not network.reaches("kube-state-metrics", "prometheus", 9090)
        assert network._egress("kube-state-metrics", "stranger", 6443)
        assert not network._egress("kube-state-metrics", "stranger", 8080)

    def test_the_job_that_reads_the_policy_speaks_to_nobody(self, network):
        """Not even to look up a name."""
        assert not network._egress("policy-check", "stranger", 53)
        assert not network._ingress("hub", "policy-check", 80)


class TestMoreDoors:
    """What values open, and only that."""

    def test_grafana_may_be_let_in(self):
        """To Prometheus, not to the page."""
        network = Network({"networkPolicy": {"prometheusFrom": [{"podSelector": {"matchLabels": STRANGER}}]}})

        assert network.reaches("stranger", "prometheus", 9090)
        assert not network.reaches("stranger", "service", 10101)

    def test_alertmanagers_and_remote_stores_are_reached_without_more(self):
        """At the ports that their addresses have."""
        network = Network(
            {
                "prometheus": {
                    "alertmanagers": [{"static_configs": [{"targets": ["alertmanager:9093"]}]}],
                    "remoteWrite": [{"url": "https://metrics.example.org/write"}, {"url": "http://mimir:8080/push"}],
                }
            }
        )

        assert [True, True, True, False] == [
            network._egress("prometheus", "stranger", port) for port in (9093, 443, 8080, 80)
        ]

    def test_an_external_prometheus(self):
        """The page reaches it at its port, and it reaches kube-state-metrics; nobody else does."""
        network = Network(
            {
                "prometheus": {"mode": "external", "external": {"url": "https://prometheus:9443/x"}},
                "networkPolicy": {"kubeStateMetricsFrom": [{"podSelector": {"matchLabels": STRANGER}}]},
            }
        )

        assert network._egress("service", "stranger", 9443)
        assert not network._egress("service", "stranger", 443)
        assert ["stranger"] == [
            source for source in network.labels if network.reaches(source, "kube-state-metrics", 8080)
        ]

    def test_kube_state_metrics_may_be_read_by_others(self):
        """Besides our Prometheus."""
        network = Network({"networkPolicy": {"kubeStateMetricsFrom": [{"podSelector": {"matchLabels": STRANGER}}]}})

        assert {"prometheus", "stranger"} == {
            source for source in network.labels if network.reaches(source, "kube-state-metrics", 8081)
        }

    def test_without_policies_everything_is_open(self):
        """This is what the switch means."""
        assert Network({"networkPolicy": {"enabled": False}}).reaches("user", "prometheus", 9090)
