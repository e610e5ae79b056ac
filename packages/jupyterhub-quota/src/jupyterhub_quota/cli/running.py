"""`running`: which servers would be warned and stopped, now and in the next day. A dry run: it stops nothing."""

import argparse
import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from jupyterhub_quota.cli.hub import add_hub, add_token, asked_hub
from jupyterhub_quota.cli.ledger import add_ledger, opened
from jupyterhub_quota.cli.options import Commands, add_command, add_moment, add_policy, print_json
from jupyterhub_quota.cli.table import table
from jupyterhub_quota.document import load_policy
from jupyterhub_quota.errors import Unavailable, UnavailableError
from jupyterhub_quota.everybody import SERVER
from jupyterhub_quota.ledger import Reading
from jupyterhub_quota.policy import AtLaunch, Policy, WhileRunning
from jupyterhub_quota.running import Memory, Notice, Plan, RunningServer, look, plan_json
from jupyterhub_quota.running.held import AHEAD_SECONDS
from jupyterhub_quota.sentences import WORDS, moment
from jupyterhub_quota.telling import shown
from jupyterhub_quota.wording import format_used


def add_to(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "running",
        run,
        "say which running servers would be warned and stopped",
        "Say which servers would be warned and stopped now and in the next 24 hours, if all run on as they are and the "
        "policy said 'while_running: stop'. A dry run: it changes nothing, and remembers nothing of earlier warnings.",
    )
    add_policy(command)
    add_ledger(command)
    add_hub(command, "the servers that run, and the groups of their users")
    add_token(command)
    add_moment(command)


def run(options: argparse.Namespace) -> int:
    """Carry out `running`."""
    policy = load_policy(Path(options.policy))
    stopping = replace(policy, while_running=WhileRunning.STOP, at_launch=AtLaunch.REFUSE)
    plan = asyncio.run(_look(stopping, options))
    if plan.doubt is not None:
        raise UnavailableError(plan.doubt.problem, Unavailable.STALE)
    if options.json:
        print_json(plan_json(plan, policy))
    else:
        print("\n".join(_text(plan, policy, stopping)))
    return 0


async def _look(policy: Policy, options: argparse.Namespace) -> Plan:
    at = time.time() if options.at is None else options.at
    async with asked_hub(options, everybody=True) as hub, opened(options, everybody=True) as ledger:
        reading = await ledger.read(since=at - policy.longest_window, at=at)
        servers = _on_record(policy, reading) if hub is None else await hub.running()
    plan = look(policy, reading, servers, Memory(), at=at, ticks=0.0)
    soon = tuple(notice for notice in plan.forecasts if notice.ends <= at + AHEAD_SECONDS)
    return replace(plan, forecasts=soon)


def _on_record(policy: Policy, reading: Reading) -> Iterable[RunningServer]:
    """What runs, by the ledger alone."""
    if policy.groups or policy.exempt_groups:
        message = "the policy is about groups, and whose are which only the hub knows; add --hub-api URL"
        raise UnavailableError(message, Unavailable.GROUPS_UNKNOWN)
    return tuple(
        RunningServer(session.user, session.server, session.start)
        for session in reading.sessions
        if session.alive and session.component in {"", SERVER}
    )


def _text(plan: Plan, policy: Policy, stopping: Policy) -> Iterator[str]:
    as_of = "" if plan.as_of is None else f" Usage as of {_when(plan.as_of, plan, policy)}."
    yield f"{_counted(plan.running)} run{'s' if plan.running == 1 else ''}.{as_of}"
    yield from _notes(plan, policy)
    if not plan.forecasts:
        yield "None would be warned or stopped in the next 24 hours."
        return
    yield ""
    yield from table(
        ("Stopped", "Warned from", "User", "Server", "Runs out", "Used", "Used up since"),
        [_row(notice, plan, stopping) for notice in plan.forecasts],
    )


def _row(notice: Notice, plan: Plan, policy: Policy) -> tuple[str, ...]:
    status = notice.blocking
    first = max(plan.at, notice.ends - max(policy.warn_before, default=0.0))
    return (
        _when(notice.ends, plan, policy),
        "now" if notice.level is not None else _when(min(first, notice.runs_out), plan, policy),
        shown(notice.server.user),
        shown(notice.server.name) or "(default)",
        WORDS[notice.resource],
        format_used(status.resource, status.used, status.limit),
        _when(notice.used_up, plan, policy) if notice.over and notice.used_up is not None else "",
    )


def _notes(plan: Plan, policy: Policy) -> Iterator[str]:
    if policy.while_running is not WhileRunning.STOP:
        says = f"while_running: {policy.while_running}"
        yield f"The policy says {says}, so none is stopped: this is what 'stop' would do."
    elif policy.at_launch is not AtLaunch.REFUSE:
        yield f"The policy says at_launch: {policy.at_launch}, so none is stopped: this is what 'refuse' would do."
    if plan.brake:
        yield (
            f"The brake would hold {len(plan.late)} of them until an admin lets them go: their quota was used up long "
            f"ago, and they are more than {policy.brake:.0%} of all."
        )
    if plan.unmatched:
        yield f"{_counted(plan.unmatched)} could not be found on record and would be left alone."


def _counted(number: int) -> str:
    return "1 server" if number == 1 else f"{number} servers"


def _when(seconds: float, plan: Plan, policy: Policy) -> str:
    return moment(seconds, plan.at, policy.timezone).removeprefix("on ")
