"""
Read and write amounts, sizes and lengths of time as people say them.

The only place that knows units: inside, memory is bytes, time is seconds, and an amount is their product.
"""

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

from jupyterhub_quota.errors import InputError
from jupyterhub_quota.session import Resource

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

MINUTE = 60
HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY

UNLIMITED = "unlimited"

# Longer ones would leave the range of dates.
_LONGEST = 100 * 365 * DAY

# Sums of floats are a little off. What is nearer than this to a round number reads as that number.
_NOISE = 1e-9

# Nobody has more, so beyond it digits say nothing.
_COARSE = 1e15

_BINARY = {f"{prefix}ib": float(KIB**power) for power, prefix in enumerate("kmgtp", start=1)}
_DECIMAL = {f"{prefix}b": 1000.0**power for power, prefix in enumerate("kmgtp", start=1)}
_BYTES = {"b": 1.0, "byte": 1.0, "bytes": 1.0}
_CORES = {"core": 1.0, "cores": 1.0, "cpu": 1.0, "cpus": 1.0}
_DEVICES = {"gpu": 1.0, "gpus": 1.0}

_UNITS = {Resource.MEMORY: _BYTES | _BINARY | _DECIMAL, Resource.CPU: _CORES, Resource.GPU: _DEVICES}

# JupyterHub writes "4G" for what Kubernetes writes as "4Gi".
_SHORT = {unit[:-cut]: size for cut in (1, 2) for unit, size in _BINARY.items()}
_SIZE_UNITS = {
    Resource.MEMORY: _UNITS[Resource.MEMORY] | _SHORT,
    Resource.CPU: {"": 1.0} | _CORES,
    Resource.GPU: {"": 1.0} | _DEVICES,
}

_WORDS_OF_TIME = {"second": 1.0, "minute": float(MINUTE), "hour": float(HOUR), "day": float(DAY), "week": float(WEEK)}
_TIMES = {f"{word}{end}": size for word, size in _WORDS_OF_TIME.items() for end in ("", "s")} | {"h": float(HOUR)}
_DURATION_UNITS = (
    _TIMES
    | {word[0]: size for word, size in _WORDS_OF_TIME.items()}
    | {
        f"{word}{end}": _WORDS_OF_TIME[long]
        for word, long in (("sec", "second"), ("min", "minute"))
        for end in ("", "s")
    }
)

_DIGITS = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_NUMBER = re.compile(_DIGITS)
# What somebody may take for a number: 1,000 and 1_000 and 1 000 and 1e3 and 0x10 and 12:30.
_NUMBERISH = re.compile(r"[0-9.](?:[0-9.,_':]| (?=[0-9]))*(?:[ex][-+]?[0-9]+)?", re.IGNORECASE)
_BETWEEN = r"(?: ?[-*·] ?| ?)"
_PER = re.compile(r"/|\bper\b", re.IGNORECASE)
_PART_OF_DURATION = re.compile(rf" ?({_DIGITS}) ?([a-zA-Z]+)")


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
_EXAMPLE_UNITS = {Resource.MEMORY: "GiB", Resource.CPU: "core", Resource.GPU: "GPU"}
_EXAMPLE_SIZES = {Resource.MEMORY: "'4 GiB'", Resource.CPU: "'2' or '0.5'", Resource.GPU: "'1'"}


def quoted(text: str, longest: int = 60) -> str:
    """Return what somebody *wrote* as it stands in a message: quoted, on one line, not too long."""
    return repr(text if len(text) <= longest else f"{text[: longest - 1]}…")


def parse_amount(text: str, resource: Resource | None = None) -> float:
    """
    Return the amount that *text* says, in resource-seconds; ``math.inf`` for "unlimited".

    0 needs no unit. Without a *resource* the unit may be that of any.

    Raises:
        InputError: with what was found and an example of what to write.
    """
    text = " ".join(text.split())
    if text.lower() == UNLIMITED:
        return math.inf
    unit_of_example = _EXAMPLE_UNITS[resource or Resource.MEMORY]
    number, unit = _split(
        text,
        f"'60 {unit_of_example}-hours', '0' or '{UNLIMITED}'",
        f"'1000 {unit_of_example}-hours' or '1.5 {unit_of_example}-hours'",
    )
    if not unit:
        if float(number) == 0:
            return 0.0
        raise InputError(f"{quoted(text)} has no unit; write for example '{number} {unit_of_example}-hours'")
    found, size, seconds = _amount_unit(text, number, unit, resource)
    if resource not in (None, found):
        raise InputError(
            f"{quoted(text)} is an amount of {found}, not of {resource}; "
            f"write for example '{number} {unit_of_example}-hours'"
        )
    return _finite(text, float(number) * size * seconds)


def parse_size(text: str, resource: Resource) -> float:
    """
    Return the size of one server that *text* says: bytes, cores or devices.

    "4G" is what JupyterHub writes for 4 GiB; "4 GB" is 4 times 1000**3 bytes.

    Raises:
        InputError: with what was found and an example of what to write.
    """
    text = " ".join(text.split())
    example = _EXAMPLE_SIZES[resource]
    number, unit = _split(text, example, "'1.5 GiB'" if resource is Resource.MEMORY else example)
    if not unit and float(number) == 0:
        return 0.0
    size = _SIZE_UNITS[resource].get(unit.lower())
    if size is None:
        wrong = f"has a unit that is not known for {resource}: {quoted(unit)}" if unit else "has no unit"
        raise InputError(f"{quoted(text)} {wrong}; write for example {example}")
    value = _finite(text, float(number) * size)
    if resource is Resource.GPU and value != int(value):
        raise InputError(f"{quoted(text)} is not a whole number, and servers get whole GPUs; write for example '1'")
    return value


