"""Look at ledger and hub, and put together what was found. The only part that knows in which order."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from jupyterhub_quota.amounts import DAY
from jupyterhub_quota.doctor import chain, file, membership, record, series
from jupyterhub_quota.doctor.finding import Diagnosis, Finding, Name
from jupyterhub_quota.errors import LedgerError, UnavailableError
from jupyterhub_quota.hub import HubClient
from jupyterhub_quota.ledger.api import PrometheusApi
from jupyterhub_quota.ledger.pods import gpu_pattern
from jupyterhub_quota.ledger.protocol import Ledger
from jupyterhub_quota.policy import Policy
from jupyterhub_quota.session import Resource, Session

# What was asked for in so many days counts as of late.
LATELY = 7.0 * DAY
DEFAULT_WINDOW = 30.0 * DAY


async def examine_prometheus(
    api: PrometheusApi, policy: Policy | None, at: float, *, namespace: str = "", gpu_resources: Iterable[str]
) -> Diagnosis:
    """
    Look at a ledger in Prometheus.

    Args:
        api: where it answers.
        policy: with it, windows and limited resources are looked at.
        at: the present.
        namespace: of the hub's pods; empty where Prometheus serves one hub.
        gpu_resources: names of the resources that are GPUs.
    """
    window = policy.longest_window if policy else DEFAULT_WINDOW
    try:
        facts = await series.look(api, at, namespace, window)
    except UnavailableError as error:
        return Diagnosis((chain.unanswered(error),))
    findings = list(chain.chain(facts, policy.longest_window if policy else None))
    findings += record.reservations(facts.alive, facts.nothing, facts.without or {}, policy)
    if policy and facts.beat is not None:
        findings += record.history(facts.first, at, policy)
        asked, others = _kinds(facts.asked, gpu_pattern(gpu_resources))
        findings += record.demand(asked, policy, others)
    return Diagnosis(tuple(findings), tuple(chain.unseen(facts)), facts.beat)


async def examine_file(url: str, ledger: Ledger, policy: Policy | None, at: float) -> Diagnosis:
    """Look at an embedded ledger; see `examine_prometheus`."""
    try:
        facts = await file.look(url, at)
        reading = await ledger.read(since=at - LATELY, at=at)
    except (UnavailableError, LedgerError) as error:
        return Diagnosis(
            (Finding(Name.UNREACHABLE, str(error), "See that --ledger names the file that the hub writes."),)
        )
    findings = list(file.watching(facts))
    alive = [session for session in reading.sessions if session.alive]
    without = {r: _users([s for s in alive if s.request.of(r) <= 0]) for r in (Resource.MEMORY, Resource.CPU)}
    nothing = _users([s for s in alive if s.request.memory <= 0 and s.request.cpu <= 0])
    findings += record.reservations(len(alive), nothing, without, policy)
    if policy:
        findings += record.history(reading.complete_since, at, policy)
        findings += record.demand({r for r in Resource for s in reading.sessions if s.request.of(r) > 0}, policy)
    return Diagnosis(tuple(findings), (), reading.as_of)


async def examine_hub(diagnosis: Diagnosis, hub: HubClient, policy: Policy | None) -> Diagnosis:
    """Add to *diagnosis* what the hub says of groups."""
    try:
        users: Mapping[str, frozenset[str]] = await hub.everybody()
    except UnavailableError as error:
        return replace(diagnosis, findings=(*diagnosis.findings, membership.unanswered(error)))
    found = membership.membership(policy, users) if policy else ()
    return replace(
        diagnosis,
        findings=(*diagnosis.findings, *found),
        notes=(*diagnosis.notes, membership.NOT_TOLD),
    )


def _users(sessions: list[Session]) -> tuple[int, tuple[str, ...]]:
    return len(sessions), tuple(sorted({session.user for session in sessions}))


def _kinds(asked: Iterable[str], gpu: re.Pattern[str]) -> tuple[set[Resource], set[str]]:
    """Our resources among what pods asked for, and the names of the rest."""
    names = set(asked)
    ours = {resource for resource in (Resource.MEMORY, Resource.CPU) if resource.value in names}
    devices = {name for name in names if gpu.fullmatch(name)}
    return ours | ({Resource.GPU} if devices else set()), names - devices - {"memory", "cpu"}
