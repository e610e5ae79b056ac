"""
Sessions as JSON Lines: what `sessions export` writes and `sessions import` reads.

Pure: lines in, sessions out, and the other way round. Nothing is returned unless every line is good.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from jupyterhub_quota.errors import InputError
from jupyterhub_quota.session import Request, Resource, Session

_REQUIRED = ("id", "user", "server", "start", "end", "request")
_OPTIONAL = ("seen", "pod", "component")
_AMOUNTS = {Resource.MEMORY.value: "bytes", Resource.CPU.value: "cores", Resource.GPU.value: "devices"}
_EXAMPLE_TIMES = '"2026-05-03T14:00:00+02:00" or 1777809600'
_EXAMPLE_REQUEST = '{"memory": 4294967296, "cpu": 2, "gpu": 0}'

_FIRST, _LAST = -62_135_596_800.0, 253_402_300_800.0  # the years that a calendar can show
_SHOWN = 60  # characters of a bad value
# Python alone would also read "17120101112", which is a number of seconds, as a day in 1712.
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].+)?", re.ASCII)


class _BadError(Exception):
    """What is wrong with a line, and what to write instead."""


def dump(sessions: Iterable[Session]) -> Iterator[str]:
    """
    Yield one JSON text per session, without a line end. Times are seconds since the epoch.

    A session that is alive has no end (null), and *seen*. All is ASCII: no name can break a line, or the encoding of
    where it goes.
    """
    for session in sessions:
        fields: dict[str, object] = {
            "id": session.id,
            "user": session.user,
            "server": session.server,
            "start": session.start,
            "end": None if session.alive else session.end,
            "request": dict(session.request.as_mapping()),
        }
        if session.alive:
            fields["seen"] = session.end
        fields |= {key: value for key in ("pod", "component") if (value := getattr(session, key))}
        yield json.dumps(fields, allow_nan=False)


def load(lines: Iterable[str], source: str) -> tuple[Session, ...]:
    """
    Return the sessions in *lines*; blank lines are ignored.

    Args:
        lines: one JSON object each. Times are ISO 8601 (UTC where no zone is given) or seconds since the epoch.
        source: the name of the file, for errors.

    Raises:
        InputError: the first line that cannot be read, by its number, with an example of what to write.
    """
    found: dict[str, tuple[int, Session]] = {}
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            session = _session(line)
            if session.id in found:
                _bad(f"id {_json(session.id)} is already in line {found[session.id][0]}; each session has its own")
            found[session.id] = number, session
    except _BadError as error:
        raise InputError(f"{source}, line {number}: {error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{source}, after line {number}: the text is not UTF-8; save it as UTF-8") from error
    return tuple(session for _, session in found.values())


def _session(line: str) -> Session:
    """Return the session in *line*."""
    try:
        fields = json.loads(line, object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        _bad(f'it is not JSON ({error}); write one object per line, for example {{"id": "1", "user": "ann", …}}')
    _keys("", fields, _REQUIRED, _OPTIONAL)
    _keys("request.", fields["request"], tuple(_AMOUNTS), ())
    start = _time("start", fields["start"])
    open_ = fields["end"] is None
    if "seen" in fields and not open_:
        _bad("'seen' is only for a session without an end; leave it out, or write \"end\": null")
    end = _time("seen", fields.get("seen", start)) if open_ else _time("end", fields["end"])
    if end < start:
        _bad(f"'{'seen' if open_ else 'end'}' is before 'start'; write the later time as the end")
    return Session(
        id=_text("id", fields["id"], needed=True),
        user=_text("user", fields["user"], needed=True),
        server=_text("server", fields["server"]),
        start=start,
        end=end,
        request=Request(*(_amount(resource, fields["request"][resource]) for resource in _AMOUNTS)),
        alive=open_,
        pod=_text("pod", fields.get("pod", "")),
        component=_text("component", fields.get("component", "")),
    )


def _keys(path: str, fields: object, required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    """Make sure that *fields* is an object with these keys and no others."""
    example = f"for example {_EXAMPLE_REQUEST}" if path else f"one object with {', '.join(required)}"
    if not isinstance(fields, Mapping):
        what = f"'{path.rstrip('.')}'" if path else "it"
        _bad(f"{what} is {_json(fields)}, but must be an object; write {example}")
    for key in fields:
        if key not in required + optional:
            _bad(f"unknown key {_json(path + key)}; write only {', '.join(required + optional)}")
    for key in required:
        if key not in fields:
            _bad(f"'{path}{key}' is missing; write {example}")


def _text(key: str, value: object, *, needed: bool = False) -> str:
    if not isinstance(value, str):
        _bad(f'\'{key}\' is {_json(value)}, but must be a text; write for example "{key}": "ann"')
    if needed and not value:
        _bad(f'\'{key}\' is empty; write for example "{key}": "ann"')
    if any("\ud800" <= character <= "\udfff" for character in value):
        _bad(f"'{key}' has half a character, {_json(value)}; write whole ones, for example as UTF-8")
    return value


def _time(key: str, value: object) -> float:
    """Return seconds since the epoch."""
    seconds = _number(value)
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if seconds is None:
        _bad(f"'{key}' is {_json(value)}, but must be a time; write for example {_EXAMPLE_TIMES}")
    if not _FIRST <= seconds < _LAST:
        _bad(
            f"'{key}' is {_json(value)}, which is no time between the years 1 and 9999; write seconds, not milliseconds"
        )
    return seconds


def _amount(resource: str, value: object) -> float:
    amount = _number(value)
    if amount is None or not 0 <= amount < math.inf:
        what = f"a number of {_AMOUNTS[resource]}, 0 or more"
        _bad(f"'request.{resource}' is {_json(value)}, but must be {what}; write for example {_EXAMPLE_REQUEST}")
    return amount


def _number(value: object) -> float | None:
    """Return *value* as a number, None if it is none; `true` is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        _bad(f"the key {_json(twice)} is there twice; write it once")
    return fields


def _constant(name: str) -> NoReturn:
    _bad(f"{name} is no number; write for example {_EXAMPLE_REQUEST}")


def _json(value: object) -> str:
    """Return *value* as it stands in the line, shortened."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _bad(sentence: str) -> NoReturn:
    raise _BadError(sentence)
