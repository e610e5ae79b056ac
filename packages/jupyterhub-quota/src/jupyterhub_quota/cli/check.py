"""`check`: may this user start that server."""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from jupyterhub_quota.answers import decision_json
from jupyterhub_quota.cli.ledger import add_ledger, opened
from jupyterhub_quota.cli.options import Commands, add_command, add_moment, add_policy, print_json, size
from jupyterhub_quota.cli.subject import add_groups, add_user, subject_of
from jupyterhub_quota.decision import Decision, Reason
from jupyterhub_quota.document import load_policy
from jupyterhub_quota.engine import QuotaEngine
from jupyterhub_quota.errors import UnavailableError
from jupyterhub_quota.policy import Policy
from jupyterhub_quota.sentences import WORDS
from jupyterhub_quota.session import Request, Resource, Subject

NOT_KNOWN = 3


def add_to(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "check",
        check,
        "say whether a user may start a server",
        "Say whether a user may start a server, in the words that the hub says. Exit code 0: it starts; 1: it is "
        "refused; 3: it is not known what was used, whatever the policy makes of that.",
    )
    add_policy(command)
    add_ledger(command)
    add_user(command, required=True)
    add_groups(command, "the user's groups")
    add_moment(command)
    command.add_argument(
        "--server", default="", metavar="NAME", help="name of the server (default: the default server)"
    )
    command.add_argument(
        "--memory", type=size(Resource.MEMORY), default=0.0, metavar="SIZE", help="what it reserves: 4GiB"
    )
    command.add_argument(
        "--cpu", type=size(Resource.CPU), default=0.0, metavar="CORES", help="what it reserves: 2 or 0.5"
    )
    command.add_argument("--gpu", type=size(Resource.GPU), default=0.0, metavar="NUMBER", help="what it reserves: 1")


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


async def _decide(policy: Policy, options: argparse.Namespace) -> Decision:
    at = time.time() if options.at is None else options.at
    request = Request(options.memory, options.cpu, options.gpu)
    async with opened(options) as ledger:
        engine = QuotaEngine(policy, ledger)
        try:
            subject = await subject_of(options)
        except UnavailableError as error:
            return engine.unknown(Subject(options.user), request, server=options.server, at=at, problem=str(error))
        return await engine.decide(subject, request, server=options.server, at=at)
