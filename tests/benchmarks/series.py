"""
The series of a session: those that kube-state-metrics shows of its pod, and what the rules record of those.

The recorded ones are emulated; `rules.py` compares them with what Prometheus' rule engine makes of the shown ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from sessions import Session

LEDGER = "jupyterhub_quota"
TARGET = {"job": "kube-state-metrics", "instance": "kube-state-metrics:8080"}
GROUPS = '["regular"]'
COMPONENT = {"component": "singleuser-server", "application": "jupyterhub"}


class Moving(Enum):
    """Values that move with time."""

    SIGHTING = 1
    SIGHTING_IN_STEPS = 2

    def at(self, sighting: float) -> float:
        """Return the value when pods were last seen at *sighting*."""
        return sighting if self is Moving.SIGHTING else 300.0 * (sighting // 300)


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its labels, the name among them, and its value."""

    labels: Mapping[str, str]
    value: float | Moving

    def at(self, sighting: float) -> float:
        """Return the value when pods were last seen at *sighting*."""
        return self.value.at(sighting) if isinstance(self.value, Moving) else self.value


def heartbeat() -> list[Series]:
    """Return what the rules record of the hub itself."""
    return [
        Series({"__name__": f"{LEDGER}:target_seen_seconds", **TARGET}, Moving.SIGHTING),
        Series({"__name__": f"{LEDGER}:seen_seconds", "namespace": "hub"}, Moving.SIGHTING),
    ]


def recorded(session: Session) -> list[Series]:
    """Return what the rules record of a session that is not resized and whose pod goes away when it ends."""
    pod = {"namespace": "hub", "uid": session.uid}
    whose = pod | {"username": session.user}
    told = {"pod": session.pod, "profile": session.profile, "groups": GROUPS, **COMPONENT}
    if session.server:
        told["servername"] = session.server
    return [
        Series({"__name__": f"{LEDGER}:pod_user", **whose}, 1.0),
        *(
            Series({"__name__": f"{LEDGER}:pod_request", **whose, "resource": resource}, amount)
            for resource, amount in session.requests.items()
        ),
        Series({"__name__": f"{LEDGER}:pod_start_seconds", **whose}, float(session.start)),
        Series({"__name__": f"{LEDGER}:pod_end_seconds", **whose}, Moving.SIGHTING),
        Series({"__name__": f"{LEDGER}:pod_info", **whose, **told}, Moving.SIGHTING_IN_STEPS),
    ]


def joined(session: Session) -> list[Series]:
    """Return what is shown of a pod and the published form reads: requests and whose the pod is."""
    pod = {"namespace": "hub", "pod": session.pod, "uid": session.uid, **TARGET}
    container = {"container": "notebook", "node": "node-1"}
    annotations = {"username": session.user, "profile": session.profile, "groups": GROUPS}
    if session.server:
        annotations["servername"] = session.server
    return [
        *(
            Series(
                {"__name__": "kube_pod_container_resource_requests", **pod, **container, "resource": resource}
                | {"unit": {"memory": "byte", "cpu": "core"}.get(resource, "integer")},
                amount,
            )
            for resource, amount in session.requests.items()
        ),
        Series({"__name__": "kube_pod_annotations", **pod, **annotations}, 1.0),
    ]


def shown(session: Session) -> list[Series]:
    """Return all that is shown of a running pod and the scrape keeps."""
    pod = {"namespace": "hub", "pod": session.pod, "uid": session.uid, **TARGET}
    return [
        *joined(session),
        Series({"__name__": "kube_pod_labels", **pod, **COMPONENT}, 1.0),
        *(Series({"__name__": "kube_pod_status_phase", **pod, "phase": p}, 0.0) for p in ("Succeeded", "Failed")),
        Series({"__name__": "kube_pod_status_scheduled_time", **pod}, float(session.start)),
    ]
