"""
Read the policy document: all that is wrong with it at once, or the policy that it means.

What the keys are stands in `policy_model.py`; what came of them is a value of `policy.py`.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, fields, replace
from difflib import get_close_matches
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from jupyterhub_quota.amounts import MIB, UNLIMITED, format_window, quoted
from jupyterhub_quota.errors import PolicyError
from jupyterhub_quota.policy import Messages, Policy, Quota
from jupyterhub_quota.policy_model import EXAMPLES, Allowance, CpuQuota, GpuQuota, MemoryQuota, PolicyDocument, keys_at
from jupyterhub_quota.session import Resource
from jupyterhub_quota.written import Path, Problem, Tree, Written, path_text, read_mapping, read_yaml

_LARGEST = MIB
_EXAMPLE = "'default: {memory: 20 GiB-hours, gpu: 0}'"
_PLURALS = {Resource.MEMORY: "memory", Resource.CPU: "cores", Resource.GPU: "GPUs"}
# JSON leaves these as they are, and YAML takes them for the end of a line.
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")


def load_policy(path: FilePath) -> Policy:
    """
    Read the policy from the file at *path*.

    Raises:
        PolicyError: with every problem of the file.
    """
    try:
        if path.is_dir():
            raise PolicyError(f"{path}: is a folder; name the policy file in it")
        if path.exists() and not path.is_file():
            raise PolicyError(f"{path}: is not a regular file; name a policy file")
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError as error:
        raise PolicyError(f"{path}: there is no such file; check the name, or write the policy there") from error
    except PermissionError as error:
        raise PolicyError(f"{path}: may not be read by this user; check the permissions of the file") from error
    except (OSError, ValueError) as error:
        raise PolicyError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return parse_policy(content, str(path))


def parse_policy(text: str | bytes, source: str = "policy") -> Policy:
    """
    Return the policy that the YAML *text* means.

    Args:
        text: the policy; bytes are UTF-8.
        source: name of the file, for messages.

    Raises:
        PolicyError: with every problem of the text.
    """
    if len(text) > _LARGEST:
        raise PolicyError(f"{source}: is larger than 1 MiB; a policy is a few lines, so check that this is one")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            found = f"byte {error.object[error.start]:#04x}"
            raise PolicyError(f"{source}, line {line}: is not UTF-8 text ({found}); save the file as UTF-8") from error
    return _policy(read_yaml(text, source), text)


def policy_from_mapping(document: Mapping[str, Any], source: str = "c.JupyterHubQuota.policy") -> Policy:
    """
    Return the policy that *document* means: the same keys and values as in a file, as Python data.

    Raises:
        PolicyError: with every problem of the document.
    """
    written = read_mapping(document, source)
    text = json.dumps(written.data, ensure_ascii=False, sort_keys=True)
    return _policy(written, _LINE_ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document, as YAML reads it."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **PolicyDocument.model_json_schema()}


def policy_warnings(policy: Policy) -> tuple[str, ...]:
    """Return what looks like an accident: one sentence for each resource that is limited only for some."""
    return tuple(
        _forgotten(policy, resource)
        for resource in Resource
        if policy.limits(resource) and resource not in policy.default
    )


def _forgotten(policy: Policy, resource: Resource) -> str:
    limited = sorted(group for group, allowance in policy.groups.items() if allowance.get(resource))
    silent = sorted(group for group, allowance in policy.groups.items() if resource not in allowance)
    nobody = f"neither default nor {_groups(silent)} names it" if silent else "default does not name it"
    write = f"write '{resource}: 0' or '{resource}: {UNLIMITED}' under default"
    return (
        f"{resource} is limited for {_groups(limited)}, but {nobody}: "
        f"users without such a group have unlimited {_PLURALS[resource]}; {write}"
    )


def _groups(names: list[str]) -> str:
    """Return "group a" or "groups a, b and 3 more"."""
    most = 5
    listed = ", ".join(path_text((name,)) for name in names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"group{'s' if len(names) > 1 else ''} {listed}{more}"


def _policy(written: Written, text: str) -> Policy:
    """Return the policy, or raise all that is wrong with it."""
    if not isinstance(written.data, dict) or not (written.data or written.problems):
        found = "is not a mapping of keys to values" if written.data else "is empty"
        raise PolicyError(f"{written.source}: {found}; write for example {_EXAMPLE}")
    document, problems, unread = _validated(written.data)
    reported = {problem.path for problem in written.problems}
    problems = [*written.problems, *(problem for problem in problems if problem.path not in reported)]
    if document is not None:
        problems.extend(_contradictions(document, unread))
    if problems or document is None:
        raise PolicyError(written.messages(problems))
    return _composed(document, text)


def _validated(data: dict[str, Tree]) -> tuple[PolicyDocument | None, list[Problem], set[Path]]:
    """Return the document as far as it can be read, what cannot, and where that is."""
    try:
        return PolicyDocument.model_validate(data), [], set()
    except ValidationError as error:
        details = error.errors(include_url=False)
    paths = [_path(detail, data) for detail in details]
    meant = {_meant(path) for detail, path in zip(details, paths, strict=True) if detail["type"] == "extra_forbidden"}
    problems = [
        Problem(path, _sentence(detail, path))
        for detail, path in zip(details, paths, strict=True)
        # A misspelt key is missing too, and a list of wrong limits has no limits: each is one mistake.
        if not (detail["type"] == "missing" and path in meant)
        and not (detail["type"] == "too_short" and any(other[:-1] == path for other in paths))
    ]
    unread = set(paths)
    try:
        return PolicyDocument.model_validate(_mended(data, unread)), problems, unread
    except ValidationError:
        return None, problems, unread


def _path(detail: ErrorDetails, data: Tree) -> Path:
    """Return where in *data* the problem is; pydantic also names the ways to read a value, which nobody wrote."""
    path: list[str | int] = []
    here: Any = data
    for part in detail["loc"]:
        if isinstance(here, str):
            break
        with suppress(KeyError, TypeError):
            here = here[part]
            path.append(part)
    if detail["type"] == "missing":
        path.append(detail["loc"][-1])
    return tuple(path)


def _meant(path: Path) -> Path | None:
    """Return the path of the key that was probably meant by an unknown one."""
    near = get_close_matches(str(path[-1]).lower().replace("-", "_"), keys_at(path[:-1]), n=1)
    return (*path[:-1], near[0]) if near else None


def _sentence(detail: ErrorDetails, path: Path) -> str:
    """Return what is wrong, and what to write instead."""
    match detail["type"]:
        case "extra_forbidden":
            meant = _meant(path)
            hint = f"did you mean '{meant[-1]}'?" if meant else f"keys are {', '.join(keys_at(path[:-1]))}"
            return f"there is no such key; {hint}"
        case "missing" if path == ("default",):
            return (
                "is missing: it says what counts for each resource that none of a user's groups names; "
                f"write for example {_EXAMPLE} or 'default: {UNLIMITED}'"
            )
        case "missing":
            resource = next(part for part in path if part in set(Resource))
            return f"is missing; write for example '{{limit: {EXAMPLES[Resource(resource)]}, window: 1d}}'"
        case "too_short":
            return f"is an empty list; write '0' to allow nothing, or '{UNLIMITED}'"
        case _:
            return detail["msg"]


def _mended(data: dict[str, Tree], unread: set[Path]) -> dict[str, Tree]:
    """Return *data* without what could not be read, so that the rest can be checked too."""
    mended: dict[str, Tree] = {"default": UNLIMITED, **data}
    for path in unread:
        groups = mended.get("groups")
        match path:
            case ("default", *below):
                mended["default"] = _mended_allowance(mended["default"], below)
            case ("groups", str(group), *below) if isinstance(groups, dict):
                mended["groups"] = {**groups, group: _mended_allowance(groups[group], below)}
            case (str(key), *_):
                mended.pop(key, None)
    return mended


def _mended_allowance(allowance: Tree, below: list[str | int]) -> Tree:
    if not isinstance(allowance, dict) or not below:
        return UNLIMITED
    kept = {key: value for key, value in allowance.items() if key != below[0]}
    return kept or UNLIMITED


class _Entry(NamedTuple):
    """One limit of a group, where it stands, and its own window if it has one."""

    path: Path
    limit: float
    window: float | None


def _entries(
    path: Path, allowance: Allowance | Literal["unlimited"]
) -> Iterator[tuple[Path, Resource, tuple[_Entry, ...]]]:
    """Yield the limits of each resource that *allowance* names."""
    for resource in Resource:
        below = (*path, resource.value)
        value: Any = math.inf if isinstance(allowance, str) else getattr(allowance, resource.value)
        if isinstance(value, tuple):
            yield below, resource, tuple(_entry((*below, i), item) for i, item in enumerate(value))
        elif value is not None:
            yield below, resource, (_entry(below, value),)


def _entry(path: Path, value: float | MemoryQuota | CpuQuota | GpuQuota) -> _Entry:
    if isinstance(value, float):
        return _Entry(path, value, None)
    return _Entry(path, value.limit, value.window)


def _contradictions(document: PolicyDocument, unread: set[Path]) -> Iterator[Problem]:
    """Yield what is well written and cannot be meant, as far as it does not hang on what is *unread*."""
    allowances = [
        *((("groups", group), each) for group, each in document.groups.items()),
        (("default",), document.default),
    ]
    limited = set()
    for place, allowance in allowances:
        for path, _, entries in _entries(place, allowance):
            yield from _contradictions_of_one(document, unread, path, entries)
            if any(math.isfinite(entry.limit) for entry in entries):
                limited.add(place[-1] if len(place) > 1 else None)
    if "" in document.groups:
        yield Problem(("groups", ""), "a group has no name; write the name that it has in the hub")
    if not unread & {("session",), ("minimum_runtime",)} and document.session < document.minimum_runtime:
        yield Problem(
            ("session",),
            f"{format_window(document.session)} is shorter than minimum_runtime "
            f"({format_window(document.minimum_runtime)}); write a longer session or a shorter minimum_runtime",
        )
    for i, group in enumerate(document.exempt.groups):
        if group in limited:
            yield Problem(
                ("exempt", "groups", i),
                f"{quoted(group)} is exempt and has limits in {path_text(('groups', group))}; keep one of the two",
            )


def _contradictions_of_one(
    document: PolicyDocument, unread: set[Path], path: Path, entries: tuple[_Entry, ...]
) -> Iterator[Problem]:
    """Yield the contradictions among the limits of one group for one resource."""
    if len(entries) > 1 and any(math.isinf(entry.limit) for entry in entries):
        yield Problem(path, f"has '{UNLIMITED}' beside other limits; write '{UNLIMITED}' alone, or only the limits")
        return
    seen: dict[float, _Entry] = {}
    for entry in entries:
        if entry.window is None and ("window",) in unread:
            continue
        window = document.window if entry.window is None else entry.window
        if window in seen:
            yield Problem(
                entry.path,
                f"has the same window as {path_text(seen[window].path)} ({format_window(window)}); keep one of the two",
            )
        seen.setdefault(window, entry)
        if ("minimum_runtime",) not in unread and window < document.minimum_runtime:
            yield Problem(
                ("window",) if entry.window is None else (*entry.path, "window"),
                f"{format_window(window)} is shorter than minimum_runtime "
                f"({format_window(document.minimum_runtime)}); write a longer window or a shorter minimum_runtime",
            )


def _composed(document: PolicyDocument, text: str) -> Policy:
    """Return the policy that *document* means."""

    def quotas(allowance: Allowance | Literal["unlimited"]) -> Mapping[Resource, tuple[Quota, ...]]:
        return MappingProxyType(
            {
                resource: tuple(
                    Quota(resource, entry.limit, document.window if entry.window is None else entry.window)
                    for entry in entries
                    if math.isfinite(entry.limit)
                )
                for _, resource, entries in _entries((), allowance)
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
