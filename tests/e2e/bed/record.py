"""What the record of sessions holds, asked by the command line where the usage page runs."""

import json
from typing import Any

from .deployment import Deployment

_WHERE = "/etc/jupyterhub-quota"


def status(deployment: Deployment, user: str, group: str) -> dict[str, Any]:
    """Return what the command line knows of a user."""
    command = (
        f"jupyterhub-quota status --json --policy {_WHERE}/policy/policy.yaml --ledger $JUPYTERHUB_QUOTA_LEDGER_URL "
        f"--ledger-username $(cat {_WHERE}/prometheus/username) --ledger-password-file {_WHERE}/prometheus/password "
        f"--user {user} --group {group}"
    )
    known: dict[str, Any] = json.loads(deployment.service("sh", "-c", command))
    return known


def memory_used(deployment: Deployment, user: str, group: str) -> float:
    """Return the byte-seconds that a user is charged."""
    quotas = status(deployment, user, group)["quotas"]
    return float(next(one["used"] for one in quotas if one["resource"] == "memory"))
