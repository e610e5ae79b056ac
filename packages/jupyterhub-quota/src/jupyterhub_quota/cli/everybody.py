"""`status --everybody`: who used what, and who would be refused, as a table, as CSV or as JSON."""

import argparse
import asyncio
import csv
import math
import sys
import time
from collections.abc import Iterator
from typing import Any

from jupyterhub_quota.amounts import DAY, GIB, HOUR
from jupyterhub_quota.answers import number, running_json
from jupyterhub_quota.cli.hub import asked_hub
from jupyterhub_quota.cli.ledger import opened
from jupyterhub_quota.cli.options import print_json
from jupyterhub_quota.cli.table import table
from jupyterhub_quota.decision import Status
from jupyterhub_quota.errors import Unavailable, UnavailableError
from jupyterhub_quota.everybody import Group, Overview, Person, Spread, over, overview
from jupyterhub_quota.policy import Policy
from jupyterhub_quota.sentences import WORDS, moment
from jupyterhub_quota.session import Resource
from jupyterhub_quota.spreadsheet import safe_cell
from jupyterhub_quota.telling import shown
from jupyterhub_quota.wording import format_amount, format_duration, format_used, format_window

UNITS = {
    Resource.MEMORY: ("GiB-hours", GIB * HOUR),
    Resource.CPU: ("core-hours", HOUR),
    Resource.GPU: ("GPU-hours", HOUR),
}
COLUMNS = ("user", "groups", "exempt", "resource", "window_days", "used", "limit", "unit", "over", "refused")


def show_everybody(policy: Policy, options: argparse.Namespace) -> int:
    """Carry out `status --everybody`."""
    found = asyncio.run(_read(policy, options))
    if options.json:
        print_json(_json(found))
    elif options.csv:
        _print_csv(found)
        for note in _notes(found, policy):
            print(note, file=sys.stderr)
    else:
        print("\n".join(_text(found, policy)))
    return 0


async def _read(policy: Policy, options: argparse.Namespace) -> Overview:
    at = time.time() if options.at is None else options.at
    async with asked_hub(options, everybody=True) as hub, opened(options, everybody=True) as ledger:
        groups = None if hub is None else await hub.everybody()
        reading = await ledger.read(since=at - policy.longest_window, at=at)
    age = at - reading.as_of
    if age > policy.tolerate:
        raise UnavailableError(f"the newest record of sessions is {age:.0f} s old", Unavailable.STALE)
    return overview(policy, reading, at, groups)


def _text(found: Overview, policy: Policy) -> Iterator[str]:
    order = list(Resource)
    quotas = sorted(
        {(status.resource, status.window) for person in found.people for status in person.statuses},
        key=lambda quota: (order.index(quota[0]), -quota[1]),
    )
    heads = [f"{_capital(WORDS[resource])} ({format_window(window)})" for resource, window in quotas]
    rows = [
        (
            shown(person.name),
            "not known" if person.groups is None else shown(", ".join(sorted(person.groups))),
            *(_cell(person, resource, window) for resource, window in quotas),
            "exempt" if person.exempt else "refused" if person.refused else "",
        )
        for person in found.people
    ]
    if rows:
        yield from table(("User", "Groups", *heads, ""), rows)
    else:
        yield "Nobody used anything."
    for group in found.groups:
        yield ""
        name = "In none of the policy's groups" if group.name is None else f"Group {shown(group.name)}"
        yield f"{name}: {_counted(group.members, 'user')}, of whom {group.refused} would be refused today."
        yield from (_spread(spread) for spread in group.spreads)
    yield ""
    if found.known:
        yield (
            f"{found.refused} of {_counted(found.known, 'user')} would be refused today: the server that they started "
            f"last, of the size it had, could not run for {format_duration(policy.minimum_runtime)} (minimum_runtime)."
        )
    yield from _notes(found, policy)


