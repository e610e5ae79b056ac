"""How admins are told of what happened: events that are read again, and the pieces of their sentences. Pure."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from jupyterhub_quota.errors import InputError
from jupyterhub_quota.sentences import MONTHS, WORDS
from jupyterhub_quota.session import Resource

Event = TypeVar("Event", bound=BaseModel)


class _NoTimeError(ValueError):
    """A number of seconds that no calendar has."""


def tell(
    event: Mapping[str, object],
    model: type[Event],
    timezone: str,
    what: str,
    say: Callable[[Event, ZoneInfo], Iterable[str]],
) -> str:
    """
    Return what *event* tells, line by line.

    Args:
        event: as it stands in a log.
        model: what it should be.
        timezone: where in it the time zone stands, as in "policy.timezone".
        what: what to call it in a message.
        say: says it, with its times in that time zone.

    Raises:
        InputError: it is something else; the message names the first field that is missing or wrong.
    """
    try:
        told = model.model_validate(event)
        name: object = told
        for part in timezone.split("."):
            name = getattr(name, part)
        zone = ZoneInfo(str(name))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"not {what}: {place}: {first['msg'].lower()}") from error
    except (ValueError, OSError) as error:
        raise InputError(f"not {what}: {timezone}: no such time zone") from error
    try:
        return "\n".join(say(told, zone))
    except _NoTimeError as error:
        raise InputError(f"not {what}: {error}") from error


def instant(seconds: float, timezone: ZoneInfo) -> str:
    """Return a moment of the past to the second: "1 May 2026 14:00:00 CEST". Only for what `tell` tells."""
    try:
        local = datetime.fromtimestamp(math.floor(seconds), timezone)
    except (ValueError, OverflowError, OSError) as error:
        raise _NoTimeError(f"{seconds!r} is no time") from error
    return f"{local.day} {MONTHS[local.month - 1]} {local.year} {local:%H:%M:%S} {local.tzname()}"


def known_text(as_of: float | None, complete_since: float | None, timezone: ZoneInfo) -> Iterable[str]:
    """Yield as of when usage was known, and since when; nothing where it was not."""
    if as_of is None:
        return
    since = ""
    if complete_since is not None:
        since = f"; what was used before {instant(complete_since, timezone)} may be missing"
    yield f"Usage was known as of {instant(as_of, timezone)}{since}."


def groups_text(groups: Sequence[str]) -> str:
    """Return where somebody belongs: "in the groups a and b"."""
    names = [shown(group) for group in groups]
    return f"in the {'group' if len(names) == 1 else 'groups'} {listed(names)}" if names else "in no group"


def quota_label(resource: Resource, group: str | None) -> str:
    """Return how a line about a quota begins: "- Memory (group regular)"."""
    word = WORDS[resource]
    return f"- {word[0].upper()}{word[1:]} ({'the default' if group is None else f'group {shown(group)}'})"


def listed(parts: Sequence[str]) -> str:
    """Return *parts*, at least one, as people list them: "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def shown(text: str) -> str:
    """Return *text* on one line, with nothing in it that a terminal would obey."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
