"""Alerts and dashboards read what is really there."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
import yaml

from alerts import FILES, LEDGER, MAIN, QUOTA, ROOT, alerts, shipped
from metrics import ALWAYS, OF_A_CLUSTER, kept, named, of_pods, recorded, written_in
from programs import program

DASHBOARDS = sorted((FILES / "dashboards").glob("*.json"))
SOURCES = [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("packages/*/src/**/*.py"))]
HUB = FILES / "hub" / "jupyterhub_config.py"
VARIABLES = {"$__rate_interval": "5m", "$__range": "1d", "$user": "ann"}
SECONDS = 60


def expressions(dashboard: dict) -> list[str]:
    """Return the queries of a dashboard as Prometheus would get them."""
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    for word, value in VARIABLES.items():
        found = [each.replace(word, value) for each in found]
    return found


def asked() -> dict[str, set[str]]:
    """Return the metrics that dashboards and the alerts of the quota Prometheus read, each with who reads it."""
    found: dict[str, set[str]] = {}
    main = set(re.findall(r"alert: (\w+)", MAIN.read_text()))
    for name, rule in alerts().items():
        for metric in named(rule["expr"]) if name not in main else ():
            found.setdefault(metric, set()).add(name)
    for path in DASHBOARDS:
        for expression in expressions(json.loads(path.read_text())):
            for metric in named(expression):
                found.setdefault(metric, set()).add(path.name)
    return found


@pytest.fixture(scope="module")
def ours() -> set[str]:
    """What hook, usage page and the hub's configuration expose."""
    return written_in([*SOURCES, str(HUB.relative_to(ROOT))])


@pytest.fixture(scope="module")
def of_prometheus(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What a real Prometheus with our rules, an alert that fires and an Alertmanager that is away shows of itself."""
    folder = tmp_path_factory.mktemp("prometheus")
    for path in (LEDGER, QUOTA):
        (folder / path.name).write_text(shipped(path))
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [LEDGER.name, QUOTA.name],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:9"]}]}]},
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    wanted = {metric for metric in asked() if metric.startswith(("prometheus_", "process_"))}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [program("prometheus"), "--config.file=prometheus.yaml", "--storage.tsdb.path=data"]
    with subprocess.Popen(
        [*command, f"--web.listen-address={address}"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            found: set[str] = set()
            end = time.monotonic() + SECONDS
            # The first alert is sent, and fails, a moment after the start.
            while not wanted <= found and time.monotonic() < end:
                time.sleep(0.3)
                found = names_at(f"http://{address}/metrics")
            return found
        finally:
            process.terminate()


def names_at(url: str) -> set[str]:
    """Return the names of the metrics at *url*; nothing while nobody listens there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own program's
            return set(re.findall(r"^([a-zA-Z_:][\w:]*)[{ ]", answer.read().decode(), re.MULTILINE))
    except OSError:
        return set()


class TestNames:
    """A misspelt metric would never fire, and nobody would notice."""

    def test_every_metric_is_there(self, ours, of_prometheus):
        """Recorded, shown by kube-state-metrics and kept, shown by Prometheus and kept, or exposed by us."""
        there = ALWAYS | recorded() | of_pods() | ours
        there |= {name for name in of_prometheus if kept("prometheus").fullmatch(name)}
        telemetry = kept("kube-state-metrics-telemetry")
        asked_for = asked()

        missing = {name: who for name, who in asked_for.items() if name not in there and not telemetry.fullmatch(name)}
        assert {} == missing

    def test_the_main_prometheus_is_asked_for_what_it_has(self, ours):
        """Figures of the cluster, and the hub's."""
        rules = [rule for group in yaml.safe_load(shipped(MAIN))["groups"] for rule in group["rules"]]
        assert set() == {metric for rule in rules for metric in named(rule["expr"])} - OF_A_CLUSTER - ours

    @pytest.mark.parametrize(
        ("expression", "metrics"),
        [
            ('sum by (job, le) (rate(a_bucket{le="3"}[5m])) > 3', {"a_bucket"}),
            ("a:b unless on (uid) group_left (x) c or vector(0)", {"a:b", "c"}),
            ('topk(10, max by (user) (x{y="z(a)"})) / (1024 ^ 3 * 3600)', {"x"}),
            ("time() - max by (a) (b offset 6h)", {"b"}),
        ],
    )
    def test_names_are_found(self, expression, metrics):
        """Labels, functions and lists are no metrics."""
        assert metrics == named(expression)

    def test_metrics_of_ours_are_found(self, ours):
        """Counters end in _total, of histograms the buckets are read."""
        assert {
            "jupyterhub_quota_decisions_total",
            "jupyterhub_quota_decision_duration_seconds_bucket",
            "jupyterhub_quota_used_ratio",
        } <= ours


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
class TestDashboards:
    """Whoever opens one knows what it shows, of what, in which unit."""

    def test_it_is_what_its_source_says(self, path):
        """`ci/dashboards` writes it; nobody edits it by hand."""
        told = subprocess.run(
            [sys.executable, ROOT / "ci" / "dashboards", "--check"], capture_output=True, text=True, check=False
        )
        assert path.name not in told.stdout

    def test_prometheus_understands_every_query(self, path, tmp_path):
        """Its tool parses them as rules."""
        rules = [
            {"record": f"q:{number}", "expr": each}
            for number, each in enumerate(expressions(json.loads(path.read_text())))
        ]
        (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
        told = subprocess.run(
            [program("promtool"), "check", "rules", tmp_path / "rules.yaml"],
            capture_output=True,
            text=True,
            check=False,
        )

        assert 0 == told.returncode, told.stdout + told.stderr
        assert f"{len(rules)} rules found" in told.stdout

    def test_no_variable_is_left(self, path):
        """All that Grafana replaces is known here, so that the queries above are the real ones."""
        assert [] == [each for each in expressions(json.loads(path.read_text())) if "$" in each]

    def test_it_asks_the_prometheus_that_one_chooses(self, path):
        """By a variable, for every panel and query."""
        dashboard = json.loads(path.read_text())
        first = dashboard["templating"]["list"][0]

        assert ("datasource", "datasource", "prometheus") == (first["name"], first["type"], first["query"])
        for panel in dashboard["panels"]:
            for part in (panel, *panel["targets"]):
                assert "${datasource}" == part["datasource"]["uid"]

    def test_it_explains_itself(self, path):
        """Description and unit for every panel, ids that stay, panels that do not overlap."""
        dashboard = json.loads(path.read_text())
        panels = dashboard["panels"]
        cells = [
            (x, y)
            for panel in panels
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]

        assert f"jupyterhub-quota-{path.stem}" == dashboard["uid"]
        assert dashboard["title"].startswith("Quotas: ")
        assert dashboard["description"].endswith(".")
        assert [] == [panel["title"] for panel in panels if not panel["description"].endswith(".")]
        assert [] == [panel["title"] for panel in panels if not panel["fieldConfig"]["defaults"]["unit"]]
        assert len(panels) == len({panel["title"] for panel in panels})
        assert len(cells) == len(set(cells))
        assert 24 >= max(x for x, _ in cells) + 1

    def test_it_is_described(self, path):
        """Its title is a heading of the documentation."""
        title = json.loads(path.read_text())["title"]
        assert f"\n## {title}\n" in (ROOT / "docs" / "dashboards.md").read_text()


def test_there_are_dashboards():
    """For everybody, for one user, and for the system."""
    assert ["everybody", "health", "user"] == [path.stem for path in DASHBOARDS]
