"""How admins are told of what happened: events that are read again, and the pieces of their sentences. Pure."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from jupyterhub_quota.errors import InputError
from jupyterhub_quota.sentences import MONTHS

Event = TypeVar("Event", bound=BaseModel)


def read_event(event: Mapping[str, object], model: type[Event], timezone: str, what: str) -> tuple[Event, ZoneInfo]:
    """
    Return *event* as a value, and the time zone in which it is told.

    Args:
        event: as it stands in a log.
        model: what it should be.
        timezone: where in it the time zone stands, as in "policy.timezone".
        what: what to call it in a message.

    Raises:
        InputError: it is something else; the message names the first field that is missing or wrong.
    """
    try:
        told = model.model_validate(event)
        name: object = told
        for part in timezone.split("."):
            name = getattr(name, part)
        return told, ZoneInfo(str(name))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"not {what}: {place}: {first['msg'].lower()}") from error
    except (ValueError, OSError) as error:
        raise InputError(f"not {what}: {timezone}: no such time zone") from error


def instant(seconds: float, timezone: ZoneInfo) -> str:
    """
    Return a moment of the past to the second: "1 May 2026 14:00:00 CEST".

    Raises:
        InputError: no calendar has it.
    """
    try:
        local = datetime.fromtimestamp(math.floor(seconds), timezone)
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(f"not a decision event of version 1: {seconds!r} is no time") from error
    return f"{local.day} {MONTHS[local.month - 1]} {local.year} {local:%H:%M:%S} {local.tzname()}"


def listed(parts: Sequence[str]) -> str:
    """Return *parts*, at least one, as people list them: "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def shown(text: str) -> str:
    """Return *text* on one line, with nothing in it that a terminal would obey."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
