"""`policy check`, `policy show` and `policy schema`: is a policy right, and what does it mean for whom."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyterhub_quota.answers import number
from jupyterhub_quota.cli.options import Commands, add_command, print_json
from jupyterhub_quota.document import load_policy, policy_schema, policy_warnings
from jupyterhub_quota.errors import PolicyError
from jupyterhub_quota.policy import AtLaunch, Offer, Policy, WhenUnknown, WhileRunning
from jupyterhub_quota.sentences import WORDS
from jupyterhub_quota.session import Resource, Subject
from jupyterhub_quota.wording import format_amount, format_duration, format_window

WRONG_INPUT = 2


def add_to(commands: Commands) -> None:
    """Add the commands."""
    about = "check a policy, and show what it means"
    parts = commands.add_parser("policy", help=about, description=f"{about[0].upper()}{about[1:]}.").add_subparsers(
        metavar="COMMAND", required=True
    )
    checks = add_command(
        parts,
        "check",
        check,
        "say what is wrong with a policy",
        "Say everything that is wrong with a policy (exit code 2). What only looks like an accident is a warning (0).",
    )
    checks.add_argument("file", metavar="FILE", help="the policy")
    shows = add_command(
        parts,
        "show",
        show,
        "say what a person gets",
        "Say what a person in these groups gets of each resource, and how it is enforced.",
    )
    shows.add_argument("file", metavar="FILE", help="the policy")
    shows.add_argument(
        "--group", action="append", default=[], metavar="NAME", help="a group of the person; may be repeated"
    )
    shows.add_argument("--user", default="", metavar="NAME", help="the person, who may be exempt by name")
    add_command(
        parts,
        "schema",
        schema,
        "print the JSON Schema of policies",
        "Print the JSON Schema of policies, for editors.",
    )


def check(options: argparse.Namespace) -> int:
    """Carry out `policy check`."""
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    try:
        warnings = policy_warnings(load_policy(Path(options.file)))
    except PolicyError as error:
        problems = error.problems
    if options.json:
        print_json({"valid": not problems, "problems": list(problems), "warnings": list(warnings)})
        return WRONG_INPUT if problems else 0
    for problem in problems:
        print(problem, file=sys.stderr)
    for warning in warnings:
        print(f"Warning: {warning}", file=sys.stderr)
    if problems:
        return WRONG_INPUT
    print(f"{options.file} is a valid policy.")
    return 0


def show(options: argparse.Namespace) -> int:
    """Carry out `policy show`."""
    policy = load_policy(Path(options.file))
    subject = Subject(options.user, frozenset(options.group))
    if options.json:
        print_json(_shown(policy, subject))
        return 0
    print("\n".join((*_gets(policy, subject), "", *_enforced(policy))))
    for group in sorted(subject.groups - policy.groups.keys() - policy.exempt_groups):
        print(f"Note: the policy says nothing about a group {group!r}.", file=sys.stderr)
    return 0


def schema(_options: argparse.Namespace) -> int:
    """Carry out `policy schema`."""
    print_json(policy_schema())
    return 0


def _shown(policy: Policy, subject: Subject) -> dict[str, Any]:
    """What `policy show --json` prints."""
    return {
        "user": subject.name,
        "groups": sorted(subject.groups),
        "exempt": policy.exempts(subject),
        "offers": [
            {
                "resource": resource.value,
                "group": offer.group,
                "quotas": [{"limit": number(quota.limit), "window_seconds": quota.window} for quota in offer.quotas],
            }
            for resource in Resource
            for offer in policy.offers(subject, resource)
        ],
        "at_launch": policy.at_launch.value,
        "while_running": policy.while_running.value,
        "when_unknown": policy.when_unknown.value,
        "tolerate_seconds": policy.tolerate,
        "minimum_runtime_seconds": policy.minimum_runtime,
        "session_seconds": policy.session,
        "warn_before_seconds": list(policy.warn_before),
        "grace_seconds": policy.grace,
        "brake": policy.brake,
        "timezone": policy.timezone.key,
        "contact": policy.contact,
        "digest": policy.digest,
    }


def _gets(policy: Policy, subject: Subject) -> Iterator[str]:
    """What such a person gets of each resource."""
    groups = sorted(subject.groups)
    belongs = f"in the {'group' if len(groups) == 1 else 'groups'} {', '.join(groups)}" if groups else "in no group"
    yield f"{subject.name}, {belongs}, gets:" if subject.name else f"Whoever is {belongs} gets:"
    for resource in Resource:
        word = f"{WORDS[resource][0].upper()}{WORDS[resource][1:]}"
        offers = policy.offers(subject, resource)
        if not offers:
            yield f"- {word}: not limited."
            continue
        told = " or ".join(_offer(offer) for offer in offers)
        counts = "; the most generous counts" if len(offers) > 1 else ""
        yield f"- {word}: {told}{counts}."
    if policy.exempts(subject):
        yield "Exempt: what is used is counted and shown, but nothing is refused or stopped."


def _offer(offer: Offer) -> str:
    quotas = [
        "0" if quota.limit <= 0 else f"{format_amount(quota.resource, quota.limit)} in {format_window(quota.window)}"
        for quota in offer.quotas
    ]
    source = "the default" if offer.group is None else f"group {offer.group}"
    return f"{' and '.join(quotas)} ({source})"


def _enforced(policy: Policy) -> Iterator[str]:
    """How the policy is enforced: each rule in words, with its keys."""
    minimum = f"A launch that could not run for {format_duration(policy.minimum_runtime)} (minimum_runtime)"
    yield {
        AtLaunch.REFUSE: f"{minimum} is refused (at_launch: refuse).",
        AtLaunch.WARN: f"{minimum} starts with a warning (at_launch: warn).",
        AtLaunch.IGNORE: "Every launch starts (at_launch: ignore).",
    }[policy.at_launch]
    if policy.at_launch is AtLaunch.REFUSE:
        session = format_duration(policy.session)
        yield f"A refusal says from when it could run that long, and from when for {session} (session)."
    tolerated = f"Where usage is not known for more than {format_duration(policy.tolerate)} (tolerate)"
    if policy.at_launch is AtLaunch.REFUSE:
        yield {
            WhenUnknown.REFUSE: f"{tolerated}, launches are refused (when_unknown: refuse).",
            WhenUnknown.ALLOW: f"{tolerated}, launches start all the same (when_unknown: allow).",
        }[policy.when_unknown]
    before = " and ".join(format_duration(seconds) for seconds in policy.warn_before)
    warned = f", and its user is warned {before} before (warn_before)" if before else ""
    used_up = "When a quota is used up while a server runs,"
    grace = f"after {format_duration(policy.grace)} (grace)" if policy.grace > 0 else "at once (grace)"
    yield {
        WhileRunning.STOP: f"{used_up} it is stopped {grace}{warned} (while_running: stop).",
        WhileRunning.WARN: f"{used_up} it runs on{warned} (while_running: warn).",
        WhileRunning.IGNORE: f"{used_up} it runs on (while_running: ignore).",
    }[policy.while_running]
