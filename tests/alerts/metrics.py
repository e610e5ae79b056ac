"""Which metrics an expression names, and which there are."""

import re
from collections.abc import Iterable

import yaml

from alerts import FILES, LEDGER, ROOT

# Operators and modifiers; functions are known by their parenthesis.
KEYWORDS = {"and", "or", "unless", "offset", "bool", "atan2", "inf", "nan", "start", "end"}
LISTS = r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"

# What every Prometheus makes itself.
ALWAYS = {"up", "ALERTS", "scrape_duration_seconds", "scrape_samples_scraped"}

# What a main Prometheus reads of kube-state-metrics and the kubelets, by their documentation.
OF_A_CLUSTER = {
    "kube_deployment_status_replicas_available",
    "kube_pod_container_status_restarts_total",
    "kube_statefulset_status_replicas_ready",
    "kubelet_volume_stats_capacity_bytes",
    "kubelet_volume_stats_used_bytes",
}


def named(expression: str) -> set[str]:
    """Return the metrics that *expression* reads."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'', "", expression)
    bare = re.sub(LISTS, "", bare)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\b", "", bare)
    found = re.findall(r"(?<![\w:.$])[a-zA-Z_:][\w:]*(?![\w:])(?!\s*\()", bare)
    return {name for name in found if name.lower() not in KEYWORDS}


def recorded() -> set[str]:
    """Return what the rules of the ledger record."""
    groups = yaml.safe_load(LEDGER.read_text())["groups"]
    return {rule["record"] for group in groups for rule in group["rules"]}


def of_pods() -> set[str]:
    """Return what kube-state-metrics shows of pods."""
    arguments = yaml.safe_load((FILES / "kube-state-metrics.yaml").read_text())["args"]
    return set(next(each for each in arguments if "--metric-allowlist=" in each).partition("=")[2].split(","))


def kept(job: str) -> re.Pattern[str]:
    """Return what the scrape of *job* keeps, as a regular expression for the whole name."""
    jobs = yaml.safe_load((FILES / "prometheus.yaml").read_text())["scrape_configs"]
    rules = next(each for each in jobs if each["job_name"] == job)["metric_relabel_configs"]
    return re.compile(next(rule["regex"] for rule in rules if rule["source_labels"] == ["__name__"]))


def written_in(paths: Iterable[str]) -> set[str]:
    """Return the names of our metrics that stand in the sources at *paths*, as Prometheus shows them."""
    found = set()
    for path in paths:
        text = (ROOT / path).read_text()
        for kind, name in re.findall(
            r'(Counter|Gauge|Histogram|_gauge|GaugeMetricFamily|CounterMetricFamily)\(\s*"(\w+)"', text
        ):
            total = kind.startswith("Counter") and not name.endswith("_total")
            found |= {f"{name}_bucket"} if kind == "Histogram" else {f"{name}_total" if total else name}
    return found
