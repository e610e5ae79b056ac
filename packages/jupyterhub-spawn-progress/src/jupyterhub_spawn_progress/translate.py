"""
From events and pod status to what a person reads.

Pure: the same story reads the same whichever version of Kubernetes, scheduler or autoscaler tells it. What has been
said is an argument, so nothing is said twice and a start only moves forward.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .events import Event, of_pod, parse_event
from .rules import Kind, Phase, Rule, Table, default_table
from .status import status_events


@dataclass(frozen=True, slots=True)
class Message:
    """
    One line that a person reads while the server starts.

    `text` is plain text. `progress` is a percentage, or None where the bar stays as it is. `detail` is the technical
    text behind the line, for admins.
    """

    text: str
    progress: int | None = None
    phase: str = ""
    detail: str = ""


def translate(
    events: Iterable[Event | Mapping[str, Any]],
    pod: Mapping[str, Any] | None = None,
    *,
    said: Sequence[Message] = (),
    table: Table | None = None,
) -> tuple[Message, ...]:
    """
    Return what is new to say about a start, in order.

    Args:
        events: all events that are known, in any order, as JSON of the API or parsed; those of an earlier pod of the
            same name are left out, if *pod* is given.
        pod: the pod as it is now, as JSON of the API.
        said: what has been said about this start before.
        table: the rules; those that ship with this package by default.
    """
    table = table or default_table()
    texts = {message.text for message in said}
    reached = max((table.phases[message.phase].order for message in said if message.phase in table.phases), default=-1)
    messages: list[Message] = []
    found = in_order(meanings(events, pod, table))
    signs = {rule.ends for _, rule in found}
    for event, rule in found:
        text = rule.text.replace("{message}", event.message)
        if rule.kind is Kind.HIDE or not text or text in texts:
            continue
        if rule.ends and not signs.isdisjoint(table.failures[rule.ends].explained_by):
            # That a server which cannot be run has "stopped by itself" is not what happened.
            continue
        if rule.kind is not Kind.TROUBLE and rule.phase:
            if rule.phase.order < reached:
                continue
            reached = rule.phase.order
        texts.add(text)
        messages.append(_message(text, rule, event))
    return tuple(messages)


def meanings(
    events: Iterable[Event | Mapping[str, Any]], pod: Mapping[str, Any] | None, table: Table
) -> list[tuple[Event, Rule]]:
    """Return the events of *pod*, then what its status says, each with the rule that fits it; the rest is left out."""
    parsed = (event if isinstance(event, Event) else parse_event(event) for event in events)
    known = (*of_pod(parsed, pod), *status_events(pod))
    return [(event, rule) for event in known if (rule := table.rule(event))]


def in_order(found: Iterable[tuple[Event, Rule]]) -> list[tuple[Event, Rule]]:
    """
    Return *found* by time, and what the status says last.

    Some components write whole seconds and others fractions, so within one second the order of the phases decides,
    and what went well comes before what did not.
    """

    def key(item: tuple[Event, Rule]) -> tuple[bool, int, bool, int, bool, float]:
        event, rule = item
        is_trouble, is_wait = rule.kind is Kind.TROUBLE, rule.kind is Kind.WAIT
        return (not event.first, int(event.first), is_trouble, _order(rule.phase), is_wait, event.first)

    return sorted(found, key=key)


def _order(phase: Phase | None) -> int:
    return phase.order if phase else 0


def _message(text: str, rule: Rule, event: Event) -> Message:
    if rule.kind is Kind.TROUBLE or not rule.phase:
        return Message(text, detail=event.detail)
    return Message(text, rule.phase.progress, rule.phase.name, event.detail)
