"""A server whose user's quota is used up: warned, stopped, on record and explained, over a real Prometheus."""

import asyncio
import json
import os
import subprocess
import sys
import time

import httpx
import pytest

from testbed import GIB, Bed

HOUR = 3600
PATIENCE_SECONDS = 120
GRACE_SECONDS = 5
ACCESS = "access:services!service=quota"
POLICY = f"""
groups:
  regular: {{memory: 60 GiB-hours, gpu: 0}}
default: {{memory: 20 GiB-hours, gpu: 0}}
while_running: stop
grace: {GRACE_SECONDS}s
minimum_runtime: 1s
session: 1s
contact: "Ask for more at help@example.org."
"""


@pytest.fixture
def bed(tmp_path_factory):
    """Return a cluster in which nobody has used anything."""
    with Bed(tmp_path_factory.mktemp("bed")) as bed:
        bed.settle()
        yield bed


@pytest.fixture
async def world(start_hub, folder, bed, unused_tcp_port_factory):
    """Return a hub, the address of the service beside it, a process of its own, and the file of its events."""
    (folder / "policy.yaml").write_text(POLICY)
    url = f"http://127.0.0.1:{unused_tcp_port_factory()}"

    def configure(c):
        c.JupyterHubQuota.ledger_url = bed.url
        c.JupyterHub.services.append({"name": "quota", "url": url, "api_token": "service-token"})
        needs = ["list:users", "read:users:name", "read:users:groups", "read:servers", "delete:servers"]
        c.JupyterHub.load_roles[0]["scopes"] += ["tokens", ACCESS]
        c.JupyterHub.load_roles += [
            {"name": "user", "scopes": ["self", ACCESS]},
            {"name": "quota", "scopes": needs, "services": ["quota"]},
        ]

    hub = await start_hub(configure)
    environment = {
        "PATH": os.environ["PATH"],
        "JUPYTERHUB_API_TOKEN": "service-token",
        "JUPYTERHUB_API_URL": f"{hub.url}api",
        "JUPYTERHUB_SERVICE_URL": url,
        "JUPYTERHUB_QUOTA_POLICY_FILE": str(folder / "policy.yaml"),
        "JUPYTERHUB_QUOTA_LEDGER_URL": bed.url,
        "JUPYTERHUB_QUOTA_ROUND_SECONDS": "0.5",
    }
    events = folder / "events.json"
    with (folder / "service.log").open("wb") as log, events.open("wb") as told:
        process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            [sys.executable, "-m", "jupyterhub_quota_service"], cwd=folder, env=environment, stdout=told, stderr=log
        )
    try:
        yield hub, f"{url}/services/quota/", events
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


async def until(question):
    """Ask again and again until there is an answer."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (answer := await question()):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)
    return answer


async def test_warned_stopped_and_explained(world, bed):
    """Ann holds more than she may, bob does not: only her server is stopped, after the grace, and she reads why."""
    hub, service, events = world
    ann, bob = [await hub.person(name, "regular") for name in ("ann", "bob")]
    for person in (ann, bob):
        await person.start(memory=1)
        assert (await person.progress())[-1]["ready"]
    made = await ann.api.post(f"users/{ann.path}/tokens", json={"scopes": [ACCESS]})
    asks = httpx.AsyncClient(headers={"Authorization": f"token {made.json()['token']}"}, base_url=service, timeout=30)

    def done(action):
        """Return the events of this kind."""
        found = [json.loads(line) for line in events.read_text().splitlines()]
        return [event for event in found if event["action"] == action]

    async def is_warned():
        return done("warned")

    async def notices():
        return (await asks.get("api/me")).json()["notices"]

    async def is_stopped():
        return not await ann.servers()

    async def is_refused():
        """Return the refusal. What the hub read at the first launch counts for a minute, so one more may start."""
        await ann.start(memory=1)
        last = (await ann.progress())[-1]
        if last.get("ready"):
            await ann.stop()
            return ""
        return last["message"]

    # What they hold is in the cluster; ann also held 10 GiB for six hours and a little.
    now = int(time.time())
    pods = {name: bed.start_pod(name, memory=GIB) for name in ("ann", "bob")}
    past = bed.start_pod("ann", component="dask-worker", memory=10 * GIB, scheduled=now - 6 * HOUR - 1)
    await asyncio.to_thread(bed.settle, PATIENCE_SECONDS)
    bed.delete(past)

    await until(is_warned)
    (notice,) = await until(notices)
    await until(is_stopped)
    # A real spawner would delete it.
    bed.delete(pods["ann"])
    await asyncio.to_thread(bed.settle, PATIENCE_SECONDS)
    told = (await asks.get("api/me")).json()
    refusal = await until(is_refused)
    await asks.aclose()

    assert notice["used_up"]
    assert notice["stops"]
    assert notice["sentence"].startswith("You have used all of your memory quota (60 GiB-hours in 30 days).")
    (stopped,) = done("stopped")
    (warned, *_) = done("warned")
    assert ("ann", pods["ann"].name) == (stopped["user"], stopped["session"]["pod"])
    assert warned["said"] + GRACE_SECONDS <= stopped["at"]
    assert stopped["started"] + GRACE_SECONDS <= stopped["at"]
    # It is on record from its node to its end, to the second at which Kubernetes and Prometheus look.
    (session,) = (await asyncio.to_thread(bed.read, "ann")).of(pods["ann"].uid)
    assert not session.alive
    assert pods["ann"].scheduled == session.start
    assert pods["ann"].ended - 3 <= session.end <= pods["ann"].ended + 1
    assert [stopped["sentence"]] == [each["sentence"] for each in told["stopped"]]
    assert "had been used up since" in stopped["sentence"]
    assert "You have used all of your memory quota (60 GiB-hours in 30 days)" in refusal
    assert "Your last server ended " in refusal
    assert {"ann"} == {event["user"] for event in [*done("warned"), *done("stopped")]}
    assert await bob.servers()
