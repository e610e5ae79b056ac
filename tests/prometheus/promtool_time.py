"""
A cluster that is played in promtool's time: scripts of many hours against the rules in a fraction of a second.

A script says from which minute on kube-state-metrics shows what of a pod. The series are those after the scrape's
relabelling, one sample a minute, with a staleness marker where a real Prometheus writes one.
"""

import subprocess
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from programs import program

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "helm-chart" / "jupyterhub-quota" / "files"
RULES = FILES / "rules" / "ledger.yaml"
GIB = 2**30
MINUTE = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """What kube-state-metrics shows of a pod; times in minutes of the script."""

    user: str | None = "ann"
    server: str | None = None
    profile: str | None = None
    groups: str | None = None
    component: str | None = "singleuser-server"
    application: str | None = "jupyterhub"
    annotations: bool = True  # rows of the allow-lists
    labels: bool = True
    scheduled: float | None = None  # None while it waits for a node
    containers: tuple[dict[str, float], ...] = ({"memory": 4 * GIB},)
    init: tuple[dict[str, float], ...] = ()
    sidecars: tuple[dict[str, float], ...] = ()
    done: str | None = None  # Succeeded or Failed
    completed: float | None = None
    deleted: float | None = None
    gone: bool = False

    def series(self, pod: dict[str, str]) -> dict[str, float]:
        """Return the series of a pod with the labels *pod*, as written in a promtool test, with their values."""
        rows: dict[str, float] = {}

        def row(metric: str, value: float, **labels: str | None) -> None:
            pairs = pod | {name: text for name, text in labels.items() if text is not None}
            rows[metric + "{" + ",".join(f"{name}={quoted(text)}" for name, text in pairs.items()) + "}"] = value

        if self.annotations:
            names = {"username": self.user, "servername": self.server, "profile": self.profile, "groups": self.groups}
            row("kube_pod_annotations", 1, **names)
        if self.labels:
            row("kube_pod_labels", 1, component=self.component, application=self.application)
        for phase in ("Succeeded", "Failed"):
            row("kube_pod_status_phase", phase == self.done, phase=phase)
        for metric, minute in (
            ("kube_pod_status_scheduled_time", self.scheduled),
            ("kube_pod_completion_time", self.completed),
            ("kube_pod_deletion_timestamp", self.deleted),
        ):
            if minute is not None:
                row(metric, minute * MINUTE)
        node = "" if self.scheduled is None else "node-1"
        for number, container in enumerate(self.containers):
            for resource, amount in container.items():
                name = f"container-{number}"
                row("kube_pod_container_resource_requests", amount, container=name, node=node, resource=resource)
        for number, container in enumerate((*self.init, *self.sidecars)):
            restart_policy = None if number < len(self.init) else "Always"
            row("kube_pod_init_container_info", 1, container=f"init-{number}", restart_policy=restart_policy)
            for resource, amount in container.items():
                name = f"init-{number}"
                row("kube_pod_init_container_resource_requests", amount, container=name, node=node, resource=resource)
        return rows


@dataclass(slots=True)
class Pod:
    """A pod and the minutes at which what is shown of it changes."""

    uid: str
    name: str
    namespace: str
    targets: Collection[str]
    changes: list[tuple[float, Shown]]

    def then(self, minute: float, **changes: Any) -> "Pod":
        """From *minute* on other values are shown."""
        self.changes.append((minute, replace(self.changes[-1][1], **changes)))
        return self

    def gone(self, minute: float) -> "Pod":
        """From *minute* on the pod is not shown any more."""
        return self.then(minute, gone=True)

    def shown(self, minute: int) -> Shown | None:
        """Return what is shown of it at *minute*, None before and after its life."""
        latest = None
        for since, state in self.changes:
            if since <= minute:
                latest = state
        return None if latest is None or latest.gone else latest


