"""Nobody is charged for somebody else, whatever they are called."""

import time

import pytest

from .conftest import until

LIKE = [
    ("ann", "anna"),
    ("a.b", "a-b"),
    ("google-oauth2|117", "google-oauth2|1177"),
    ('quo"te', "quo'te"),
    ("back\\slash", "backslash"),
    ("<script>", "script"),
    ("zoë", "zoe"),
    ("per%cent", "per%s"),
    ("x" * 255, "x" * 254),
]


@pytest.mark.parametrize(("name", "other"), LIKE)
async def test_people_whose_names_are_alike_are_different_people(hub, used, name, other):
    """One has used everything, the other starts."""
    await used(name, 20)
    one, two = await hub.accounts(name, other)

    await one.start(memory=4)
    await two.start(memory=4)

    assert (await one.progress())[-1].get("failed")
    assert (await two.progress())[-1].get("ready")


async def test_a_name_comes_back_from_the_record_as_it_is(hub, ledger):
    """Spaces, quotes, braces and all; letters are small since the hub's authenticator makes them so."""
    name = 'o\'brien "b" {x} zoë'
    (person,) = await hub.accounts(name)
    await person.start(memory=4)

    async def on_record():
        return (await ledger.read(since=0, at=time.time())).sessions

    sessions = await until(on_record)

    assert [name] == [session.user for session in sessions]
