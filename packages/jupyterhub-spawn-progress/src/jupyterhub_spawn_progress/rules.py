"""
The table of rules: which event means what, how a start goes, and which failures end it.

`rules.yaml` ships, and says how a table is written; admins add to it. Checked once, here, it travels as frozen values.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from .events import Event, parse_event

# Enough for every message that Kubernetes writes; a longer one is cut before patterns search it.
_LONGEST_MESSAGE: Final = 4096


class RulesError(ValueError):
    """A table cannot be used; the message names the place and what to write instead."""


class Kind(StrEnum):
    """What an event is to the person who waits."""

    STEP = "step"
    WAIT = "wait"
    TROUBLE = "trouble"
    HIDE = "hide"


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a start, as far as the bar goes for it, and what is said when nothing happens for a while."""

    name: str
    order: int
    progress: int  # percent
    patience: str


@dataclass(frozen=True, slots=True)
class FailureRule:
    """A way for a start to be hopeless: what the person reads, and after how many seconds of it the start ends."""

    name: str
    order: int
    text: str
    after: float  # seconds; math.inf means never
    explained_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """Which events it fits (regular expressions), and what they mean."""

    name: str
    kind: Kind
    component: re.Pattern[str]
    reason: re.Pattern[str]
    field: re.Pattern[str]
    type: re.Pattern[str]
    pattern: re.Pattern[str]
    text: str = ""
    phase: Phase | None = None
    ends: str = ""
    examples: tuple[Event, ...] = ()

    def fits(self, event: Event) -> bool:
        """Whether *event* is one of those that this rule is about."""
        return bool(
            self.reason.fullmatch(event.reason)
            and self.component.fullmatch(event.component)
            and self.field.fullmatch(event.field)
            and self.type.fullmatch(event.kind)
            and self.pattern.search(event.message[:_LONGEST_MESSAGE])
        )


@dataclass(frozen=True, slots=True)
class Table:
    """All rules, phases and failures, as read from one or more documents."""

    rules: tuple[Rule, ...]
    phases: Mapping[str, Phase]
    failures: Mapping[str, FailureRule]
    document: Mapping[str, Any] = field(repr=False, compare=False)

    def rule(self, event: Event) -> Rule | None:
        """Return the first rule that fits *event*; none means that nothing is known about it."""
        return next((rule for rule in self.rules if rule.fits(event)), None)

    def extended(self, document: Mapping[str, Any] | str) -> "Table":
        """
        Return this table with *document*, a mapping or YAML text of the same shape, on top.

        A rule with a name that is there already changes what it names of that rule; a rule with a new name comes
        before all others. Phases and failures are changed, or added at the end, by name.

        Raises:
            RulesError: the document is not of that shape.
        """
        extra = yaml_document(document) if isinstance(document, str) else document
        return _parse(_merged(self.document, extra))

    def with_graces(self, graces: Mapping[str, float | None]) -> "Table":
        """
        Return this table with other times after which a failure ends a start; None means never.

        Raises:
            RulesError: there is no failure of that name.
        """
        for name in graces.keys() - self.failures.keys():
            raise RulesError(f"graces: there is no failure '{name}'; write one of {', '.join(self.failures)}")
        return self.extended(
            {"failures": {name: {"after": "never" if after is None else after} for name, after in graces.items()}}
        )


@cache
def default_table() -> Table:
    """Return the table that ships with this package."""
    return _parse(yaml_document(files(__package__).joinpath("rules.yaml").read_text(encoding="utf-8")))


