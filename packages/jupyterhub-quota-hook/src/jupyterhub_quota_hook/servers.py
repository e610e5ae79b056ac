"""What runs, as the hub sees it: sessions that the ledger may not show yet, and the embedded ledger's record."""

import asyncio
import logging
import time
from collections.abc import Iterator
from datetime import UTC
from typing import Any

from jupyterhub_quota import LedgerError, Request, Session, SqliteLedger, UnavailableError

# How often the embedded ledger is told which servers still run.
BEAT_SECONDS = 30.0
# How soon a server that is starting is looked at again.
SOON_SECONDS = 0.5


class Servers:
    """
    Servers that were allowed to start since this hub started.

    They live in memory: after a restart the ledger alone says what is held, since spawners do not restore their sizes.
    """

    def __init__(self) -> None:
        self._launched: dict[tuple[str, str], tuple[Any, Session]] = {}

    def launched(self, spawner: Any, request: Request) -> None:
        """Remember that *spawner* is about to start what it asks for."""
        session = session_of(spawner, request)
        self._launched[session.user, session.server] = (spawner, session)

    def held(self, user: str) -> tuple[Session, ...]:
        """Return what *user* holds of what was launched, as sessions that are alive now."""
        return tuple(session for spawner, session in self if session.user == user and spawner.active)

    def launched_this(self, spawner: Any) -> bool:
        """Return whether *spawner* was allowed to start since this hub started."""
        return (spawner.user.name, spawner.name) in self._launched

    def forget(self, spawner: Any) -> Session | None:
        """Return the session that *spawner* was launched with, now that it has ended."""
        found = self._launched.pop((spawner.user.name, spawner.name), None)
        return found[1] if found else None

    def __iter__(self) -> Iterator[tuple[Any, Session]]:
        return iter(tuple(self._launched.values()))


class Recorder:
    """
    Writes the embedded ledger: when servers started, that they still run, when they ended.

    A start is recorded when the server is ready, from the moment it was begun, so that one that fails is never charged.
    """

    def __init__(self, ledger: SqliteLedger, servers: Servers, log: logging.Logger) -> None:
        self.ledger = ledger
        self.servers = servers
        self.log = log
        self._recorded: dict[tuple[str, str], Session] = {}
        # A start and the end of the same server must not overtake each other.
        self._in_order = asyncio.Lock()

    async def run(self, app: Any) -> None:
        """Record until cancelled; a ledger that cannot be written is tried again."""
        beaten = -BEAT_SECONDS
        while True:
            await asyncio.sleep(SOON_SECONDS)
            if app.http_server is None:
                continue  # which servers survived a restart of the hub is not known yet
            try:
                async with self._in_order:
                    await self._record_ready()
                    if time.monotonic() - beaten >= BEAT_SECONDS:
                        await self._beat(app)
                        beaten = time.monotonic()
            except (LedgerError, UnavailableError) as error:
                self.log.error("The record of sessions cannot be written: %s", error)
                await asyncio.sleep(BEAT_SECONDS / 3)
            except Exception:
                self.log.exception("Recording sessions failed; it is tried again")
                await asyncio.sleep(BEAT_SECONDS / 3)

    async def ended(self, spawner: Any, at: float) -> None:
        """Record that *spawner*'s server ended, if it was recorded as started."""
        async with self._in_order:
            session = self._recorded.pop((spawner.user.name, spawner.name), None)
            if session is not None:
                await self.ledger.end(session.id, at)

    async def _record_ready(self) -> None:
        for spawner, session in self.servers:
            key = (session.user, session.server)
            if spawner.ready and self._recorded.get(key) != session:
                await self.ledger.start(session)
                self._recorded[key] = session

    async def _beat(self, app: Any) -> None:
        """Tell which servers run; what is open in the ledger and does not run ended when it was last seen."""
        opened = {(session.user, session.server): session for session in await self.ledger.open_sessions()}
        undecided, ready = set(), set()
        for user in list(app.users.values()):
            for spawner in list(user.spawners.values()):
                key = (user.name, spawner.name)
                if spawner.pending or self.servers.launched_this(spawner):
                    undecided.add(key)
                if spawner.ready:
                    ready.add(key)
                    if key not in self._recorded and key not in undecided:
                        self._recorded[key] = await self._adopt(spawner, opened.get(key))
        # Whatever else went wrong, what does not run is not charged.
        self._recorded = {key: each for key, each in self._recorded.items() if key in ready or key in undecided}
        running = {session.id for session in self._recorded.values()}
        for key, session in opened.items():
            if session.id not in running and key not in undecided:
                await self.ledger.end(session.id, session.end)
        await self.ledger.beat(running, time.time())

    async def _adopt(self, spawner: Any, opened: Session | None) -> Session:
        """The session of a server that already ran when this hub started."""
        if opened is not None:
            return opened
        # Only without a record of it, so what its spawner says is the best that is known.
        guess = Request(
            memory=float(spawner.mem_guarantee or spawner.mem_limit or 0), cpu=float(spawner.cpu_guarantee or 0)
        )
        session = session_of(spawner, guess)
        self.log.warning("A running server of %s was not on record; it is counted with %s", spawner.user.name, guess)
        await self.ledger.start(session)
        return session


def session_of(spawner: Any, request: Request) -> Session:
    """Return the session of the server that *spawner* runs; its id is the same after a restart of the hub."""
    started = spawner.orm_spawner.started.replace(tzinfo=UTC).timestamp()
    user, server = spawner.user.name, spawner.name
    return Session(f"{started:.6f} {user}/{server}", user, server, started, started, request, alive=True)
