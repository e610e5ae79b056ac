"""From a hub's configuration to the service that the hub starts itself: one call."""

import json
import logging
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

from jupyterhub_quota import InputError, PolicyError, WhileRunning, load_policy, policy_from_mapping
from jupyterhub_quota_service.settings import READ_ALL, READ_METRICS, RELEASE, sizes_of

log = logging.getLogger(__name__)

NEEDS = ("list:users", "read:users:name", "read:users:groups", "read:servers")
# Only where the policy says to stop servers.
STOPS = "delete:servers"

DESCRIPTIONS = {
    READ_ALL: "Read everybody's quotas and usage.",
    READ_METRICS: "Read everybody's usage as metrics.",
    RELEASE: "Let servers be stopped that the brake holds.",
}

# JupyterHub's own roles of users and of their servers, as they are where nobody sets them.
_ROLES = {"user": ["self"], "server": ["users:activity!user", "access:servers!server"]}

_FROM_THE_HOOK = {
    "policy_file": "policy_file",
    "policy": "policy",
    "ledger_url": "ledger_url",
    "ledger_username": "ledger_username",
    "ledger_username_file": "ledger_username_file",
    "ledger_password_file": "ledger_password_file",
    "ledger_token_file": "ledger_token_file",
    "ledger_ca_file": "ledger_ca_file",
    "namespace": "ledger_namespace",
}


def service(
    c: Config,
    *,
    name: str = "quota",
    url: str = "http://127.0.0.1:10101",
    sizes: Iterable[Mapping[str, str | float]] = (),
    admins: Iterable[str] = (),
    admin_groups: Iterable[str] = (),
    round_seconds: float = 60.0,
    stops: bool | None = None,
    **settings: Any,
) -> None:
    """
    Let the hub start the service and everybody see their own usage there.

    To be called at the end of the hub's configuration. Calling it twice is harmless.

    Args:
        c: the hub's configuration.
        name: of the service; its page is at `/services/NAME/`.
        url: where the service listens and the proxy finds it.
        sizes: of servers, to say how long each would run: `{"name": "Small", "memory": 4 * 2**30, "cpu": 1}`.
        admins: users who see everybody, besides the hub's admins.
        admin_groups: groups whose members see everybody.
        round_seconds: how often running servers are looked at.
        stops: whether the service may stop servers. Where this is not said, it may if the policy says `while_running:
            stop` when the hub starts; a policy that says so later needs a restart of the hub.
        **settings: `policy_file`, `policy`, `ledger_url`, `ledger_username`, `ledger_username_file`,
            `ledger_password_file`, `ledger_token_file`, `ledger_ca_file`, `namespace`; what is not given is as in
            `c.JupyterHubQuota`.

    Raises:
        InputError: a setting is unknown, or one that is needed is missing.
    """
    if any(each.get("name") == name for each in _list(c, "services")):
        return
    unknown = settings.keys() - _FROM_THE_HOOK.keys()
    if unknown:
        raise InputError(f"{', '.join(sorted(unknown))}: no such setting; there are {', '.join(_FROM_THE_HOOK)}")
    theirs = c.JupyterHubQuota if c._has_section("JupyterHubQuota") else {}
    values = {ours: settings.get(ours) or theirs.get(hooks) for ours, hooks in _FROM_THE_HOOK.items()}
    values["ledger_url"] = _absolute(str(values["ledger_url"] or "sqlite:///jupyterhub-quota.sqlite"))
    if not values["policy_file"] and not values["policy"]:
        raise InputError("there is no policy; set c.JupyterHubQuota.policy_file, or give policy_file here")
    listed = list(sizes)
    sizes_of(listed)
    environment = {f"JUPYTERHUB_QUOTA_{key.upper()}": _text(value) for key, value in values.items() if value}
    # A hub that is killed cannot end it, and the next hub's own would find the port taken.
    environment["JUPYTERHUB_QUOTA_ENDS_WITH_PARENT"] = "1"
    if listed:
        environment["JUPYTERHUB_QUOTA_SIZES"] = json.dumps(listed)
    environment["JUPYTERHUB_QUOTA_ROUND_SECONDS"] = f"{round_seconds:g}"
    c.JupyterHub.services = [
        *_list(c, "services"),
        {
            "name": name,
            "url": url,
            "command": [sys.executable, "-m", "jupyterhub_quota_service"],
            "environment": environment,
            "display": True,
            "oauth_no_confirm": True,
            "oauth_client_allowed_scopes": [READ_ALL, RELEASE],
        },
    ]
    may_stop = _stops(values["policy_file"], values["policy"]) if stops is None else stops
    _allow(c, name, list(admins), list(admin_groups), [*NEEDS, STOPS] if may_stop else list(NEEDS))


def _stops(file: Any, document: Mapping[str, Any] | None) -> bool:
    """Whether the policy says to stop servers. One that cannot be read stops none, and no hub from starting."""
    try:
        policy = load_policy(Path(str(file))) if file else policy_from_mapping(document or {})
    except PolicyError as error:
        log.warning("The quota policy cannot be read, so the service %s is not given:\n%s", STOPS, error)
        return False
    return policy.while_running is WhileRunning.STOP


def _allow(c: Config, name: str, admins: list[str], admin_groups: list[str], needs: list[str]) -> None:
    """Say what the service and its users may do."""
    access = f"access:services!service={name}"
    roles = _list(c, "load_roles")
    rest = [each for each in roles if each.get("name") not in _ROLES]
    for which, scopes in _ROLES.items():
        role = next((each for each in roles if each.get("name") == which), {"name": which, "scopes": scopes})
        rest.append({**role, "scopes": [*role.get("scopes", []), access]})
    rest.append({"name": f"service-{name}", "services": [name], "scopes": needs})
    if admins or admin_groups:
        sees = {"name": f"{name}-read-all", "scopes": [READ_ALL, access], "users": admins, "groups": admin_groups}
        rest.append(sees)
    c.JupyterHub.load_roles = rest
    theirs = c.JupyterHub.get("custom_scopes", {})
    present = theirs.get_value({}) if isinstance(theirs, LazyConfigValue) else theirs
    ours = {scope: {"description": text} for scope, text in DESCRIPTIONS.items()}
    c.JupyterHub.custom_scopes = {**ours, **present}


def _list(c: Config, trait: str) -> list[dict[str, Any]]:
    """A list of the hub's configuration, whichever way it was set."""
    value = c.JupyterHub.get(trait, [])
    return list(value.get_value([]) if isinstance(value, LazyConfigValue) else value)


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, Mapping) else str(value)


def _absolute(url: str) -> str:
    """*url*, so that a file is the same whatever folder a process runs in."""
    if not url.startswith("sqlite:///"):
        return url
    return f"sqlite:///{Path(unquote(url.removeprefix('sqlite:///'))).absolute()}"
