"""`sessions export` and `sessions import`: the record of sessions as JSON Lines."""

import argparse
import asyncio
import math
import time
from collections.abc import Iterable

from jupyterhub_quota.amounts import DAY
from jupyterhub_quota.cli.ledger import add_ledger, opened
from jupyterhub_quota.cli.options import Commands, add_command, moment, named, print_json, reading
from jupyterhub_quota.errors import InputError
from jupyterhub_quota.ledger import Ledger, Reading, SqliteLedger, open_ledger
from jupyterhub_quota.ledger.lines import dump, load
from jupyterhub_quota.session import Session

# Longer than anything is kept, and within what Prometheus takes for a length of time.
LONGEST_SECONDS = 20.0 * 365 * DAY
NOBODY = ""


def add_to(commands: Commands) -> None:
    """Add the commands."""
    about = "take sessions out of a ledger, or put them in"
    parts = commands.add_parser("sessions", help=about, description=f"{about[0].upper()}{about[1:]}.").add_subparsers(
        metavar="COMMAND", required=True
    )
    writes = add_command(
        parts,
        "export",
        export_sessions,
        "write sessions as JSON Lines",
        "Write sessions to standard output, one JSON object per line, the earliest first.",
    )
    add_ledger(writes)
    writes.add_argument("--user", metavar="NAME", help="only this user's (default: everybody's)")
    writes.add_argument("--since", type=moment, metavar="TIME", help="only those that held something after this")
    reads = add_command(
        parts,
        "import",
        import_sessions,
        "read sessions from JSON Lines",
        "Read sessions into a ledger, all or none of a file; doing so again changes nothing. "
        "A ledger that is not there is made.",
    )
    reads.add_argument("--ledger", required=True, metavar="URL", help="where they go: sqlite:///FILE")
    reads.add_argument("file", metavar="FILE", help="the file, or - for standard input")


def export_sessions(options: argparse.Namespace) -> int:
    """Carry out `sessions export`."""
    reading = asyncio.run(_read(options))
    # JSON Lines are JSON already, so --json changes nothing.
    for line in dump(sorted(reading.sessions, key=lambda session: (session.start, session.id))):
        print(line)
    return 0


def import_sessions(options: argparse.Namespace) -> int:
    """Carry out `sessions import`."""
    with reading(options.file) as file:
        found = load(file, named(options.file))
    new = asyncio.run(_add(options.ledger, found))
    if options.json:
        print_json({"read": len(found), "new": new})
    else:
        print(f"{_counted(len(found))} read, {new} new.")
    return 0


async def _read(options: argparse.Namespace) -> Reading:
    at = time.time()
    async with opened(options, everybody=options.user is None) as ledger:
        since = options.since
        if since is None:
            since = -math.inf if isinstance(ledger, SqliteLedger) else await _beginning(ledger, at)
        return await ledger.read(since=since, at=at, user=options.user)


async def _beginning(ledger: Ledger, at: float) -> float:
    """Since when there is a record: what is read in slices of time has to begin somewhere."""
    reading = await ledger.read(since=at - LONGEST_SECONDS, at=at, user=NOBODY)
    return at if reading.complete_since is None else reading.complete_since


async def _add(url: str, sessions: Iterable[Session]) -> int:
    ledger = open_ledger(url, create=True)
    try:
        if not isinstance(ledger, SqliteLedger):
            raise InputError(
                "--ledger: only a SQLite ledger takes sessions; write for example 'sqlite:///quota.sqlite'"
            )
        return await ledger.add(sessions)
    finally:
        await ledger.close()


def _counted(number: int) -> str:
    return "1 session" if number == 1 else f"{number} sessions"
