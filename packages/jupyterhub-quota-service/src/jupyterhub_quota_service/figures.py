"""What is known about one user at a moment, from which every answer about that user is made. A value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jupyterhub_quota import GIB, Policy, Reading, Report, Request, Resource, Session, Status


@dataclass(frozen=True, slots=True)
class ListedSize:
    """A size of server that the admin lists, under its *name*."""

    name: str
    request: Request


@dataclass(frozen=True, slots=True)
class Figures:
    """
    One user's usage beside the policy.

    Attributes:
        policy: the one in force.
        user: whose.
        groups: None where they are not known.
        at: the present.
        report: the usage; where it is not known now, the last that was; None where there is none.
        problem: why usage is not known now, a sentence for the user; None where it is.
        retry_seconds: after how long it is worth asking again, where it is.
    """

    policy: Policy
    user: str
    groups: frozenset[str] | None
    at: float
    report: Report | None
    problem: str | None = None
    retry_seconds: float | None = None

    @property
    def exempt(self) -> bool:
        """Whether no quota stops this user, as far as that is known."""
        return self.report is not None and self.policy.exempts(self.report.subject)

    @property
    def statuses(self) -> tuple[Status, ...]:
        """The quotas of the resources that are limited for anybody; of all, where none is."""
        return () if self.report is None else limited(self.policy, self.report.statuses)

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The sessions from which usage was computed, the latest first."""
        if self.report is None:
            return ()
        return tuple(sorted(self.report.sessions, key=lambda session: session.start, reverse=True))

    @property
    def reading(self) -> Reading:
        """The same as the ledger gave it."""
        if self.report is None:
            raise ValueError("nothing is known")
        return Reading(self.report.sessions, self.report.as_of, self.report.complete_since)

    def sizes(self, listed: tuple[ListedSize, ...], most: int = 5) -> tuple[ListedSize, ...]:
        """Return the *listed* sizes, or the last few that this user had."""
        if listed:
            return listed
        lately = dict.fromkeys(session.request for session in self.sessions)
        return tuple(ListedSize("", request) for request in list(lately)[:most])


def limited(policy: Policy, statuses: Iterable[Status]) -> tuple[Status, ...]:
    """Return the *statuses* of resources that *policy* limits for anybody; all, where it limits none."""
    statuses = tuple(statuses)
    return tuple(status for status in statuses if policy.limits(status.resource)) or statuses


def usual_size(resource: Resource, sessions: Iterable[Session], listed: Iterable[ListedSize]) -> float:
    """
    Return the size, in base units, by which to say for how long *resource* lasts.

    The latest that the user had, else the smallest that is listed, else a plain one.

    Args:
        resource: what is counted.
        sessions: the user's, the latest first.
        listed: sizes that the admin lists.
    """
    had = next((session.request.of(resource) for session in sessions if session.request.of(resource) > 0), None)
    return had or min((s.request.of(resource) for s in listed if s.request.of(resource) > 0), default=PLAIN[resource])


PLAIN: Mapping[Resource, float] = {Resource.MEMORY: float(GIB), Resource.CPU: 1.0, Resource.GPU: 1.0}
