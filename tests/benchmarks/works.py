"""The works that are measured, each a question that people wait for."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jupyterhub_quota import (
    CachedLedger,
    Decision,
    Policy,
    PrometheusLedger,
    QuotaEngine,
    Reason,
    Request,
    Subject,
    parse_policy,
)
from sessions import DAY, END, GIB
from stores import questions
from timing import Times, Work, in_turns, summary, timed

HERE = Path(__file__).resolve().parent
LAUNCH = Request(memory=4.0 * GIB, cpu=1.0)
TOLERATE = 900.0
CROWD = 500
# The form that others publish: every minute of the window anew, joined to whose the pods are, for each quota.
PUBLISHED = """
sum(sum_over_time((
  kube_pod_container_resource_requests{{resource="{resource}",pod=~"{pod}.*"}}
  * on (namespace, pod) group_left (username)
  group by (namespace, pod, username) (kube_pod_annotations{{username!="",pod=~"{pod}.*"}})
)[{seconds}s:1m])) * 60
"""


# What a day of a quota's window allows: about twice what a user holds on average, so that some are refused.
PER_DAY = {"memory": (80, "GiB"), "cpu": (20, "core"), "gpu": (2, "GPU")}


def policy(quotas: int, days: int) -> Policy:
    """Return a policy with *quotas* quotas, at most three of a window; the longest window is *days*."""
    limits: dict[str, list[dict[str, str]]] = {}
    for number in range(quotas):
        resource = list(PER_DAY)[number % len(PER_DAY)]
        amount, unit = PER_DAY[resource]
        hours = days * 24 // 2 ** (number // len(PER_DAY))
        limit = {"limit": f"{amount * hours / 24:g} {unit}-hours", "window": f"{hours}h"}
        limits.setdefault(resource, []).append(limit)
    return parse_policy(json.dumps({"window": f"{days}d", "default": limits}))


@dataclass(slots=True)
class Hub:
    """
    A hub that asks the Prometheus at *url*.

    Attributes:
        url: where Prometheus answers.
        users: whose history it has.
        days: the longest window.
        ledger: read without a cache; its connections are kept alive.
    """

    url: str
    users: Sequence[str]
    days: int
    ledger: PrometheusLedger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = PrometheusLedger(self.url, history=False)

    async def empty(self) -> object:
        """Ask the smallest question, by the client that the ledger asks with."""
        return await self.ledger._api.query("vector(1)", END)

    def user(self, turn: int) -> str:
        """Return somebody else in each turn."""
        return self.users[turn * 7919 % len(self.users)]

    def decision(self, quotas: int = 1) -> tuple[Work, Callable[[int], Work]]:
        """Return the work to decide on a launch of one user with nothing cached."""
        engine = QuotaEngine(policy(quotas, self.days), self.ledger)
        return self.empty, lambda turn: lambda: decide(engine, self.user(turn), END)

    def cached(self, interval: float = 60.0) -> CachedLedger:
        """Return an empty cache, with connections of its own; without *interval* all news are waited for."""
        return CachedLedger(PrometheusLedger(self.url, history=False), tolerate=TOLERATE, interval=interval)


async def decide(engine: QuotaEngine, user: str, at: float) -> Decision:
    """Decide on a launch as the hook does; a failure to know would be no measure of anything."""
    decision = await engine.decide(Subject(user, frozenset({"regular"})), LAUNCH, server="bench", at=at)
    if decision.reason is Reason.NOT_KNOWN:
        raise RuntimeError(f"not known: {decision.problem}")
    return decision


async def one_user_cached(hub: Hub, turns: int) -> dict[str, Times]:
    """
    Decide on a user who was read before, when the last answer is 30 s old.

    Returns:
        The times of who is answered *at once*, of the next one when the news are *new*, and of who *waited* for them.
    """
    begin = END - 30.0 * (turns + 2)
    caches = {"at once": hub.cached(), "waited": hub.cached(interval=0.0)}
    engines = {name: QuotaEngine(policy(1, hub.days), cached) for name, cached in caches.items()}
    for engine in engines.values():
        for user in hub.users[:CROWD]:
            await decide(engine, user, begin)
    steps = [("at once", "at once", 30), ("new", "at once", 31), ("waited", "waited", 30)]
    own: dict[str, list[float]] = {name: [] for name, *_ in steps}
    empty: dict[str, list[float]] = {name: [] for name, *_ in steps}
    try:
        for turn in range(turns + 1):
            for name, whose, later in steps:
                base = await timed(hub.empty)
                at = begin + 30 * turn + later
                spent = await timed(lambda whose=whose, at=at: decide(engines[whose], hub.users[0], at))
                await behind(caches[whose])
                if turn > 0:
                    empty[name].append(base)
                    own[name].append(spent)
    finally:
        for cached in caches.values():
            await cached.close()
    return {name: summary(own[name], empty[name]) for name in own}


async def behind(cached: CachedLedger) -> None:
    """Wait for what a cache reads behind the backs of those who were answered."""
    await asyncio.gather(*cached._under_way.values())


@dataclass(frozen=True, slots=True)
class Rush:
    """
    Many who ask at the same moment.

    Attributes:
        times: of each of them, from that moment on.
        asked: how many.
        questions: to Prometheus, the most in one round.
        not_known: how many were told that it cannot be known.
    """

    times: Times
    asked: int
    questions: float
    not_known: int


async def rush(hub: Hub, rounds: int, *, read_before: bool) -> Rush:
    """Let CROWD users, or all there are, ask at the same moment, *rounds* times."""
    users = hub.users[:CROWD]
    cached = hub.cached()
    engine = QuotaEngine(policy(1, hub.days), cached)
    begin = END - 30.0 * (rounds + 1)
    empty, own, most, not_known = [], [], 0.0, 0
    if read_before:
        for user in users:
            await decide(engine, user, begin)
    for number in range(rounds):
        if not read_before:
            await cached.close()
            cached = hub.cached()
            engine = QuotaEngine(policy(1, hub.days), cached)
        empty += [await timed(hub.empty) for _ in range(20)]
        before = questions(hub.url)
        moment, at = time.perf_counter(), begin + 30 * (number + 1)
        found = await asyncio.gather(*(_asked(engine, user, at, moment) for user in users))
        await behind(cached)
        most = max(most, questions(hub.url) - before)
        own += [seconds for seconds, _ in found]
        not_known += sum(not known for _, known in found)
    await cached.close()
    return Rush(summary(own, empty), len(users), most, not_known)


async def _asked(engine: QuotaEngine, user: str, at: float, began: float) -> tuple[float, bool]:
    """How long *user* waits for a decision from when all *began*, and whether it rests on what is known."""
    decision = await engine.decide(Subject(user), LAUNCH, server="bench", at=at)
    return time.perf_counter() - began, decision.reason is not Reason.NOT_KNOWN


async def published(hub: Hub, pods: dict[str, str], turns: int) -> tuple[Times, dict[str, float]]:
    """
    Ask for one quota in the form that others publish.

    Returns:
        The times, and the byte-seconds that it says of each user who was asked about.
    """
    patient = PrometheusLedger(hub.url, timeout_seconds=120)
    users = [user for user in hub.users if user in pods]
    said: dict[str, float] = {}

    async def ask(user: str) -> None:
        query = PUBLISHED.format(resource="memory", pod=pods[user], seconds=hub.days * DAY)
        rows = await patient._api.query(query, END)
        said[user] = rows[0].value if rows else 0.0

    try:
        (times,) = await in_turns([(hub.empty, lambda turn: lambda: ask(users[turn % len(users)]))], turns)
    finally:
        await patient.close()
    return times, said


async def everybody(hub: Hub, timeout_seconds: float) -> dict[str, object]:
    """Read everybody in a process of its own, with a deadline for each question; see `everybody.py`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "everybody.py"),
        hub.url,
        str(END - hub.days * DAY),
        str(END),
        str(timeout_seconds),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError("everybody could not be read")
    return dict(json.loads(told))
