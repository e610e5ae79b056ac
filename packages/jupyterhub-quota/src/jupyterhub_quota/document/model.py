"""
The keys of the policy document: what each means, and what it is when left out.

The JSON Schema and the checks are both made from these models.
"""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from jupyterhub_quota.amounts import UNLIMITED
from jupyterhub_quota.document.values import (
    EXAMPLE_ALLOWANCE,
    EXAMPLES,
    CpuAmount,
    Duration,
    DurationOrNone,
    GpuAmount,
    MemoryAmount,
    Name,
    OnDoubt,
    OnLaunch,
    OnUse,
    OwnWindow,
    Percent,
    Template,
    Text,
    TimeZone,
    Unlimited,
    only,
)
from jupyterhub_quota.document.written import Path
from jupyterhub_quota.session import Resource

_Amount = TypeVar("_Amount")
_Quota = TypeVar("_Quota")

_MEMORY, _CPU, _GPU = (EXAMPLES[resource] for resource in Resource)
_OWN_WINDOW = "The window of this limit, where it is not the window of the whole policy."
_SAID = "One limit, or a list of limits with different windows, all of which must hold."


def _key(about: str, *examples: object, default: object = ...) -> Any:
    """Return a field; *default* is written as people would write it, or made by a function."""
    if callable(default):
        return Field(default_factory=default, description=about, examples=list(examples))
    return Field(default=default, validate_default=True, description=about, examples=list(examples))


def _nothing() -> None:
    """Return the value of a key that was left out and has no default."""


def _shape(value: object) -> str:
    """Return which of the ways to write a limit this is. Tags in brackets never look like a key."""
    if isinstance(value, dict):
        return "(mapping)"
    return "(list)" if isinstance(value, list) else "(text)"


class _Keys(BaseModel):
    """A mapping with known keys only."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    Annotated[Allowance, only(dict, f"{EXAMPLE_ALLOWANCE} or {UNLIMITED}", may_be_empty=False), Tag("(mapping)")]
    | Annotated[Unlimited, Tag("(text)")],
    Discriminator(lambda value: "(text)" if isinstance(value, str) else "(mapping)"),
]
_Names = Annotated[tuple[Name, ...], only(list, "[staff]")]


class Exempt(_Keys):
    """People who are counted and shown, and whom no quota stops."""

    users: _Names = _key("Names of users.", ["ann"], default=[])
    groups: _Names = _key("Names of groups.", ["staff"], default=[])


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
        dict[str, _AllowanceOrUnlimited], only(dict, "'groups: {regular: {memory: 60 GiB-hours, gpu: 0}}'")
    ] = _key(
        "What each group allows, by the name of the group.", {"regular": {"memory": _MEMORY, "gpu": 0}}, default=dict
    )
    default: _AllowanceOrUnlimited = _key(
        "What counts for each resource that none of a user's groups names.",
        {"memory": "20 GiB-hours", "gpu": 0},
        UNLIMITED,
    )
    exempt: Annotated[Exempt, only(dict, "'exempt: {groups: [staff]}'")] = _key(
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
    warn_before: Annotated[tuple[Duration, ...], only(list, "[1h, 10m]")] = _key(
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
    messages: Annotated[OwnWords, only(dict, "'messages: {refused: \"{sentence} Read the wiki.\"}'")] = _key(
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


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document, as YAML reads it."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **PolicyDocument.model_json_schema()}
