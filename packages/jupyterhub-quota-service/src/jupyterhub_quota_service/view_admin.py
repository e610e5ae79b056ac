"""From everybody's table to the answers that admins see. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from jupyterhub_quota import (
    WORDS,
    Policy,
    Quota,
    Request,
    Resource,
    Standing,
    Status,
    Subject,
    format_amount,
    format_used,
    format_window,
    request_text,
)
from jupyterhub_quota_service import words
from jupyterhub_quota_service.models_admin import Group, GroupQuota, Groups, Total, Totals, UserLine, UserQuota, Users
from jupyterhub_quota_service.people import Person, Table, resources, whole_windows
from jupyterhub_quota_service.view import finite
from jupyterhub_quota_service.view_history import days_of_resource

SORTS = ("name", "share", "memory", "cpu", "gpu", "running")
TOP = 10
# On a page.
MOST_USERS = 500


@dataclass(frozen=True, slots=True)
class Search:
    """
    What an admin asked for.

    Attributes:
        offset: where the page begins.
        limit: how many a page holds.
        sort: one of SORTS.
        order: in which direction.
        text: part of the name, in upper or lower case; empty means everybody.
        group: one that they are in; empty means any.
        over: at least this part of a limit is used, from 0 to 1; None means any.
    """

    offset: int = 0
    limit: int = 100
    sort: str = "share"
    order: Literal["asc", "desc"] = "desc"
    text: str = ""
    group: str = ""
    over: float | None = None


def matching(table: Table, search: Search) -> list[Person]:
    """Return everybody who passes the filters, in order; by name among equals."""
    text = search.text.casefold()
    found = [
        person
        for person in table.people.values()
        if text in person.name.casefold()
        and (not search.group or search.group in (person.groups or ()))
        and (search.over is None or (person.share is not None and person.share >= search.over))
    ]
    if search.sort == "name":
        found.sort(key=lambda person: person.name, reverse=search.order == "desc")
        return found
    # Who has no share is last, whichever way.
    sign = -1 if search.order == "desc" else 1
    return sorted(found, key=lambda person: _order(person, search.sort, sign))


def users(table: Table, search: Search, prefix: str) -> Users:
    """Return one page of everybody; *prefix* is the service's path."""
    found = matching(table, search)
    page = found[search.offset : search.offset + search.limit]
    return Users(
        **everybody(table),
        total=len(table.people),
        matching=len(found),
        offset=search.offset,
        limit=search.limit,
        sort=search.sort,
        order=search.order,
        users=tuple(line(person, prefix) for person in page),
    )


def everybody(table: Table) -> dict[str, Any]:
    """Return the fields of `models_admin.Everybody`."""
    as_of, membership, zone = table.as_of, table.membership, table.policy.timezone
    if membership.as_of is None:
        text = "Groups are not known, so there are no limits."
        text += f" ({membership.problem})" if membership.problem else ""
    else:
        text = f"Groups as of {words.when(membership.as_of, table.at, zone)}."
        text += f" They may have changed since: {membership.problem}." if membership.problem else ""
    return {
        "at": table.at,
        "as_of": as_of,
        "as_of_text": "" if as_of is None else words.when(as_of, table.at, zone),
        "complete_since": table.complete_since,
        "known": table.problem is None,
        "problem": table.problem,
        "retry_seconds": table.retry_seconds,
        "groups_as_of": membership.as_of,
        "groups_text": text,
    }


def line(person: Person, prefix: str) -> UserLine:
    """Return one user's line."""
    together = Request(*(math.fsum(s.request.of(each) for s in person.running) for each in Resource))
    return UserLine(
        name=person.name,
        href=f"{prefix}api/users/{quote(person.name, safe='')}",
        groups=None if person.groups is None else tuple(sorted(person.groups)),
        exempt=person.exempt,
        quotas=tuple(_quota(status, standing) for status, standing in person.statuses),
        share=person.share,
        share_text=words.percent(person.share),
        running=len(person.running),
        running_text=request_text(together) if person.running else "",
    )


