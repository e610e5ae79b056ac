"""Look at the file of the embedded ledger, and judge whether a hub writes it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from jupyterhub_quota.doctor.chain import SKEW_SECONDS
from jupyterhub_quota.doctor.finding import Finding, Name
from jupyterhub_quota.ledger.file import LedgerFile
from jupyterhub_quota.ledger.sqlite import STALE_SECONDS
from jupyterhub_quota.wording import format_duration

SET_UP = "See that the hub runs, and that its quota hook is set up with this ledger."


@dataclass(frozen=True, slots=True)
class FileFacts:
    """
    What the file says of itself; times in seconds since the epoch, None where there was none.

    Attributes:
        at: our present.
        heartbeat: when the hub last watched.
        began: since when it records.
        imported: the start of the earliest session that was imported.
    """

    at: float
    heartbeat: float | None
    began: float | None
    imported: float | None


async def look(url: str, at: float) -> FileFacts:
    """
    Return what the file of a SQLite ledger says of itself.

    Raises:
        LedgerError: the file is none that we may use.
        UnavailableError: it cannot be read now.
    """

    def read() -> FileFacts:
        path = Path(unquote(urlsplit(url).path.removeprefix("/"))).absolute()
        with LedgerFile(path, create=False).reading() as connection:
            row = connection.execute("SELECT heartbeat, began, imported FROM ledger").fetchone()
        return FileFacts(at, *row)

    return await asyncio.to_thread(read)


def watching(facts: FileFacts) -> Iterator[Finding]:
    """Yield whether no hub records into the file."""
    if facts.heartbeat is None:
        only = "holds imported sessions only" if facts.imported is not None else "holds nothing"
        yield Finding(Name.NOT_RECORDING, f"The ledger {only}: no hub ever recorded into it.", SET_UP)
    elif facts.at - facts.heartbeat > STALE_SECONDS:
        yield Finding(
            Name.STALE,
            f"The hub last recorded {format_duration(facts.at - facts.heartbeat)} ago; it does every 30 seconds.",
            SET_UP,
        )
    elif facts.heartbeat - facts.at > SKEW_SECONDS:
        yield Finding(
            Name.CLOCK_SKEW,
            f"The hub last recorded {facts.heartbeat - facts.at:.0f} seconds in the future of this machine.",
            "Set the clocks of both by a time server (NTP).",
        )