@dataclass(slots=True)
class Script:
    """A cluster, what Prometheus saw of it, and what the rules should make of that."""

    minutes: int = 600
    pods: list[Pod] = field(default_factory=list)
    missed: dict[str, set[int]] = field(default_factory=lambda: {"ksm-1": set()})

    def pod(
        self, since: float = 10, *, name: str = "", namespace: str = "hub", targets: Iterable[str] = (), **state: Any
    ) -> Pod:
        """Add a pod that is shown, and has a node unless *state* says otherwise, from minute *since* on."""
        uid = f"uid-{len(self.pods) + 1}"
        shown = Shown(**({"scheduled": since} | state))
        targets = tuple(targets) or ("ksm-1",)
        for target in targets:
            self.missed.setdefault(target, set())
        self.pods.append(Pod(uid, name or f"pod-{uid}", namespace, targets, [(since, shown)]))
        return self.pods[-1]

    def hub(self) -> Pod:
        """Add the hub's own pod, which is always there."""
        return self.pod(0, name="hub", user=None, component="hub", containers=())

    def miss(self, minutes: Iterable[int], target: str = "ksm-1") -> None:
        """Let the scrapes of *target* fail at *minutes*."""
        self.missed.setdefault(target, set()).update(minutes)

    def input_series(self) -> list[dict[str, str]]:
        """Return the samples in promtool's notation."""
        samples: dict[str, dict[int, float]] = {}
        for pod in self.pods:
            for target in pod.targets:
                labels = {"job": "kube-state-metrics", "instance": target}
                labels |= {"namespace": pod.namespace, "pod": pod.name, "uid": pod.uid}
                for minute in range(self.minutes + 1):
                    shown = pod.shown(minute)
                    if shown and minute not in self.missed[target]:
                        for series, value in shown.series(labels).items():
                            samples.setdefault(series, {})[minute] = value
        return [{"series": series, "values": self._values(at)} for series, at in samples.items()]

    def _values(self, at: dict[int, float]) -> str:
        """Return a series' samples: a value, a staleness marker after the last of several, nothing otherwise."""
        words = []
        for minute in range(self.minutes + 1):
            vanished = minute not in at and minute - 1 in at
            words.append(repr(float(at[minute])) if minute in at else "stale" if vanished else "_")
        return " ".join(_run(word, len(tuple(run))) for word, run in groupby(words))

    def must_give(self, expression: str, expected: object, minute: int | None = None) -> None:
        """
        Fail, with promtool's words, unless *expression* is *expected* at *minute* (the end).

        Args:
            expression: in PromQL.
            expected: a number, None for nothing at all, or numbers by labels.
            minute: when it is evaluated.
        """
        objection = self.objection(expression, expected, minute)
        assert not objection, objection

    def objection(self, expression: str, expected: object, minute: int | None = None, rules: Path = RULES) -> str:
        """Return what promtool has to say against *expression* being *expected* under *rules*; "" for nothing."""
        rows = {} if expected is None else expected if isinstance(expected, dict) else {"{}": expected}
        test = {
            "interval": "1m",
            "input_series": self.input_series(),
            "promql_expr_test": [
                {
                    "expr": expression,
                    "eval_time": f"{self.minutes if minute is None else minute}m",
                    "exp_samples": [{"labels": labels, "value": value} for labels, value in rows.items()],
                }
            ],
        }
        document = {"rule_files": [str(rules)], "evaluation_interval": "1m", "fuzzy_compare": True, "tests": [test]}
        command = [str(program("promtool")), "test", "rules", "/dev/stdin"]
        told = subprocess.run(
            command, input=yaml.safe_dump(document), capture_output=True, text=True, timeout=60, check=False
        )
        return "" if told.returncode == 0 else told.stdout + told.stderr


def quoted(text: str) -> str:
    """Return *text* as a PromQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def charged(user: str, resource: str = "memory") -> str:
    """Return the query for what *user* is charged, in GiB-minutes of memory or core-minutes and the like."""
    selector = f"username={quoted(user)}"
    per_minute = MINUTE * (GIB if resource == "memory" else 1)
    return f"""
        sum(
            avg_over_time(jupyterhub_quota:pod_request{{{selector},resource="{resource}"}}[48h])
          * on (namespace, username, uid) group_left ()
            clamp_min(
                max_over_time(jupyterhub_quota:pod_end_seconds{{{selector}}}[48h])
              - min_over_time(jupyterhub_quota:pod_start_seconds{{{selector}}}[48h])
            , 0)
        ) / {per_minute}"""


def _run(word: str, length: int) -> str:
    if length == 1:
        return word
    return f"_x{length}" if word == "_" else f"{word}x{length - 1}"
