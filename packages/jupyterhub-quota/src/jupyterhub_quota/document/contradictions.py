"""What is well written and cannot be meant, or probably is not."""

import math
from collections.abc import Iterator

from jupyterhub_quota.amounts import UNLIMITED, quoted
from jupyterhub_quota.document.meaning import Limit, limits_of
from jupyterhub_quota.document.model import PolicyDocument
from jupyterhub_quota.document.written import Path, Problem, path_text
from jupyterhub_quota.policy import AtLaunch, Policy, WhileRunning
from jupyterhub_quota.session import Resource
from jupyterhub_quota.wording import format_window

_PLURALS = {Resource.MEMORY: "memory", Resource.CPU: "cores", Resource.GPU: "GPUs"}


def contradictions(document: PolicyDocument, unread: set[Path]) -> Iterator[Problem]:
    """Yield what is well written and cannot be meant, as far as it does not hang on what is *unread*."""
    limited = set()
    allowances = [(("groups", group), allowance) for group, allowance in document.groups.items()]
    for place, allowance in [*allowances, (("default",), document.default)]:
        for resource, limits in limits_of(allowance, place, document.window).items():
            yield from _among(limits, (*place, resource.value), document, unread)
            if any(math.isfinite(each.limit) for each in limits):
                limited.add(place)
    if "" in document.groups:
        yield Problem(("groups", ""), "a group has no name; write the name that it has in the hub")
    if ("session",) not in unread:
        yield from _too_short(("session",), document.session, document, unread)
    for i, group in enumerate(document.exempt.groups):
        if ("groups", group) in limited:
            yield Problem(
                ("exempt", "groups", i),
                f"{quoted(group)} is exempt and has limits in {path_text(('groups', group))}; keep one of the two",
            )


def _among(limits: tuple[Limit, ...], path: Path, document: PolicyDocument, unread: set[Path]) -> Iterator[Problem]:
    """Yield the contradictions among the *limits* of one group for one resource."""
    if len(limits) > 1 and any(math.isinf(each.limit) for each in limits):
        yield Problem(path, f"has '{UNLIMITED}' beside other limits; write '{UNLIMITED}' alone, or only the limits")
        return
    seen: dict[float, Path] = {}
    for each in limits:
        if not each.own and ("window",) in unread:
            continue
        if each.window in seen:
            first = f"{path_text(seen[each.window])} ({format_window(each.window)})"
            yield Problem(each.path, f"has the same window as {first}; keep one of the two")
        seen.setdefault(each.window, each.path)
        yield from _too_short((*each.path, "window") if each.own else ("window",), each.window, document, unread)


def _too_short(path: Path, seconds: float, document: PolicyDocument, unread: set[Path]) -> Iterator[Problem]:
    """Yield the problem of a length of time at *path* in which no server could run for long enough."""
    minimum = document.minimum_runtime
    if ("minimum_runtime",) not in unread and seconds < minimum:
        yield Problem(
            path,
            f"{format_window(seconds)} is shorter than minimum_runtime ({format_window(minimum)}); "
            f"write a longer {path[-1]} or a shorter minimum_runtime",
        )


def policy_warnings(policy: Policy) -> tuple[str, ...]:
    """Return what looks like an accident: a resource that is limited only for some, a stop that never comes."""
    forgotten = tuple(
        _forgotten(policy, resource)
        for resource in Resource
        if policy.limits(resource) and resource not in policy.default
    )
    in_vain = policy.while_running is WhileRunning.STOP and policy.at_launch is not AtLaunch.REFUSE
    return (*forgotten, *([_in_vain(policy)] if in_vain else []))


def _in_vain(policy: Policy) -> str:
    return (
        f"while_running says stop and at_launch {policy.at_launch}, so no server is stopped: it could be started again "
        "at once; write 'at_launch: refuse', or 'while_running: warn'"
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
