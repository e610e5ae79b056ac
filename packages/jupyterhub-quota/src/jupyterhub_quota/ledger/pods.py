"""
What the rows of the ledger's series say of pods, put together into sessions.

Rows are taken as they are read and not kept; what is known of a pod takes little more than the session it becomes.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import translate
from functools import partial
from sys import intern
from threading import Lock

from jupyterhub_quota.ledger import promql
from jupyterhub_quota.ledger.rows import Row, Samples, take_rows
from jupyterhub_quota.session import Request, Session

# What was requested before each change: by when it changed, and what.
Changes = dict[tuple[float, str], float]
# By resource, in order: one value for all pods that request the same.
Requests = tuple[tuple[str, float], ...]


@dataclass(slots=True)
class Pod:
    """What rows say of one pod; *known* and *shown* are the times of the latest end and info."""

    id: str  # a pod is as large as the session that takes its place in memory
    start: float | None = None
    end: float | None = None
    known: float = -math.inf
    requests: Requests = ()
    shown: float = -math.inf
    server: str = ""
    name: str = ""
    component: str = ""


@dataclass(slots=True)
class Found:
    """
    What was read so far, in one slice or in many; their order does not matter, and threads may add at once.

    Attributes:
        pods: by user and id.
        changes: by id, of pods that were resized.
        last: when and how much was requested last, by id and resource, of these.
        seen: up to when the ledger is known, None where nothing shows it.
        first: since when it is, where that was asked.
    """

    pods: dict[str, dict[str, Pod]] = field(default_factory=dict)
    changes: dict[str, Changes] = field(default_factory=dict)
    last: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    seen: float | None = None
    first: float | None = None
    _shared: dict[tuple[Requests, str, float], Requests] = field(default_factory=dict)
    _times: dict[float, float] = field(default_factory=dict)  # one value for all that are equal
    _adding: Lock = field(default_factory=Lock)

    def read(self, body: bytearray) -> set[str]:
        """
        Add what an answer says; return the uids of pods that were resized, of which `add_changes` wants to know more.

        Raises:
            UnavailableError: the answer is not whole. What was added of it is true all the same.
        """
        resized: set[str] = set()
        with self._adding:
            take_rows(body, partial(self._take, resized))
        return resized

    def _take(self, resized: set[str], labels: dict[str, str], samples: Samples) -> None:
        """Add one row."""
        t, value = samples[-1]
        name = labels.get("__name__") or labels.get("stat")
        if name == promql.NEWEST:
            self.seen = value if self.seen is None else max(self.seen, value)
        elif name == promql.OLDEST:
            self.first = value if self.first is None else min(self.first, value)
        elif name == promql.BEFORE:
            resized.add(labels.get("uid", ""))
        else:
            pod = self._pod(labels)
            if name == promql.START:
                pod.start = value if pod.start is None else min(pod.start, value)
            elif name == promql.END:
                # Not the largest: a pod that is done says when it was, and that may be before it was last seen to run.
                if t >= pod.known:
                    pod.end, pod.known = value, self._times.setdefault(t, t)
            elif name == promql.REQUEST:
                pod.requests = self._with(pod.requests, labels.get("resource", ""), value)
            elif name == promql.INFO:
                _describe(pod, self._times.setdefault(value, value), labels)

    def _pod(self, labels: dict[str, str]) -> Pod:
        user, id_ = labels.get("username", ""), _id(labels)
        own = self.pods.get(user)
        if own is None:
            own = self.pods[user] = {}
        pod = own.get(id_)
        if pod is None:
            pod = own[id_] = Pod(id_)
        return pod

    def _with(self, requests: Requests, resource: str, amount: float) -> Requests:
        """Add to *requests*. Where slices differ although no change was seen, the smaller amount counts."""
        key = requests, resource, amount
        known = self._shared.get(key)
        if known is None:
            amounts = dict(requests)
            amounts[resource] = min(amounts.get(resource, math.inf), amount)
            known = self._shared[key] = tuple(sorted(amounts.items()))
        return known

    def add_changes(self, before: Iterable[Row], last: Iterable[Row]) -> None:
        """Add, of the resized pods of one slice, what they requested before each change, and at the slice's end."""
        for row in before:
            changes = self.changes.setdefault(_id(row.labels), {})
            changes.update({(t, row.labels.get("resource", "")): amount for t, amount in row.samples})
        for row in last:
            key = _id(row.labels), row.labels.get("resource", "")
            self.last[key] = max(self.last.get(key, (0.0, 0.0)), row.samples[-1])

    def sessions(self, gpu: re.Pattern[str], as_of: float) -> Iterator[Session]:
        """
        Yield the sessions of pods that were seen with their node; of one that was resized, one for each size.

        Pods are let go as their sessions are made: both at once would take twice the memory.
        """
        requests: dict[Requests, Request] = {}
        while self.pods:
            user, own = self.pods.popitem()
            for pod in own.values():
                if pod.start is None or pod.end is None:
                    continue
                request = requests.get(pod.requests)
                if request is None:
                    request = requests[pod.requests] = _request(dict(pod.requests), gpu)
                alive = pod.end >= as_of
                session = Session(pod.id, user, pod.server, pod.start, pod.end, request, alive, pod.name, pod.component)
                changes = self.changes.get(pod.id)
                if changes is None:
                    yield session
                else:
                    last = {name: self.last.get((pod.id, name), (0.0, amount))[1] for name, amount in pod.requests}
                    yield from _parts(session, changes, last, gpu)


def _describe(pod: Pod, shown: float, labels: dict[str, str]) -> None:
    """Say what *pod* is, if that was shown later than what is known."""
    server, name, component = labels.get("servername", ""), labels.get("pod", ""), labels.get("component", "")
    if (shown, server, name, component) > (pod.shown, pod.server, pod.name, pod.component):
        pod.shown, pod.server, pod.name, pod.component = shown, intern(server), name, intern(component)


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


def uid_of(id_: str) -> str:
    """Return the uid of a session's pod."""
    return id_.partition("/")[2]


def _request(amounts: Mapping[str, float], gpu: re.Pattern[str]) -> Request:
    counted = {"memory", "cpu"}
    devices = sum(amount for resource, amount in amounts.items() if resource not in counted and gpu.fullmatch(resource))
    return Request(amounts.get("memory", 0.0), amounts.get("cpu", 0.0), devices)


def gpu_pattern(resources: Iterable[str]) -> re.Pattern[str]:
    """Return what matches the names of GPUs as kube-state-metrics shows them; `*` stands for any text."""
    shown = (re.sub(r"[^a-zA-Z0-9_*]", "_", resource) for resource in resources)
    return re.compile("|".join(translate(name) for name in shown))
