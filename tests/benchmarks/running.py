"""
Measure one round over running servers: `running.py [--users 5000] [--running 1000] [--days 30]`.

Two sessions a day of each user in a SQLite ledger, a part of them alive; one in ten of those is over. Counted is how
often the ledger is read, timed are the reading and the deciding. No time is ever a failure; more than one read is.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from jupyterhub_quota import (
    CachedLedger,
    Ledger,
    Memory,
    Reading,
    Request,
    RunningServer,
    Session,
    SqliteLedger,
    look,
    parse_policy,
)

GIB, HOUR, DAY = 2**30, 3600.0, 86400.0
POLICY = parse_policy(
    """
    groups:
      regular: {memory: 480 GiB-hours, cpu: 400 core-hours, gpu: 0}
      course: {memory: [600 GiB-hours, {limit: 60 GiB-hours, window: 1d}], gpu: 0}
    default: {memory: 20 GiB-hours, gpu: 0}
    while_running: stop
    """
)


class Counted:
    """A ledger that counts how often it is read."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.reads = 0

    async def read(self, *, since: float, at: float, user: str | None = None) -> Reading:
        """Read."""
        self.reads += 1
        return await self.ledger.read(since=since, at=at, user=user)

    async def close(self) -> None:
        """Let go."""
        await self.ledger.close()


def sessions(users: int, running: int, days: int, at: float) -> list[Session]:
    """Return what everybody held."""
    found = []
    for number in range(users):
        user, size = f"user{number}", Request((1 + number % 8) * GIB, 1)
        for day in range(1, days + 1):
            for part in range(2):
                start = at - day * DAY + part * 5 * HOUR
                end = start + 2 * HOUR
                found.append(Session(f"{user} {day} {part}", user, "", start, end, size))
        if number < running:
            start = at - (40 if number % 10 == 0 else 2) * HOUR
            found.append(Session(f"{user} now", user, "", start, at, size, alive=True))
    return found


async def main(users: int, running: int, days: int) -> int:
    """Return the exit code."""
    at = time.time()
    held = sessions(users, running, days, at)
    servers = [RunningServer(s.user, s.server, s.start, frozenset({"regular", "course"})) for s in held if s.alive]
    with tempfile.TemporaryDirectory() as folder:
        file = SqliteLedger(Path(folder) / "quota.sqlite", create=True)
        await file.add(held)
        worst = 0
        for name, ledger in (
            ("SQLite", Counted(file)),
            ("kept in memory", Counted(CachedLedger(file, tolerate=900.0))),
        ):
            memory = Memory()
            for turn in ("first", "second", "third"):
                began, before, at = time.perf_counter(), ledger.reads, time.time()
                reading = await ledger.read(since=at - POLICY.longest_window, at=at)
                read, own = time.perf_counter(), time.process_time()
                plan = look(POLICY, reading, servers, memory, at=at, ticks=at)
                decided, memory = time.process_time() - own, plan.memory
                worst = max(worst, ledger.reads - before)
                print(
                    f"{name}, {turn} round: {len(held)} sessions, {len(servers)} servers, {len(plan.notices)} notices; "
                    f"read {read - began:.2f} s, decided in {decided:.2f} s of CPU, {ledger.reads - before} read"
                )
    return 0 if worst == 1 else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure one round over running servers.")
    parser.add_argument("--users", type=int, default=5000)
    parser.add_argument("--running", type=int, default=1000)
    parser.add_argument("--days", type=int, default=30)
    options = parser.parse_args()
    sys.exit(asyncio.run(main(options.users, options.running, options.days)))
