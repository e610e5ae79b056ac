"""
How long a round over running servers takes: to read what their users held, and to decide.

    ci/bench running                 5,000 users with a month of history, 1,000 of whom run a server
    ci/bench running --users 100     fewer, or more

Once over a file, read for those users alone; once over a real Prometheus, of which everybody is kept and only news are
read. The first round of a process reads all, so it is told apart. Asking the hub what runs is not in it. No time is
ever a failure; a round that reads its ledger more than once, or finds no server on record, is.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "prometheus"), str(HERE.parents[1] / "ci")]

from jupyterhub_quota import (  # noqa: E402 - found only now
    CachedLedger,
    Ledger,
    Memory,
    PrometheusLedger,
    Reading,
    Request,
    RunningServer,
    SelectiveLedger,
    Session,
    SqliteLedger,
    look,
    parse_policy,
)
from report import machine, say  # noqa: E402
from sessions import END, MINUTE  # noqa: E402
from stores import History, serve, write  # noqa: E402

SERVER = "singleuser-server"
GROUPS = frozenset({"regular", "course"})
ROUNDS = 4
PART = 5  # one user in so many may run a server
GOAL = 2.0  # seconds, about 5,000 users of whom 1,000 run something
POLICY = parse_policy(
    """
    groups:
      regular: {memory: 1200 GiB-hours, cpu: 900 core-hours, gpu: 30 GPU-hours}
      course: {memory: [1500 GiB-hours, {limit: 160 GiB-hours, window: 1d}], gpu: 0}
    default: {memory: 20 GiB-hours, gpu: 0}
    while_running: stop
    """
)


class Counted:
    """A ledger that counts how often it is read."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.reads = 0

    async def read(self, at: float, users: set[str]) -> Reading:
        """Read as the rounds do."""
        self.reads += 1
        since = at - POLICY.longest_window
        if isinstance(self.ledger, SelectiveLedger):
            return await self.ledger.read_some(since=since, at=at, users=users)
        return await self.ledger.read(since=since, at=at)


def main() -> int:
    """Return 0 where each round read once and found its servers, whatever the times."""
    parser = argparse.ArgumentParser(prog="ci/bench running", description=__doc__)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--days", type=int, required=True)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = asyncio.run(measure(History(options.users, options.days)))
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=2) + "\n")
    wrong = [row for row in rows if row["reads"] != 1 or not row["servers"] or row["unmatched"]]
    for row in wrong:
        print(f"WRONG    {row}")
    return 1 if wrong else 0


async def measure(history: History) -> list[dict[str, object]]:
    """Return what each round took, and print it as it comes."""
    write(history, say)
    say(f"\n{history.users} users, {history.days} days; {machine()}")
    say(f"goal for 5,000 users of whom 1,000 run something: {GOAL:g} s a round after the first, one read\n")
    rows = []
    for name, ledgers in (("file", in_a_file), ("Prometheus", in_prometheus)):
        async with ledgers(history) as (ledger, shown):
            memory = Memory()
            for turn in range(ROUNDS):
                at = END - (ROUNDS - 1 - turn) * MINUTE
                await shown(at)
                servers = running(history, at)
                before, began, own = ledger.reads, time.perf_counter(), time.process_time()
                reading = await ledger.read(at, {server.user for server in servers})
                read = time.perf_counter()
                plan = look(POLICY, reading, servers, memory, at=at, ticks=at)
                decided, memory = time.perf_counter(), plan.memory
                row: dict[str, object] = {
                    "ledger": name,
                    "round": turn + 1,
                    "sessions": len(reading.sessions),
                    "servers": plan.running,
                    "unmatched": plan.unmatched,
                    "notices": len(plan.notices),
                    "reads": ledger.reads - before,
                    "read seconds": round(read - began, 3),
                    "decide seconds": round(decided - read, 3),
                    "seconds of our CPU": round(time.process_time() - own, 3),
                }
                rows.append(row)
                say("; ".join(f"{key} {value}" for key, value in row.items()))
    return rows


def running(history: History, at: float) -> list[RunningServer]:
    """Return what the hub shows at *at*, of which the rules have seen something: one server each of some users."""
    found: dict[str, RunningServer] = {}
    for each in history.sessions():
        if each.start <= at - 2 * MINUTE and each.end > END and len(found) < history.users // PART:
            found.setdefault(each.user, RunningServer(each.user, each.server, each.start, GROUPS))
    return list(found.values())


@contextlib.asynccontextmanager
async def in_a_file(history: History) -> AsyncIterator[tuple[Counted, Callable[[float], Awaitable[None]]]]:
    """Return the ledger of a hub that writes the record itself, and what lets time pass there."""
    with tempfile.TemporaryDirectory() as folder:
        file = SqliteLedger(Path(folder) / "quota.sqlite", create=True)
        held = [
            Session(
                each.uid,
                each.user,
                each.server,
                each.start,
                min(each.end, END - ROUNDS * MINUTE),
                Request(each.requests["memory"], each.requests["cpu"], each.requests.get("nvidia_com_gpu", 0.0)),
                each.end > END,
                each.pod,
                SERVER,
            )
            for each in history.sessions()
            if each.start < END - ROUNDS * MINUTE
        ]
        await file.add(held)
        alive = [session.id for session in held if session.alive]

        async def shown(at: float) -> None:
            await file.beat(alive, at)

        yield Counted(file), shown


@contextlib.asynccontextmanager
async def in_prometheus(history: History) -> AsyncIterator[tuple[Counted, Callable[[float], Awaitable[None]]]]:
    """Return the ledger of a hub in Kubernetes, as the service keeps it; its history is written."""

    async def shown(at: float) -> None:
        """Time has passed already."""

    with serve(history) as (url, _):
        cached = CachedLedger(PrometheusLedger(url, history=False, timeout_seconds=600), tolerate=900.0)
        try:
            yield Counted(cached), shown
        finally:
            await cached.close()


if __name__ == "__main__":
    sys.exit(main())
