"""`check` and `status`: may this user start that server, and what has been used."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from jupyterhub_quota.answers import decision_json, report_json
from jupyterhub_quota.cli.options import Commands, add_command, add_question, print_json, size
from jupyterhub_quota.decision import Decision, Reason
from jupyterhub_quota.document import load_policy
from jupyterhub_quota.engine import QuotaEngine, Report
from jupyterhub_quota.errors import InputError, UnavailableError
from jupyterhub_quota.explanation import request_text, server_text
from jupyterhub_quota.hub import HubClient
from jupyterhub_quota.ledger import open_ledger
from jupyterhub_quota.policy import Policy
from jupyterhub_quota.sentences import WORDS, moment, status_sentence
from jupyterhub_quota.session import Request, Resource, Subject

NOT_KNOWN = 3


def add_to(commands: Commands) -> None:
    """Add the commands."""
    asks = add_command(
        commands,
        "check",
        check,
        "say whether a user may start a server",
        "Say whether a user may start a server, in the words that the hub says. Exit code 0: it starts; 1: it is "
        "refused; 3: it is not known what was used, whatever the policy makes of that.",
    )
    add_question(asks)
    asks.add_argument("--server", default="", metavar="NAME", help="name of the server (default: the default server)")
    asks.add_argument(
        "--memory", type=size(Resource.MEMORY), default=0.0, metavar="SIZE", help="what it reserves: 4GiB"
    )
    asks.add_argument("--cpu", type=size(Resource.CPU), default=0.0, metavar="CORES", help="what it reserves: 2 or 0.5")
    asks.add_argument("--gpu", type=size(Resource.GPU), default=0.0, metavar="NUMBER", help="what it reserves: 1")
    shows = add_command(
        commands,
        "status",
        status,
        "say what a user has used",
        "Say what a user has used of which quotas, and which servers run, in the words that the hub says.",
    )
    add_question(shows)


def check(options: argparse.Namespace) -> int:
    """Carry out `check`."""
    policy = load_policy(Path(options.policy))
    decision = asyncio.run(_decide(policy, options))
    if options.json:
        print_json(decision_json(decision))
    else:
        print(decision.sentence)
    if decision.problem:
        print(f"Not known: {decision.problem}", file=sys.stderr)
    for resource in decision.unmetered:
        word = WORDS[resource]
        print(f"Note: this server reserves no {word}, so its use of {word} would not be charged.", file=sys.stderr)
    if decision.reason is Reason.NOT_KNOWN:
        return NOT_KNOWN
    return 0 if decision.allowed else 1


def status(options: argparse.Namespace) -> int:
    """Carry out `status`."""
    policy = load_policy(Path(options.policy))
    report = asyncio.run(_report(policy, options))
    if options.json:
        print_json(report_json(report, policy.timezone))
    else:
        print("\n".join(_sentences(report, policy)))
    return 0


async def _decide(policy: Policy, options: argparse.Namespace) -> Decision:
    at = time.time() if options.at is None else options.at
    request = Request(options.memory, options.cpu, options.gpu)
    async with _engine(policy, options) as engine:
        try:
            subject = await _subject(options)
        except UnavailableError as error:
            return engine.unknown(Subject(options.user), request, server=options.server, at=at, problem=str(error))
        return await engine.decide(subject, request, server=options.server, at=at)


async def _report(policy: Policy, options: argparse.Namespace) -> Report:
    async with _engine(policy, options) as engine:
        return await engine.status(await _subject(options), at=options.at)


@asynccontextmanager
async def _engine(policy: Policy, options: argparse.Namespace) -> AsyncIterator[QuotaEngine]:
    ledger = open_ledger(options.ledger)
    try:
        yield QuotaEngine(policy, ledger)
    finally:
        await ledger.close()


async def _subject(options: argparse.Namespace) -> Subject:
    """The user, with the groups that were given, or that the hub knows."""
    if not options.user:
        raise InputError("--user is empty; write the name of a user")
    if options.hub_api is None:
        if options.hub_token_file is not None:
            raise InputError("--hub-token-file says how to ask a hub, but not which; add --hub-api URL")
        return Subject(options.user, frozenset(options.group))
    token: str | Path | None = os.environ.get("JUPYTERHUB_API_TOKEN")
    if options.hub_token_file is not None:
        token = Path(options.hub_token_file)
    if not token:
        raise InputError("--hub-api needs a token: set the variable JUPYTERHUB_API_TOKEN, or add --hub-token-file FILE")
    hub = HubClient(options.hub_api, token, timeout_seconds=options.timeout)
    try:
        return Subject(options.user, await hub.groups(options.user))
    finally:
        await hub.close()


def _sentences(report: Report, policy: Policy) -> list[str]:
    exempt = ["You are exempt from quotas."] if policy.exempts(report.subject) else []
    quotas = [status_sentence(status, report.at, report.complete_since, policy.timezone) for status in report.statuses]
    running = [
        f"Running: {server_text(session.server)} with {request_text(session.request)}, "
        f"started {moment(session.start, report.at, policy.timezone)}."
        for session in sorted(report.running, key=lambda session: session.start)
    ]
    return [*exempt, *quotas, *running]
