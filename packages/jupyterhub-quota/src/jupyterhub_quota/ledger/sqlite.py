"""
The embedded ledger: sessions in one SQLite file, written by the hub, read by whoever asks.

Several processes may use the file at once. Every operation opens a connection of its own, in a thread, and is one
transaction: nothing is ever half written, no event loop waits on a disk, and there is nothing to leak.
"""

import asyncio
import math
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from jupyterhub_quota.errors import InputError
from jupyterhub_quota.ledger.file import LedgerFile
from jupyterhub_quota.ledger.protocol import Reading
from jupyterhub_quota.session import Request, Session

AT_ONCE = 500  # users in one statement; SQLite takes 999 values in its oldest forms
STALE_SECONDS = 90.0  # the recorder beats every 30 s: three beats were missed

_FIRST, _LAST = -62_135_596_800.0, 253_402_300_800.0  # the years that a calendar can show

_Row = tuple[Any, ...]

_ALL = "SELECT id, user, server, start, seen, ended, memory, cpu, gpu, pod, component FROM sessions"
_HELD = f"{_ALL} WHERE (ended IS NULL OR ended > ?) AND start <= ?"
_INSERT = "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_START = _INSERT + (
    " ON CONFLICT (id) DO UPDATE SET user = excluded.user, server = excluded.server, start = excluded.start,"
    " seen = max(seen, excluded.seen), memory = excluded.memory, cpu = excluded.cpu, gpu = excluded.gpu,"
    " pod = excluded.pod, component = excluded.component WHERE ended IS NULL"
)
_SEEN = "UPDATE sessions SET seen = max(seen, ?) WHERE id = ? AND ended IS NULL"
_END = "UPDATE sessions SET ended = max(start, ?) WHERE id = ? AND ended IS NULL"
_BEGAN = "UPDATE ledger SET began = ifnull(began, ?)"
# A heartbeat never goes back, except by so much that the clock must have been ahead and was set right since.
_HEARTBEAT = (
    "UPDATE ledger SET heartbeat ="
    " CASE WHEN :at < heartbeat - :stale THEN :at ELSE max(:at, ifnull(heartbeat, :at)) END"
)
_IMPORTED = "UPDATE ledger SET imported = min(ifnull(imported, :start), :start)"