def parse_duration(text: str) -> float:
    """
    Return the length of time that *text* says, in seconds: "30d", "12 hours", "1h30m"; 0 needs no unit.

    Raises:
        InputError: with what was found and an example of what to write.
    """
    text = " ".join(text.split())
    number, unit = _split(text, "'30d', '12h' or '10m'", "'12h' or '1.5h'")
    if not unit:
        if float(number) == 0:
            return 0.0
        raise InputError(f"{quoted(text)} has no unit; write for example '{number}d' (days) or '{number}m' (minutes)")
    seconds, last, rest = 0.0, math.inf, text
    while rest:
        part = _PART_OF_DURATION.match(rest)
        if part is None:
            raise InputError(f"{quoted(text)} is not a length of time; write for example '30d', '12h' or '1h30m'")
        # "1M" might mean a month.
        size = None if part[2] == "M" else _DURATION_UNITS.get(part[2].lower())
        if size is None:
            raise InputError(
                f"{quoted(text)} has an unknown unit of time: {quoted(part[2])}; "
                "units are s, m (minutes), h, d and w; write for example '30d'"
            )
        if size >= last:
            raise InputError(f"{quoted(text)} is out of order; write the larger unit first, for example '1h30m'")
        seconds, last, rest = seconds + float(part[1]) * size, size, rest[part.end() :]
    if seconds > _LONGEST:
        raise InputError(f"{quoted(text)} is longer than 100 years; write for example '365d'")
    return seconds


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
        return _with_unit(_number(size), _EXAMPLE_UNITS[resource])
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


def amount_pattern(resource: Resource) -> str:
    """Return a regular expression, for a JSON Schema, of what :func:`parse_amount` takes for *resource*."""
    amount = rf"{_DIGITS}\s*{_any_case(_UNITS[resource])}(\s*[-*·]\s*|\s*){_any_case(_TIMES)}"
    return rf"^\s*({_any_case([UNLIMITED])}|0+(\.0+)?|{amount})\s*$"


def duration_pattern() -> str:
    """Return a regular expression, for a JSON Schema, of what :func:`parse_duration` takes."""
    return rf"^\s*(0+|({_DIGITS}\s*{_any_case(_DURATION_UNITS)}\s*)+)\s*$"


def _any_case(words: Iterable[str]) -> str:
    """Return a pattern of *words* in upper or lower case; JSON Schema has no flag for that."""
    return f"({'|'.join(''.join(f'[{letter.upper()}{letter}]' for letter in word) for word in words)})"


def _split(text: str, examples: str, numbers: str) -> tuple[str, str]:
    """Return the number and the unit of *text*; *numbers* are examples of clear numbers."""
    if not text:
        raise InputError(f"'' is empty; write for example {examples}")
    if text.startswith(("-", "\N{MINUS SIGN}")):
        raise InputError(f"{quoted(text)} is negative; write for example {examples}")
    found = _NUMBERISH.match(text)
    if found is None:
        raise InputError(f"{quoted(text)} does not begin with a number; write for example {examples}")
    number = found[0]
    if not _NUMBER.fullmatch(number):
        raise InputError(
            f"{quoted(text)} has a number that can be read in several ways: {quoted(number)}; write only digits and "
            f"at most one point, for example {numbers}"
        )
    return number, text[found.end() :].strip()


def _amount_unit(text: str, number: str, unit: str, resource: Resource | None) -> tuple[Resource, float, float]:
    """Return resource, size and seconds of a *unit* such as "GiB-hours"."""
    sizes = {name: (kind, size) for kind, units in _UNITS.items() for name, size in units.items()}
    names = "|".join(sizes)
    found = re.fullmatch(rf"({names}){_BETWEEN}({'|'.join(_TIMES)})", unit, re.IGNORECASE | re.ASCII)
    if found:
        return *sizes[found[1].lower()], _TIMES[found[2].lower()]
    example = f"'{number} {_EXAMPLE_UNITS[resource or Resource.MEMORY]}-hours'"
    if _PER.search(unit):
        raise InputError(
            f"{quoted(text)} is a size per time, and a quota is a size times the time it is held; "
            f"write for example {example}"
        )
    if unit.lower() in sizes:
        kind, _ = sizes[unit.lower()]
        if resource in (None, kind):
            example = f"'{number} {_binary(unit) if kind is Resource.MEMORY else _EXAMPLE_UNITS[kind]}-hours'"
        raise InputError(f"{quoted(text)} has no time unit; write for example {example}")
    if unit.lower() in _DURATION_UNITS:
        raise InputError(f"{quoted(text)} does not say of what; write for example {example}")
    raise InputError(f"{quoted(text)} has an unknown unit: {quoted(unit)}; write for example {example}")


def _binary(unit: str) -> str:
    """Return the unit of memory that is usual for quotas and nearest to *unit*."""
    return f"{unit[0].upper()}iB" if unit[0].lower() in "kmgtp" else "GiB"


def _finite(text: str, value: float) -> float:
    if math.isinf(value):
        raise InputError(f"{quoted(text)} is too large; write '{UNLIMITED}' where there is no limit")
    return value


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
