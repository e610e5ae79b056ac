"""
The rounds: look at everybody who runs something, warn, stop, remember.

One at a time, a few requests at once. What is decided is decided by the engine; here it is read and done.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from jupyterhub_quota import (
    Action,
    Doubt,
    HeldBack,
    HubClient,
    Ledger,
    Memory,
    Notice,
    Plan,
    Policy,
    QuotaError,
    Reading,
    RunningServer,
    SelectiveLedger,
    WhileRunning,
    doubtful,
    look,
    running_event,
)
from jupyterhub_quota_service.policies import Effective, Policies
from jupyterhub_quota_service.running.deeds import Deeds
from jupyterhub_quota_service.running.numbers import Numbers
from jupyterhub_quota_service.running.stopping import Outcome, stop

log = logging.getLogger(__name__)

Key = tuple[str, str, float]

ROUND_SECONDS = 60.0
# The ledger may take so long over everybody.
LEDGER_SECONDS = 120.0
# Rounds that fail, and stops of one server that fail, come more and more seldom, but not more than this.
LONGEST_SECONDS = 600.0
AT_ONCE = 5
# After so many failures in one round the hub is left alone.
ENOUGH = 3


@dataclass(frozen=True, slots=True)
class State:
    """
    What the rounds have found.

    Attributes:
        policy: the one of the last round.
        last: the last round; None before the first, and while the policy says to ignore running servers.
        good: the last round that judged.
    """

    policy: Policy | None = None
    last: Plan | None = None
    good: Plan | None = None


class Rounds:
    """
    Warns and stops.

    Args:
        policies: the policy in force.
        ledger: where sessions are read.
        hub: what runs, and what stops it, with the service's own token.
        deeds: where warnings and stops are kept and told.
        interval: how many seconds pass between two rounds.
        clock: the present.
        ticks: the present by a clock that nobody sets.
    """

    def __init__(
        self,
        policies: Policies,
        ledger: Ledger,
        hub: HubClient,
        deeds: Deeds,
        *,
        interval: float = ROUND_SECONDS,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.deeds = deeds
        self.numbers = Numbers()
        self.state = State()
        self._policies = policies
        self._ledger = ledger
        self._hub = hub
        self._interval = interval
        self._clock = clock
        self._ticks = ticks
        self._memory = Memory()
        self._released: frozenset[Key] = frozenset()
        self._tried: dict[Key, tuple[int, float]] = {}  # how often, and when again at the earliest
        self._stopping: set[Key] = set()  # of which the hub said that they stop
        self._failed = 0  # rounds, since the last good one
        self._alone = asyncio.Lock()

    async def run(self) -> None:
        """Go round until cancelled."""
        while True:
            try:
                await self.round()
            except Exception:
                self._failed += 1
                log.exception("A round over running servers failed; nobody was stopped by it any more")
            await asyncio.sleep(min(self._interval * 2**self._failed, max(LONGEST_SECONDS, self._interval)))

    async def close(self) -> None:
        """Let go of connections."""
        await self._hub.close()

    def release(self, servers: frozenset[Key]) -> frozenset[Key]:
        """Let *servers* go from the brake in the next round; return those of them that it holds."""
        last = self.state.last
        held = {notice.server.key for notice, why in last.held_back if why is HeldBack.BRAKE} if last else set()
        self._released = servers & held
        return self._released

    async def round(self) -> None:
        """Look once, and do what is to be done. One that is called while another goes on comes after it."""
        async with self._alone:
            began = self._ticks()
            in_force = await self._policies.current()
            self.numbers.says(in_force.policy.while_running)
            if in_force.policy.while_running is WhileRunning.IGNORE:
                self._memory, self.state, self._failed = Memory(), State(in_force.policy), 0
                self.numbers.holds_back([])
                self.numbers.brake.set(0)
                return
            plan = await self._plan(in_force)
            await self._act(in_force.policy, plan)
            self.numbers.duration.set(self._ticks() - began)

    async def _plan(self, in_force: Effective) -> Plan:
        at, ticks = self._clock(), self._ticks()
        policy, doubt = in_force.policy, None
        if in_force.problems:
            doubt = Doubt(HeldBack.POLICY, "the newest policy is broken")
        else:
            try:
                servers = await self._hub.running()
            except QuotaError as error:
                doubt = Doubt(HeldBack.HUB, str(error))
        if doubt is None:
            try:
                async with asyncio.timeout(LEDGER_SECONDS):
                    reading = await self._read(servers, at - policy.longest_window, at)
            except (TimeoutError, QuotaError) as error:
                doubt = Doubt(HeldBack.LEDGER, str(error) or "the ledger did not answer in time")
        if doubt is not None:
            return doubtful(self._memory, doubt, at=at, ticks=ticks, last=self.state.good)
        released, self._released = self._released, frozenset()
        return await asyncio.to_thread(
            look,
            policy,
            reading,
            servers,
            self._memory,
            at=at,
            ticks=ticks,
            interval=self._interval,
            released=released,
            last=self.state.good,
        )

    async def _read(self, servers: tuple[RunningServer, ...], since: float, at: float) -> Reading:
        """Read once what those held who run something: of them alone, where that is quicker than of everybody."""
        if isinstance(self._ledger, SelectiveLedger):
            return await self._ledger.read_some(since=since, at=at, users={server.user for server in servers})
        return await self._ledger.read(since=since, at=at)

    async def _act(self, policy: Policy, plan: Plan) -> None:
        before, self._memory = self.state.last, plan.memory
        self.numbers.rounds.labels(plan.doubt.reason.value if plan.doubt else "none").inc()
        if plan.doubt is not None:
            if before is None or before.doubt is None or before.doubt.reason is not plan.doubt.reason:
                log.warning("Nobody is warned or stopped: %s", plan.doubt.problem)
            self._failed += 1
            self.state = State(policy, plan, self.state.good)
            self.numbers.holds_back([reason for _, reason in plan.held_back])
            return
        self._failed = 0
        self.state = State(policy, plan, plan)
        self.numbers.last_good.set(plan.at)
        self.numbers.unmatched.set(plan.unmatched)
        self.numbers.brake.set(plan.brake)
        if plan.brake and not (before and before.brake):
            log.warning("The brake is on: %d servers wait for an admin before they are stopped", len(plan.late))
        for notice in plan.warnings:
            self.numbers.warnings.inc()
            log.info("Quota: warned the server %s of %s", ascii(notice.server.name), ascii(notice.server.user))
            self.deeds.add(running_event(Action.WARNED, notice, plan, policy, at=self._clock()))
        held_back = [reason for _, reason in plan.held_back]
        self.numbers.holds_back(held_back + await self._stop_all(policy, plan))

    async def _stop_all(self, policy: Policy, plan: Plan) -> list[HeldBack]:
        """Stop what is to be stopped; return why some was not."""
        due = {notice.server.key for notice in plan.forecasts if notice.due(plan.at)}
        self._tried = {key: tried for key, tried in self._tried.items() if key in due}
        self._stopping &= due
        few, failures = asyncio.Semaphore(AT_ONCE), 0

        async def one(notice: Notice) -> HeldBack | None:
            nonlocal failures
            async with few:
                times, again = self._tried.get(notice.server.key, (0, plan.at))
                if failures >= ENOUGH or plan.at < again:
                    return HeldBack.HUB
                if (await self._policies.current()).policy.digest != policy.digest:
                    return HeldBack.CHANGED
                if notice.server.key in self._stopping:
                    self.numbers.failures.labels("still-running").inc()
                wait = min(self._interval * 2**times, max(LONGEST_SECONDS, self._interval))
                self._tried[notice.server.key] = (times + 1, plan.at + wait)
                outcome, why = await stop(self._hub, policy, notice)
                if outcome is Outcome.FAILED:
                    failures += 1
                    self.numbers.failures.labels(why).inc()
                    return HeldBack.HUB
                if outcome is Outcome.STOPPED:
                    self._stopped(policy, plan, notice)
                return HeldBack.CHANGED if outcome is Outcome.CHANGED else None

        reasons = await asyncio.gather(*(one(notice) for notice in plan.stops))
        return [reason for reason in reasons if reason is not None]

    def _stopped(self, policy: Policy, plan: Plan, notice: Notice) -> None:
        self.numbers.stops.labels(notice.resource.value).inc()
        self._stopping.add(notice.server.key)
        event = running_event(
            Action.STOPPED, notice, plan, policy, at=self._clock(), released=plan.brake and notice.late
        )
        log.info(
            "Quota: stopped the server %s of %s (reference %s)",
            ascii(notice.server.name),
            ascii(notice.server.user),
            event["reference"],
        )
        self.deeds.add(event)
