"""
Look at Prometheus, at what feeds it and at what it recorded: three queries, and the facts in their answers.

Nothing is judged here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jupyterhub_quota.ledger.api import PrometheusApi
from jupyterhub_quota.ledger.promql import quoted
from jupyterhub_quota.ledger.rows import Row
from jupyterhub_quota.session import Resource

GROUP = '{rule_group=~".*;jupyterhub-quota-ledger"}'
TARGETS = '{job=~".*kube-state-metrics"}'
USER_PODS = "singleuser-server"
MARGIN_SECONDS = 3600
EXAMPLES = 4


@dataclass(frozen=True, slots=True)
class Facts:
    """
    What was seen in Prometheus at *at*, seconds since the epoch. None where there is nothing to see.

    Attributes:
        at: our present.
        newest: the newest sample about kube-state-metrics, by Prometheus' clock; it may lie in our future.
        targets: how many kube-state-metrics are scraped, in vain or not.
        down: how many of them in vain.
        pods: how many pods with a node kube-state-metrics shows.
        annotated: how many pods it shows annotations of.
        components: how many pods it shows the component of.
        users: how many of them are servers of users.
        named: how many pods it shows the user name of.
        renamed: pods whose user name is another one than the one that is charged.
        recorded: names of the series that rules record now, without what they all begin with.
        heartbeat: up to when the ledger was known, within the last hour.
        beat: the same, within the whole window.
        first: when the record began, within the whole window.
        alive: how many pods of users hold something.
        nothing: users, not all of them, and number of pods that reserve neither memory nor CPU.
        without: the same of those that do not reserve this resource.
        charged_twice: how many pods of the last day are charged to two users.
        latest_start: the latest time at which a pod got its node, by Kubernetes' clock.
        asked: resources that a pod asked for lately, as kube-state-metrics spells them.
        watches_itself: whether Prometheus scrapes its own metrics.
        rules: how many of the ledger's rules it has loaded.
        rule_seconds: how often it evaluates them.
        failures: how many evaluations failed lately.
        missed: how many evaluations it missed lately.
        retention: for how many seconds it keeps samples; 0 where no time is set.
    """

    at: float
    newest: float | None = None
    targets: int = 0
    down: int = 0
    pods: int = 0
    annotated: int = 0
    components: int = 0
    users: int = 0
    named: int = 0
    renamed: tuple[str, ...] = ()
    recorded: frozenset[str] = frozenset()
    heartbeat: float | None = None
    beat: float | None = None
    first: float | None = None
    alive: int = 0
    nothing: tuple[int, tuple[str, ...]] = (0, ())
    without: Mapping[Resource, tuple[int, tuple[str, ...]]] | None = None
    charged_twice: int = 0
    latest_start: float | None = None
    asked: frozenset[str] = frozenset()
    watches_itself: bool = False
    rules: int | None = None
    rule_seconds: float | None = None
    failures: float = 0.0
    missed: float = 0.0
    retention: float | None = None


async def look(api: PrometheusApi, at: float, namespace: str, window: float) -> Facts:
    """
    Return what Prometheus shows.

    Args:
        api: where it answers.
        at: the present.
        namespace: of the hub's pods; empty where Prometheus serves one hub.
        window: how many seconds of the past count.

    Raises:
        UnavailableError: it does not answer.
    """
    seen = _Seen([row for wanted in _queries(namespace, window) for row in await api.query(_union(wanted), at)])
    return Facts(
        at=at,
        newest=seen.value("newest"),
        targets=seen.count("targets"),
        down=seen.count("down"),
        pods=seen.count("pods"),
        annotated=seen.count("annotated"),
        components=seen.count("components"),
        users=seen.count("users"),
        named=seen.count("named"),
        renamed=seen.labels("renamed", "pod"),
        recorded=frozenset(name.partition(":")[2] for name in seen.labels("recorded", "__name__")),
        heartbeat=seen.value("heartbeat"),
        beat=seen.value("beat"),
        first=seen.value("first"),
        alive=seen.count("alive"),
        nothing=(seen.count("nothing"), seen.labels("nothing_of", "username")),
        without={
            resource: (seen.count(f"no_{resource}"), seen.labels(f"no_{resource}_of", "username"))
            for resource in (Resource.MEMORY, Resource.CPU)
        },
        charged_twice=seen.count("twice"),
        latest_start=seen.value("latest_start"),
        asked=frozenset(seen.labels("asked", "resource") + seen.labels("asks", "resource")),
        watches_itself=seen.value("itself") is not None,
        rules=None if seen.value("rules") is None else seen.count("rules"),
        rule_seconds=seen.value("rule_seconds"),
        failures=seen.value("failures") or 0.0,
        missed=seen.value("missed") or 0.0,
        retention=seen.value("retention"),
    )


class _Seen:
    """Rows by the name of what was asked."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[str, list[Row]] = {}
        for row in rows:
            self._rows.setdefault(row.labels.get("stat", ""), []).append(row)

    def value(self, stat: str) -> float | None:
        rows = self._rows.get(stat)
        return rows[0].value if rows else None

    def count(self, stat: str) -> int:
        return int(self.value(stat) or 0)

    def labels(self, stat: str, label: str) -> tuple[str, ...]:
        return tuple(sorted({row.labels.get(label, "") for row in self._rows.get(stat, ())}))


