"""The files that the chart ships are what the real programs accept, and each rule does what nothing else does."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from programs import program
from promtool_time import FILES, GIB, RULES, Script, charged
from testbed.shipped import kube_state_metrics_arguments, write_configuration

RECORDED = [rule["record"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def promtool(*arguments: object) -> str:
    """Return what promtool prints, or fail with it."""
    told = subprocess.run(
        [program("promtool"), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert 0 == told.returncode, told.stdout + told.stderr
    return told.stdout


class TestFiles:
    """One source for rules, scrape configuration and the arguments of kube-state-metrics."""

    def test_promtool_accepts_the_configuration(self):
        """As it lies there, with words still to be replaced, and its rules with it."""
        assert "is valid prometheus config file syntax" in promtool(
            "check", "config", "--syntax-only", FILES / "prometheus.yaml"
        )

    def test_promtool_accepts_the_rules(self):
        """Its linter included."""
        assert f"{len(RECORDED)} rules found" in promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)

    def test_kube_state_metrics_shows_what_prometheus_keeps(self):
        """The list of metrics is there twice, since each program reads its own file."""
        scrape = yaml.safe_load((FILES / "prometheus.yaml").read_text())["scrape_configs"][0]
        kept = re.fullmatch(r"kube_pod_\((.*)\)", scrape["metric_relabel_configs"][0]["regex"])[1].split("|")
        shown = argument("--metric-allowlist").split(",")

        assert sorted(shown) == sorted(f"kube_pod_{name}" for name in kept)

    def test_the_intervals_of_tests_are_in_force(self, tmp_path: Path):
        """Shorter ones are put into the text of the file."""
        here = {"prometheus": "here:1", "kube_state_metrics": ("a:1", "b:1"), "telemetry": ("a:2",)}
        path = write_configuration(tmp_path, **here, namespaces=("hub", "users"), interval="1s")
        written = yaml.safe_load(path.read_text())

        assert {"1s"} == {
            written["global"][each] for each in ("scrape_interval", "scrape_timeout", "evaluation_interval")
        }
        assert ["a:1", "b:1"] == written["scrape_configs"][0]["static_configs"][0]["targets"]
        assert "__" not in path.read_text().replace("__name__", "")
        promtool("check", "config", path)

    def test_the_arguments_of_kube_state_metrics_are_read_as_yaml_reads_them(self):
        """By their lines, since that needs no library."""
        text = (FILES / "kube-state-metrics.yaml").read_text().replace("__NAMESPACES__", "hub,users")

        assert yaml.safe_load(text)["args"] == kube_state_metrics_arguments(("hub", "users"))

    def test_the_rules_read_what_prometheus_keeps(self):
        """Each metric that is kept is read by a rule, and no rule reads another."""
        read = set(re.findall(r"\bkube_pod_\w+", re.sub(r"#.*", "", RULES.read_text())))

        assert set(argument("--metric-allowlist").split(",")) == read

    def test_the_series_that_charge_have_few_labels(self):
        """Namespace, uid, username and resource: what else changes in mid-life would charge the same hours twice."""
        script = Script(60)
        script.pod(10, server="gpu", profile="large", groups='["a{b}"]')
        labels = '{namespace="hub",uid="uid-1",username="ann"%s}'

        for series, resource in (
            ("pod_request", ',resource="memory"'),
            ("pod_start_seconds", ""),
            ("pod_end_seconds", ""),
        ):
            script.must_give(f"jupyterhub_quota:{series} * 0 + 1", {labels % resource: 1})


def argument(flag: str) -> str:
    """Return the value of *flag* among the arguments of kube-state-metrics."""
    arguments = yaml.safe_load((FILES / "kube-state-metrics.yaml").read_text())["args"]
    return dict(each.split("=", 1) for each in arguments)[flag]


def fresh() -> Script:
    """A hub on which ann has a server since minute 10."""
    script = Script(60)
    script.hub()
    script.pod(10, server="gpu")
    return script


def resized() -> Script:
    """The same, with a request that doubles at minute 30."""
    script = Script(60)
    script.pod(10).then(30, containers=({"memory": 8 * GIB},))
    return script


# What each rule is there for: a script, a query, and its answer.
PURPOSE = {
    "jupyterhub_quota:target_seen_seconds": (fresh, "max(jupyterhub_quota:seen_seconds)", 3600),
    "jupyterhub_quota:pod_user": (fresh, charged("ann"), 4 * 50),
    "jupyterhub_quota:pod_request": (fresh, "max(jupyterhub_quota:pod_request)", 4 * GIB),
    "jupyterhub_quota:pod_request_before": (
        resized,
        "sum(sum_over_time(jupyterhub_quota:pod_request_before[1h]))",
        4 * GIB,
    ),
    "jupyterhub_quota:pod_start_seconds": (fresh, "max(jupyterhub_quota:pod_start_seconds)", 600),
    "jupyterhub_quota:pod_end_seconds": (fresh, "max(jupyterhub_quota:pod_end_seconds)", 3600),
    "jupyterhub_quota:pod_info": (fresh, 'max(jupyterhub_quota:pod_info{servername="gpu",pod="pod-uid-2"})', 3600),
    "jupyterhub_quota:seen_seconds": (fresh, "max(jupyterhub_quota:seen_seconds)", 3600),
}


class TestEveryRule:
    """Each rule of the file is tested, and the test notices when it is taken away."""

    def test_each_rule_has_a_purpose(self):
        """A rule that is added to the file without a test fails here."""
        assert sorted(PURPOSE) == sorted(RECORDED)

    @pytest.mark.parametrize("record", PURPOSE)
    def test_a_rule_is_missed(self, record: str, tmp_path: Path):
        """With all rules its purpose is met; with all but this one it is not."""
        script, query, answer = PURPOSE[record]
        document = yaml.safe_load(RULES.read_text())
        for group in document["groups"]:
            group["rules"] = [rule for rule in group["rules"] if rule["record"] != record]
        without = tmp_path / "rules.yaml"
        without.write_text(yaml.safe_dump(document))

        script().must_give(query, answer)
        assert script().objection(query, answer, rules=without)
