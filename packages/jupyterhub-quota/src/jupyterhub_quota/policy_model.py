"""
The keys of the policy document: what each means, how it is read, what it is when left out.

The JSON Schema and the checks are both made from these models.
"""

import re
from collections.abc import Callable
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, PlainValidator, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from jupyterhub_quota.amounts import (
    UNLIMITED,
    amount_pattern,
    duration_pattern,
    parse_amount,
    parse_duration,
    quoted,
)
from jupyterhub_quota.errors import InputError
from jupyterhub_quota.policy import AtLaunch, WhenUnknown, WhileRunning, render
from jupyterhub_quota.session import Resource
from jupyterhub_quota.written import Path, Tree

_Value = TypeVar("_Value")
_Amount = TypeVar("_Amount")
_Quota = TypeVar("_Quota")

_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")
_PERCENT_PATTERN = r"^\s*(0|[0-9]+(\.[0-9]+)?\s*%)\s*$"
EXAMPLES = {Resource.MEMORY: "60 GiB-hours", Resource.CPU: "90 core-hours", Resource.GPU: "160 GPU-hours"}
_MEMORY, _CPU, _GPU = EXAMPLES.values()
_EXAMPLE_ALLOWANCE = "{memory: 60 GiB-hours, gpu: 0}"


def _key(about: str, *examples: object, default: object = ...) -> Any:
    """Return a field; *default* is written as people would write it, or made by a function."""
    if callable(default):
        return Field(default_factory=default, description=about, examples=list(examples))
    return Field(default=default, validate_default=True, description=about, examples=list(examples))


def _nothing() -> None:
    """Return the value of a key that was left out and has no default."""


def _unreadable(text: str) -> PydanticCustomError:
    """Return an error that carries *text* through pydantic as it is."""
    return PydanticCustomError("unreadable", "{text}", {"text": text})


def _found(value: Tree) -> str:
    """Return what was found where something else belongs."""
    if isinstance(value, str):
        return quoted(value)
    return "a list" if isinstance(value, list) else "a mapping"


def _reads(parse: Callable[[str], _Value], example: str) -> PlainValidator:
    """Return a validator that reads text by *parse*, and tells pydantic what was wrong."""

    def read(value: Tree) -> _Value:
        if not isinstance(value, str):
            raise _unreadable(f"is {_found(value)}, and one value belongs here; write for example {example}")
        if not value.strip():
            raise _unreadable(f"is empty; write for example {example}")
        try:
            return parse(value)
        except InputError as error:
            raise _unreadable(str(error)) from error

    return PlainValidator(read)


def _is_mapping(example: str, *, may_be_empty: bool = True) -> BeforeValidator:
    """Return a validator that takes mappings only, and says what to write instead."""

    def check(value: Tree) -> Tree:
        if value == "" or not (value or may_be_empty):
            raise _unreadable(f"is empty; write for example {example}")
        if not isinstance(value, dict):
            raise _unreadable(f"{_found(value)} is not a mapping of keys to values; write for example {example}")
        return value

    return BeforeValidator(check)


def _is_list(example: str) -> BeforeValidator:
    """Return a validator that takes lists only, and says what to write instead."""

    def check(value: Tree) -> Tree:
        if value == "":
            raise _unreadable(f"is empty; write for example {example}")
        if not isinstance(value, list):
            raise _unreadable(f"{_found(value)} is not a list; write for example {example}")
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


def _contact(value: Tree) -> str:
    """Return text that may be empty."""
    if not isinstance(value, str):
        raise _unreadable(
            f"is {_found(value)}, and one value belongs here; write for example 'Ask for more at help@example.org'"
        )
    return value


def _unlimited(text: str) -> Literal["unlimited"]:
    if text.strip().lower() == UNLIMITED:
        return "unlimited"
    raise InputError(f"{quoted(text)} names no resource; write for example {_EXAMPLE_ALLOWANCE} or {UNLIMITED}")


def _shape(value: object) -> str:
    """Return which of the ways to write a limit this is. Tags in brackets never look like a key."""
    if isinstance(value, dict):
        return "(mapping)"
    return "(list)" if isinstance(value, list) else "(text)"


def _amount_of(resource: Resource) -> tuple[PlainValidator, WithJsonSchema]:
    example = EXAMPLES[resource]
    schema = {"anyOf": [{"type": "string", "pattern": amount_pattern(resource)}, {"const": 0}]}
    return _reads(lambda text: parse_amount(text, resource), f"'{example}', '0' or 'unlimited'"), WithJsonSchema(schema)


