"""Values that cannot be used are refused before anything is installed, with what to write instead."""

from typing import Any

import pytest
import yaml

from rendering import MINIMAL, helm, merged, refusal, template

# What somebody writes, and what Helm answers. Each stands over the least values that work.
BAD: tuple[tuple[str, str, str], ...] = (
    # Keys that are misspelt, or in the wrong place.
    ("a misspelt key", "{prometeus: {}}", "additional properties 'prometeus' not allowed"),
    (
        "a misspelt key below",
        "{prometheus: {retentoin: 90d}}",
        "at '/prometheus': additional properties 'retentoin' not",
    ),
    ("a key of another chart", "{prometheus: {server: {}}}", "'mode', 'image', 'retention'"),
    ("a key in snake case", "{kubeStateMetrics: {existing: {telemetry_target: a:1}}}", "'telemetryTarget'"),
    ("a misspelt resource", "{policy: {default: {gpus: 0}}}", "at '/policy/default': additional properties 'gpus' not"),
    ("a misspelt key of the policy", "{policy: {atlaunch: warn}}", "invalid propertyName 'atlaunch'"),
    ("a misspelt key of a limit", "{policy: {default: {gpu: {limit: 0, windows: 1d}}}}", "'limit', 'window'"),
    ("an unknown size of servers", "{service: {sizes: [{name: Small, ram: 1}]}}", "'name', 'memory', 'cpu', 'gpu'"),
    # The policy: amounts, units, lengths of time.
    (
        "an amount without time",
        "{policy: {default: {memory: 240 GB}}}",
        "policy.default.memory: '240 GB' is no amount of memory and time; write for example '60 GiB-hours', '0' or",
    ),
    (
        "an amount of something else",
        "{policy: {groups: {power: {memory: 20 core-hours}}}}",
        "policy.groups.power.memory: '20 core-hours' is no amount of memory and time; write for example '60 GiB-hours'",
    ),
    ("a bare number", "{policy: {default: {cpu: 90}}}", "policy.default.cpu: '90' is no amount of cpu and time"),
    ("a number with commas", "{policy: {default: {gpu: '1,000 GPU-hours'}}}", "'1,000 GPU-hours' is no amount of gpu"),
    (
        "a wrong amount in a list",
        "{policy: {groups: {course: {memory: [100 GiB-hours, {limit: 16 GiB, window: 1d}]}}}}",
        "policy.groups.course.memory[1].limit: '16 GiB' is no amount of memory and time",
    ),
    (
        "a limit without amount",
        "{policy: {default: {memory: {window: 1d}}}}",
        "at '/policy/default/memory': missing property 'limit'",
    ),
    ("a window in months", "{policy: {window: 1 month}}", "policy.window: '1 month' is no length of time; write"),
    (
        "a window of a limit",
        "{policy: {default: {memory: {limit: 1 GiB-hour, window: monthly}}}}",
        "policy.default.memory.window: 'monthly' is no length of time; write for example '30d'",
    ),
    ("a grace in words", "{policy: {grace: a while}}", "policy.grace: 'a while' is no length of time; write for"),
    ("a warning in words", "{policy: {warn_before: [1h, soon]}}", "policy.warn_before[1]: 'soon' is no length of time"),
    ("a brake without percent", "{policy: {brake: '20'}}", "policy.brake: '20' is no part of all servers; write"),
    ("a way to act that is none", "{policy: {at_launch: deny}}", "value must be one of 'refuse', 'warn', 'ignore'"),
    ("allow, where it is refuse", "{policy: {while_running: kill}}", "value must be one of 'stop', 'warn', 'ignore'"),
    ("a group without limits", "{policy: {groups: {power: {}}}}", "at '/policy/groups/power': minProperties: got 0"),
    (
        "a group with a word",
        "{policy: {groups: {power: infinite}}}",
        "policy.groups.power: 'infinite' is no allowance; write 'unlimited', or limits by resource",
    ),
    ("groups as a list", "{policy: {groups: [power]}}", "at '/policy/groups': got array, want object"),
    (
        "a group called no, without quotes",
        "{policy: {groups: {no: {gpu: 0}}}}",
        "policy.groups.false: YAML took the name of a group for 'false'; put it in quotes",
    ),
    ("exempt as a list", "{policy: {exempt: [staff]}}", "at '/policy/exempt': got array, want object"),
    # Prometheus.
    ("a mode that is none", "{prometheus: {mode: operator}}", "value must be one of 'managed', 'external'"),
    (
        "a window longer than retention",
        "{prometheus: {retention: 30d}}",
        "of the policy (30 days) and two days; write at least '768h'",
    ),
    (
        "a window of one limit longer than retention",
        "{prometheus: {retention: 90d}, policy: {groups: {a: {cpu: [{limit: 9 core-hours, window: 13 weeks}]}}}}",
        "prometheus.retention: 90d is shorter than the longest window of the policy (91 days) and two days",
    ),
    ("retention without unit", "{prometheus: {retention: '400'}}", "prometheus.retention: '400' cannot be used; write"),
    ("retention as a number", "{prometheus: {retention: 400}}", "at '/prometheus/retention': got number, want string"),
    ("retention in months", "{prometheus: {retention: 12 months}}", "for example '400d'"),
    ("an absurd retention", "{prometheus: {retention: 400y}}", "prometheus.retention: 400y is more than ten years"),
    (
        "more kept than the volume holds",
        "{prometheus: {retentionSize: 10GB}}",
        "prometheus.retentionSize: 10GB is more than 85 % of the volume (10Gi)",
    ),
    ("a size without unit", "{prometheus: {persistence: {size: '10'}}}", "write for example '10Gi'"),
    (
        "a volume that is too small",
        "{prometheus: {persistence: {size: 100Mi}}}",
        "prometheus.persistence.size: 100Mi is too small for a Prometheus; write at least '1Gi'",
    ),
    ("an absurd volume", "{prometheus: {persistence: {size: 4000Ti}}}", "4000Ti is more than 16Ti, which no hub needs"),
    (
        "a claim and no volume",
        "{prometheus: {persistence: {enabled: false, existingClaim: old}}}",
        "prometheus.persistence.existingClaim: is given, and prometheus.persistence.enabled is false",
    ),
    (
        "two modes at once",
        "{prometheus: {external: {url: 'http://prometheus:9090'}}}",
        "prometheus.external.url: is given, and prometheus.mode is 'managed'; write 'mode: external'",
    ),
    (
        "external without an address",
        "{prometheus: {mode: external}}",
        "prometheus.external.url: is missing; write where Prometheus is",
    ),
    (
        "a password in an address",
        "{prometheus: {mode: external, external: {url: 'http://ann:secret@prometheus:9090'}}}",
        "prometheus.external.url: 'http://ann:secret@prometheus:9090' cannot be used; write for example 'https://",
    ),
    ("an address without scheme", "{prometheus: {mode: external, external: {url: 'prometheus:9090'}}}", "https://"),
    (
        "Alertmanagers of an external Prometheus",
        "{prometheus: {mode: external, external: {url: 'http://p:9090'}, alertmanagers: [{static_configs: []}]}}",
        "prometheus.alertmanagers: is for the Prometheus of this chart, and prometheus.mode is 'external'",
    ),
    (
        "a kube-state-metrics that the external Prometheus cannot reach",
        "{prometheus: {mode: external, external: {url: 'http://p:9090'}}}",
        "networkPolicy.kubeStateMetricsFrom: is missing, so that the external Prometheus could not read our",
    ),
    (
        "slow rules for an external Prometheus",
        "{prometheus: {mode: external, external: {url: 'http://p:9090'}, ruleInterval: 30m}}",
        "prometheus.ruleInterval: 30m is too long",
    ),
    ("certificates as a path", "{prometheus: {external: {ca: /etc/ca.crt}}}", "-----BEGIN CERTIFICATE-----"),
    (
        "a credential of two kinds",
        "{prometheus: {auth: {existingSecret: mine, rotation: today}}}",
        "prometheus.auth.rotation: changes the credential that the chart makes, and prometheus.auth.existingSecret",
    ),
    (
        "a password in values",
        "{prometheus: {remoteWrite: [{url: 'https://a/b', basic_auth: {username: q, password: secret}}]}}",
        "prometheus.remoteWrite[0].basic_auth.password: a password does not belong in values; put it into a Secret",
    ),
    ("a write without address", "{prometheus: {remoteWrite: [{name: far}]}}", "missing property 'url'"),
    ("a write to nowhere", "{prometheus: {remoteWrite: [{url: metrics}]}}", "write for example 'https://metrics"),
    (
        "a job with a name of ours",
        "{prometheus: {extraScrapeConfigs: [{job_name: prometheus}]}}",
        "prometheus.extraScrapeConfigs[0].job_name: 'prometheus' is a job of the chart; write another name",
    ),
    ("a slow scrape", "{prometheus: {scrapeInterval: 10m}}", "prometheus.scrapeInterval: 10m is too long"),
    ("a hasty scrape", "{prometheus: {scrapeInterval: 1s}}", "write at least '5s'"),
    ("slow rules", "{prometheus: {ruleInterval: 30m}}", "prometheus.ruleInterval: 30m is too long"),
    # The rest.
    (
        "an existing kube-state-metrics that is nowhere",
        "{kubeStateMetrics: {mode: existing}}",
        "kubeStateMetrics.existing.target: is missing; write host and port of its Service",
    ),
    (
        "a kube-state-metrics of two kinds",
        "{kubeStateMetrics: {existing: {target: 'ksm:8080', telemetryTarget: 'ksm:8081'}}}",
        "kubeStateMetrics.existing: is given, and kubeStateMetrics.mode is 'managed'; write 'mode: existing'",
    ),
    ("a target with a scheme", "{kubeStateMetrics: {existing: {target: 'http://ksm:8080'}}}", "kube-state-metrics.mon"),
    ("a port as text", "{hub: {port: '8081'}}", "at '/hub/port': got string, want integer"),
    ("a port that is none", "{hub: {port: 80810}}", "maximum: got 80,810, want 65,535"),
    ("a base path without slash", "{hub: {baseUrl: jupyter}}", "hub.baseUrl: 'jupyter' cannot be used; write for"),
    ("no labels of the hub", "{hub: {podLabels: {app: null, component: null}}}", "at '/hub/podLabels': minProperties"),
    ("a label that is a number", "{labels: {cost: 12}}", "at '/labels/cost': got number, want string"),
    ("an image without a tag", "{images: {service: {tag: ''}}}", "has no tag; write one, for example 'tag: 0.1.0'"),
    ("a digest that is none", "{images: {hub: {digest: latest}}}", "images.hub.digest: 'latest' cannot be used; write"),
    ("a policy for pulling", "{images: {hub: {pullPolicy: Sometimes}}}", "'Always', 'IfNotPresent', 'Never'"),
    ("a name that Kubernetes refuses", "{fullnameOverride: My_Quota}", "fullnameOverride: 'My_Quota' cannot be used"),
    ("yes as a text", "{networkPolicy: {enabled: 'yes'}}", "at '/networkPolicy/enabled': got string, want boolean"),
    ("no port of the API server", "{networkPolicy: {apiServer: {ports: []}}}", "minItems: got 0, want 1"),
    ("runbooks that are no address", "{alerts: {runbooks: wiki}}", "alerts.runbooks: 'wiki' cannot be used; write"),
)


