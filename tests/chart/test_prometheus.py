"""What Prometheus gets is what it takes, and what the values say."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rendering import CHART, VALUES_FILES, named, of_kind, pods, promtool, rendered, template, write_prometheus_files

MANAGED = [path for path in VALUES_FILES if "external" not in path.name]


def configuration(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the configuration of Prometheus, with its other files written into *folder*."""
    found = yaml.safe_load(write_prometheus_files(rendered(values), folder).read_text())
    assert isinstance(found, dict)
    return found


def with_files(folder: Path, path: Path) -> Path:
    """Let paths below /etc/prometheus be paths below *folder*, and the files that they name be there."""
    for each in path.parent.rglob("*.y*ml"):
        text = each.read_text().replace("/etc/prometheus/", f"{folder}/etc/")
        each.write_text(text)
        for secret in re.findall(rf"{folder}/etc/[\w./-]+", text):
            Path(secret).parent.mkdir(parents=True, exist_ok=True)
            Path(secret).touch()
    return path


@pytest.mark.parametrize("values", MANAGED, ids=lambda path: path.stem)
def test_promtool_takes_what_is_mounted(values: Path, tmp_path: Path):
    """Configuration, rules, alerts and scrape files, with every warning an error."""
    objects = rendered(yaml.safe_load(values.read_text()) | {"fullnameOverride": ""})
    path = with_files(tmp_path, write_prometheus_files(objects, tmp_path / "config"))

    assert "is valid prometheus config file syntax" in promtool("check", "config", path)
    for rules in (tmp_path / "config" / "rules").iterdir():
        promtool("check", "rules", "--lint=all", "--lint-fatal", rules)


def test_no_word_is_left(tmp_path: Path):
    """Each word between double underscores was replaced."""
    for values in VALUES_FILES:
        done = template(yaml.safe_load(values.read_text()))
        assert [] == re.findall(r"__[A-Z_]+__", done.stdout)


class TestConfiguration:
    """What values say is in it."""

    def test_intervals_and_retention(self, tmp_path: Path):
        """As given; a year is what Prometheus takes for it."""
        found = configuration(
            {"prometheus": {"scrapeInterval": "15s", "ruleInterval": "30s", "retention": "1y"}}, tmp_path
        )

        assert ("15s", "10s", "30s", "1y") == (
            found["global"]["scrape_interval"],
            found["global"]["scrape_timeout"],
            found["global"]["evaluation_interval"],
            found["storage"]["tsdb"]["retention"]["time"],
        )

    def test_a_timeout_is_never_longer_than_the_interval(self, tmp_path: Path):
        """Prometheus would not start."""
        assert "5s" == configuration({"prometheus": {"scrapeInterval": "5s"}}, tmp_path)["global"]["scrape_timeout"]

    def test_history_is_kept_for_an_audit(self, tmp_path: Path):
        """400 days by default, and no limit of size that would cut it short."""
        assert {"time": "400d"} == configuration({}, tmp_path)["storage"]["tsdb"]["retention"]

    def test_only_the_hubs_namespaces_are_kept(self, tmp_path: Path):
        """Those of the release and those that are named; kube-state-metrics watches the same."""
        values = {"kubeStateMetrics": {"namespaces": ["jhub-users", "jhub"]}}
        scrape = configuration(values, tmp_path)["scrape_configs"][0]
        (metrics,) = [pod for name, pod in pods(rendered(values)) if name.endswith("kube-state-metrics")]

        assert {"action": "keep", "source_labels": ["namespace"], "regex": "jhub|jhub-users"} in (
            scrape["metric_relabel_configs"]
        )
        assert "--namespaces=jhub,jhub-users" in metrics["spec"]["containers"][0]["args"]

    def test_it_scrapes_itself_with_its_own_credential(self, tmp_path: Path):
        """From files, so that a rotation needs no restart."""
        jobs = {each["job_name"]: each for each in configuration({}, tmp_path)["scrape_configs"]}

        assert {
            "username_file": "/etc/prometheus/auth/username",
            "password_file": "/etc/prometheus/auth/password",
        } == jobs["prometheus"]["basic_auth"]

    def test_only_the_ledger_is_sent_elsewhere(self, tmp_path: Path):
        """Unless an entry says what else."""
        mine = [{"action": "keep", "source_labels": ["__name__"], "regex": "up"}]
        writes = [{"url": "https://a/b"}, {"url": "https://c/d", "write_relabel_configs": mine}]
        found = configuration({"prometheus": {"remoteWrite": writes}}, tmp_path)["remote_write"]

        assert ["jupyterhub_quota:.*", "up"] == [each["write_relabel_configs"][0]["regex"] for each in found]

    def test_the_hub_and_the_page_are_read_with_a_token(self, tmp_path: Path):
        """Below the hub's base path."""
        write_prometheus_files(rendered({"hub": {"baseUrl": "/jupyter/"}}), tmp_path)
        jobs = yaml.safe_load((tmp_path / "scrape" / "jupyterhub.yaml").read_text())["scrape_configs"]

        assert ["/jupyter/hub/metrics", "/jupyter/services/quota/metrics"] == [each["metrics_path"] for each in jobs]
        assert {"/etc/prometheus/hub/token"} == {each["authorization"]["credentials_file"] for each in jobs}

    def test_what_is_left_out_is_not_read(self, tmp_path: Path):
        """Without the page there is one job, without metrics none."""
        write_prometheus_files(rendered({"service": {"enabled": False}}), tmp_path)
        jobs = yaml.safe_load((tmp_path / "scrape" / "jupyterhub.yaml").read_text())["scrape_configs"]
        write_prometheus_files(rendered({"metrics": {"enabled": False}}), tmp_path / "none")

        assert ["jupyterhub"] == [each["job_name"] for each in jobs]
        assert not (tmp_path / "none" / "scrape").exists()


