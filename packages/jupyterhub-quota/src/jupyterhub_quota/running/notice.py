"""What lies ahead of one server: when it ends, by which numbers, and what its user must be told."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from jupyterhub_quota.decision import Status
from jupyterhub_quota.policy import AtLaunch, Policy, WhileRunning
from jupyterhub_quota.running.held import Held
from jupyterhub_quota.running.memory import USED_UP, Spell
from jupyterhub_quota.running.server import RunningServer
from jupyterhub_quota.session import Resource, Session


@dataclass(frozen=True, slots=True)
class Notice:
    """
    What lies ahead of one server.

    Attributes:
        server: which.
        session: its session on record.
        resource: what runs out first of all that it holds.
        statuses: the quotas of that resource that count, with what is certainly used.
        others: what else of its user holds the resource: other servers, and pods that are none.
        used_up: since when the quota is used up; None where it is not, or not yet said.
        said: when this process first saw so.
        over: whether it is used up now, beyond doubt.
        runs_out: when the quota was or will be used up.
        ends: when the server is stopped; where nothing is stopped, when the quota is or was used up.
        stops: whether the policy stops the server then.
        level: how long before the end it is, as a length of the policy's `warn_before`, or USED_UP; None while there is
            nothing to warn of.
        late: whether the quota was used up long before this process first saw so.
    """

    server: RunningServer
    session: Session
    resource: Resource
    statuses: tuple[Status, ...]
    others: tuple[Session, ...]
    used_up: float | None
    said: float | None
    over: bool
    runs_out: float
    ends: float
    stops: bool
    level: float | None = None
    late: bool = False

    def due(self, at: float) -> bool:
        """Return whether the server is to be stopped at *at*, unless something speaks against it."""
        # Never in the round that first says so, however short the grace.
        return self.stops and self.over and self.said is not None and self.said < at and self.ends <= at

    @property
    def blocking(self) -> Status:
        """The quota that runs out first: of several windows, the one that is used most beyond its limit."""
        return min(self.statuses, key=lambda status: (status.runtime, status.limit - status.used))


def notice_of(
    policy: Policy,
    server: RunningServer,
    session: Session,
    held: Iterable[tuple[Held, Spell | None]],
    at: float,
    long_ago: float,
) -> Notice | None:
    """
    Return what lies ahead of *server*, by what it holds that runs out first; None where nothing does.

    Args:
        policy: the one in force.
        server: which.
        session: its session on record.
        held: what its user holds, with the spell that each is in.
        at: the present.
        long_ago: how many seconds between used up and said make it late.
    """
    notices = [
        _notice(policy, server, session, one, spell, at, long_ago)
        for one, spell in held
        if session.request.of(one.resource) > 0 and (spell is not None or not math.isinf(one.lasts))
    ]
    return min(notices, key=lambda notice: (not notice.over, notice.ends), default=None)


def only_warning(notice: Notice, policy: Policy, at: float) -> Notice:
    """Return the same where nothing is stopped after all: where launches are not refused, either."""
    notice = replace(notice, stops=False, ends=notice.runs_out)
    silent = policy.at_launch is AtLaunch.IGNORE
    return replace(notice, level=None if silent else min(levels(notice, policy, at), default=None))


def _notice(
    policy: Policy, server: RunningServer, session: Session, held: Held, spell: Spell | None, at: float, long_ago: float
) -> Notice:
    began = max(session.start, server.started)
    over = spell is not None and held.since is not None
    runs_out = spell.used_up if spell is not None and over else at + held.lasts
    ends = runs_out
    stops = policy.while_running is WhileRunning.STOP
    if stops:
        moments = [runs_out, began] + ([] if spell is None else [spell.said])
        ends = max(max(moments) + policy.grace, began + policy.minimum_runtime)
    notice = Notice(
        server=server,
        session=session,
        resource=held.resource,
        statuses=held.statuses,
        others=tuple(other for other in held.sessions if other.id != session.id),
        used_up=None if spell is None else spell.used_up,
        said=None if spell is None else spell.said,
        over=over,
        runs_out=runs_out,
        ends=ends,
        stops=stops,
        late=over and spell is not None and spell.said - spell.used_up > long_ago,
    )
    return replace(notice, level=min(levels(notice, policy, at), default=None))


def levels(notice: Notice, policy: Policy, at: float) -> frozenset[float]:
    """Return of which ends *notice* warns at *at*."""
    ahead = frozenset(length for length in policy.warn_before if notice.ends - at <= length)
    return ahead if notice.said is None else ahead | {USED_UP}


def still_told(told: frozenset[float], notice: Notice | None, policy: Policy, at: float) -> frozenset[float]:
    """
    Return what of *told* need not be told again while the end comes and goes.

    A warning is forgotten when the end has moved beyond it by the policy's `minimum_runtime`. Where it is used up anew,
    all is told anew.
    """
    if notice is None or notice.said == at:
        return frozenset()
    left = notice.ends - at
    return frozenset(
        length
        for length in told
        if (notice.said is not None if length == USED_UP else left <= length + policy.minimum_runtime)
    )
