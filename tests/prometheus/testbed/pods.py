"""Pods of the scripted cluster: what Kubernetes' API shows of them, and what they truly held."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

GIB = 2**30
Requests = dict[str, float]  # by the name that Kubernetes gives a resource: memory, cpu, nvidia.com/gpu


@dataclass(frozen=True, slots=True)
class Held:
    """What *user* held of a resource: its integral over time, and the time of the sessions that it was held in."""

    amount: float
    seconds: float


@dataclass(slots=True)
class Pod:
    """One pod; times are seconds since the epoch, at the resolution of one second that Kubernetes has."""

    name: str
    uid: str
    namespace: str
    annotations: dict[str, str]
    labels: dict[str, str]
    containers: list[Requests]
    init: list[Requests] = field(default_factory=list)
    sidecars: list[Requests] = field(default_factory=list)
    scheduled: int | None = None
    finished: int | None = None
    phase: str = "Pending"
    deletion: int | None = None  # when it is to be gone by
    ended: float | None = None  # when it truly let go of its node
    sizes: list[tuple[float, Requests]] = field(default_factory=list)  # since when which request
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def user(self) -> str | None:
        """Whose it is."""
        return self.annotations.get("hub.jupyter.org/username")

    def request(self) -> Requests:
        """Return what its node keeps for it: its containers and sidecars, or its largest init container if more."""
        together = [*self.containers, *self.sidecars]
        names = {name for each in (*together, *self.init) for name in each}
        return {
            name: max(sum(each.get(name, 0) for each in together), *(each.get(name, 0) for each in self.init), 0)
            for name in names
        }

    def held(self, resource: str, until: float) -> Held:
        """Return what it truly held of *resource* by the time *until*."""
        if self.scheduled is None:
            return Held(0, 0)
        end = min(until, until if self.ended is None else self.ended)
        edges = [(since, size.get(resource, 0)) for since, size in self.sizes if since < end] + [(end, 0)]
        amount = sum(size * (after - since) for (since, size), (after, _) in pairwise(edges))
        return Held(amount, max(0, end - self.scheduled))

    def document(self, version: int) -> dict[str, Any]:
        """Return it as Kubernetes' API shows it."""
        metadata: dict[str, Any] = {
            "name": self.name,
            "namespace": self.namespace,
            "uid": self.uid,
            "resourceVersion": str(version),
            "creationTimestamp": stamp(self.created),
            "annotations": self.annotations,
            "labels": self.labels,
        }
        if self.deletion is not None:
            metadata |= {"deletionTimestamp": stamp(self.deletion), "deletionGracePeriodSeconds": 30}
        spec: dict[str, Any] = {
            "restartPolicy": "OnFailure",
            "containers": [_container(f"container-{number}", each) for number, each in enumerate(self.containers)],
            "initContainers": [
                *(_container(f"init-{number}", each) for number, each in enumerate(self.init)),
                *(
                    _container(f"sidecar-{number}", each) | {"restartPolicy": "Always"}
                    for number, each in enumerate(self.sidecars)
                ),
            ],
        }
        status: dict[str, Any] = {"phase": self.phase, "conditions": [{"type": "PodScheduled", "status": "False"}]}
        if self.scheduled is not None:
            spec["nodeName"] = "node-1"
            since = stamp(self.scheduled)
            status["startTime"] = since
            status["conditions"] = [{"type": "PodScheduled", "status": "True", "lastTransitionTime": since}]
            running: dict[str, Any] = {"running": {"startedAt": since}}
            done = {
                "terminated": {"exitCode": 0, "startedAt": since, "finishedAt": stamp(self.finished or self.scheduled)}
            }
            status["initContainerStatuses"] = [
                _status(each["name"], running if "restartPolicy" in each else done) for each in spec["initContainers"]
            ]
            state = running if self.finished is None else done
            status["containerStatuses"] = [_status(each["name"], state) for each in spec["containers"]]
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def stamp(seconds: float) -> str:
    """Return a time as Kubernetes writes it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _container(name: str, requests: Requests) -> dict[str, Any]:
    return {
        "name": name,
        "image": "image",
        "resources": {"requests": {key: repr(value) for key, value in requests.items()}},
    }


def _status(name: str, state: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "image": "image",
        "imageID": "sha256:0",
        "restartCount": 0,
        "ready": "running" in state,
        "state": state,
    }
