"""
What the status of a pod says, and what the API says when it refuses a pod, as events.

Pure. Status is the better witness: it says what is so now, and its words are an API, which the texts of events
are not.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .events import Event, part

COMPONENT = "pod"
REFUSED = "api"

# Conditions that say something about a start. Their reasons are texts of their own (Unschedulable,
# SchedulingGated, PreemptionByScheduler, …); a condition that simply holds is named by its type.
_WHEN_FALSE = ("PodScheduled",)
_WHEN_TRUE = ("PodScheduled", "DisruptionTarget")

# How a container ends that was told to.
_WHEN_STOPPED = ("Completed", "Error", "CrashLoop")

# So many restarts are a loop, also in the moment before the next one is put off.
_CRASH_LOOP = 2


def status_events(pod: Mapping[str, Any] | None) -> tuple[Event, ...]:
    """Return what the status of *pod* says now; nothing for no pod."""
    if not pod:
        return ()
    return tuple(_of_conditions(pod)) + tuple(_of_containers(pod)) + tuple(_of_phase(pod))


def gone_event() -> Event:
    """Return what there is to say about a pod that was there and is no more."""
    return Event(COMPONENT, "Gone", "the pod is no longer there")


def refusal_event(body: str | bytes | None, status: int, reason: str) -> Event:
    """Return what the API said when it refused to create something: *body* is the JSON of a v1.Status or any text."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if isinstance(answer, Mapping):
        reason = str(answer.get("reason") or reason)
        text = str(answer.get("message") or text)
    return Event(REFUSED, reason.replace(" ", "") or str(status), text)


def is_ready(pod: Mapping[str, Any] | None) -> bool:
    """Whether all containers of *pod* are ready."""
    containers = list(_containers(pod or {}, "containerStatuses"))
    return bool(containers) and all(container.get("ready") is True for container in containers)


def _of_conditions(pod: Mapping[str, Any]) -> Iterator[Event]:
    for condition in _items(_status(pod), "conditions"):
        name, holds = str(condition.get("type")), condition.get("status")
        reason, message = str(condition.get("reason") or ""), str(condition.get("message") or "")
        if holds == "False" and name in _WHEN_FALSE and reason:
            yield Event(COMPONENT, reason, message)
        elif holds == "True" and name in _WHEN_TRUE:
            yield Event(COMPONENT, reason or name, message)


def _of_containers(pod: Mapping[str, Any]) -> Iterator[Event]:
    is_deleted = _is_deleted(pod)
    for key, path in (("initContainerStatuses", "initContainers"), ("containerStatuses", "containers")):
        for container in _containers(pod, key):
            field = f"spec.{path}{{{container.get('name', '')}}}"
            for event in _of_container(container, field, is_init=path == "initContainers"):
                # Whoever deletes a pod ends its containers: that says nothing about them.
                if not (is_deleted and event.reason in _WHEN_STOPPED):
                    yield event


def _of_container(container: Mapping[str, Any], field: str, *, is_init: bool) -> Iterator[Event]:
    state, last = part(container, "state"), part(container, "lastState")
    waiting, terminated = part(state, "waiting"), part(state, "terminated")
    died = part(last, "terminated")
    if waiting:
        yield Event(COMPONENT, str(waiting.get("reason") or "Waiting"), str(waiting.get("message") or ""), field)
    elif state.get("running") is not None and not is_init:
        yield Event(COMPONENT, "Ready" if container.get("ready") is True else "Running", "", field)
    if terminated and not (is_init and terminated.get("exitCode") == 0):
        yield _ended(terminated, field)
        if terminated.get("exitCode") != 0 and container.get("restartCount", 0) >= _CRASH_LOOP:
            yield Event(COMPONENT, "CrashLoop", f"ended {container['restartCount'] + 1} times", field)
    # A container that has been restarted is judged by how it ended, too: only there is an out-of-memory kill seen.
    elif died and not container.get("ready"):
        yield _ended(died, field)


def _ended(terminated: Mapping[str, Any], field: str) -> Event:
    code = terminated.get("exitCode")
    message = str(terminated.get("message") or "")
    text = f"exit code {code}" + (f": {message}" if message else "")
    return Event(COMPONENT, str(terminated.get("reason") or "Error"), text, field)


def _of_phase(pod: Mapping[str, Any]) -> Iterator[Event]:
    status = _status(pod)
    message = str(status.get("message") or "")
    is_deleted = _is_deleted(pod)
    if status.get("phase") == "Failed" and (status.get("reason") or not is_deleted):
        yield Event(COMPONENT, str(status.get("reason") or "PodFailed"), message)
    if status.get("phase") == "Succeeded" and not is_deleted:
        yield Event(COMPONENT, "PodSucceeded", message)
    if is_deleted:
        yield Event(COMPONENT, "Deleting", message)


def _is_deleted(pod: Mapping[str, Any]) -> bool:
    return bool(part(pod, "metadata").get("deletionTimestamp"))


def _status(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    return part(pod, "status")


def _containers(pod: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    return _items(_status(pod), key)


def _items(mapping: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    value = mapping.get(key)
    return (item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else iter(())
