"""
How each kind of value in the policy document is read.

Each type carries its reader, for the checks, and its JSON Schema.
"""

import re
from collections.abc import Callable
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from jupyterhub_quota.amounts import UNLIMITED, amount_pattern, duration_pattern, parse_amount, parse_duration, quoted
from jupyterhub_quota.document.written import Tree
from jupyterhub_quota.errors import InputError
from jupyterhub_quota.policy import AtLaunch, WhenUnknown, WhileRunning, render
from jupyterhub_quota.session import Resource

EXAMPLES = {Resource.MEMORY: "60 GiB-hours", Resource.CPU: "90 core-hours", Resource.GPU: "160 GPU-hours"}
EXAMPLE_ALLOWANCE = f"{{memory: {EXAMPLES[Resource.MEMORY]}, gpu: 0}}"

_Value = TypeVar("_Value")

_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")
_NAMED: dict[type, str] = {dict: "a mapping of keys to values", list: "a list"}


def _unreadable(text: str) -> PydanticCustomError:
    """Return an error that carries *text* through pydantic as it is."""
    return PydanticCustomError("unreadable", "{text}", {"text": text})


def _found(value: Tree) -> str:
    """Return what was found where something else belongs."""
    if isinstance(value, str):
        return quoted(value)
    return "a list" if isinstance(value, list) else "a mapping"


def _reads(parse: Callable[[str], _Value], example: str, *, may_be_empty: bool = False) -> PlainValidator:
    """Return a validator that reads text by *parse*, and tells pydantic what was wrong."""

    def read(value: Tree) -> _Value:
        if not isinstance(value, str):
            raise _unreadable(f"is {_found(value)}, and one value belongs here; write for example {example}")
        if not (may_be_empty or value.strip()):
            raise _unreadable(f"is empty; write for example {example}")
        try:
            return parse(value)
        except InputError as error:
            raise _unreadable(str(error)) from error

    return PlainValidator(read)


def only(kind: type, example: str, *, may_be_empty: bool = True) -> BeforeValidator:
    """Return a validator that takes a mapping or a list only, and says what to write instead."""

    def check(value: Tree) -> Tree:
        if value == "" or not (value or may_be_empty):
            raise _unreadable(f"is empty; write for example {example}")
        if not isinstance(value, kind):
            raise _unreadable(f"{_found(value)} is not {_NAMED[kind]}; write for example {example}")
        return value

    return BeforeValidator(check)


def _positive(text: str) -> float:
    """Return a length of time that is more than nothing."""
    seconds = parse_duration(text)
    if seconds <= 0:
        raise InputError(f"{quoted(text)} is no time at all; write for example '10m'")
    return seconds


def _choice(choices: type[StrEnum]) -> PlainValidator:
    """Return a validator that takes one of *choices*."""
    names = [choice.value for choice in choices]
    listed = f"{', '.join(names[:-1])} or {names[-1]}"

    def choose(text: str) -> StrEnum:
        if text in names:
            return choices(text)
        near = get_close_matches(text.lower(), names, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise InputError(f"{quoted(text)} is not one of {listed}{hint}")

    return _reads(choose, f"'{names[0]}'")


def _percent(text: str) -> float:
    """Return the part of a whole, from 0 to 1."""
    text = " ".join(text.split())
    found = _PERCENT.fullmatch(text)
    if text != "0" and found is None:
        raise InputError(f"{quoted(text)} is not a percentage; write for example '20%'")
    part = float(found[1]) / 100 if found else 0.0
    if part > 1:
        raise InputError(f"{quoted(text)} is not from 0% to 100%; write for example '20%'")
    return part


def _timezone(text: str) -> ZoneInfo:
    """Return the time zone of that name."""
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        names = {name.lower(): name for name in available_timezones()}
        near = [names[name] for name in get_close_matches(text.lower().replace(" ", "_"), names, n=1)]
        hint = f"did you mean '{near[0]}'?" if near else "write for example 'Europe/Berlin' or 'UTC'"
        raise InputError(f"{quoted(text)} is not the name of a time zone; {hint}") from error


def _template(text: str) -> str:
    render(text)
    return text


def _unlimited(text: str) -> Literal["unlimited"]:
    if text.strip().lower() == UNLIMITED:
        return "unlimited"
    raise InputError(f"{quoted(text)} names no resource; write for example {EXAMPLE_ALLOWANCE} or {UNLIMITED}")


def _amount(resource: Resource) -> PlainValidator:
    return _reads(lambda text: parse_amount(text, resource), f"'{EXAMPLES[resource]}', '0' or '{UNLIMITED}'")


def _written(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern})


def _or_zero(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "string", "pattern": pattern}, {"const": 0}]})


_some_text = WithJsonSchema({"type": "string", "minLength": 1})

MemoryAmount = Annotated[float, _amount(Resource.MEMORY), _or_zero(amount_pattern(Resource.MEMORY))]
CpuAmount = Annotated[float, _amount(Resource.CPU), _or_zero(amount_pattern(Resource.CPU))]
GpuAmount = Annotated[float, _amount(Resource.GPU), _or_zero(amount_pattern(Resource.GPU))]
Duration = Annotated[float, _reads(_positive, "'10m'"), _written(duration_pattern())]
OwnWindow = Annotated[float | None, _reads(_positive, "'30d'"), _written(duration_pattern())]
DurationOrNone = Annotated[float, _reads(parse_duration, "'15m'"), _or_zero(duration_pattern())]
Percent = Annotated[float, _reads(_percent, "'20%'"), _or_zero(r"^\s*(0|[0-9]+(\.[0-9]+)?\s*%)\s*$")]
TimeZone = Annotated[ZoneInfo, _reads(_timezone, "'Europe/Berlin'"), _some_text]
Name = Annotated[str, _reads(str, "'ann'"), _some_text]
Text = Annotated[
    str,
    _reads(str, "'Ask for more at help@example.org'", may_be_empty=True),
    WithJsonSchema({"type": "string"}),
]
Template = Annotated[str | None, _reads(_template, '"{sentence}"'), _some_text]
Unlimited = Annotated[
    Literal["unlimited"],
    _reads(_unlimited, f"{EXAMPLE_ALLOWANCE} or {UNLIMITED}"),
    WithJsonSchema({"const": UNLIMITED}),
]
OnLaunch = Annotated[AtLaunch, _choice(AtLaunch), WithJsonSchema({"enum": list(map(str, AtLaunch))})]
OnUse = Annotated[WhileRunning, _choice(WhileRunning), WithJsonSchema({"enum": list(map(str, WhileRunning))})]
OnDoubt = Annotated[WhenUnknown, _choice(WhenUnknown), WithJsonSchema({"enum": list(map(str, WhenUnknown))})]
