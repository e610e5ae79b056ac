"""One call lets the hub start the service."""

import asyncio
import json

import httpx
import pytest
from traitlets.config import Config

from jupyterhub_quota import InputError
from jupyterhub_quota_service import service
from jupyterhub_quota_service.settings import READ_ALL, Settings

from .conftest import QuietSpawner


def configured() -> Config:
    """Return a configuration as the hook's admins have it."""
    c = Config()
    c.JupyterHubQuota.policy_file = "policy.yaml"
    c.JupyterHubQuota.ledger_url = "sqlite:///quota.sqlite"
    return c


def test_what_the_hook_has_counts_here_too(tmp_path, monkeypatch):
    """The same policy and the same ledger, wherever the service runs."""
    monkeypatch.chdir(tmp_path)
    c = configured()

    service(c, sizes=[{"name": "Small", "memory": 2**30}], admins=["chief"])
    service(c)

    (one,) = c.JupyterHub.services
    assert "policy.yaml" == one["environment"]["JUPYTERHUB_QUOTA_POLICY_FILE"]
    assert f"sqlite:///{tmp_path}/quota.sqlite" == one["environment"]["JUPYTERHUB_QUOTA_LEDGER_URL"]
    roles = {role["name"]: role["scopes"] for role in c.JupyterHub.load_roles}
    assert ["self", "access:services!service=quota"] == roles["user"]
    assert "access:services!service=quota" in roles["server"]
    assert READ_ALL in roles["quota-read-all"]


def test_roles_that_are_there_stay():
    """What an admin gave users is theirs."""
    c = configured()
    c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "list:groups"]}, {"name": "mine", "scopes": []}]

    service(c)

    roles = {role["name"]: role["scopes"] for role in c.JupyterHub.load_roles}
    assert ["self", "list:groups", "access:services!service=quota"] == roles["user"]
    assert "mine" in roles


@pytest.mark.parametrize(
    ("policy", "settings", "expected"),
    [
        ("default: unlimited\nwhile_running: stop", {}, True),
        ("default: unlimited\nwhile_running: warn", {}, False),
        ("default: unlimited", {}, False),
        ("default: [", {}, False),
        ("default: unlimited\nwhile_running: warn", {"stops": True}, True),
        ("default: unlimited\nwhile_running: stop", {"stops": False}, False),
    ],
)
def test_it_may_stop_servers_where_the_policy_says_so(tmp_path, monkeypatch, policy, settings, expected):
    """Least privilege; a policy that cannot be read stops neither servers nor the hub."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(policy, encoding="utf-8")
    c = configured()

    service(c, **settings)

    (scopes,) = [role["scopes"] for role in c.JupyterHub.load_roles if role["name"] == "service-quota"]
    assert expected == ("delete:servers" in scopes)


def test_a_policy_in_the_configuration_counts_too():
    """As Python data."""
    c = Config()
    c.JupyterHubQuota.policy = {"default": "unlimited", "while_running": "stop"}

    service(c)

    (scopes,) = [role["scopes"] for role in c.JupyterHub.load_roles if role["name"] == "service-quota"]
    assert "delete:servers" in scopes


def test_mistakes_are_named():
    """What is misspelt or missing is said at once."""
    with pytest.raises(InputError, match="no such setting"):
        service(configured(), ledger="x")
    with pytest.raises(InputError, match="there is no policy"):
        service(Config())
    with pytest.raises(InputError, match="JUPYTERHUB_QUOTA_LEDGER_URL is not set"):
        Settings.of({"JUPYTERHUB_API_TOKEN": "x", "JUPYTERHUB_API_URL": "http://hub/api"})


async def test_a_hub_starts_it(start_hub, folder, unused_tcp_port_factory):
    """And a user's own server may ask it."""
    port, hub_port = unused_tcp_port_factory(), unused_tcp_port_factory()

    def configure(c: Config) -> None:
        c.JupyterHubQuota.policy_file = str(folder / "policy.yaml")
        c.JupyterHubQuota.ledger_url = f"sqlite:///{folder / 'quota.sqlite'}"
        service(c, url=f"http://127.0.0.1:{port}")

    await start_hub(hub_port, configure)
    headers = {"Authorization": "token admin-token"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{hub_port}/hub/api/", headers=headers) as api:
        await api.post("users", json={"usernames": ["ann"]})
        await api.post("users/ann/server")
        async with asyncio.timeout(20):
            while "ann" not in QuietSpawner.tokens:  # noqa: ASYNC110 - the hub tells nobody
                await asyncio.sleep(0.05)
    token = QuietSpawner.tokens.pop("ann")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/services/quota/") as client:
        answer = await client.get("api/me", headers={"Authorization": f"token {token}"})

    assert 200 == answer.status_code, answer.text
    assert "ann" == json.loads(answer.text)["user"]
