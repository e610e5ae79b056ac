"""`brake`: which servers wait for an admin before they are stopped, and let them go."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import httpx

from jupyterhub_quota.address import base_of
from jupyterhub_quota.cli.ledger import ONE_SECONDS
from jupyterhub_quota.cli.options import Commands, add_command, positive, print_json
from jupyterhub_quota.cli.table import table
from jupyterhub_quota.errors import InputError, Unavailable, UnavailableError
from jupyterhub_quota.hub import checked_token, read_token
from jupyterhub_quota.telling import shown


def add_to(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "brake",
        run,
        "say which servers the brake holds, and let them go",
        "Say which servers are not stopped because many at once have a quota that was used up long ago: a wrong policy "
        "or wrong data may be why. With --release, those that are shown are stopped in the next round.",
    )
    command.add_argument(
        "--service",
        required=True,
        metavar="URL",
        help="the service, for example https://hub.example.org/services/quota/",
    )
    command.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="holds a token of the hub (default: the variable JUPYTERHUB_API_TOKEN)",
    )
    command.add_argument("--release", action="store_true", help="let those go that are shown")
    command.add_argument("--timeout", type=positive, default=ONE_SECONDS, metavar="SECONDS", help="for each question")


def run(options: argparse.Namespace) -> int:
    """Carry out `brake`."""
    with httpx.Client(
        base_url=base_of(
            options.service,
            "--service: the address",
            example="https://hub.example.org/services/quota/",
            instead="the token is all that it needs",
        ),
        headers={"Authorization": f"Bearer {_token(options.token_file)}"},
        timeout=options.timeout,
        # Redirects and proxies of the environment could carry the token to somebody else.
        trust_env=False,
    ) as client:
        found = _asked(client, "GET", "api/running")
        held = [server for server in found["servers"] if server["held_back"] == "brake"]
        if options.release and held:
            which = [{key: server[key] for key in ("user", "server", "started")} for server in held]
            _asked(client, "POST", "api/running/release", {"servers": which})
    released = options.release and bool(held)
    if options.json:
        print_json({"brake": found["brake"], "released": released, "servers": held})
        return 0
    if not held:
        print("The brake holds no server.")
        return 0
    rows = [(shown(each["user"]), shown(each["server"]) or "(default)", each["sentence"]) for each in held]
    print("\n".join(table(("User", "Server", "Why"), rows)))
    print("They are stopped in the next round." if released else "To have them stopped, add --release.")
    return 0


def _asked(client: httpx.Client, method: str, path: str, body: Any = None) -> Any:
    """What the service answers."""
    try:
        response = client.request(method, path, json=body)
        answer = response.json()
    except httpx.HTTPError as error:
        raise UnavailableError("the service cannot be reached", Unavailable.UNREACHABLE) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UnavailableError("there is no such service at this address", Unavailable.MALFORMED) from error
    if response.status_code != httpx.codes.OK:
        message = answer.get("message", "") if isinstance(answer, dict) else ""
        raise UnavailableError(
            f"the service answered with status {response.status_code}: {message}", Unavailable.DENIED
        )
    return answer


def _token(file: Path | None) -> str:
    if file is not None:
        return read_token(file)
    token = os.environ.get("JUPYTERHUB_API_TOKEN")
    if not token:
        raise InputError("there is no token; set the variable JUPYTERHUB_API_TOKEN, or add --token-file FILE")
    return checked_token(token)
