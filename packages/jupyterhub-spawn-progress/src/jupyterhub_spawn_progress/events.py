"""
Kubernetes events as plain values, whatever API version and component wrote them.

Pure. Anything may be missing from an event: what is missing becomes an empty text or 0, never an error.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """
    One thing that a component of Kubernetes says about a pod.

    The status of a pod and refusals of the API are read as events too, from the components "pod" and "api"
    (see `status_events` and `refusal_event`), so that one table of rules covers all three.
    """

    component: str
    reason: str
    message: str = ""
    field: str = ""  # names the container: spec.containers{notebook}
    kind: str = "Normal"
    uid: str = ""
    pod_uid: str = ""
    first: float = 0.0  # seconds since 1970
    last: float = 0.0

    @property
    def detail(self) -> str:
        """The technical text, for admins."""
        where = f" ({self.field})" if self.field else ""
        return f"{self.component} {self.reason}{where}: {self.message}".removesuffix(": ")


def parse_event(raw: Mapping[str, Any]) -> Event:
    """Return the event that *raw* is: a v1.Event or an events.k8s.io/v1 Event, as JSON."""
    about = part(raw, "involvedObject") or part(raw, "regarding")
    source = part(raw, "source") or part(raw, "deprecatedSource")
    series = part(raw, "series")
    metadata = part(raw, "metadata")
    times = [
        seconds(value)
        for value in (
            raw.get("firstTimestamp"),
            raw.get("deprecatedFirstTimestamp"),
            raw.get("eventTime"),
            raw.get("lastTimestamp"),
            raw.get("deprecatedLastTimestamp"),
            series.get("lastObservedTime"),
            metadata.get("creationTimestamp"),
        )
    ]
    known = [time for time in times if time]
    return Event(
        component=_text(raw, "reportingComponent") or _text(source, "component") or _text(raw, "reportingController"),
        reason=_text(raw, "reason"),
        message=_text(raw, "message") or _text(raw, "note"),
        field=_text(about, "fieldPath"),
        kind=_text(raw, "type") or "Normal",
        uid=_text(metadata, "uid"),
        pod_uid=_text(about, "uid"),
        first=known[0] if known else 0.0,
        last=max(known, default=0.0),
    )


def of_pod(events: Iterable[Event], pod: Mapping[str, Any] | None) -> tuple[Event, ...]:
    """
    Return those of *events* that are about *pod*, and not about an earlier one of the same name.

    Some components leave the uid out; such an event counts when it is not older than the pod. Without a pod,
    all count.
    """
    metadata = part(pod or {}, "metadata")
    uid = _text(metadata, "uid")
    created = seconds(metadata.get("creationTimestamp"))
    return tuple(
        event for event in events if not uid or event.pod_uid == uid or (not event.pod_uid and event.last >= created)
    )


def seconds(timestamp: object) -> float:
    """Return an ISO 8601 *timestamp* as seconds since 1970; 0 when there is none or it cannot be read."""
    if not isinstance(timestamp, str):
        return 0.0
    try:
        time = datetime.fromisoformat(timestamp)
    except ValueError:
        return 0.0
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _text(mapping: Mapping[str, Any], key: str) -> str:
    value = mapping.get(key)
    return value if isinstance(value, str) else ""


def part(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the object below *key*; an empty one when there is none."""
    value = mapping.get(key)
    return value if isinstance(value, Mapping) else {}
