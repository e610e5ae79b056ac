"""A Prometheus that is there already gets everything without which nothing would be recorded."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from rendering import CHART, Object, named, of_kind, promtool, rendered

FILES = CHART / "files"
LEDGER = yaml.safe_load((FILES / "rules" / "ledger.yaml").read_text())["groups"]
EXTERNAL = yaml.safe_load((CHART / "ci" / "open-external-values.yaml").read_text())
# About a Prometheus, its volume, its configuration or its deliveries: those of an external one are not ours to watch.
ABOUT_OURS = {
    "JupyterHubQuotaAlertsNotDelivered",
    "JupyterHubQuotaDiskAlmostFull",
    "JupyterHubQuotaDiskFillingUp",
    "JupyterHubQuotaHistoryCut",
    "JupyterHubQuotaHistoryShort",
    "JupyterHubQuotaPrometheusConfigRejected",
    "JupyterHubQuotaPrometheusRestarting",
    "JupyterHubQuotaRetentionTooShort",
    "JupyterHubQuotaStorageDamaged",
    "JupyterHubQuotaTooManyPods",
    "JupyterHubQuotaWatchdog",
}


def external(*layers: dict[str, Any]) -> list[Object]:
    """Return what is made for an external Prometheus."""
    values = dict(EXTERNAL)
    for layer in layers:
        values |= layer
    return rendered({"prometheus": {"auth": {"existingSecret": ""}}} | values)


def files(objects: list[Object], name: str = "jupyterhub-quota-rules") -> dict[str, str]:
    """Return the files in a ConfigMap."""
    found: dict[str, str] = named(objects, "ConfigMap", name)["data"]
    return found


def alerts(groups: list[Object]) -> set[str]:
    """Return the names of the alerts in *groups*."""
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}


def shipped(name: str) -> set[str]:
    """Return the names of the alerts in a file of the chart."""
    return alerts(yaml.safe_load((FILES / "rules" / name).read_text())["groups"])


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    """Everything, for a Prometheus with an operator and without."""
    return external()


class TestRules:
    """What keeps the record, and tells when it does not."""

    def test_the_ledger_is_the_same(self, objects):
        """Rule for rule, in the interval that values say, whatever that Prometheus does otherwise."""
        (group,) = yaml.safe_load(files(objects)["jupyterhub-quota-ledger.yaml"])["groups"]

        assert [{"interval": "1m", **each} for each in LEDGER] == [group]

    def test_promtool_takes_them(self, objects, tmp_path: Path):
        """With every warning an error."""
        for name, text in files(objects).items():
            (tmp_path / name).write_text(text)
            promtool("check", "rules", "--lint=all", "--lint-fatal", tmp_path / name)

    def test_alerts_about_a_prometheus_of_ours_are_left_out(self, objects):
        """All others are there: of the ledger, our rules, the hub and the page."""
        groups = yaml.safe_load(files(objects)["jupyterhub-quota-alerts.yaml"])["groups"]

        assert ABOUT_OURS == shipped("alerts.yaml") - alerts(groups)

    def test_the_operator_gets_the_same_groups(self, objects):
        """In one object."""
        (rule,) = of_kind(objects, "PrometheusRule")
        groups = [group for text in files(objects).values() for group in yaml.safe_load(text)["groups"]]
        by_name = {group["name"]: group for group in groups}

        assert "monitoring" == rule["metadata"]["labels"]["release"]
        assert by_name == {group["name"]: group for group in rule["spec"]["groups"]}
        assert len(groups) == len(by_name)

    def test_without_alerts_the_ledger_stays(self):
        """Nothing is known without it."""
        assert ["jupyterhub-quota-ledger.yaml"] == list(files(external({"alerts": {"enabled": False}})))

    def test_the_main_prometheus_is_not_told_of_a_prometheus_that_we_do_not_have(self):
        """It would be down for ever."""
        main = external({"alerts": {"main": {"configMap": {"enabled": True}}}})
        (text,) = files(main, "jupyterhub-quota-main-alerts").values()

        assert {"JupyterHubQuotaPrometheusDown", "JupyterHubQuotaVolumeAlmostFull"} == (
            shipped("alerts-main.yaml") - alerts(yaml.safe_load(text)["groups"])
        )

    def test_our_own_prometheus_needs_none_of_this(self):
        """It has the files themselves."""
        made = {each["metadata"]["name"] for each in rendered()}

        assert not {"jupyterhub-quota-rules", "jupyterhub-quota-scrape"} & made


class TestScrape:
    """How it reads kube-state-metrics, beside what it reads for itself."""

    def test_promtool_takes_it(self, objects, tmp_path: Path):
        """As one of `scrape_config_files`."""
        (tmp_path / "ours.yaml").write_text(files(objects, "jupyterhub-quota-scrape")["jupyterhub-quota.yaml"])
        (tmp_path / "prometheus.yaml").write_text("scrape_config_files: [ours.yaml]\n")

        assert "is valid prometheus config file syntax" in promtool("check", "config", tmp_path / "prometheus.yaml")

    def test_it_is_what_ours_does(self, objects):
        """But for the names of jobs and the address, which has the namespace in it."""
        theirs = self.jobs(objects)
        ours = yaml.safe_load((FILES / "prometheus.yaml").read_text())["scrape_configs"][:2]
        regexes = [
            [rule.get("regex", "").replace("__NAMESPACES__", "jhub") for rule in job["metric_relabel_configs"]]
            for job in ours
        ]

        assert regexes == [[rule["regex"] for rule in job["metric_relabel_configs"]] for job in theirs]
        assert ["jupyterhub-quota-pods", "jupyterhub-quota-pods-telemetry"] == [job["job_name"] for job in theirs]
        assert [True, None] == [job.get("honor_labels") for job in theirs]
        assert [f"jupyterhub-quota-kube-state-metrics.jhub.svc:{port}" for port in (8080, 8081)] == [
            job["static_configs"][0]["targets"][0] for job in theirs
        ]

    def test_alerts_are_about_that_job(self, objects):
        """No alert waits for one of another name."""
        text = files(objects)["jupyterhub-quota-alerts.yaml"]

        assert 'up{job="jupyterhub-quota-pods"}' in text
        assert 'up{job="kube-state-metrics"}' not in text

    def test_there_is_none_without_an_address(self):
        """Where values do not say which kube-state-metrics it reads."""
        made = external({"kubeStateMetrics": {"mode": "existing"}, "networkPolicy": {}})

        assert "jupyterhub-quota-scrape" not in {each["metadata"]["name"] for each in made}

    def test_a_timeout_is_never_longer_than_the_interval(self):
        """Prometheus would not load it."""
        prometheus = EXTERNAL["prometheus"] | {"scrapeInterval": "5s"}

        assert {"5s"} == {job["scrape_timeout"] for job in self.jobs(external({"prometheus": prometheus}))}

    @staticmethod
    def jobs(objects: list[Object]) -> list[Object]:
        """Return the jobs."""
        found: list[Object] = yaml.safe_load(files(objects, "jupyterhub-quota-scrape")["jupyterhub-quota.yaml"])[
            "scrape_configs"
        ]
        return found


def test_what_it_reads_for_itself_does_no_harm(objects, tmp_path: Path):
    """The same pods, shown by a job of its own with other labels: charged once, to whom they belong."""
    for name, text in files(objects).items():
        (tmp_path / name).write_text(text)
    pod = 'namespace="jhub",pod="jupyter-ann",uid="u1"'
    request = 'container="notebook",node="n",resource="memory",unit="byte"'
    own, raw = 'job="jupyterhub-quota-pods",instance="ksm:8080"', 'job="kube-state-metrics",instance="10.0.0.1:8080"'
    series = {
        f'kube_pod_annotations{{{own},{pod},username="ann"}}': "1x30",
        f'kube_pod_annotations{{{raw},{pod},annotation_hub_jupyter_org_username="ann"}}': "1x30",
        f'kube_pod_labels{{{own},{pod},component="singleuser-server"}}': "1x30",
        f'kube_pod_labels{{{raw},{pod},label_component="singleuser-server"}}': "1x30",
        f"up{{{own}}}": "1x30",
        f"up{{{raw}}}": "1x30",
    }
    for job in (own, raw):
        series[f"kube_pod_status_scheduled_time{{{job},{pod}}}"] = "0x30"
        series[f"kube_pod_container_resource_requests{{{job},{pod},{request}}}"] = "4x30"
    test = {
        "rule_files": sorted(files(objects)),
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "30s",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {
                        "expr": "jupyterhub_quota:pod_request",
                        "eval_time": "10m",
                        "exp_samples": [
                            {
                                "labels": 'jupyterhub_quota:pod_request{namespace="jhub",uid="u1",username="ann",'
                                'resource="memory"}',
                                "value": 4,
                            }
                        ],
                    },
                    {
                        "expr": "jupyterhub_quota:seen_seconds",
                        "eval_time": "10m",
                        "exp_samples": [{"labels": 'jupyterhub_quota:seen_seconds{namespace="jhub"}', "value": 600}],
                    },
                    {"expr": 'ALERTS{alertname!="JupyterHubQuotaHubNotRead"}', "eval_time": "15m", "exp_samples": []},
                ],
            }
        ],
    }
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump(test))

    assert "SUCCESS" in promtool("test", "rules", path)
