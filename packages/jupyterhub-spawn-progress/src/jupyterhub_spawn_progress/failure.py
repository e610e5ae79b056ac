"""
Whether a start can still succeed.

Pure. The status of the pod decides; events only tell more exactly what the status hints at, or say what it does not
show at all and the start has not got past. What an autoscaler, a volume detach or a registry may still heal ends
nothing, unless an admin says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .events import Event
from .rules import FailureRule, Kind, Rule, Table, default_table
from .status import COMPONENT, REFUSED, gone_event
from .translate import meanings


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a start is hopeless, after how many seconds of it the start ends, and the technical text behind it."""

    name: str
    text: str
    after: float  # seconds
    detail: str = ""


def hopeless(
    events: Iterable[Event | Mapping[str, Any]],
    pod: Mapping[str, Any] | None,
    *,
    is_gone: bool = False,
    table: Table | None = None,
) -> tuple[Verdict, ...]:
    """
    Return the failures that hold now, the most telling first; empty while the start may succeed.

    Args:
        events: all events that are known, as JSON of the API or parsed.
        pod: the pod as it is now, as JSON of the API; for one that is gone, as it was last.
        is_gone: the pod was there and is no more.
        table: the rules; those that ship with this package by default.

    Returns:
        Failures that never end a start are left out.
    """
    table = table or default_table()
    found = meanings(events, pod, table)
    if is_gone and (rule := table.rule(gone_event())):
        found.append((gone_event(), rule))
    signs = [(event, rule) for event, rule in found if rule.ends]
    reached = max((rule.phase.order for _, rule in found if rule.kind is Kind.STEP and rule.phase), default=-1)
    verdicts: dict[str, Verdict] = {}
    for event, rule in signs:
        if _decides(event, rule, reached):
            failure, sign = _explained(table.failures[rule.ends], event, signs, table)
            if failure.after != float("inf"):
                verdicts.setdefault(failure.name, Verdict(failure.name, failure.text, failure.after, sign.detail))
    return tuple(sorted(verdicts.values(), key=lambda verdict: table.failures[verdict.name].order))


def refused(event: Event, *, table: Table | None = None) -> Verdict | None:
    """Return what it means that the API refused to create the server, as *event* says (see `refusal_event`)."""
    table = table or default_table()
    rule = table.rule(event)
    if not rule or not rule.ends:
        return None
    failure = table.failures[rule.ends]
    return Verdict(failure.name, failure.text, 0.0, event.detail)


def _decides(event: Event, rule: Rule, reached: int) -> bool:
    """Status decides; an event alone only where it is waited for something that has not come yet."""
    if event.component in (COMPONENT, REFUSED):
        return True
    return rule.kind is Kind.WAIT and rule.phase is not None and rule.phase.order >= reached


def _explained(
    failure: FailureRule, sign: Event, signs: list[tuple[Event, Rule]], table: Table
) -> tuple[FailureRule, Event]:
    """Return the failure that the latest of *signs* tells more exactly, if any does."""
    better = [(event, rule) for event, rule in signs if rule.ends in failure.explained_by]
    if not better:
        return failure, sign
    event, rule = max(better, key=lambda item: (item[0].last, -table.failures[item[1].ends].order))
    return table.failures[rule.ends], event
