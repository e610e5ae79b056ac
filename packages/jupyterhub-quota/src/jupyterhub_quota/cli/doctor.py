"""`doctor`: what is wrong with ledger, policy and groups, and what to do."""

import argparse
import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from jupyterhub_quota.cli.hub import add_hub, add_token, asked_hub
from jupyterhub_quota.cli.ledger import access, add_ledger, opened, timeout
from jupyterhub_quota.cli.options import Commands, add_command, print_json
from jupyterhub_quota.doctor import Diagnosis, examine_file, examine_hub, examine_prometheus
from jupyterhub_quota.document import load_policy
from jupyterhub_quota.ledger import SqliteLedger
from jupyterhub_quota.ledger.api import PrometheusApi
from jupyterhub_quota.ledger.prometheus import GPU_RESOURCES
from jupyterhub_quota.policy import Policy
from jupyterhub_quota.telling import shown


def add_to(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "doctor",
        run,
        "say what is wrong, and what to do",
        "Look at the ledger and at what feeds it, with --policy at whether they fit together, with --hub-api at the "
        "groups. One line for each finding. Exit code 0: no problem (warnings may be meant so); 1: a problem.",
    )
    add_ledger(command)
    command.add_argument("--policy", type=Path, metavar="FILE", help="the policy")
    add_hub(command, "the groups of its users")
    add_token(command)


def run(options: argparse.Namespace) -> int:
    """Carry out `doctor`."""
    policy = load_policy(options.policy) if options.policy else None
    at = time.time()
    diagnosis = asyncio.run(_examine(options, policy, at))
    if options.json:
        print_json(
            {
                "healthy": diagnosis.healthy,
                "as_of": diagnosis.as_of,
                "findings": [
                    {
                        "finding": finding.name.value,
                        "problem": finding.problem,
                        "seen": finding.seen,
                        "advice": finding.advice,
                    }
                    for finding in diagnosis.findings
                ],
                "not_looked_at": list(diagnosis.notes),
            }
        )
    else:
        print("\n".join(shown(line) for line in _lines(diagnosis, at)))
    return 0 if diagnosis.healthy else 1


async def _examine(options: argparse.Namespace, policy: Policy | None, at: float) -> Diagnosis:
    async with asked_hub(options, everybody=True) as hub:
        async with opened(options) as ledger:
            if isinstance(ledger, SqliteLedger):
                diagnosis = await examine_file(options.ledger, ledger, policy, at)
            else:
                diagnosis = await _examine_prometheus(options, policy, at)
        return diagnosis if hub is None else await examine_hub(diagnosis, hub, policy)


async def _examine_prometheus(options: argparse.Namespace, policy: Policy | None, at: float) -> Diagnosis:
    api = PrometheusApi(options.ledger, access(options), timeout(options))
    try:
        return await examine_prometheus(
            api,
            policy,
            at,
            namespace=options.namespace,
            gpu_resources=options.gpu_resource or GPU_RESOURCES,
        )
    finally:
        await api.close()


def _lines(diagnosis: Diagnosis, at: float) -> Iterator[str]:
    for finding in diagnosis.findings:
        yield f"{'Problem' if finding.problem else 'Warning'}: {finding.seen} {finding.advice}"
    for note in diagnosis.notes:
        yield f"Not looked at: {note}"
    if diagnosis.healthy and diagnosis.as_of is not None:
        yield f"No problem was found. Usage is known up to {max(0.0, at - diagnosis.as_of):.0f} s ago."