_read_memory, _memory_schema = _amount_of(Resource.MEMORY)
_read_cpu, _cpu_schema = _amount_of(Resource.CPU)
_read_gpu, _gpu_schema = _amount_of(Resource.GPU)

_duration_schema = {"type": "string", "pattern": duration_pattern()}

MemoryAmount = Annotated[float, _read_memory, _memory_schema]
CpuAmount = Annotated[float, _read_cpu, _cpu_schema]
GpuAmount = Annotated[float, _read_gpu, _gpu_schema]
Duration = Annotated[float, _reads(_positive, "'10m'"), WithJsonSchema(_duration_schema)]
OwnWindow = Annotated[float | None, _reads(_positive, "'30d'"), WithJsonSchema(_duration_schema)]
DurationOrNone = Annotated[
    float, _reads(parse_duration, "'15m'"), WithJsonSchema({"anyOf": [_duration_schema, {"const": 0}]})
]
Percent = Annotated[
    float,
    _reads(_percent, "'20%'"),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _PERCENT_PATTERN}, {"const": 0}]}),
]
TimeZone = Annotated[ZoneInfo, _reads(_timezone, "'Europe/Berlin'"), WithJsonSchema({"type": "string", "minLength": 1})]
Name = Annotated[str, _reads(str, "'ann'"), WithJsonSchema({"type": "string", "minLength": 1})]
Names = Annotated[tuple[Name, ...], _is_list("[staff]")]
Text = Annotated[str, PlainValidator(_contact), WithJsonSchema({"type": "string"})]
Template = Annotated[str | None, _reads(_template, '"{sentence}"'), WithJsonSchema({"type": "string", "minLength": 1})]
OnLaunch = Annotated[AtLaunch, _choice(AtLaunch), WithJsonSchema({"enum": list(map(str, AtLaunch))})]
OnUse = Annotated[WhileRunning, _choice(WhileRunning), WithJsonSchema({"enum": list(map(str, WhileRunning))})]
OnDoubt = Annotated[WhenUnknown, _choice(WhenUnknown), WithJsonSchema({"enum": list(map(str, WhenUnknown))})]


class _Keys(BaseModel):
    """A mapping with known keys only."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_OWN_WINDOW = "The window of this limit, where it is not the window of the whole policy."


class MemoryQuota(_Keys):
    """A limit of memory with its own window."""

    limit: MemoryAmount = _key("How much memory, times the time it is held.", "16 GiB-hours")
    window: OwnWindow = _key(_OWN_WINDOW, "1d", default=_nothing)


class CpuQuota(_Keys):
    """A limit of CPU with its own window."""

    limit: CpuAmount = _key("How many cores, times the time they are held.", "24 core-hours")
    window: OwnWindow = _key(_OWN_WINDOW, "1d", default=_nothing)


class GpuQuota(_Keys):
    """A limit of GPUs with its own window."""

    limit: GpuAmount = _key("How many GPUs, times the time they are held.", "8 GPU-hours")
    window: OwnWindow = _key(_OWN_WINDOW, "1d", default=_nothing)


# One limit, one with its own window, or a list of those.
_Entry = Annotated[
    Annotated[_Amount, Tag("(text)")] | Annotated[_Quota, Tag("(mapping)")],
    Discriminator(lambda value: "(mapping)" if isinstance(value, dict) else "(text)"),
]
_Limits = Annotated[
    Annotated[_Amount, Tag("(text)")]
    | Annotated[_Quota, Tag("(mapping)")]
    | Annotated[tuple[_Entry[_Amount, _Quota], ...], Field(min_length=1), Tag("(list)")],
    Discriminator(_shape),
]

_SAID = "One limit, or a list of limits with different windows, all of which must hold."


class Allowance(_Keys):
    """What a group allows. It says nothing about a resource that it does not name."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    memory: _Limits[MemoryAmount, MemoryQuota] | None = _key(
        f"Quota of memory. {_SAID}",
        _MEMORY,
        [_MEMORY, {"limit": "16 GiB-hours", "window": "1d"}],
        default=_nothing,
    )
    cpu: _Limits[CpuAmount, CpuQuota] | None = _key(f"Quota of CPU. {_SAID}", _CPU, UNLIMITED, default=_nothing)
    gpu: _Limits[GpuAmount, GpuQuota] | None = _key(f"Quota of GPUs. {_SAID}", _GPU, 0, default=_nothing)


