"""What the rows of the ledger's series say of pods, put together into sessions. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import translate

from jupyterhub_quota.ledger.api import Row
from jupyterhub_quota.session import Request, Session


@dataclass(slots=True)
class _Pod:
    """What rows say of one pod."""

    user: str
    start: float | None = None
    end: float | None = None
    requests: dict[str, float] = field(default_factory=dict)
    info: tuple[float, str, str, str] = (0.0, "", "", "")  # last sighting; server, pod, component


@dataclass(slots=True)
class Found:
    """What was read so far, in one slice or in many; the order of slices does not matter."""

    pods: dict[str, _Pod] = field(default_factory=dict)
    resized: set[str] = field(default_factory=set)
    seen: float | None = None
    first: float | None = None

    def add(self, rows: Iterable[Row]) -> None:
        """Add the rows of one slice."""
        for row in rows:
            stat, value = row.labels.get("stat"), row.value
            if stat == "seen":
                self.seen = value if self.seen is None else max(self.seen, value)
            elif stat == "first":
                self.first = value if self.first is None else min(self.first, value)
            else:
                self._add_to_pod(stat, value, row.labels)

    def _add_to_pod(self, stat: str | None, value: float, labels: dict[str, str]) -> None:
        id_ = id_of(labels)
        pod = self.pods.get(id_) or self.pods.setdefault(id_, _Pod(labels.get("username", "")))
        if stat == "start":
            pod.start = value if pod.start is None else min(pod.start, value)
        elif stat == "end":
            pod.end = value if pod.end is None else max(pod.end, value)
        elif stat == "request":
            resource = labels.get("resource", "")
            if pod.requests.setdefault(resource, value) != value:
                self.resized.add(id_)
        elif stat == "resized":
            self.resized.add(id_)
        elif stat == "info" and value >= pod.info[0]:
            pod.info = (value, labels.get("servername", ""), labels.get("pod", ""), labels.get("component", ""))

    def sessions(self, gpu: re.Pattern[str], as_of: float) -> Iterator[Session]:
        """Yield the sessions of pods that were seen with their node."""
        requests: dict[tuple[tuple[str, float], ...], Request] = {}  # few differ, so that they are shared
        for id_, pod in self.pods.items():
            if pod.start is None or pod.end is None:
                continue
            key = tuple(sorted(pod.requests.items()))
            request = requests.get(key) or requests.setdefault(key, _request(pod.requests, gpu))
            _, server, name, component = pod.info
            yield Session(
                id_,
                pod.user,
                server,
                pod.start,
                pod.end,
                request,
                alive=pod.end >= as_of,
                pod=name,
                component=component,
            )


def id_of(labels: dict[str, str]) -> str:
    """Return what makes a session one and the same: namespace and uid of its pod."""
    return f"{labels.get('namespace', '')}/{labels.get('uid', '')}"


def _request(amounts: dict[str, float], gpu: re.Pattern[str]) -> Request:
    devices = sum(amount for resource, amount in amounts.items() if gpu.fullmatch(resource))
    return Request(amounts.get("memory", 0.0), amounts.get("cpu", 0.0), devices)


def segments(session: Session, rows: list[Row], gpu: re.Pattern[str]) -> list[Session]:
    """One session for each size that *rows* show, from the samples of every resource of one pod."""
    held: dict[str, float] = {}
    sizes: list[tuple[float, Request]] = []
    samples = sorted((t, row.labels.get("resource", ""), value) for row in rows for t, value in row.samples)
    for i, (t, resource, value) in enumerate(samples):
        held[resource] = value
        if i + 1 < len(samples) and samples[i + 1][0] == t:
            continue  # all resources of one evaluation change together
        request = _request(held, gpu)
        if not sizes or sizes[-1][1] != request:
            sizes.append((session.start if not sizes else t, request))
    if not sizes:
        return [session]
    ends = [begin for begin, _ in sizes[1:]] + [session.end]
    return [
        replace(session, start=begin, end=end, request=request, alive=session.alive and end == session.end)
        for (begin, request), end in zip(sizes, ends, strict=True)
        if begin < end or len(sizes) == 1
    ]


def gpu_pattern(resources: Iterable[str]) -> re.Pattern[str]:
    """Return what matches the names of GPUs as kube-state-metrics shows them; `*` stands for any text."""
    shown = (re.sub(r"[^a-z0-9_*]", "_", resource.lower()) for resource in resources)
    return re.compile("|".join(translate(name) for name in shown))
