"""
What cannot be read in a document, and what to write instead.

The models say what is wrong by pydantic's means; here it becomes one sentence for each mistake that a person made.
"""

from contextlib import suppress
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from jupyterhub_quota.amounts import UNLIMITED
from jupyterhub_quota.document.model import PolicyDocument, keys_at
from jupyterhub_quota.document.values import EXAMPLES
from jupyterhub_quota.document.written import Path, Problem, Tree
from jupyterhub_quota.session import Resource

EXAMPLE = "'default: {memory: 20 GiB-hours, gpu: 0}'"


def validated(data: dict[str, Tree]) -> tuple[PolicyDocument | None, list[Problem], set[Path]]:
    """Return the document as far as it can be read, what cannot, and where that is."""
    try:
        return PolicyDocument.model_validate(data), [], set()
    except ValidationError as error:
        found = [(_path(detail, data), detail) for detail in error.errors(include_url=False)]
    unread = {path for path, _ in found}
    meant = {_meant(path) for path, detail in found if detail["type"] == "extra_forbidden"}
    problems = [
        Problem(path, _sentence(detail, path))
        for path, detail in found
        # A misspelt key is missing too, and a list of wrong limits has no limits: each is one mistake.
        if not (detail["type"] == "missing" and path in meant)
        and not (detail["type"] == "too_short" and any(other[:-1] == path for other in unread))
    ]
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
                f"write for example {EXAMPLE} or 'default: {UNLIMITED}'"
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
