"""The options that say where sessions are recorded and how we are let in, and the ledger that they name."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from jupyterhub_quota.cli.options import Parser, positive
from jupyterhub_quota.errors import InputError
from jupyterhub_quota.ledger import Access, Ledger, open_ledger
from jupyterhub_quota.ledger.prometheus import GPU_RESOURCES

# For one question about one user, and for each about everybody.
ONE_SECONDS, EVERYBODY_SECONDS = 5.0, 60.0


def add_ledger(command: Parser) -> None:
    """Add the options that name a ledger. Secrets stand in files: arguments can be seen by others."""
    command.add_argument(
        "--ledger",
        required=True,
        metavar="URL",
        help="where sessions are recorded: sqlite:///FILE, or http://prometheus:9090",
    )
    ledger = command.add_argument_group("a ledger in Prometheus")
    ledger.add_argument("--ledger-username", default="", metavar="NAME", help="who asks; needs --ledger-password-file")
    ledger.add_argument("--ledger-username-file", type=Path, metavar="FILE", help="holds the name of who asks instead")
    ledger.add_argument("--ledger-password-file", type=Path, metavar="FILE", help="holds the password of that user")
    ledger.add_argument("--ledger-token-file", type=Path, metavar="FILE", help="holds a bearer token instead")
    ledger.add_argument(
        "--ledger-ca-file", type=Path, metavar="FILE", help="certificates to trust instead of the system's"
    )
    ledger.add_argument(
        "--namespace", default="", metavar="NAME", help="of the hub's pods, where one Prometheus serves several hubs"
    )
    ledger.add_argument(
        "--gpu-resource",
        action="append",
        default=[],
        metavar="NAME",
        help="a resource that is a GPU, as pods ask for it; '*' stands for any text; may be repeated "
        f"(default: {', '.join(GPU_RESOURCES)})",
    )
    command.add_argument(
        "--timeout",
        type=positive,
        metavar="SECONDS",
        help=f"how long Prometheus or the hub may take over one question (default: {ONE_SECONDS:g}; where everybody "
        f"is read, {EVERYBODY_SECONDS:g})",
    )


def timeout(options: argparse.Namespace, *, everybody: bool = False) -> float:
    """Return how many seconds one question may take."""
    given: float | None = options.timeout
    return given or (EVERYBODY_SECONDS if everybody else ONE_SECONDS)


def access(options: argparse.Namespace) -> Access:
    """
    Return how Prometheus lets us in.

    Raises:
        InputError: the options do not fit together, or the ledger is none in Prometheus.
    """
    user, password = options.ledger_username, options.ledger_password_file
    user_file = options.ledger_username_file
    if user and user_file:
        raise InputError("--ledger-username and --ledger-username-file do not go together; give one of them")
    if bool(user or user_file) != bool(password):
        name = "--ledger-username-file" if user_file else "--ledger-username"
        raise InputError(f"{name} and --ledger-password-file belong together; give both or neither")
    if password and options.ledger_token_file:
        raise InputError("--ledger-password-file and --ledger-token-file do not go together; give one of them")
    given = {
        "--ledger-username": user,
        "--ledger-username-file": user_file,
        "--ledger-token-file": options.ledger_token_file,
        "--ledger-ca-file": options.ledger_ca_file,
        "--namespace": options.namespace,
        "--gpu-resource": options.gpu_resource,
    }
    first = next((name for name, value in given.items() if value), None)
    if first and options.ledger.partition(":")[0] == "sqlite":
        raise InputError(f"{first} is about a ledger in Prometheus, and --ledger names a file; leave it out")
    return Access(user, password, options.ledger_token_file, options.ledger_ca_file, user_file)


@asynccontextmanager
async def opened(options: argparse.Namespace, *, everybody: bool = False) -> AsyncIterator[Ledger]:
    """Open the ledger that *options* name, and let go of it afterwards."""
    ledger = open_ledger(
        options.ledger,
        access=access(options),
        namespace=options.namespace,
        gpu_resources=options.gpu_resource or GPU_RESOURCES,
        timeout_seconds=timeout(options, everybody=everybody),
    )
    try:
        yield ledger
    finally:
        await ledger.close()
