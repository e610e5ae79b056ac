"""Answers as CSV, for spreadsheets: in the units in which quotas are written, with cells that are no formulas. Pure."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from jupyterhub_quota import GIB, HOUR, safe_cell
from jupyterhub_quota_service.models import ResourceName
from jupyterhub_quota_service.models_admin import UserLine
from jupyterhub_quota_service.models_history import Days, Sessions

Cell = str | float | None

UNITS: dict[ResourceName, tuple[str, float]] = {
    "memory": ("GiB-hours", float(GIB * HOUR)),
    "cpu": ("core-hours", float(HOUR)),
    "gpu": ("GPU-hours", float(HOUR)),
}


def days_csv(answer: Days) -> str:
    """Return one line for each quota and day."""
    return _csv(
        ("date", "resource", "window_days", "used", "unit"),
        (
            (day.date, each.resource, _days(each.window_seconds), *_amount(each.resource, day.amount))
            for each in answer.resources
            for day in each.days
        ),
    )


def sessions_csv(answer: Sessions) -> str:
    """Return one line for each session, with what of it counts in the longest window of each resource."""
    return _csv(
        ("server", "start", "end", "size", "resource", "window_days", "counted", "unit"),
        (
            (
                line.server,
                _time(line.start),
                None if line.end is None else _time(line.end),
                line.size_text,
                counted.resource,
                _days(counted.window_seconds),
                *_amount(counted.resource, counted.amount),
            )
            for line in answer.sessions
            for counted in line.counted
        ),
    )


def users_csv(lines: Iterable[UserLine]) -> str:
    """Return one line for each user and quota; what is not known or has no end is empty."""
    return _csv(
        ("user", "groups", "exempt", "running", "resource", "window_days", "used", "limit", "unit", "share"),
        _users(lines),
    )


def _users(lines: Iterable[UserLine]) -> Iterator[tuple[Cell, ...]]:
    for line in lines:
        for quota in line.quotas:
            used, unit = _amount(quota.resource, quota.used)
            yield (
                line.name,
                "" if line.groups is None else ", ".join(line.groups),
                "" if line.groups is None else "yes" if line.exempt else "no",
                line.running,
                quota.resource,
                _days(quota.window_seconds),
                used,
                None if quota.limit is None else _amount(quota.resource, quota.limit)[0],
                unit,
                None if quota.share is None else round(quota.share, 6),
            )


def _csv(heads: tuple[str, ...], rows: Iterable[tuple[Cell, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(heads)
    writer.writerows(["" if cell is None else safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def _amount(resource: ResourceName, amount: float) -> tuple[float, str]:
    unit, size = UNITS[resource]
    return round(amount / size, 6), unit


def _days(seconds: float) -> float:
    return round(seconds / (24 * HOUR), 6)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
