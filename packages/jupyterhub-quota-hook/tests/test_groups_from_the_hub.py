"""
The engine's client for groups, asked of a real hub with tokens that may see more or less.

What a token does not show is not known. It is never read as "no groups".
"""

import pytest

from jupyterhub_quota import HubClient, Unavailable, UnavailableError

TOKENS = {
    "all": ["list:users", "read:users:groups", "read:users:name"],
    "no-groups": ["list:users", "read:users:name"],
    "no-list": ["read:users:groups", "read:users:name"],
    "no-users": ["list:groups"],
}


def with_tokens(c):
    """Give the hub a service for each kind of token."""
    c.JupyterHub.services += [{"name": name, "api_token": f"{name}-token"} for name in TOKENS]
    c.JupyterHub.load_roles += [{"name": n, "scopes": scopes, "services": [n]} for n, scopes in TOKENS.items()]


@pytest.fixture
def client_of(start_hub):
    """Return what makes a client with one of the tokens, of a hub where ann is in two groups and bob in none."""

    async def client_of(token):
        hub = await start_hub(with_tokens)
        await hub.person("ann", "regular", "power")
        await hub.accounts("bob")
        return HubClient(f"{hub.url}api", f"{token}-token")

    return client_of


async def test_a_user_in_two_groups(client_of):
    """And nobody else's."""
    client = await client_of("all")

    assert frozenset({"regular", "power"}) == await client.groups("ann")
    await client.close()


async def test_a_user_in_no_group(client_of):
    """That is known."""
    client = await client_of("all")

    assert frozenset() == await client.groups("bob")
    await client.close()


async def test_everybody(client_of):
    """By name."""
    client = await client_of("all")

    assert {"ann": {"regular", "power"}, "bob": set()} == dict(await client.everybody())
    await client.close()


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("no-groups", Unavailable.GROUPS_UNKNOWN),
        ("no-users", Unavailable.DENIED),
        ("unheard-of", Unavailable.DENIED),
    ],
)
async def test_without_a_scope_groups_are_not_known(client_of, token, reason):
    """A model without groups, a user that is not shown, a token that is none."""
    client = await client_of(token)

    with pytest.raises(UnavailableError) as caught:
        await client.groups("ann")

    assert reason is caught.value.reason
    assert "token" not in repr(client)
    await client.close()


@pytest.mark.parametrize("token", ["no-list", "no-groups", "no-users"])
async def test_without_a_scope_nobody_is_not_everybody(client_of, token):
    """A list that is refused, or that shows no groups, is not a list of people without groups."""
    client = await client_of(token)

    with pytest.raises(UnavailableError):
        await client.everybody()
    await client.close()
