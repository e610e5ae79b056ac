"""What the rows of the ledger's series say of pods, put together into sessions. Pure."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import translate
from sys import intern
from threading import Lock

from jupyterhub_quota.ledger.api import Row
from jupyterhub_quota.session import Request, Session

# What was requested before each change: by when it changed, and what.
Changes = dict[tuple[float, str], float]
# By resource, in order: one value for all pods that request the same.
Requests = tuple[tuple[str, float], ...]


@dataclass(slots=True)
class _Pod:
    """What rows say of one pod."""

    start: float | None = None
    end: float | None = None
    requests: Requests = ()
    info: tuple[float, str, str, str] = (0.0, "", "", "")  # last sighting; server, pod, component


@dataclass(slots=True)
class Found:
    """What was read so far, in one slice or in many; their order does not matter, and threads may add at once."""

    pods: dict[tuple[str, str], _Pod] = field(default_factory=dict)  # by id and user
    changes: dict[str, Changes] = field(default_factory=dict)  # by id, of pods that were resized
    last: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)  # when and how much, of these
    shared: dict[tuple[Requests, str, float], Requests] = field(default_factory=dict)
    seen: float | None = None
    first: float | None = None
    _adding: Lock = field(default_factory=Lock)

    def add(self, rows: Iterable[Row]) -> bool:
        """Add the rows of one slice, and return whether pods in it were resized: `add_changes` wants to know more."""
        with self._adding:
            resized = [self._add(row) for row in rows]
        return any(resized)

    def _add(self, row: Row) -> bool:
        """Add one row, and return whether it says that a pod was resized."""
        stat, value = row.labels.get("stat"), row.value
        if stat == "seen":
            self.seen = value if self.seen is None else max(self.seen, value)
        elif stat == "first":
            self.first = value if self.first is None else min(self.first, value)
        elif stat != "resized":
            self._add_to_pod(stat, value, row.labels)
        return stat == "resized"

    def _add_to_pod(self, stat: str | None, value: float, labels: dict[str, str]) -> None:
        key = (_id(labels), labels.get("username", ""))
        pod = self.pods.get(key)
        if pod is None:
            pod = self.pods[key[0], intern(key[1])] = _Pod()
        if stat == "start":
            pod.start = value if pod.start is None else min(pod.start, value)
        elif stat == "end":
            pod.end = value if pod.end is None else max(pod.end, value)
        elif stat == "request":
            # The mean of equal numbers may differ from them in the last digit.
            pod.requests = self._with(pod.requests, labels.get("resource", ""), float(f"{value:.14g}"))
        elif stat == "info":
            server, component = intern(labels.get("servername", "")), intern(labels.get("component", ""))
            pod.info = max(pod.info, (value, server, labels.get("pod", ""), component))

    def _with(self, requests: Requests, resource: str, amount: float) -> Requests:
        """Add to *requests*. Where slices differ although no change was seen, the smaller amount counts."""
        key = requests, resource, amount
        if key not in self.shared:
            amounts = dict(requests)
            amounts[resource] = min(amounts.get(resource, math.inf), amount)
            self.shared[key] = tuple(sorted(amounts.items()))
        return self.shared[key]

    def add_changes(self, before: Iterable[Row], last: Iterable[Row]) -> None:
        """Add, of the resized pods of one slice, what they requested before each change, and at the slice's end."""
        for row in before:
            changes = self.changes.setdefault(_id(row.labels), {})
            changes.update({(t, row.labels.get("resource", "")): amount for t, amount in row.samples})
        for row in last:
            key = _id(row.labels), row.labels.get("resource", "")
            self.last[key] = max(self.last.get(key, (0.0, 0.0)), row.samples[-1])

    def sessions(self, gpu: re.Pattern[str], as_of: float) -> Iterator[Session]:
        """Yield the sessions of pods that were seen with their node; of one that was resized, one for each size."""
        requests: dict[Requests, Request] = {}
        for (id_, user), pod in self.pods.items():
            if pod.start is None or pod.end is None:
                continue
            request = requests.get(pod.requests)
            if request is None:
                request = requests[pod.requests] = _request(dict(pod.requests), gpu)
            _, server, name, component = pod.info
            alive = pod.end >= as_of
            session = Session(id_, user, server, pod.start, pod.end, request, alive, name, component)
            changes = self.changes.get(id_)
            if changes is None:
                yield session
            else:
                last = {name: self.last.get((id_, name), (0.0, amount))[1] for name, amount in pod.requests}
                yield from _parts(session, changes, last, gpu)


def _parts(session: Session, changes: Changes, last: Mapping[str, float], gpu: re.Pattern[str]) -> list[Session]:
    """One session for each size, the last one first: *last* was requested in the end."""
    held, parts = dict(last), []
    rest = replace(session, request=_request(held, gpu))
    for (changed, resource), before in sorted(changes.items(), reverse=True):
        held[resource] = before
        request = _request(held, gpu)
        if request == rest.request:
            continue
        # A change is recorded a little later than the last sighting, which is as far as the session is known.
        t = min(max(changed, session.start), rest.end)
        if t < rest.end or rest.alive:
            parts.append(replace(rest, start=t))
        rest = replace(rest, end=t, alive=rest.alive and not parts, request=request)
    return [*parts, rest] if rest.start < rest.end or not parts else parts


def _id(labels: dict[str, str]) -> str:
    """Return what makes a session one and the same: namespace and uid of its pod."""
    return f"{labels.get('namespace', '')}/{labels.get('uid', '')}"


def _request(amounts: Mapping[str, float], gpu: re.Pattern[str]) -> Request:
    counted = {"memory", "cpu"}
    devices = sum(amount for resource, amount in amounts.items() if resource not in counted and gpu.fullmatch(resource))
    return Request(amounts.get("memory", 0.0), amounts.get("cpu", 0.0), devices)


def gpu_pattern(resources: Iterable[str]) -> re.Pattern[str]:
    """Return what matches the names of GPUs as kube-state-metrics shows them; `*` stands for any text."""
    shown = (re.sub(r"[^a-zA-Z0-9_*]", "_", resource) for resource in resources)
    return re.compile("|".join(translate(name) for name in shown))