def _queries(namespace: str, window: float) -> tuple[dict[str, str], ...]:
    """What is asked: of what feeds Prometheus, of what it recorded, of itself."""
    only = f"namespace={quoted(namespace)}" if namespace else ""
    here, and_here = f"{{{only}}}" if only else "", f",{only}" if only else ""
    user = "jupyterhub_quota:pod_user"
    renamed = (
        f'max by (namespace, uid, pod, username) (kube_pod_annotations{{username!=""{and_here}}})'
        f" unless on (namespace, uid, username) {user} and on (namespace, uid) {user}"
    )
    fed = {
        # A day ahead of us: Prometheus' clock may be.
        "newest": f"max(max_over_time(timestamp(up{TARGETS})[25h:1m] offset -1d))",
        "targets": f"count(up{TARGETS})",
        "down": f"count(up{TARGETS} == 0)",
        "pods": f"count(kube_pod_status_scheduled_time{here})",
        "annotated": f"count(kube_pod_annotations{here})",
        "components": f'count(kube_pod_labels{{component!=""{and_here}}})',
        "users": f'count(kube_pod_labels{{component="{USER_PODS}"{and_here}}})',
        "named": f'count(kube_pod_annotations{{username!=""{and_here}}})',
        "renamed": f"topk({EXAMPLES}, {renamed})",
    }
    seen, start = f"jupyterhub_quota:seen_seconds{here}", f"jupyterhub_quota:pod_start_seconds{here}"
    request = "jupyterhub_quota:pod_request"
    alive = f"(jupyterhub_quota:pod_end_seconds{here} >= on (namespace) group_left () {seen})"
    all_of_it = f"[{window + MARGIN_SECONDS:.0f}s]"
    recorded = {
        "recorded": f'count by (__name__) ({{__name__=~"jupyterhub_quota:.+"{and_here}}})',
        "heartbeat": f"max(max_over_time({seen}[1h]))",
        "beat": f"max(max_over_time({seen}{all_of_it}))",
        "first": f"min(min_over_time({seen}{all_of_it}))",
        "alive": f"count({alive})",
        "twice": "count(count by (namespace, uid) "
        f"(count by (namespace, uid, username) (last_over_time({start}[1d]))) > 1)",
        "latest_start": f"max({start})",
        # Steps, because all series of a week would be many; what is there right now may lie between two.
        "asked": f"max_over_time((count by (resource) ({request}{here}))[7d:5m])",
        "asks": f"count by (resource) ({request}{here})",
    }
    for name, resources in {"nothing": "memory|cpu", "no_memory": "memory", "no_cpu": "cpu"}.items():
        without = f'{alive} unless on (namespace, uid) {request}{{resource=~"{resources}"{and_here}}}'
        recorded |= {name: f"count({without})", f"{name}_of": f"topk({EXAMPLES}, {without})"}
    itself = {
        "itself": 'count({__name__=~"prometheus_tsdb_retention_limit_seconds|prometheus_rule_group_rules"})',
        "rules": f"max(prometheus_rule_group_rules{GROUP})",
        "rule_seconds": f"max(prometheus_rule_group_interval_seconds{GROUP})",
        "failures": f"sum(increase(prometheus_rule_evaluation_failures_total{GROUP}[15m]))",
        "missed": f"sum(increase(prometheus_rule_group_iterations_missed_total{GROUP}[15m]))",
        "retention": "max(prometheus_tsdb_retention_limit_seconds)",
    }
    return fed, recorded, itself


def _union(expressions: Mapping[str, str]) -> str:
    """One query for several, told apart by the label `stat`."""
    return " or ".join(f'label_replace({query}, "stat", "{stat}", "", "")' for stat, query in expressions.items())
