"""The door: ask before a server starts, then tell or refuse."""

import asyncio
import logging
import time
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from traitlets.config import Config

from jupyterhub_quota import (
    AtLaunch,
    CachedLedger,
    Decision,
    InputError,
    Ledger,
    LedgerError,
    Outcome,
    Policy,
    QuotaEngine,
    Reason,
    Request,
    SqliteLedger,
    Subject,
)
from jupyterhub_quota_hook.annotations import annotate
from jupyterhub_quota_hook.config import JupyterHubQuota
from jupyterhub_quota_hook.events import emit
from jupyterhub_quota_hook.metrics import DECISION_SECONDS, DECISIONS, LEDGER_UP, UNMETERED
from jupyterhub_quota_hook.refusal import LaunchRefusedError, is_no_failure
from jupyterhub_quota_hook.request import apply_options, request_of
from jupyterhub_quota_hook.servers import Recorder, Servers
from jupyterhub_quota_hook.source import PolicySource
from jupyterhub_spawn_progress import add_message

# How often the policy file is looked at when nobody starts a server.
WATCH_SECONDS = 30.0


class Door:
    """
    All of quotas in one hub.

    Args:
        settings: what the admin set.
        db_url: address of the hub's database, beside which the last valid policy is kept.
        log: who is told.

    Raises:
        PolicyError: there is no policy to start with.
        InputError: a setting cannot be used.
        LedgerError: the record of sessions cannot be written.
    """

    def __init__(self, settings: JupyterHubQuota, db_url: str, log: logging.Logger) -> None:
        if bool(settings.policy_file) == bool(settings.policy):
            raise InputError("c.JupyterHubQuota: set either policy_file (a path) or policy (the document itself)")
        self.settings = settings
        self.log = log
        path = Path(settings.policy_file) if settings.policy_file else None
        self.source = PolicySource(path, settings.policy or None, settings.last_valid_policy(db_url), log)
        self.source.current()
        self.ledger: Ledger = settings.ledger()
        self.servers = Servers()
        self.recorder: Recorder | None = None
        if isinstance(self.ledger, SqliteLedger):
            self.ledger.prepare()
            self.recorder = Recorder(self.ledger, self.servers, log)
        self._one_at_a_time: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(self, app: Any) -> None:
        """Do what goes on while the hub runs, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch_policy())
                if self.recorder:
                    tasks.create_task(self.recorder.run(app))
        finally:
            await self.ledger.close()

    async def before_start(self, spawner: Any) -> None:
        """
        Let the server start, or not.

        Raises:
            LaunchRefusedError: the quotas do not allow it; or a fault in here, unless the policy only warns.
        """
        await apply_options(spawner)
        began = time.perf_counter()
        try:
            decision = await self._decide(spawner, request_of(spawner, self.settings.gpu_resources))
        except Exception:
            self.log.exception("The quota of %s could not be checked", spawner.user.name)
            decision = self._fault(spawner)
        DECISION_SECONDS.observe(time.perf_counter() - began)
        if decision is None:
            return
        if decision.outcome is Outcome.REFUSED:
            is_no_failure(spawner)
            raise LaunchRefusedError(decision.sentence)
        add_message(spawner, decision.sentence)

    async def after_stop(self, spawner: Any) -> None:
        """Record that the server ended. Also called after a start that failed or was refused."""
        self.servers.forget(spawner)
        if self.recorder:
            try:
                async with asyncio.timeout(self.settings.timeout_seconds):
                    await self.recorder.ended(spawner, time.time())
            except (LedgerError, TimeoutError) as error:
                self.log.error("The end of a server of %s could not be recorded: %s", spawner.user.name, error)

    async def _decide(self, spawner: Any, request: Request) -> Decision | None:
        """Decide, tell logs, metrics and events; None where nothing is to be decided."""
        subject = Subject(spawner.user.name, frozenset(group.name for group in spawner.user.groups))
        policy: Policy | None = None
        try:
            async with asyncio.timeout(self.settings.timeout_seconds), self._alone(subject.name):
                policy = await asyncio.to_thread(self.source.current)
                if isinstance(self.ledger, CachedLedger):
                    self.ledger.tolerate = policy.tolerate
                if policy.at_launch is AtLaunch.IGNORE:
                    self._let_start(spawner, request, policy, subject)
                    return None
                decision = await QuotaEngine(policy, self.ledger).decide(
                    subject, request, server=spawner.name, held=self.servers.held(subject.name)
                )
                if decision.allowed:
                    # Before anybody else of this user is asked about, so that two starts at once both count.
                    self._let_start(spawner, request, policy, subject)
        except TimeoutError:
            policy = policy or self.source.newest
            problem = f"no answer within {self.settings.timeout_seconds:g} s"
            decision = QuotaEngine(policy, self.ledger).unknown(subject, request, server=spawner.name, problem=problem)
            if decision.allowed:
                self._let_start(spawner, request, policy, subject)
        self._tell(spawner, decision, policy)
        return decision

    def _let_start(self, spawner: Any, request: Request, policy: Policy, subject: Subject) -> None:
        self.servers.launched(spawner, request)
        annotate(spawner, policy, subject)

    def _fault(self, spawner: Any) -> Decision:
        """The decision where our own code failed."""
        policy = self.source.newest
        decision = QuotaEngine(policy, self.ledger).unknown(
            Subject(spawner.user.name),
            Request(),
            server=spawner.name,
            problem="a fault in the check; see the log",
            reason=Reason.ERROR,
        )
        self._tell(spawner, decision, policy)
        return decision

    def _tell(self, spawner: Any, decision: Decision, policy: Policy) -> None:
        DECISIONS.labels(decision.outcome.value, decision.reason.value).inc()
        LEDGER_UP.set(decision.reason is not Reason.NOT_KNOWN)
        for resource in decision.unmetered:
            UNMETERED.labels(resource.value).inc()
            self.log.warning(
                "%s starts a server that reserves no %s although it is limited: its use is never charged",
                decision.subject.name,
                resource.value,
            )
        level = logging.WARNING if decision.reason is Reason.NOT_KNOWN else logging.INFO
        self.log.log(
            level,
            "Quota: %s a server of %r: %s%s (reference %s)",
            decision.outcome.value,
            decision.subject.name,
            decision.reason.value,
            f", {decision.problem}" if decision.problem else "",
            decision.reference,
        )
        emit(spawner, decision, policy)

    def _alone(self, user: str) -> asyncio.Lock:
        """Return what lets in one decision about *user* at a time; it goes when nobody waits for it."""
        return self._one_at_a_time.setdefault(user, asyncio.Lock())

    async def _watch_policy(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            await asyncio.to_thread(self.source.current)


def make_door(config: Config, db_url: str, log: logging.Logger) -> Door:
    """
    Return the door for a hub with this configuration.

    Raises:
        SystemExit: it cannot be used; the hub must not start without its quotas.
    """
    try:
        return Door(JupyterHubQuota(config=config), db_url, log)
    except (InputError, LedgerError) as error:
        raise SystemExit(f"The hub does not start, because its quotas cannot be used.\n{error}") from error
