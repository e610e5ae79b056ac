"""What admins see of everybody."""

import json

from jsonschema import Draft202012Validator

from jupyterhub_quota_service.models_admin import Users
from jupyterhub_quota_service.settings import READ_ALL, READ_METRICS

from .conftest import ACCESS

GIB_HOUR = 2**30 * 3600


async def chief(world):
    """Return a program that may see everybody, beside ann (50 of 60), bob (60 of 240) and a stranger to the hub."""
    await world.used("ann", 50, running=2)
    await world.used("bob", 60)
    await world.used("gone", 7)
    await world.join("ann", "regular")
    await world.join("bob", "power")
    return world.client(await world.token("chief", ACCESS, READ_ALL, READ_METRICS))


async def names(client, **parameters):
    """Return the names on one page."""
    answer = await client.get("api/users", params=parameters)
    assert 200 == answer.status_code, answer.text
    return [line.name for line in Users.model_validate_json(answer.content).users]


async def test_everybody_in_one_table(world):
    """Sorted, searched, filtered and in pages."""
    client = await chief(world)

    assert ["ann", "bob"] == (await names(client))[:2]
    assert ["bob", "ann", "gone"] == (await names(client, sort="memory"))[:3]
    assert ["ann", "bob", "chief", "gone", "root"] == await names(client, sort="name")
    assert ["chief", "gone"] == await names(client, sort="name", offset=2, limit=2)
    assert ["ann"] == await names(client, over=80)
    assert ["bob"] == await names(client, group="power")
    assert ["bob"] == await names(client, search="BO")
    assert ["ann"] == (await names(client, sort="running"))[:1]


async def test_who_is_not_known_to_the_hub(world):
    """Has no limits that anybody knows, and is not shown as unlimited by a group."""
    client = await chief(world)

    answer = Users.model_validate_json((await client.get("api/users", params={"search": "gone"})).content)

    assert answer.users[0].groups is None
    assert answer.groups_as_of is not None
    assert answer.groups_text.startswith("Groups as of today at ")


async def test_mistakes_are_named(world):
    """What cannot be read is refused, not guessed."""
    client = await chief(world)

    for wrong in (
        {"limit": "0"},
        {"limit": "x"},
        {"offset": "-1"},
        {"sort": "size"},
        {"order": "up"},
        {"over": "much"},
    ):
        answer = await client.get("api/users", params=wrong)

        assert 400 == answer.status_code
        assert f"'{next(iter(wrong))}'" in answer.json()["message"]
    assert 404 == (await client.get("api/users/nobody")).status_code


async def test_groups_and_totals(world):
    """Who gets what, and what all used together."""
    client = await chief(world)

    groups = {group["name"]: group for group in (await client.get("api/groups")).json()["groups"]}
    totals = (await client.get("api/totals")).json()

    assert 1 == groups["regular"]["members"]
    assert "60 GiB-hours of memory in 30 days" == groups["regular"]["quotas"][0]["text"]
    assert "50.5 GiB-hours of memory in the last 30 days" == groups["regular"]["totals"][0]["text"]
    assert 117 == int(totals["totals"][0]["used"] / GIB_HOUR)
    assert "ann" == totals["top"][0]["name"]


async def test_everybody_as_a_spreadsheet(world):
    """One line for each user and quota."""
    client = await chief(world)

    lines = (await client.get("api/users", params={"format": "csv"})).text.splitlines()

    assert '"ann","regular","no",1,"memory",30.0,50.' in lines[1]


async def test_metrics(world):
    """Usage by user, limits by group."""
    client = await chief(world)

    text = (await client.get("metrics")).text

    assert 'jupyterhub_quota_used{resource="memory",user="bob",window_seconds="2592000"} ' in text
    assert 'jupyterhub_quota_limit{group="regular",resource="memory",window_seconds="2592000"} ' in text
    assert "jupyterhub_quota_usage_known 1.0" in text


async def test_what_is_not_known_is_left_out_of_metrics(start):
    """It is never 0."""
    world = await start(ledger_url="http://127.0.0.1:9")
    client = await chief(world)

    text = (await client.get("metrics")).text

    assert "jupyterhub_quota_usage_known 0.0" in text
    assert "jupyterhub_quota_used{" not in text


async def test_the_page(world):
    """Written by the server, with the data that the script begins with."""
    await chief(world)
    root = await world.person("root")

    page = (await root.get("admin")).text

    assert "50.5 of 60 GiB-hours" in page
    assert '<script id="users" type="application/json">{' in page


async def test_answers_are_as_described(world):
    """Each route of the description that can be read answers what it says."""
    client = await chief(world)
    document = (await client.get("api/openapi.json")).json()

    assert "3.1.0" == document["openapi"]
    for path, methods in document["paths"].items():
        if "get" not in methods:
            continue
        answer = await client.get(path.strip("/").replace("{name}", "ann"))
        assert 200 == answer.status_code, path
        content = methods["get"]["responses"]["200"]["content"]
        if "application/json" in content:
            schema = content["application/json"]["schema"] | {"components": document["components"]}
            Draft202012Validator(schema).validate(answer.json())
    assert "NaN" not in json.dumps(document)
