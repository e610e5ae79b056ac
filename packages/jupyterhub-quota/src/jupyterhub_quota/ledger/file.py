"""
The file of the embedded ledger: found, recognised, opened for one transaction at a time, or a clear sentence why not.

What is in it is the business of `sqlite.py`.
"""

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from jupyterhub_quota.errors import LedgerError, Unavailable, UnavailableError

BUSY_SECONDS = 3.0  # less than the hook's deadline, so that the reason is said and not only that it took too long

_APPLICATION_ID = 0x4A485155  # "JHQU", in the header of the file
_VERSION = 1
_SCHEMA = (
    (
        "CREATE TABLE sessions (id TEXT PRIMARY KEY, user TEXT NOT NULL, server TEXT NOT NULL, start REAL NOT NULL,"
        " seen REAL NOT NULL, ended REAL, memory REAL NOT NULL, cpu REAL NOT NULL, gpu REAL NOT NULL,"
        " pod TEXT NOT NULL, component TEXT NOT NULL)"
    ),
    "CREATE INDEX sessions_by_user ON sessions (user, ended)",
    "CREATE INDEX sessions_by_end ON sessions (ended)",
    "CREATE TABLE ledger (heartbeat REAL, began REAL, imported REAL)",
    "INSERT INTO ledger VALUES (NULL, NULL, NULL)",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_VERSION}",
)

_DENIED = "may not be used: this process must be allowed to write the file and its folder"
# By SQLite's code: why usage is not known then, whether an admin must mend something first, and what to say.
_PROBLEMS = {
    sqlite3.SQLITE_BUSY: (Unavailable.SLOW, False, f"was locked by another process for more than {BUSY_SECONDS:g} s"),
    sqlite3.SQLITE_CANTOPEN: (Unavailable.DENIED, True, _DENIED),
    sqlite3.SQLITE_CORRUPT: (Unavailable.MALFORMED, False, "is damaged; put a backup in its place"),
    sqlite3.SQLITE_FULL: (Unavailable.FAILED, False, "does not fit on its disk; free some space"),
    sqlite3.SQLITE_IOERR: (Unavailable.FAILED, False, "could not be read or written; is its disk full or broken?"),
    sqlite3.SQLITE_NOTADB: (Unavailable.MALFORMED, True, "is not a database; name another file"),
    sqlite3.SQLITE_PERM: (Unavailable.DENIED, True, _DENIED),
    sqlite3.SQLITE_READONLY: (Unavailable.DENIED, True, _DENIED),
}

# Closing a file takes away the locks that SQLite holds on it elsewhere in this process: https://sqlite.org/howtocorrupt.html
# So the file that we make ourselves is closed before any thread may connect to it.
_making = threading.Lock()


class _ProblemError(Exception):
    """What is wrong with the file, why usage is not known then, and whether an admin must *mend* something first."""

    def __init__(self, sentence: str, reason: Unavailable, *, mend: bool) -> None:
        self.reason = reason
        self.mend = mend
        super().__init__(sentence)


class LedgerFile:
    """The file at *path*: found, recognised and opened for one transaction at a time, or a clear sentence why not."""

    def __init__(self, path: Path, *, create: bool) -> None:
        self._path = path
        self._create = create
        # A file that was there and has gone must not come back empty: everybody's usage would be forgotten.
        self._worked = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in which everything is read as of one moment."""
        try:
            with self._transaction(write=False) as connection:
                yield connection
        except _ProblemError as problem:
            if problem.mend and not self._worked:
                raise LedgerError(str(problem)) from problem
            raise UnavailableError(str(problem), problem.reason) from problem

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in which everything is written, or nothing where an exception comes up."""
        try:
            with self._transaction(write=True) as connection:
                yield connection
        except _ProblemError as problem:
            raise LedgerError(str(problem)) from problem

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction that is committed after the block, or rolled back if that fails."""
        self._find()
        # SQLite may not make the file itself: everybody could read it then.
        address = f"{self._path.as_uri()}?mode=rw"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
                self._recognise(connection)
                if write:
                    _write_ahead(connection)
                    # A commit is on the disk when it returns, even if the power fails: a hub writes a few times a
                    # minute, so that costs nothing.
                    connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                yield connection
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # SQLite's finer shades left out
            reason, mend, words = _PROBLEMS.get(code, (Unavailable.FAILED, False, "could not be used"))
            raise self._problem(f"{words} ({error})", reason, mend=mend) from error
        self._worked = True

    def _find(self) -> None:
        """Make sure that the file is there; if it may be made, make one that only its owner can read."""
        try:
            with _making:
                if self._create and not self._worked:
                    with suppress(FileExistsError):
                        os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                mode = self._path.stat().st_mode
        except FileNotFoundError as error:
            if self._path.parent.is_dir():
                raise self._problem("is not there; the hub makes it", Unavailable.UNREACHABLE, mend=False) from error
            words = "is in a folder that is not there; make the folder"
            raise self._problem(words, Unavailable.UNREACHABLE, mend=True) from error
        except PermissionError as error:
            raise self._problem(_DENIED, Unavailable.DENIED, mend=True) from error
        except (OSError, ValueError) as error:
            raise self._problem(f"cannot be opened ({error})", Unavailable.UNREACHABLE, mend=True) from error
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "no file"
            raise self._problem(f"is {kind}; name a file", Unavailable.UNREACHABLE, mend=True)

    def _recognise(self, connection: sqlite3.Connection) -> None:
        """Make sure that the database is one of ours; set it up if it is new and we may."""
        empty = not _pragma(connection, "page_count")
        if empty and self._create and not self._worked:
            connection.execute("BEGIN IMMEDIATE")
            # Another process may have been quicker.
            if connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
                for statement in _SCHEMA:
                    connection.execute(statement)
            connection.execute("COMMIT")
        elif empty:
            raise self._problem("is empty; the hub sets it up", Unavailable.UNREACHABLE, mend=False)
        if _pragma(connection, "application_id") != _APPLICATION_ID:
            words = "is a database of another program and was left alone; name another file"
            raise self._problem(words, Unavailable.MALFORMED, mend=True)
        if _pragma(connection, "user_version") > _VERSION:
            words = "was written by a newer version of jupyterhub-quota and was left alone; install that version"
            raise self._problem(words, Unavailable.MALFORMED, mend=True)

    def _problem(self, words: str, reason: Unavailable, *, mend: bool) -> _ProblemError:
        return _ProblemError(f"The ledger {self._path} {words}.", reason, mend=mend)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers never wait for writers. The file stays like that."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        # While others use a new file, SQLite does not wait for them here as it does elsewhere. Nothing is wrong
        # without, and the next writer does it.
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