_AllowanceOrUnlimited = Annotated[
    Annotated[Allowance, _is_mapping(f"{_EXAMPLE_ALLOWANCE} or {UNLIMITED}", may_be_empty=False), Tag("(mapping)")]
    | Annotated[
        Literal["unlimited"],
        _reads(_unlimited, f"{_EXAMPLE_ALLOWANCE} or {UNLIMITED}"),
        WithJsonSchema({"const": UNLIMITED}),
        Tag("(text)"),
    ],
    Discriminator(lambda value: "(text)" if isinstance(value, str) else "(mapping)"),
]


class Exempt(_Keys):
    """People who are counted and shown, and whom no quota stops."""

    users: Names = _key("Names of users.", ["ann"], default=[])
    groups: Names = _key("Names of groups.", ["staff"], default=[])


class OwnWords(_Keys):
    """The admin's own words; {sentence}, {user}, {groups}, {contact} and {reference} are filled in."""

    allowed: Template = _key("For a launch that is allowed.", "{sentence}", default=_nothing)
    refused: Template = _key(
        "For a launch that is refused.", "{sentence} See https://hub.example.org/docs/quota", default=_nothing
    )
    warned: Template = _key(
        "For a launch beyond the quota that starts all the same.", "{sentence} {contact}", default=_nothing
    )
    unknown: Template = _key("While usage cannot be known.", "{sentence} ({reference})", default=_nothing)


class PolicyDocument(_Keys):
    """Which groups get which quotas, and how they are enforced."""

    window: Duration = _key("How far back usage counts, unless a limit has its own window.", "30d", default="30d")
    groups: Annotated[
        dict[str, _AllowanceOrUnlimited], _is_mapping("'groups: {regular: {memory: 60 GiB-hours, gpu: 0}}'")
    ] = _key(
        "What each group allows, by the name of the group.", {"regular": {"memory": _MEMORY, "gpu": 0}}, default=dict
    )
    default: _AllowanceOrUnlimited = _key(
        "What counts for each resource that none of a user's groups names.",
        {"memory": "20 GiB-hours", "gpu": 0},
        UNLIMITED,
    )
    exempt: Annotated[Exempt, _is_mapping("'exempt: {groups: [staff]}'")] = _key(
        "Who is never refused and never stopped; still counted and shown.", {"groups": ["staff"]}, default=Exempt
    )
    at_launch: OnLaunch = _key("What happens to a launch that the quotas do not allow.", "refuse", default="refuse")
    while_running: OnUse = _key(
        "What happens to servers that already run when a quota is used up.", "warn", default="warn"
    )
    when_unknown: OnDoubt = _key(
        "What happens to a launch while usage has been unknown for longer than `tolerate`.", "refuse", default="refuse"
    )
    tolerate: DurationOrNone = _key("For how long decisions go on from what was last known.", "15m", default="15m")
    minimum_runtime: Duration = _key("A launch is allowed when it can run for at least so long.", "10m", default="10m")
    session: Duration = _key(
        "How long people like to work; a refusal says when that is possible again.", "2h", default="2h"
    )
    warn_before: Annotated[tuple[Duration, ...], _is_list("[1h, 10m]")] = _key(
        "How long before it would be stopped a running server is warned.", ["1h", "10m"], default=["1h", "10m"]
    )
    grace: DurationOrNone = _key("How long a server may run on when a quota is used up.", "15m", default="15m")
    brake: Percent = _key(
        "When more than this part of all running servers would be stopped at once, an admin is asked first.",
        "20%",
        default="20%",
    )
    timezone: TimeZone = _key("Time zone of the times in messages.", "Europe/Berlin", default="UTC")
    contact: Text = _key("What to do to get more; ends a refusal.", "Ask for more at help@example.org", default="")
    messages: Annotated[OwnWords, _is_mapping("'messages: {refused: \"{sentence} Read the wiki.\"}'")] = _key(
        "Your own words for messages.", {"refused": "{sentence} Read the wiki."}, default=OwnWords
    )


def keys_at(path: Path) -> tuple[str, ...]:
    """Return the keys that the mapping at *path* may have; none where any are allowed."""
    model: type[BaseModel]
    match path:
        case ():
            model = PolicyDocument
        case ("exempt",):
            model = Exempt
        case ("messages",):
            model = OwnWords
        case ("default",) | ("groups", _):
            model = Allowance
        case ("default", _, *_) | ("groups", _, _, *_):
            model = MemoryQuota
        case _:
            return ()
    return tuple(model.model_fields)
