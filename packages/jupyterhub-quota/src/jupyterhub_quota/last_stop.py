"""
How the server ended that ran before, as far as the record of sessions tells. Pure.

The hub stores no reason. A server that ended long after a quota was used up, under a policy that stops servers then,
was stopped for that, or by its user in the last minute: what is said is true of both.
"""

from collections.abc import Iterable

from jupyterhub_quota.crossing import offers_used_up_since
from jupyterhub_quota.decision import Decision, LastStop, Outcome
from jupyterhub_quota.everybody import SERVER
from jupyterhub_quota.policy import AtLaunch, Policy, WhileRunning
from jupyterhub_quota.session import Session

# An end may be on record so much earlier than it was.
UNSEEN_SECONDS = 120.0


def last_stop(policy: Policy, decision: Decision, sessions: Iterable[Session]) -> LastStop | None:
    """
    Return how the last server of the same name ended; None where a used up quota was not the reason.

    Args:
        policy: the one in force.
        decision: about the launch; only one that is refused is told.
        sessions: the user's, as the ledger has them.
    """
    stops = policy.while_running is WhileRunning.STOP and policy.at_launch is AtLaunch.REFUSE
    if decision.outcome is not Outcome.REFUSED or not stops:
        return None
    sessions = tuple(sessions)
    own = [each for each in sessions if each.server == decision.server and each.component in {"", SERVER}]
    last = max(own, key=lambda session: session.start, default=None)
    if last is None:
        return None
    for resource in dict.fromkeys(status.resource for status in decision.blocking):
        if last.request.of(resource) > 0:
            since = offers_used_up_since(policy.offers(decision.subject, resource), sessions, last.end)
            if since is not None and max(since, last.start) + policy.grace <= last.end + UNSEEN_SECONDS:
                return LastStop(last.end, since)
    return None
