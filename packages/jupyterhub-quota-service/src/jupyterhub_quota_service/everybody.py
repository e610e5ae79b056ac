"""
Everybody's table: read and computed in the background, so that no admin waits for it twice.

The hub is asked for groups at most once a minute, and the table is made anew when somebody looks and it is some seconds
old. Making it takes seconds where there are thousands of users, so it happens in a thread, and who looks meanwhile sees
the last one with its age. One that is older than a minute is waited for a moment.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from jupyterhub_quota import HubClient, Ledger, LedgerError, Policy, QuotaError, Reading, Unavailable, UnavailableError
from jupyterhub_quota_service import words
from jupyterhub_quota_service.people import Membership, Table, table_of
from jupyterhub_quota_service.policies import Policies

log = logging.getLogger(__name__)

GROUPS_SECONDS = 60.0
FRESH_SECONDS = 15.0
OLD_SECONDS = 60.0
# An admin who has nothing to look at waits so long. A page that takes longer says so, and asks again.
PATIENCE_SECONDS = 10.0
HURRY_SECONDS = 1.0
RETRY_SECONDS = 2.0
# The ledger may take so long over everybody. Who waits has long been told.
LEDGER_SECONDS = 120.0


class Everybody:
    """
    What admins see of everybody.

    Args:
        policies: the policy in force.
        ledger: where sessions are read.
        hub: where groups are read, with the service's own token.
        fresh_seconds: how long a table is shown before it is made anew.
        clock: the present.
    """

    def __init__(
        self,
        policies: Policies,
        ledger: Ledger,
        hub: HubClient,
        *,
        fresh_seconds: float = FRESH_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._policies = policies
        self._ledger = ledger
        self._hub = hub
        self._fresh_seconds = fresh_seconds
        self._clock = clock
        self._membership = Membership()
        self._table: Table | None = None
        self._made: Table | None = None
        self._task: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[Membership] | None = None

    async def table(self, *, hurry: bool = False) -> Table:
        """
        Return everybody; where that takes long, what was last known, or that it takes long.

        Args:
            hurry: whether the asker would rather be told soon that it takes long.

        Raises:
            PolicyError: there is no policy.
        """
        policy = (await self._policies.current()).policy
        table = self._table
        age = self._clock() - table.at if table else float("inf")
        if table and age < self._fresh_seconds and table.policy.digest == policy.digest:
            return table
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._make())
        if table is None or age > OLD_SECONDS or table.policy.digest != policy.digest:
            soon = hurry or (table is not None and table.policy.digest == policy.digest)
            await asyncio.wait({self._task}, timeout=HURRY_SECONDS if soon else PATIENCE_SECONDS)
        if self._task.done() and (error := self._task.exception()):
            raise error
        if self._table is not None:
            old = self._table is table and age > OLD_SECONDS
            # The page shows as of when the figures are, and asks again.
            return replace(self._table, retry_seconds=RETRY_SECONDS) if old else self._table
        problem = "Everybody's figures are still being read. That can take a minute."
        return Table(policy, self._clock(), self._membership, problem=problem, retry_seconds=RETRY_SECONDS)

    async def membership(self) -> Membership:
        """Return who is in which group, at most a minute old where the hub answers."""
        now = self._clock()
        asked = self._membership
        if asked.as_of is not None and asked.problem is None and now - asked.as_of < GROUPS_SECONDS:
            return asked
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def close(self) -> None:
        """Stop what goes on in the background, and let go of connections."""
        tasks = [task for task in (self._task, self._asking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._hub.close()

    async def _ask(self) -> Membership:
        at = self._clock()
        try:
            groups = await self._hub.everybody()
        except QuotaError as error:
            log.warning("Who is in which group is not known: %s", error)
            old = self._membership
            self._membership = Membership(old.groups, old.as_of, "the hub did not answer")
        else:
            self._membership = Membership(groups, at)
        return self._membership

    async def _make(self) -> None:
        """Read everything and compute the table. Never raises: what went wrong stands in the table."""
        policy = (await self._policies.current()).policy
        membership = await self.membership()
        at = self._clock()
        try:
            async with asyncio.timeout(LEDGER_SECONDS):
                reading = await self._read(policy, at)
        except (TimeoutError, UnavailableError, LedgerError) as error:
            log.warning("What everybody has used is not known: %s", str(error) or "the ledger did not answer in time")
            self._table = self._last(Table(policy, at, membership))
            return
        self._table = self._made = await asyncio.to_thread(table_of, policy, reading, at, membership)

    async def _read(self, policy: Policy, at: float) -> Reading:
        reading = await self._ledger.read(since=at - policy.longest_window, at=at)
        age = at - reading.as_of
        if age > policy.tolerate:
            raise UnavailableError(f"the newest record of sessions is {age:.0f} s old", Unavailable.STALE)
        return reading

    def _last(self, empty: Table) -> Table:
        """The last table that was known, saying so."""
        told, last = "What everybody has used is not known at the moment.", self._made
        if last is None or last.as_of is None:
            return replace(empty, problem=told, retry_seconds=RETRY_SECONDS)
        known = words.when(last.as_of, empty.at, empty.policy.timezone)
        told = f"{told} The figures are those of {known} ({words.age(empty.at - last.as_of)})."
        return replace(last, at=empty.at, membership=empty.membership, problem=told, retry_seconds=RETRY_SECONDS)
