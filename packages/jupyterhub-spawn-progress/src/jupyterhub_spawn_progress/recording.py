"""
Recorded starts: read from what `kubectl` prints, and told as a user would read them.

Pure, but for the text that comes in.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .events import part
from .failure import hopeless
from .rules import Table
from .translate import translate


class RecordingError(ValueError):
    """The text is not a recording; the message says what can be read."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The events of one pod, and the pod itself if it is known."""

    name: str
    pod: Mapping[str, Any] | None = None
    events: list[Mapping[str, Any]] = field(default_factory=list)


def parse_recordings(text: str) -> tuple[Recording, ...]:
    """
    Return what *text* records, one recording per pod.

    Reads what `kubectl get events -o json` and `kubectl get pods,events -o json` print, events as JSON Lines, and
    objects with the keys "pod" and "events".

    Raises:
        RecordingError: it is something else.
    """
    pods: dict[str, Mapping[str, Any]] = {}
    events: dict[str, list[Mapping[str, Any]]] = {}
    for item in _items(text):
        about = part(item, "involvedObject") or part(item, "regarding")
        if item.get("kind") == "Pod":
            pods[str(part(item, "metadata").get("name"))] = item
        elif about.get("kind", "Pod") == "Pod":
            events.setdefault(str(about.get("name", "")), []).append(item)
    names = list(events) + [name for name in pods if name not in events]
    return tuple(Recording(name, pods.get(name), events.get(name, [])) for name in names)


def tell(recording: Recording, table: Table, *, with_details: bool = False) -> Iterator[str]:
    """Yield what a user reads of *recording*, one message a line, and whether the start would be ended."""
    for message in translate(recording.events, recording.pod, table=table):
        yield _line_of(message.text, message.detail if with_details else "")
    verdicts = hopeless(recording.events, recording.pod, table=table)
    if verdicts:
        first = min(verdicts, key=lambda verdict: verdict.after)
        yield _line_of(f"would end after {first.after:g} s: {first.text}", first.detail if with_details else "")


def _line_of(text: str, detail: str) -> str:
    return " ".join((text + (f" [{detail}]" if detail else "")).split())


def _items(text: str) -> Iterator[Mapping[str, Any]]:
    for document in _documents(text):
        if "events" in document or "events_v1" in document:
            pod = part(document, "pod")
            if pod:
                yield {"kind": "Pod", **pod}
            yield from _checked(document.get("events", document.get("events_v1")))
        elif "items" in document:
            yield from _checked(document["items"])
        else:
            yield from _checked([document])


def _documents(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        values = [json.loads(text)]
    except ValueError:
        values = [_line(line) for line in text.splitlines() if line.strip()]
    if not values:
        raise _unreadable()
    for value in values:
        for document in value if isinstance(value, list) else [value]:
            if not isinstance(document, Mapping):
                raise _unreadable()
            yield document


def _line(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError as error:
        raise _unreadable() from error


def _checked(items: object) -> Iterable[Mapping[str, Any]]:
    if not isinstance(items, list):
        raise _unreadable()
    for item in items:
        is_event = isinstance(item, Mapping) and ("involvedObject" in item or "regarding" in item)
        if not is_event and not (isinstance(item, Mapping) and item.get("kind") == "Pod"):
            raise _unreadable()
        yield item


def _unreadable() -> RecordingError:
    return RecordingError(
        'This is not a recorded start: give what "kubectl get events -o json" prints, events as JSON Lines, '
        'or an object with "pod" and "events".'
    )