class SqliteLedger:
    """
    Sessions in the file at *path*; with *create*, the first operation makes a file that is not there.

    Reading raises UnavailableError; LedgerError where it has not worked yet and an admin must mend something first.
    Writing raises LedgerError, and InputError for values that nobody can have meant.
    """

    def __init__(self, path: str | Path, *, create: bool = False) -> None:
        self._file = LedgerFile(Path(path).absolute(), create=create)

    async def read(self, *, since: float, at: float, user: str | None = None) -> Reading:
        """
        Return the sessions that held something after *since*; see `Ledger.read`.

        An open session is alive if it was seen within STALE_SECONDS of the recorder's last heartbeat; otherwise it has
        ended when it was last seen. In a file without any heartbeat (it was only imported) all open sessions are alive.
        For a past *at* this is the state of then: what ended later is alive, and its end is *at*.
        """
        return await self._read_checked(since, at, None if user is None else (user,))

    async def read_some(self, *, since: float, at: float, users: Collection[str]) -> Reading:
        """Return what `read` would of these users; see `SelectiveLedger.read_some`."""
        return await self._read_checked(since, at, tuple(users))

    def prepare(self) -> None:
        """
        Make the file if it is not there and may be made, and see that it can be written. Blocks.

        Raises:
            LedgerError: an admin must mend something first.
        """
        self._write([])

    async def close(self) -> None:
        """Do nothing: no connection outlives its operation."""

    async def start(self, session: Session) -> None:
        """Record that *session* is open, last seen at its end. Again: correct it, unless it has ended."""
        row = _row(session, ended=None)
        await asyncio.to_thread(self._write, [(_START, row), (_BEGAN, (row[4],))])

    async def beat(self, ids: Collection[str], at: float) -> None:
        """Record that at *at* somebody was watching and saw the open sessions among *ids*, maybe none."""
        _check_time("the heartbeat", at)
        for id_ in ids:
            _check_text("the id of a session", id_)
        seen = [(_SEEN, (at, id_)) for id_ in ids]
        watching = (_HEARTBEAT, {"at": at, "stale": STALE_SECONDS})
        await asyncio.to_thread(self._write, [*seen, watching, (_BEGAN, (at,))])

    async def end(self, id: str, at: float) -> None:  # noqa: A002 - what it is called on a session
        """Record that a session let go at *at*, or at its start if that is later. An end that is there stays."""
        _check_text("the id of a session", id)
        _check_time(f"the end of session {id!r}", at)
        await asyncio.to_thread(self._write, [(_END, (at, id))])

    async def open_sessions(self) -> tuple[Session, ...]:
        """Return the sessions without an end, alive or not: what a hub that has just started must look after."""
        return await asyncio.to_thread(self._open_sessions)

    async def add(self, sessions: Iterable[Session]) -> int:
        """
        Import *sessions*, all of them or none, and return how many were new.

        One that has ended closes the open one of the same id. Importing again changes nothing.

        Raises:
            InputError: a session says something else than the ledger does.
        """
        rows = [_row(session, ended=None if session.alive else session.end) for session in sessions]
        return await asyncio.to_thread(self._add, rows)

    async def _read_checked(self, since: float, at: float, users: tuple[str, ...] | None) -> Reading:
        if math.isnan(since) or math.isnan(at):
            raise InputError("the times to read from and at must be numbers: seconds since the epoch")
        for user in users or ():
            _check_text("the user's name", user)
        return await asyncio.to_thread(self._read, since, at, users)

    def _read(self, since: float, at: float, users: tuple[str, ...] | None) -> Reading:
        """What these users held, or everybody."""
        # What ended after *at* was alive then, even if it ended before *since*.
        times = (min(since, at), at)
        asked: list[tuple[str, _Row]] = [(_HELD, times)] if users is None else []
        for begin in range(0, len(users or ()), AT_ONCE):
            some = (users or ())[begin : begin + AT_ONCE]
            asked.append((f"{_HELD} AND user IN ({', '.join('?' * len(some))})", (*times, *some)))
        with self._file.reading() as connection:
            heartbeat, began, imported = connection.execute("SELECT heartbeat, began, imported FROM ledger").fetchone()
            growing = connection.execute("SELECT 1 FROM sessions WHERE ended IS NULL LIMIT 1").fetchone() is not None
            rows = [row for statement, values in asked for row in connection.execute(statement, values)]
        alive_from = -math.inf if heartbeat is None else heartbeat - STALE_SECONDS
        sessions = (_session_at(row, at, alive_from) for row in rows)
        return Reading(
            tuple(session for session in sessions if session.alive or session.end > since),
            # What is not open cannot have grown since the last heartbeat, so it is known up to now.
            as_of=min(at, heartbeat) if growing and heartbeat is not None else at,
            complete_since=began if began is None or imported is None else min(began, imported),
        )

    def _open_sessions(self) -> tuple[Session, ...]:
        with self._file.reading() as connection:
            rows = connection.execute(f"{_ALL} WHERE ended IS NULL").fetchall()
        return tuple(_session_at(row, at=math.inf, alive_from=-math.inf) for row in rows)

    def _write(self, steps: Iterable[tuple[str, _Row | dict[str, float]]]) -> None:
        with self._file.writing() as connection:
            for statement, values in steps:
                connection.execute(statement, values)

    def _add(self, rows: list[_Row]) -> int:
        new = 0
        with self._file.writing() as connection:
            for row in rows:
                id_, seen, ended = row[0], row[4], row[5]
                stored = connection.execute(f"{_ALL} WHERE id = ?", (id_,)).fetchone()
                if stored is None:
                    connection.execute(_INSERT, row)
                    connection.execute(_IMPORTED, {"start": row[3]})
                    new += 1
                elif _facts(stored) != _facts(row) or (None not in (ended, stored[5]) and ended != stored[5]):
                    raise InputError(f"session {id_!r} is in the ledger with other values; nothing was imported")
                else:
                    connection.execute(_SEEN, (seen, id_))
                    if ended is not None:
                        connection.execute(_END, (ended, id_))
        return new


def _session_at(row: _Row, at: float, alive_from: float) -> Session:
    """Return what *row* was at *at*; an open session is alive if it was not last seen before *alive_from*."""
    id_, user, server, start, seen, ended, memory, cpu, gpu, pod, component = row
    end = seen if ended is None else ended
    alive = end > at or (ended is None and seen >= alive_from)
    return Session(id_, user, server, start, min(end, at), Request(memory, cpu, gpu), alive, pod, component)


def _row(session: Session, *, ended: float | None) -> _Row:
    """Return *session* as it is stored; a value that cannot be meant raises InputError."""
    what = f"session {session.id!r}"
    texts = (session.id, session.user, session.server, session.pod, session.component)
    for text in texts:
        _check_text(what, text)
    _check_time(f"{what}: its start", session.start)
    _check_time(f"{what}: its end", session.end)
    if ended is not None and ended < session.start:
        raise InputError(f"{what} ends before it starts")
    amounts = (session.request.memory, session.request.cpu, session.request.gpu)
    if not all(0 <= amount <= sys.float_info.max for amount in amounts):
        raise InputError(f"{what} asks for an amount that is negative or no number: {session.request}")
    id_, user, server, pod, component = texts
    seen = max(session.start, session.end)
    return (id_, user, server, session.start, seen, ended, *(float(amount) for amount in amounts), pod, component)


def _facts(row: _Row) -> _Row:
    """Return what never changes in a session: all but when it was seen and ended."""
    return row[:4] + row[6:]


def _check_text(what: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{what} has a character that is not Unicode: {text!a}") from error


def _check_time(what: str, time: float) -> None:
    if not _FIRST <= time < _LAST:
        raise InputError(f"{what} is no time between the years 1 and 9999: {time!r}; write seconds since the epoch")
