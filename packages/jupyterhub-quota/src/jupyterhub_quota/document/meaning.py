"""What a valid document means: its limits, and the policy that comes of them."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from jupyterhub_quota.document.model import Allowance, CpuQuota, GpuQuota, MemoryQuota, PolicyDocument
from jupyterhub_quota.document.written import Path
from jupyterhub_quota.policy import Messages, Policy, Quota
from jupyterhub_quota.session import Resource


class Limit(NamedTuple):
    """One limit of a group, where it stands, its window, and whether that is its own."""

    path: Path
    limit: float
    window: float
    own: bool


def limits_of(
    allowance: Allowance | Literal["unlimited"], path: Path, window: float
) -> dict[Resource, tuple[Limit, ...]]:
    """Return the limits of each resource that the *allowance* at *path* names; *window* is that of the document."""
    limits = {}
    for resource in Resource:
        below = (*path, resource.value)
        value: Any = math.inf if isinstance(allowance, str) else getattr(allowance, resource.value)
        if isinstance(value, tuple):
            limits[resource] = tuple(_limit((*below, i), item, window) for i, item in enumerate(value))
        elif value is not None:
            limits[resource] = (_limit(below, value, window),)
    return limits


def _limit(path: Path, value: float | MemoryQuota | CpuQuota | GpuQuota, window: float) -> Limit:
    if isinstance(value, float):
        return Limit(path, value, window, own=False)
    if value.window is None:
        return Limit(path, value.limit, window, own=False)
    return Limit(path, value.limit, value.window, own=True)


def policy_of(document: PolicyDocument, text: str) -> Policy:
    """Return the policy that *document* means; *text* is what was read."""

    def quotas(allowance: Allowance | Literal["unlimited"]) -> Mapping[Resource, tuple[Quota, ...]]:
        return MappingProxyType(
            {
                resource: tuple(
                    Quota(resource, each.limit, each.window) for each in limits if math.isfinite(each.limit)
                )
                for resource, limits in limits_of(allowance, (), document.window).items()
            }
        )

    policy = Policy(
        groups=MappingProxyType({group: quotas(allowance) for group, allowance in document.groups.items()}),
        default=quotas(document.default),
        window=document.window,
        exempt_users=frozenset(document.exempt.users),
        exempt_groups=frozenset(document.exempt.groups),
        at_launch=document.at_launch,
        while_running=document.while_running,
        when_unknown=document.when_unknown,
        tolerate=document.tolerate,
        minimum_runtime=document.minimum_runtime,
        session=document.session,
        warn_before=tuple(sorted(set(document.warn_before), reverse=True)),
        grace=document.grace,
        brake=document.brake,
        timezone=document.timezone,
        contact=document.contact,
        messages=Messages(**document.messages.model_dump()),
        text=text,
    )
    return replace(policy, digest=_digest(policy))


def _digest(policy: Policy) -> str:
    """Return a hash of what *policy* means; how it was written and in which order does not matter."""
    meaning = {each.name: getattr(policy, each.name) for each in fields(policy) if each.name not in ("digest", "text")}
    return hashlib.sha256(json.dumps(_plain(meaning), sort_keys=True).encode()).hexdigest()


def _plain(value: object) -> object:
    """Return *value* as JSON can hold it; what has no order is sorted."""
    match value:
        case Mapping():
            return {str(key): _plain(below) for key, below in value.items()}
        case Quota():
            return [value.limit, value.window]
        case Messages():
            return asdict(value)
        case ZoneInfo():
            return value.key
        case tuple() | frozenset():
            return sorted(_plain(item) for item in value)  # type: ignore[type-var] # items of one kind
        case _:
            return value
