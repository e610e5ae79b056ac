"""What each user has used: read within a deadline, and the last that was known kept for when it cannot be."""

import asyncio
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass

from jupyterhub_quota import Ledger, LedgerError, Policy, QuotaEngine, Report, Subject, UnavailableError
from jupyterhub_quota_service import words
from jupyterhub_quota_service.figures import Figures
from jupyterhub_quota_service.policies import Policies

log = logging.getLogger(__name__)

# So long a figure is shown again: who reloads a page, or has three of them open, asks once.
FRESH_SECONDS = 3.0
RETRY_SECONDS = 30.0
MOST_USERS = 2000


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

    async def figures(self, user: str, groups: frozenset[str] | None) -> Figures:
        """
        Return what is known about *user*.

        Args:
            user: exactly this name.
            groups: those of the user; None where they are not known.

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
        try:
            async with asyncio.timeout(self._timeout_seconds):
                report = await QuotaEngine(policy, self._ledger).status(subject, at=at)
        except (TimeoutError, UnavailableError, LedgerError) as error:
            why = str(error) or f"no answer within {self._timeout_seconds:g} s"
            log.warning("What %s has used is not known: %s", ascii(user), why)
            told = "How much you have used is not known at the moment."
            return _not_known(policy, user, groups, at, kept, told)
        self._kept[user] = _Kept(report, policy.digest)
        self._kept.move_to_end(user)
        if len(self._kept) > MOST_USERS:
            self._kept.popitem(last=False)
        return Figures(policy, user, groups, at, report)


def _not_known(
    policy: Policy, user: str, groups: frozenset[str] | None, at: float, kept: _Kept | None, told: str
) -> Figures:
    report = kept.report if kept else None
    if report is None:
        problem = f"{told} Please try again in a few minutes."
    else:
        known = words.when(report.as_of, at, policy.timezone)
        problem = f"{told} The figures are those of {known} ({words.age(at - report.as_of)})."
    return Figures(policy, user, groups, at, report, problem, RETRY_SECONDS)