class TestLongestWindow:
    """As the engine understands the policy, so the chart does."""

    @pytest.mark.parametrize(
        ("policy", "days"),
        [
            ({}, 30),
            ({"window": "2 weeks"}, 14),
            ({"window": "1h30m"}, 0.0625),
            ({"window": "1.5d"}, 1.5),
            ({"groups": {"a": {"gpu": {"limit": 0, "window": "90d"}}}}, 90),
            ({"groups": {"a": "unlimited", "b": {"cpu": ["1 core-hour", {"limit": 0, "window": "13W"}]}}}, 91),
            ({"default": {"memory": [{"limit": "1 GiB-hour", "window": "60 days"}]}, "window": "1d"}, 60),
        ],
        ids=str,
    )
    def test_it_is_found_wherever_it_stands(self, policy: dict[str, Any], days: float, tmp_path: Path):
        """The alert about history that is too short has it in seconds."""
        write_prometheus_files(rendered({"policy": policy}), tmp_path)
        rules = yaml.safe_load((tmp_path / "rules" / "alerts.yaml").read_text())
        (short,) = [
            rule
            for group in rules["groups"]
            for rule in group["rules"]
            if rule["alert"] == "JupyterHubQuotaHistoryShort"
        ]

        assert days * 86400 == float(short["expr"].split("<")[1])


class TestAlerts:
    """Where they go."""

    def test_labels_are_added_to_every_alert(self, tmp_path: Path):
        """And those that an alert has stay."""
        write_prometheus_files(rendered({"alerts": {"labels": {"team": "it"}}}), tmp_path)
        rules = yaml.safe_load((tmp_path / "rules" / "alerts.yaml").read_text())
        labels = [rule["labels"] for group in rules["groups"] for rule in group["rules"]]

        assert {"it"} == {each["team"] for each in labels}
        assert all("severity" in each for each in labels)

    def test_the_main_prometheus_gets_a_file_of_its_own(self, tmp_path: Path):
        """As an object of the operator and as a ConfigMap, both with the same groups; ours does not load it."""
        both = {"alerts": {"main": {"prometheusRule": {"enabled": True}, "configMap": {"enabled": True}}}}
        objects = rendered(both)
        (rule,) = of_kind(objects, "PrometheusRule")
        text = named(objects, "ConfigMap", "jupyterhub-quota-main-alerts")["data"]["jupyterhub-quota.yaml"]
        path = tmp_path / "main.yaml"
        path.write_text(text)
        write_prometheus_files(objects, tmp_path)

        assert rule["spec"]["groups"] == yaml.safe_load(text)["groups"]
        assert "SUCCESS" in promtool("check", "rules", path)
        assert {"ledger.yaml", "alerts.yaml"} == {each.name for each in (tmp_path / "rules").iterdir()}


def test_dashboards_are_one_configmap_each():
    """As they lie in the chart, to the byte."""
    files = sorted((CHART / "files" / "dashboards").glob("*.json"))
    found = {
        key: text
        for each in of_kind(rendered({"dashboards": {"enabled": True}}), "ConfigMap")
        for key, text in each["data"].items()
        if each["metadata"]["labels"].get("grafana_dashboard") == "1"
    }

    assert {file.name: file.read_text().rstrip() for file in files} == {
        key: text.rstrip() for key, text in found.items()
    }