def groups(table: Table) -> Groups:
    """Return every group of the policy or of the hub, at the end those who are in none of the policy's."""
    policy = table.policy
    named = {*policy.groups, *policy.exempt_groups}
    known = [person for person in table.people.values() if person.groups is not None]
    names = sorted(named.union(*(person.groups for person in known if person.groups)))
    found = [_group(table, name, [p for p in known if name in (p.groups or ())], name in named) for name in names]
    others = [person for person in known if named.isdisjoint(person.groups or ())]
    return Groups(**everybody(table), groups=(*found, _group(table, None, others, False)))


def totals(table: Table, prefix: str) -> Totals:
    """Return what everybody used together."""
    if table.as_of is None:
        return Totals(**everybody(table), totals=(), resources=(), top=())
    return Totals(
        **everybody(table),
        totals=_totals(table, table.people.values()),
        resources=tuple(
            days_of_resource(days, quota, parts=False)
            for quota, days in zip(whole_windows(table.policy), table.days, strict=True)
        ),
        top=tuple(line(person, prefix) for person in matching(table, Search())[:TOP]),
    )


def given(policy: Policy, group: str | None) -> tuple[Quota, ...]:
    """Return what who is in *group* alone gets, of each resource that is limited for anybody."""
    alone = Subject("", frozenset() if group is None else frozenset({group}))
    return tuple(
        quota
        for each in resources(policy)
        for quota in _offered(policy, alone, each) or (Quota(each, math.inf, policy.window),)
    )


def quota_text(quota: Quota) -> str:
    """Return a limit in words: "60 GiB-hours of memory in 30 days"."""
    word = WORDS[quota.resource]
    if math.isinf(quota.limit):
        return f"{words.begin(word)}: not limited"
    of = "" if quota.resource is Resource.GPU else f" of {word}"
    return f"{format_amount(quota.resource, quota.limit)}{of} in {format_window(quota.window)}"


def _offered(policy: Policy, subject: Subject, resource: Resource) -> tuple[Quota, ...]:
    offers = policy.offers(subject, resource)
    return offers[0].quotas if offers else ()


def _order(person: Person, sort: str, sign: int) -> tuple[bool, float, str]:
    if sort == "share":
        return person.share is None, sign * (person.share or 0.0), person.name
    if sort == "running":
        return False, sign * len(person.running), person.name
    return False, sign * person.used(Resource(sort)), person.name


def _quota(status: Status, standing: Standing) -> UserQuota:
    return UserQuota(
        resource=status.resource.value,
        title=words.title(status.resource, status.window),
        window_seconds=status.window,
        limit=finite(status.limit),
        used=status.used,
        share=words.share(status),
        state=standing.value,
        state_text=words.STATES[standing],
        text=format_used(status.resource, status.used, status.limit),
    )


def _group(table: Table, name: str | None, members: list[Person], in_policy: bool) -> Group:
    policy = table.policy
    return Group(
        name=name,
        title="In no group of the policy" if name is None else name,
        in_policy=in_policy,
        exempt=name in policy.exempt_groups,
        members=len(members),
        quotas=tuple(
            GroupQuota(
                resource=quota.resource.value,
                limit=finite(quota.limit),
                window_seconds=quota.window,
                text=quota_text(quota),
                over=sum(_over(person, quota) for person in members),
            )
            for quota in given(policy, name)
        ),
        totals=_totals(table, members),
    )


def _over(person: Person, quota: Quota) -> bool:
    return any(
        s.resource is quota.resource and s.window == quota.window and 0 < quota.limit <= s.used
        for s, _ in person.statuses
    )


def _totals(table: Table, members: Iterable[Person]) -> tuple[Total, ...]:
    if table.as_of is None:
        return ()
    window, columns = table.policy.longest_window, [person.totals for person in members]
    return tuple(
        _total(each, window, math.fsum(column[i] for column in columns))
        for i, each in enumerate(resources(table.policy))
    )


def _total(resource: Resource, window: float, amount: float) -> Total:
    of = "" if resource is Resource.GPU else f" of {WORDS[resource]}"
    text = f"{format_amount(resource, amount)}{of} in the last {format_window(window)}"
    return Total(resource=resource.value, window_seconds=window, used=amount, text=text)
