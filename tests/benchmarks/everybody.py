"""
Read everybody in a process of its own: `everybody.py URL SINCE AT DEADLINE`. Tell how long it took and how much memory.

Memory is what the process holds at most while it reads, less what it held before.
"""

import asyncio
import json
import sys
import threading
import time
import urllib.request
from pathlib import Path

from jupyterhub_quota import CachedLedger, PrometheusLedger, Session, UnavailableError

PROCESSOR = "process_cpu_seconds_total"
STATM = Path("/proc/self/statm")
PAGE = 4096


class Peak:
    """The most memory that this process held while it was watched, in bytes."""

    def __init__(self) -> None:
        self.most = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.005):
            self.most = max(self.most, held())


def held() -> int:
    """Return how much memory this process holds."""
    return int(STATM.read_text().split()[1]) * PAGE


async def main(url: str, since: float, at: float, deadline: float) -> dict[str, object]:
    """Return what was read of everybody, and what it took, cold and from the cache."""
    ledger = PrometheusLedger(url, timeout_seconds=deadline)
    try:
        # One question first, so that what the program itself holds is there.
        await ledger.read(since=at - 60, at=at, user="nobody")
        before = held()
        with Peak() as peak:
            began, own, its = time.perf_counter(), time.process_time(), metric(url, PROCESSOR)
            reading = await ledger.read(since=since, at=at)
            own, its = time.process_time() - own, metric(url, PROCESSOR) - its
            seconds = time.perf_counter() - began
        after = held()
        cached = CachedLedger(ledger, tolerate=900)
        earlier = at - 900
        await cached.read(since=since - 900, at=earlier)
        at_once: list[float] = []
        fresh: list[float] = []
        news: list[float] = []
        for number in range(1, 10):
            # Answered at once, the news being read behind; a second later, with them; a minute later, waiting for more.
            for found, later in ((at_once, 30), (fresh, 31), (news, 90)):
                passed = 90 * (number - 1) + later
                began = time.perf_counter()
                await cached.read(since=since - 900 + passed, at=earlier + passed)
                found.append(time.perf_counter() - began)
                await asyncio.gather(*cached._under_way.values())
    finally:
        await ledger.close()
    return {
        "seconds": seconds,
        "own_seconds": own,
        "its_seconds": its,
        "memory": peak.most - before,
        "memory_after": after - before,
        "sessions": len(reading.sessions),
        "cached_fresh": fresh,
        "cached_at_once": at_once,
        "cached_news": news,
        "charged": charged(reading.sessions, since),
    }


def metric(url: str, name: str) -> float:
    """Return what the Prometheus at *url* tells of itself."""
    with urllib.request.urlopen(f"{url}/metrics") as answer:  # noqa: S310 - on this machine
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def charged(sessions: tuple[Session, ...], since: float) -> dict[str, dict[str, float]]:
    """Return what each user is charged of each resource, up to what was last seen."""
    found: dict[str, dict[str, float]] = {"memory": {}, "cpu": {}}
    for session in sessions:
        time_held = session.end - max(since, session.start)
        for resource, amounts in found.items():
            amount = getattr(session.request, resource) * time_held
            amounts[session.user] = amounts.get(session.user, 0.0) + amount
    return found


if __name__ == "__main__":
    try:
        told = asyncio.run(main(sys.argv[1], *map(float, sys.argv[2:])))
    except UnavailableError as error:
        told = {"failed": str(error)}
    print(json.dumps(told))
