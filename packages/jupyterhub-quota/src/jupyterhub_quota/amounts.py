"""
Read amounts, sizes and lengths of time as people write them.

The only place that knows units: inside, memory is bytes, time is seconds, and an amount is their product.
"""

import math
import re
from collections.abc import Iterable

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
    | {"s": 1.0, "m": float(MINUTE), "d": float(DAY), "w": float(WEEK)}
    | {"sec": 1.0, "secs": 1.0, "min": float(MINUTE), "mins": float(MINUTE)}
)

_DIGITS = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_NUMBER = re.compile(_DIGITS)
# What somebody may take for a number: 1,000 and 1_000 and 1 000 and 1e3 and 0x10 and 12:30.
_NUMBERISH = re.compile(r"[0-9.](?:[0-9.,_':]| (?=[0-9]))*(?:[ex][-+]?[0-9]+)?", re.IGNORECASE)
_BETWEEN = r"(?: ?[-*·] ?| ?)"
_PER = re.compile(r"/|\bper\b", re.IGNORECASE)
_PART_OF_DURATION = re.compile(rf" ?({_DIGITS}) ?([a-zA-Z]+)")

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
    number, unit = _split(
        text,
        f"{_hours('60', resource)}, '0' or '{UNLIMITED}'",
        f"{_hours('1000', resource)} or {_hours('1.5', resource)}",
    )
    if not unit:
        if float(number) == 0:
            return 0.0
        raise _wrong(text, "has no unit", _hours(number, resource))
    found, size, seconds = _amount_unit(text, number, unit, resource)
    if resource not in (None, found):
        raise _wrong(text, f"is an amount of {found}, not of {resource}", _hours(number, resource))
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
        what = f"has a unit that is not known for {resource}: {quoted(unit)}" if unit else "has no unit"
        raise _wrong(text, what, example)
    value = _finite(text, float(number) * size)
    if resource is Resource.GPU and value != int(value):
        raise _wrong(text, "is not a whole number, and servers get whole GPUs", example)
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
        raise _wrong(text, "has no unit", f"'{number}d' (days) or '{number}m' (minutes)")
    seconds, last, rest = 0.0, math.inf, text
    while rest:
        part = _PART_OF_DURATION.match(rest)
        if part is None:
            raise _wrong(text, "is not a length of time", "'30d', '12h' or '1h30m'")
        # "1M" might mean a month.
        size = None if part[2] == "M" else _DURATION_UNITS.get(part[2].lower())
        if size is None:
            units = "units are s, m (minutes), h, d and w"
            raise _wrong(text, f"has an unknown unit of time: {quoted(part[2])}; {units}", "'30d'")
        if size >= last:
            raise InputError(f"{quoted(text)} is out of order; write the larger unit first, for example '1h30m'")
        seconds, last, rest = seconds + float(part[1]) * size, size, rest[part.end() :]
    if seconds > _LONGEST:
        raise _wrong(text, "is longer than 100 years", "'365d'")
    return seconds


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


def _wrong(text: str, what: str, examples: str) -> InputError:
    return InputError(f"{quoted(text)} {what}; write for example {examples}")


def _hours(number: str, resource: Resource | None) -> str:
    """Return an example of an amount, in quotes."""
    return f"'{number} {_EXAMPLE_UNITS[resource or Resource.MEMORY]}-hours'"


def _split(text: str, examples: str, numbers: str) -> tuple[str, str]:
    """Return the number and the unit of *text*; *numbers* are examples of clear numbers."""
    if not text:
        raise _wrong(text, "is empty", examples)
    if text.startswith(("-", "\N{MINUS SIGN}")):
        raise _wrong(text, "is negative", examples)
    found = _NUMBERISH.match(text)
    if found is None:
        raise _wrong(text, "does not begin with a number", examples)
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
    found = re.fullmatch(rf"({'|'.join(sizes)}){_BETWEEN}({'|'.join(_TIMES)})", unit, re.IGNORECASE | re.ASCII)
    if found:
        return *sizes[found[1].lower()], _TIMES[found[2].lower()]
    example = _hours(number, resource)
    if _PER.search(unit):
        raise _wrong(text, "is a size per time, and a quota is a size times the time it is held", example)
    if unit.lower() in sizes:
        kind, _ = sizes[unit.lower()]
        if resource in (None, kind):
            # The unit that is usual for quotas and nearest to what was written.
            binary = kind is Resource.MEMORY and unit[0].lower() in "kmgtp"
            example = f"'{number} {unit[0].upper()}iB-hours'" if binary else _hours(number, kind)
        raise _wrong(text, "has no time unit", example)
    if unit.lower() in _DURATION_UNITS:
        raise _wrong(text, "does not say of what", example)
    raise _wrong(text, f"has an unknown unit: {quoted(unit)}", example)


def _finite(text: str, value: float) -> float:
    if math.isinf(value):
        raise InputError(f"{quoted(text)} is too large; write '{UNLIMITED}' where there is no limit")
    return value
