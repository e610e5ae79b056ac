"""What people write after a command: options that several commands share, read into base units."""

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn, TextIO, TypeAlias

from jupyterhub_quota.amounts import parse_size
from jupyterhub_quota.errors import InputError
from jupyterhub_quota.session import Resource

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
# A command, or a group of its options.
Options: TypeAlias = "argparse._ActionsContainer"

# Calendars end at the year 9999, and answers may look a window ahead.
_FIRST, _LAST = 0.0, 221_845_392_000.0
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].+)?", re.ASCII)
_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)


class Parser(argparse.ArgumentParser):
    """One that takes no abbreviations, which a new option could break, and complains in one sentence."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})

    def error(self, message: str) -> NoReturn:
        """End the program."""
        self.exit(2, f"{self.prog}: {message}; see '{self.prog} --help'\n")


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int], about: str, description: str
) -> Parser:
    """Add a command that *run* carries out, with the option that each has."""
    command = commands.add_parser(name, help=about, description=description)
    command.set_defaults(run=run)
    command.add_argument("--json", action="store_true", help="answer in JSON, for programs")
    return command


def add_policy(command: Parser) -> None:
    """Add the option that names a policy."""
    command.add_argument("--policy", required=True, metavar="FILE", help="the policy")


def add_moment(command: Parser) -> None:
    """Add the option that says which moment is asked about."""
    command.add_argument(
        "--at",
        type=moment,
        metavar="TIME",
        help="the moment that is asked about: 2026-05-03T14:00Z or epoch seconds (default: now)",
    )


def moment(text: str) -> float:
    """Return a time in seconds since the epoch; UTC where *text* names no zone."""
    seconds = float(text) if _SECONDS.fullmatch(text) else math.nan
    if _DATE.fullmatch(text):
        try:
            local = datetime.fromisoformat(text)
            seconds = (local if local.tzinfo else local.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            pass
    if not _FIRST <= seconds < _LAST:
        example = "write for example '2026-05-03T14:00+02:00' or '1777809600'"
        raise argparse.ArgumentTypeError(f"{text!r} is no time between the years 1970 and 9000; {example}")
    return seconds


def size(resource: Resource) -> Callable[[str], float]:
    """Return what reads a size of *resource*."""

    def read(text: str) -> float:
        try:
            return parse_size(text, resource)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def positive(text: str) -> float:
    """Return a number of seconds above 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0; write for example '5'")
    return seconds


@contextmanager
def reading(name: str) -> Iterator[TextIO]:
    """Open the file *name* to read, or standard input for '-'; nothing but UTF-8."""
    try:
        # A file descriptor is a name, too.
        with open(sys.stdin.fileno() if name == "-" else name, encoding="utf-8-sig", closefd=name != "-") as file:
            yield file
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise InputError(f"{named(name)} is not UTF-8; save it as UTF-8") from error
        raise InputError(f"{named(name)} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def named(name: str) -> str:
    """Return what to call the file *name* in a message."""
    return "standard input" if name == "-" else name


def print_json(value: object) -> None:
    """Print *value* as strict JSON, ASCII only: any terminal and any program can take it."""
    print(json.dumps(value, indent=2, allow_nan=False))
