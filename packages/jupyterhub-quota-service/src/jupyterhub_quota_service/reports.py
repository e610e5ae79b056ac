"""What each user has used: read within a deadline, and the last that was known kept for when it cannot be."""

import asyncio
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass

from jupyterhub_quota import Ledger, LedgerError, Policy, QuotaEngine, Report, Subject, UnavailableError
from jupyterhub_quota_service import messages, words
from jupyterhub_quota_service.figures import Figures
from jupyterhub_quota_service.policies import Policies

log = logging.getLogger(__name__)

# So long a figure is shown again: who reloads a page, or has three of them open, asks once.
FRESH_SECONDS = 3.0
# Who has something to look at meanwhile waits no longer than this for something newer.
PATIENCE_SECONDS = 1.0
RETRY_SECONDS = 30.0
SOON_SECONDS = 2.0
MOST_USERS = 2000

AWAY = "How much you have used is not known at the moment."
SLOW = "How much you have used takes longer to find out than usual."


@dataclass(frozen=True, slots=True)
class _Kept:
    """A report, and what it was made from."""

    report: Report
    digest: str


class Reports:
    """
    The figures of one user at a time.

    Args:
        policies: the policy in force.
        ledger: where sessions are read.
        timeout_seconds: how long one user may wait.
    """

    def __init__(self, policies: Policies, ledger: Ledger, timeout_seconds: float) -> None:
        self._policies = policies
        self._ledger = ledger
        self._timeout_seconds = timeout_seconds
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._under_way: dict[tuple[Subject, str], asyncio.Task[Report | None]] = {}

    async def figures(self, user: str, groups: frozenset[str] | None, *, hurry: bool = False) -> Figures:
        """
        Return what is known about *user*.

        Args:
            user: exactly this name.
            groups: those of the user; None where they are not known.
            hurry: whether the asker would rather be told soon that nothing is known yet than wait for it.

        Raises:
            PolicyError: there is no policy.
        """
        policy = (await self._policies.current()).policy
        at = time.time()
        kept = self._kept.get(user)
        if groups is None:
            return _not_known(policy, user, groups, at, kept, "Your groups are not known at the moment.")
        subject = Subject(user, groups)
        if kept and kept.digest == policy.digest and kept.report.subject == subject:
            if 0 <= at - kept.report.at < FRESH_SECONDS:
                return Figures(policy, user, groups, at, kept.report)
        else:
            # Figures under other groups or another policy would show limits that do not hold.
            kept = None
        task = self._task(policy, subject, at)
        await asyncio.wait({task}, timeout=PATIENCE_SECONDS if kept or hurry else None)
        if not task.done():
            return _not_known(policy, user, groups, at, kept, SLOW, SOON_SECONDS)
        report = task.result()
        if report is None:
            return _not_known(policy, user, groups, at, kept, AWAY)
        return Figures(policy, user, groups, at, report)

    async def close(self) -> None:
        """Stop what goes on in the background."""
        for task in (tasks := tuple(self._under_way.values())):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _task(self, policy: Policy, subject: Subject, at: float) -> "asyncio.Task[Report | None]":
        """Read, or join who reads the same already. Who goes away takes nothing from the others."""
        key = (subject, policy.digest)
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._read(policy, subject, at))
            task.add_done_callback(lambda done: self._ended(key, done))
        return task

    def _ended(self, key: tuple[Subject, str], done: "asyncio.Task[Report | None]") -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # seen, should nobody wait any more

    async def _read(self, policy: Policy, subject: Subject, at: float) -> Report | None:
        """Return the report and keep it, None where it cannot be had in time."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                report = await QuotaEngine(policy, self._ledger).status(subject, at=at)
        except (TimeoutError, UnavailableError, LedgerError) as error:
            why = str(error) or f"no answer within {self._timeout_seconds:g} s"
            log.warning("What %s has used is not known: %s", ascii(subject.name), why)
            return None
        self._kept[subject.name] = _Kept(report, policy.digest)
        self._kept.move_to_end(subject.name)
        if len(self._kept) > MOST_USERS:
            self._kept.popitem(last=False)
        return report


def _not_known(
    policy: Policy,
    user: str,
    groups: frozenset[str] | None,
    at: float,
    kept: _Kept | None,
    told: str,
    retry_seconds: float = RETRY_SECONDS,
) -> Figures:
    report = kept.report if kept else None
    if report is None:
        again = "in a few minutes" if retry_seconds > SOON_SECONDS else "in a few seconds"
        problem = f"{told} Please try again {again}."
    else:
        known = words.when(report.as_of, at, policy.timezone)
        problem = f"{told} The figures are those of {known} ({words.age(at - report.as_of)})."
    if told != SLOW:  # what is only slow is known in a moment
        problem = messages.of_unknown(problem, policy, user, groups)
    return Figures(policy, user, groups, at, report, problem, retry_seconds)