def _cell(person: Person, resource: Resource, window: float) -> str:
    """What one person used of one resource in one window; nothing where no quota of theirs has this window."""
    status = next((s for s in person.statuses if s.resource is resource and s.window == window), None)
    if status is None:
        return ""
    used = format_used(resource, status.used, status.limit)
    return f"{used}, over" if over(status.used, status.limit) else used


def _spread(spread: Spread) -> str:
    quota = spread.quota
    # In one unit, so that they can be compared.
    median, most, maximum = (
        format_amount(quota.resource, amount, like=spread.maximum)
        for amount in (spread.median, spread.most, spread.maximum)
    )
    limit = format_amount(quota.resource, quota.limit)
    limited = "not limited" if math.isinf(quota.limit) else f"{spread.over} reached the limit of {limit}"
    what = f"{_capital(WORDS[quota.resource])}, last {format_window(quota.window)}"
    return f"- {what}: median {median}, 95 % up to {most}, most {maximum}; {limited}."


def _notes(found: Overview, policy: Policy) -> Iterator[str]:
    """What is not known, in sentences."""
    strangers = len(found.people) - found.known
    if not found.known and strangers:
        yield "Whose group is which is not known without --hub-api, so there are no limits and nothing about groups."
    elif strangers:
        told = f"{_counted(strangers, 'user')} of the ledger {'is' if strangers == 1 else 'are'} not shown by the hub"
        yield f"{told}, so the groups are not known."
    if found.complete_since is not None and found.complete_since > found.at - policy.longest_window:
        since = moment(found.complete_since, found.at, policy.timezone).removeprefix("on ")
        yield f"Counted since {since}: there is no older record."


def _print_csv(found: Overview) -> None:
    lines = csv.writer(sys.stdout, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    lines.writerow(COLUMNS)
    for person in found.people:
        for status in person.statuses:
            lines.writerow([safe_cell(value) for value in _line(person, status)])


def _line(person: Person, status: Status) -> tuple[str | float, ...]:
    """One line for spreadsheets, in the units in which quotas are written; what is not known or has no end is empty."""
    unit, size = UNITS[status.resource]
    known = person.groups is not None
    return (
        person.name,
        ", ".join(sorted(person.groups or ())),
        _word(person.exempt) if known else "",
        status.resource.value,
        round(status.window / DAY, 6),
        round(status.used / size, 6),
        "" if status.unlimited else round(status.limit / size, 6),
        unit,
        _word(over(status.used, status.limit)) if known else "",
        _word(person.refused) if known else "",
    )


def _json(found: Overview) -> dict[str, Any]:
    return {
        "at": found.at,
        "as_of": found.as_of,
        "complete_since": found.complete_since,
        "users": [_person_json(person) for person in found.people],
        "groups": [_group_json(group) for group in found.groups],
        "known": found.known,
        "refused": found.refused,
    }


def _person_json(person: Person) -> dict[str, Any]:
    known = person.groups is not None
    return {
        "user": person.name,
        "groups": None if person.groups is None else sorted(person.groups),
        "exempt": person.exempt if known else None,
        "refused": person.refused,
        "latest": None if person.latest is None else running_json(person.latest),
        "quotas": [
            {
                "resource": status.resource.value,
                "window_seconds": status.window,
                "limit": number(status.limit),
                "used": status.used,
                "remaining": number(status.remaining),
                "group": status.group,
                "over": over(status.used, status.limit) if known else None,
            }
            for status in person.statuses
        ],
    }


def _group_json(group: Group) -> dict[str, Any]:
    return {
        "group": group.name,
        "members": group.members,
        "refused": group.refused,
        "quotas": [
            {
                "resource": spread.quota.resource.value,
                "window_seconds": spread.quota.window,
                "limit": number(spread.quota.limit),
                "median": spread.median,
                "percentile_95": spread.most,
                "maximum": spread.maximum,
                "over": spread.over,
            }
            for spread in group.spreads
        ],
    }


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"


def _capital(word: str) -> str:
    return f"{word[0].upper()}{word[1:]}"


def _word(value: bool | None) -> str:
    return "yes" if value else "no"
