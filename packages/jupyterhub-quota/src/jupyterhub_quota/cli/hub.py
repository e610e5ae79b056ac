"""The options that say which hub knows the groups, and what it answers."""

import argparse
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from jupyterhub_quota.cli.ledger import timeout
from jupyterhub_quota.cli.options import Options
from jupyterhub_quota.errors import InputError
from jupyterhub_quota.hub import HubClient


def add_hub(command: Options, about: str) -> None:
    """Add the option that names a hub; *about* says what it is asked for."""
    command.add_argument(
        "--hub-api",
        metavar="URL",
        help=f"ask this hub for {about}, for example http://127.0.0.1:8081/hub/api; "
        "the token comes from the variable JUPYTERHUB_API_TOKEN",
    )


def add_token(command: Options) -> None:
    """Add the option that names the file of the hub's token."""
    command.add_argument("--hub-token-file", type=Path, metavar="FILE", help="read the hub's token from here instead")


@asynccontextmanager
async def asked_hub(options: argparse.Namespace, *, everybody: bool = False) -> AsyncIterator[HubClient | None]:
    """
    Open the hub that *options* name, None where they name none, and let go of it afterwards.

    Raises:
        InputError: there is no token, or a token for no hub.
    """
    if options.hub_api is None:
        if options.hub_token_file is not None:
            raise InputError("--hub-token-file says how to ask a hub, but not which; add --hub-api URL")
        yield None
        return
    token: str | Path | None = options.hub_token_file or os.environ.get("JUPYTERHUB_API_TOKEN")
    if not token:
        raise InputError("--hub-api needs a token: set the variable JUPYTERHUB_API_TOKEN, or add --hub-token-file FILE")
    hub = HubClient(options.hub_api, token, timeout_seconds=timeout(options, everybody=everybody))
    try:
        yield hub
    finally:
        await hub.close()
