"""What the record of sessions holds, asked by the command line where the usage page runs."""

import json
from typing import Any

from .deployment import Deployment
from .waiting import until

_WHERE = "/etc/jupyterhub-quota"
_FIRING = f"""
import base64, json, pathlib, sys, urllib.request
held = pathlib.Path("{_WHERE}/prometheus")
pair = f"{{(held / 'username').read_text()}}:{{(held / 'password').read_text()}}"
request = urllib.request.Request(sys.argv[1] + "/api/v1/alerts")
request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
alerts = json.load(urllib.request.urlopen(request, timeout=30))["data"]["alerts"]
print(json.dumps(sorted({{one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}})))
"""


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
    return _memory(status(deployment, user, group))


def recorded(deployment: Deployment, user: str, group: str, *, seconds: float = 1) -> None:
    """
    Wait until the record has looked again, and that so many *seconds* later than before.

    Its own clock counts, so that it does not matter how long that takes.
    """
    begin = until(lambda: status(deployment, user, group)["as_of"], "the record to answer")
    until(lambda: status(deployment, user, group)["as_of"] >= begin + seconds, "the record to look again", every=1)


def charged_in_the_end(deployment: Deployment, user: str, group: str) -> float:
    """Return the byte-seconds that a user is charged, once they hold nothing and the record knows all of it."""

    def ended() -> bool:
        known = status(deployment, user, group)
        return _memory(known) > 0 and [] == known["running"]

    until(ended, f"the end of what {user} holds to be recorded", every=1)
    recorded(deployment, user, group, seconds=6)  # What is known of an end by the next round of rules is the last word.
    return memory_used(deployment, user, group)


def firing(deployment: Deployment) -> list[str]:
    """Return the alerts that fire in the quota Prometheus."""
    script = 'python -c "$0" "$JUPYTERHUB_QUOTA_LEDGER_URL"'
    found: list[str] = json.loads(deployment.service("sh", "-c", script, _FIRING))
    return found


def _memory(known: dict[str, Any]) -> float:
    return float(next(one["used"] for one in known["quotas"] if one["resource"] == "memory"))