def yaml_document(text: str) -> Mapping[str, Any]:
    """
    Return the document in *text*.

    Raises:
        RulesError: it is not YAML, or not a mapping.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RulesError(f"the rules are not valid YAML: {error}") from error
    if not isinstance(document, Mapping):
        raise RulesError("the rules are not a mapping; write for example 'rules: [...]'")
    return document


def _merged(base: Mapping[str, Any], extra: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in extra.keys() - {"rules", "phases", "failures"}:
        raise RulesError(f"'{key}' is not known; write rules, phases or failures")
    merged: dict[str, Any] = {}
    for key in ("phases", "failures"):
        merged[key] = dict(base[key])
        for name, entry in _checked(extra.get(key) or {}, key, dict).items():
            merged[key][name] = dict(merged[key].get(name, {})) | _checked(entry, f"{key}.{name}", dict)
    changes = {}
    for number, rule in enumerate(_checked(extra.get("rules") or [], "rules", list)):
        name = _checked(rule, f"rules[{number}]", dict).get("name")
        if not isinstance(name, str) or not name:
            raise RulesError(f"rules[{number}]: every rule has a name; write for example 'name: starting'")
        changes[name] = rule
    known = {rule["name"] for rule in base["rules"]}
    added = [rule for name, rule in changes.items() if name not in known]
    merged["rules"] = added + [rule | changes.get(rule["name"], {}) for rule in base["rules"]]
    return merged


def _checked(value: Any, where: str, kind: type) -> Any:
    if not isinstance(value, kind):
        raise RulesError(f"{where}: {value!r} is not a {'list' if kind is list else 'mapping'}")
    return value


def _parse(document: Mapping[str, Any]) -> Table:
    phases = {
        name: Phase(name, order, *_parse_phase(f"phases.{name}", entry))
        for order, (name, entry) in enumerate(document["phases"].items())
    }
    failures = {
        name: _parse_failure(name, order, entry) for order, (name, entry) in enumerate(document["failures"].items())
    }
    for failure in failures.values():
        for other in set(failure.explained_by) - failures.keys():
            raise RulesError(f"failures.{failure.name}.explained_by: there is no failure '{other}'")
    rules = tuple(_parse_rule(entry, phases, failures) for entry in document["rules"])
    return Table(rules, phases, failures, document)


def _parse_phase(where: str, entry: Mapping[str, Any]) -> tuple[int, str]:
    progress, patience = entry.get("progress"), entry.get("patience", "")
    if not isinstance(progress, int) or not 0 <= progress <= 100:  # noqa: PLR2004 - percent
        raise RulesError(f"{where}.progress: {progress!r} is not a whole number from 0 to 100")
    if not isinstance(patience, str):
        raise RulesError(f"{where}.patience: {patience!r} is not a text")
    return progress, patience


def _parse_failure(name: str, order: int, entry: Mapping[str, Any]) -> FailureRule:
    after, text = entry.get("after"), entry.get("text")
    if after == "never":
        after = math.inf
    if isinstance(after, bool) or not isinstance(after, int | float) or not after >= 0:
        raise RulesError(f"failures.{name}.after: {after!r} is not a number of seconds; write for example 15, or never")
    if not isinstance(text, str) or not text:
        raise RulesError(f"failures.{name}.text: write the sentence that the user reads")
    return FailureRule(name, order, text, float(after), tuple(entry.get("explained_by", ())))


def _parse_rule(entry: Mapping[str, Any], phases: Mapping[str, Phase], failures: Mapping[str, FailureRule]) -> Rule:
    where = f"rules, {entry['name']}"
    for key in entry.keys() - _KEYS:
        raise RulesError(f"{where}: '{key}' is not known; write one of {', '.join(sorted(_KEYS))}")
    try:
        kind = Kind(entry.get("kind", ""))
    except ValueError as error:
        raise RulesError(f"{where}.kind: {entry.get('kind')!r} is not one of {', '.join(Kind)}") from error
    phase, ends, text = entry.get("phase"), entry.get("ends", ""), entry.get("text", "")
    if phase is not None and phase not in phases:
        raise RulesError(f"{where}.phase: {phase!r} is not one of {', '.join(phases)}")
    if ends and ends not in failures:
        raise RulesError(f"{where}.ends: there is no failure {ends!r}; add it below 'failures'")
    if kind is not Kind.HIDE and not (isinstance(text, str) and text):
        raise RulesError(f"{where}.text: write the sentence that the user reads, or 'kind: hide'")
    patterns = {key: _compiled(f"{where}.{key}", entry.get(key), flags) for key, flags in _PATTERNS.items()}
    examples = tuple(_example(example) for example in entry.get("examples", ()))
    return Rule(entry["name"], kind, **patterns, text=text, phase=phases.get(phase or ""), ends=ends, examples=examples)


_PATTERNS: Final = {"component": 0, "reason": 0, "field": 0, "type": 0, "pattern": re.IGNORECASE}
_KEYS: Final = {"name", "kind", "phase", "text", "ends", "examples", *_PATTERNS}


def _compiled(where: str, pattern: object, flags: int) -> re.Pattern[str]:
    try:
        return re.compile(".*" if pattern is None else str(pattern), flags | re.DOTALL)
    except re.error as error:
        raise RulesError(f"{where}: {pattern!r} is not a regular expression: {error}") from error


def _example(entry: Mapping[str, Any]) -> Event:
    """Examples are written as short as rules; they are read as events are."""
    return parse_event(
        {
            "reportingComponent": entry.get("component"),
            "reason": entry.get("reason"),
            "message": entry.get("message"),
            "type": entry.get("type"),
            "involvedObject": {"fieldPath": entry.get("field")},
        }
    )