@pytest.mark.parametrize(("values", "expected"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_it_is_refused_with_what_to_write(values: str, expected: str):
    """By the schema or by the chart, whichever knows."""
    assert expected in refusal(merged(MINIMAL, yaml.safe_load(values)))


def test_the_table_is_long_enough():
    """Fewer would leave whole parts out."""
    assert 40 <= len(BAD)


class TestWhatIsMissing:
    """Nothing is guessed where only an admin can know."""

    def test_a_policy_without_default(self):
        """The one key that must be there."""
        values: dict[str, Any] = {"prometheus": MINIMAL["prometheus"], "policy": {"groups": {"a": {"gpu": 0}}}}

        assert "policy.default: is missing: it says what counts for each resource" in refusal(values)
        assert "or 'default: unlimited' to only count at first" in refusal(values)

    def test_no_policy_at_all(self):
        """The chart's own values have none."""
        assert "policy.default: is missing" in refusal({"prometheus": MINIMAL["prometheus"]})

    def test_a_secret_where_the_cluster_cannot_be_seen(self):
        """Otherwise each rendering would make another password."""
        told = refusal({"policy": MINIMAL["policy"]})

        assert "prometheus.auth.existingSecret: is needed here. The chart cannot see the cluster" in told
        assert "prometheus: {auth: {existingSecret: jupyterhub-quota-prometheus}}" in told


def test_all_mistakes_are_told_at_once():
    """Nobody has to try as often as there are mistakes."""
    told = refusal(merged(MINIMAL, {"policy": {"window": "long", "brake": "half"}, "hub": {"baseUrl": "x"}}))

    assert ["hub.baseUrl:", "policy.window:", "policy.brake:"] == [
        line.split()[0] for line in told.splitlines() if ": '" in line
    ]


def test_nothing_of_it_is_a_riddle_of_the_template():
    """A mistake in values never surfaces as a fault of the chart's own code."""
    for _, values, _ in BAD:
        done = template(merged(MINIMAL, yaml.safe_load(values)))
        assert not any(word in done.stderr for word in ("nil pointer", "can't evaluate", "wrong type", "YAML parse"))


def test_the_program_is_the_one_that_is_wanted():
    """Helm 4 words its messages as this table has them."""
    assert "v4.2" in helm("version").stdout
