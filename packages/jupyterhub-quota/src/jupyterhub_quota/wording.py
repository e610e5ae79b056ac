"""
Write amounts, sizes and lengths of time as people say them.

Rounded down: what is left or used never reads more than it is. `amounts.py` reads what people write.
"""

import math
from typing import NamedTuple

from jupyterhub_quota.amounts import DAY, GIB, HOUR, KIB, MIB, MINUTE, UNLIMITED
from jupyterhub_quota.session import Resource

# Sums of floats are a little off. What is nearer than this to a round number reads as that number.
_NOISE = 1e-9

# Nobody has more, so beyond it digits say nothing.
_COARSE = 1e15


class _Unit(NamedTuple):
    """A unit to show amounts in."""

    size: float
    name: str


_SHOWN = {
    Resource.MEMORY: (
        _Unit(GIB * HOUR, "GiB-hour"),
        _Unit(GIB * MINUTE, "GiB-minute"),
        _Unit(MIB * MINUTE, "MiB-minute"),
    ),
    Resource.CPU: (_Unit(HOUR, "core-hour"), _Unit(MINUTE, "core-minute"), _Unit(1, "core-second")),
    Resource.GPU: (_Unit(HOUR, "GPU-hour"), _Unit(MINUTE, "GPU-minute"), _Unit(1, "GPU-second")),
}


def format_amount(resource: Resource, amount: float, *, like: float | None = None) -> str:
    """
    Return *amount* of *resource* as people say it, rounded down: "60 GiB-hours".

    Args:
        resource: what is counted.
        amount: in resource-seconds; below 0 reads 0, ``math.inf`` reads "unlimited".
        like: the amount whose unit to use, so that two amounts can be compared.
    """
    if amount == math.inf:
        return UNLIMITED
    unit = _shown_in(resource, like if like not in (None, 0, math.inf) else amount)
    return _with_unit(_number(amount / unit.size), unit.name)


def format_used(resource: Resource, used: float, limit: float) -> str:
    """
    Return how much of *limit* is *used*, in the limit's unit: "50 of 60 GiB-hours".

    What is used is rounded down, and never reads like the limit before it has reached it. Without a limit
    (``math.inf``) only what is used is said.
    """
    if limit == math.inf:
        return format_amount(resource, used)
    unit = _shown_in(resource, limit or used)
    used_text, limit_text = _number(used / unit.size), _number(limit / unit.size)
    if used < limit * (1 - _NOISE):
        for decimals in (2, 3, 4, 6):
            if used_text != limit_text:
                break
            used_text, limit_text = _number(used / unit.size, decimals), _number(limit / unit.size, decimals)
        if used_text == limit_text:
            used_text = f"almost {limit_text}"
    return f"{used_text} of {_with_unit(limit_text, unit.name)}"


def format_size(resource: Resource, size: float) -> str:
    """Return the *size* of one server as people say it, rounded down: "4 GiB", "0.5 cores", "1 GPU"."""
    if size == math.inf:
        return UNLIMITED
    if resource is not Resource.MEMORY:
        return _with_unit(_number(size), "core" if resource is Resource.CPU else "GPU")
    for unit in (_Unit(GIB, "GiB"), _Unit(MIB, "MiB"), _Unit(KIB, "KiB")):
        if size >= unit.size * (1 - _NOISE):
            return f"{_number(size / unit.size)} {unit.name}"
    return _with_unit(_number(size), "byte") if size > 0 else "0 GiB"


def format_duration(seconds: float) -> str:
    """Return a length of time as people say it, rounded down: "45 minutes", "2 h 30 min", "3 days 4 h"."""
    minutes = _whole(seconds / MINUTE)
    if minutes < 1:
        return "less than a minute"
    hours, minutes_left = divmod(minutes, HOUR // MINUTE)
    if hours < 1:
        return _with_unit(str(minutes), "minute")
    if hours < 2 * DAY // HOUR:
        return f"{hours} h {minutes_left} min" if minutes_left else _with_unit(str(hours), "hour")
    days, hours_left = divmod(hours, DAY // HOUR)
    return f"{days} days {hours_left} h" if hours_left else f"{days} days"


def format_window(seconds: float) -> str:
    """
    Return the length of a window exactly, to stand after "in the last": "30 days", "24 hours", "90 minutes".

    Always in one unit and never one of it, since "in the last 1 day" might mean today.
    """
    for unit in (_Unit(DAY, "days"), _Unit(HOUR, "hours"), _Unit(MINUTE, "minutes")):
        count = _whole(seconds / unit.size)
        if count > 1 and math.isclose(count * unit.size, seconds):
            return f"{count} {unit.name}"
    return _with_unit(_number(seconds), "second")


def _shown_in(resource: Resource, amount: float | None) -> _Unit:
    """Return the largest unit of which *amount* is at least one; for none at all the one that quotas are written in."""
    units = _SHOWN[resource]
    if not amount or amount <= 0:
        return units[0]
    return next((unit for unit in units if amount >= unit.size * (1 - _NOISE)), units[-1])


def _whole(value: float) -> int:
    """Return *value* rounded down, unless it is short of a whole number only by the noise of floats."""
    nearest = round(value)
    return nearest if abs(value - nearest) <= _NOISE * abs(value) else math.floor(value)


def _number(value: float, decimals: int | None = None) -> str:
    """Return *value* rounded down to a few decimals, without an exponent; never 0 for what is more."""
    if value > _COARSE:
        return f"over {_COARSE:.0f}"
    value = max(value, 0.0)
    if decimals is None:
        decimals = 1 if value >= 10 * (1 - _NOISE) else 2
    steps = _whole(value * 10**decimals)
    if steps == 0 and value > 0:
        return f"less than 0.{'0' * (decimals - 1)}1"
    whole, fraction = divmod(steps, 10**decimals)
    return f"{whole}.{fraction:0{decimals}}".rstrip("0").rstrip(".")


def _with_unit(number: str, unit: str) -> str:
    """Return "1 GiB-hour" or "2 GiB-hours"."""
    return f"{number} {unit}" if number == "1" else f"{number} {unit}s"
