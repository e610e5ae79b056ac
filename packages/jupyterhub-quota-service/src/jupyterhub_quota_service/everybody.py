"""
Everybody's table: read and computed in the background, so that no admin waits for it twice.

The hub is asked for groups at most once a minute, and the table is made anew when somebody looks and it is some seconds
old. One that is older than a minute is waited for.
"""

import asyncio
import logging
import time

from jupyterhub_quota import HubClient, Ledger, LedgerError, Policy, QuotaError, Reading, Unavailable, UnavailableError
from jupyterhub_quota_service import words
from jupyterhub_quota_service.people import Membership, Person, Table, people
from jupyterhub_quota_service.policies import Policies

log = logging.getLogger(__name__)

GROUPS_SECONDS = 60.0
FRESH_SECONDS = 15.0
OLD_SECONDS = 60.0
# A page that takes longer says so, and asks again.
PATIENCE_SECONDS = 10.0
HURRY_SECONDS = 1.0
RETRY_SECONDS = 2.0
# The ledger may take so long over everybody. Who waits has long been told.
LEDGER_SECONDS = 120.0
# Between so many people others get their turn.
STEP = 25


class Everybody:
    """
    What admins see of everybody.

    Args:
        policies: the policy in force.
        ledger: where sessions are read.
        hub: where groups are read, with the service's own token.
        patience_seconds: how long an admin waits before being told that it takes longer.
    """

    def __init__(
        self, policies: Policies, ledger: Ledger, hub: HubClient, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._policies = policies
        self._ledger = ledger
        self._hub = hub
        self._patience_seconds = patience_seconds
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
        age = time.time() - table.at if table else float("inf")
        if table and age < FRESH_SECONDS and table.policy.digest == policy.digest:
            return table
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._make())
        if table is None or age > OLD_SECONDS or table.policy.digest != policy.digest:
            await asyncio.wait({self._task}, timeout=HURRY_SECONDS if hurry else self._patience_seconds)
        if self._task.done() and (error := self._task.exception()):
            raise error
        if self._table is not None:
            return self._table
        problem = "Everybody's figures are still being read. That can take a minute."
        return Table(policy, time.time(), None, self._membership, {}, problem, RETRY_SECONDS)

    async def membership(self) -> Membership:
        """Return who is in which group, at most a minute old where the hub answers."""
        now = time.time()
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
        at = time.time()
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
        at = time.time()
        try:
            async with asyncio.timeout(LEDGER_SECONDS):
                reading = await self._read(policy, at)
        except (TimeoutError, UnavailableError, LedgerError) as error:
            log.warning("What everybody has used is not known: %s", str(error) or "the ledger did not answer in time")
            self._table = self._last(Table(policy, at, None, membership))
            return
        self._table = self._made = Table(
            policy, at, reading, membership, await _people(policy, reading, at, membership)
        )

    async def _read(self, policy: Policy, at: float) -> Reading:
        reading = await self._ledger.read(since=at - policy.longest_window, at=at)
        age = at - reading.as_of
        if age > policy.tolerate:
            raise UnavailableError(f"the newest record of sessions is {age:.0f} s old", Unavailable.STALE)
        return reading

    def _last(self, empty: Table) -> Table:
        """The last table that was known, saying so."""
        told, last = "What everybody has used is not known at the moment.", self._made
        if last is None or last.reading is None:
            return Table(empty.policy, empty.at, None, empty.membership, {}, told, RETRY_SECONDS)
        as_of = last.reading.as_of
        known = words.when(as_of, empty.at, empty.policy.timezone)
        told = f"{told} The figures are those of {known} ({words.age(empty.at - as_of)})."
        return Table(last.policy, empty.at, last.reading, empty.membership, last.people, told, RETRY_SECONDS)


async def _people(policy: Policy, reading: Reading, at: float, membership: Membership) -> dict[str, Person]:
    found: dict[str, Person] = {}
    for person in people(policy, reading, at, membership.groups):
        found[person.name] = person
        if len(found) % STEP == 0:
            await asyncio.sleep(0)
    return found
