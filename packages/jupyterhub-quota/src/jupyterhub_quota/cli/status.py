"""`status`: what has been used, by one user or by everybody."""

import argparse
import asyncio
from pathlib import Path

from jupyterhub_quota.answers import report_json
from jupyterhub_quota.cli.everybody import show_everybody
from jupyterhub_quota.cli.ledger import add_ledger, opened
from jupyterhub_quota.cli.options import Commands, add_command, add_moment, add_policy, print_json
from jupyterhub_quota.cli.subject import add_groups, add_user, subject_of
from jupyterhub_quota.document import load_policy
from jupyterhub_quota.engine import QuotaEngine, Report
from jupyterhub_quota.errors import InputError
from jupyterhub_quota.explanation import request_text, server_text
from jupyterhub_quota.policy import Policy
from jupyterhub_quota.sentences import moment, status_sentence


def add_to(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "status",
        status,
        "say what a user, or everybody, has used",
        "Say what a user has used of which quotas, and which servers run, in the words that the hub says; or show "
        "everybody, what each group used, and how many would be refused: so the right limits are found before they "
        "are switched on.",
    )
    add_policy(command)
    add_ledger(command)
    whom = command.add_mutually_exclusive_group(required=True)
    add_user(whom, required=False)
    whom.add_argument("--everybody", action="store_true", help="show everybody; the groups come from --hub-api")
    add_groups(command, "the groups of users")
    command.add_argument(
        "--csv", action="store_true", help="with --everybody: one line for each user and quota, for spreadsheets"
    )
    add_moment(command)


def status(options: argparse.Namespace) -> int:
    """Carry out `status`."""
    if options.csv and (options.json or not options.everybody):
        raise InputError("--csv goes with --everybody, and not with --json")
    if options.everybody and options.group:
        raise InputError("--group is about one user; with --everybody the groups come from --hub-api")
    policy = load_policy(Path(options.policy))
    if options.everybody:
        return show_everybody(policy, options)
    report = asyncio.run(_report(policy, options))
    if options.json:
        print_json({**report_json(report, policy.timezone), "exempt": policy.exempts(report.subject)})
    else:
        print("\n".join(_sentences(report, policy)))
    return 0


async def _report(policy: Policy, options: argparse.Namespace) -> Report:
    async with opened(options) as ledger:
        return await QuotaEngine(policy, ledger).status(await subject_of(options), at=options.at)


def _sentences(report: Report, policy: Policy) -> list[str]:
    quotas = [status_sentence(status, report.at, report.complete_since, policy.timezone) for status in report.statuses]
    # Said after the quotas, since it takes back what they say of servers that cannot start.
    exempt = ["You are exempt from quotas, so none of this stops you."] if policy.exempts(report.subject) else []
    running = [
        f"Running: {server_text(session.server)} with {request_text(session.request)}, "
        f"started {moment(session.start, report.at, policy.timezone)}."
        for session in sorted(report.running, key=lambda session: session.start)
    ]
    return [*quotas, *exempt, *running]
