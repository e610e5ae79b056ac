"""The options that say whom a question is about, and the subject that they name."""

import argparse

from jupyterhub_quota.cli.hub import add_hub, add_token, asked_hub
from jupyterhub_quota.cli.options import Options, Parser
from jupyterhub_quota.errors import InputError
from jupyterhub_quota.session import Subject


def add_user(command: Options, *, required: bool) -> None:
    """Add the option that names a user."""
    command.add_argument("--user", required=required, metavar="NAME", help="whom this is about")


def add_groups(command: Parser, about: str) -> None:
    """Add the options that say where groups are known from; *about* says what a hub is asked for."""
    groups = command.add_mutually_exclusive_group()
    groups.add_argument(
        "--group",
        action="append",
        default=[],
        metavar="NAME",
        help="a group of the user; may be repeated (default: none)",
    )
    add_hub(groups, about)
    add_token(command)


async def subject_of(options: argparse.Namespace) -> Subject:
    """
    Return the user with the groups that were given, or that the hub knows.

    Raises:
        UnavailableError: the hub does not say.
    """
    if not options.user:
        raise InputError("--user is empty; write the name of a user")
    async with asked_hub(options) as hub:
        groups = frozenset(options.group) if hub is None else await hub.groups(options.user)
    return Subject(options.user, groups)
