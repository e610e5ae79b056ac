"""The one place where reading meets deciding."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from jupyterhub_quota.decide import decide, decide_unknown, ended, statuses_of
from jupyterhub_quota.decision import Decision, Reason, Status
from jupyterhub_quota.errors import Unavailable, UnavailableError
from jupyterhub_quota.last_stop import last_stop
from jupyterhub_quota.ledger.protocol import Ledger, Reading
from jupyterhub_quota.policy import Policy
from jupyterhub_quota.sentences import decision_sentence
from jupyterhub_quota.session import Request, Resource, Session, Subject

# How many seconds the clocks of the hub and of the ledger may differ.
SKEW = 5.0


@dataclass(frozen=True, slots=True)
class Report:
    """
    What a subject has used, of which quotas.

    Attributes:
        subject: whose.
        at: the present, seconds since the epoch.
        statuses: the quotas of the most generous offer of each resource.
        sessions: what usage was computed from.
        as_of: the time of which usage is known.
        complete_since: older use may be missing; None where nothing is known to be missing.
    """

    subject: Subject
    at: float
    statuses: tuple[Status, ...]
    sessions: tuple[Session, ...]
    as_of: float
    complete_since: float | None

    @property
    def running(self) -> tuple[Session, ...]:
        """The sessions that are alive."""
        return tuple(session for session in self.sessions if session.alive)


class QuotaEngine:
    """Answers questions about quotas from a policy and a ledger. Cheap to make: a new policy is a new engine."""

    def __init__(self, policy: Policy, ledger: Ledger) -> None:
        self.policy = policy
        self.ledger = ledger

    async def decide(
        self,
        subject: Subject,
        request: Request,
        *,
        server: str = "",
        at: float | None = None,
        held: Iterable[Session] = (),
    ) -> Decision:
        """
        Decide whether *subject* may start *server*, which asks for *request*.

        Args:
            subject: whose server it is, with the groups that count.
            request: what the server will hold.
            server: its name; empty for the default server.
            at: the present, seconds since the epoch; the clock's where it is not given.
            held: what the subject is known to hold although the ledger may not show it yet.

        Returns:
            Always a decision, with its sentence. Where usage cannot be known, it follows the policy's `when_unknown`.
        """
        at = time.time() if at is None else at
        try:
            reading = await self._read(subject, at)
        except UnavailableError as error:
            return self.unknown(subject, request, server=server, at=at, problem=str(error))
        if held := tuple(held):
            reading = replace(reading, sessions=with_held(reading.sessions, held, at))
        decision = decide(self.policy, subject, server, request, reading, at)
        if stop := last_stop(self.policy, decision, reading.sessions):
            decision = replace(decision, last_stop=stop)
        return self._worded(decision)

    def unknown(
        self,
        subject: Subject,
        request: Request,
        *,
        server: str = "",
        at: float | None = None,
        problem: str = "",
        reason: Reason = Reason.NOT_KNOWN,
    ) -> Decision:
        """
        Return the decision for a launch about which something cannot be known.

        Args:
            subject: whose server it is.
            request: what the server will hold.
            server: its name; empty for the default server.
            at: the present, seconds since the epoch; the clock's where it is not given.
            problem: what cannot be known, in words for admins.
            reason: NOT_KNOWN, or ERROR where our own code failed.
        """
        at = time.time() if at is None else at
        return self._worded(decide_unknown(self.policy, subject, server, request, at, problem, reason))

    async def status(self, subject: Subject, *, at: float | None = None) -> Report:
        """
        Return what *subject* has used of which quotas.

        Raises:
            UnavailableError: it cannot be known.
        """
        at = time.time() if at is None else at
        reading = await self._read(subject, at)
        statuses = tuple(
            status
            for resource in Resource
            for status in statuses_of(self.policy, subject, reading.sessions, at, resource, Request())
        )
        return Report(subject, at, statuses, reading.sessions, reading.as_of, reading.complete_since)

    async def _read(self, subject: Subject, at: float) -> Reading:
        reading = await self.ledger.read(since=at - self.policy.longest_window, at=at, user=subject.name)
        age = at - reading.as_of
        if age > self.policy.tolerate:
            raise UnavailableError(f"the newest record of sessions is {age:.0f} s old", Unavailable.STALE)
        return reading

    def _worded(self, decision: Decision) -> Decision:
        return replace(decision, sentence=decision_sentence(decision, self.policy))


def with_held(sessions: tuple[Session, ...], held: tuple[Session, ...], at: float) -> tuple[Session, ...]:
    """
    Return *sessions* and what of *held* they do not show yet, as held from *at* on.

    What the ledger does not show may still be waiting for its place, so nothing is charged for it.

    A server runs once: the ledger's session of the same server is the held one, or an earlier one that has ended.
    """
    known = {session.server: session for session in held}
    shown = {s.server for s in sessions if s.alive and s.server in known and s.start >= known[s.server].start - SKEW}
    return tuple(
        ended(session) if session.server in known and session.server not in shown else session for session in sessions
    ) + tuple(replace(session, start=at, end=at) for server, session in known.items() if server not in shown)
