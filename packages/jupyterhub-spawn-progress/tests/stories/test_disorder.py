"""Events as they come in life: mixed, repeated, late, far too many, or not at all for a while."""

import asyncio
from collections import Counter

FOUND = "A machine has been found for your server."
PRESENT = "Your environment is already on the machine."
STARTING = "Your server is starting."
RUNNING = "Your server is running. You are being connected to it."
NO_ROOM = "No machine has enough room for your server right now. Waiting for a free place, or for a new machine."


async def test_events_of_the_previous_pod(hub, api):
    """Events of an earlier pod of the same name, which the API keeps for an hour, are neither shown nor fatal."""

    async def story(pod):
        earlier = {"kind": "Pod", "namespace": "jhub", "name": pod.name, "uid": "earlier"}
        pod.scheduled()
        await pod.soon()
        pod.event("kubelet", "BackOff", 'Back-off pulling image "example/old:1"', involvedObject=earlier)
        pod.event("kubelet", "Evicted", "The node had condition: [DiskPressure].", involvedObject=earlier)
        await pod.soon()
        await pod.cached()

    api.plays = story

    assert ["Server requested", FOUND, PRESENT, STARTING, RUNNING] == (await hub.start("ann"))[:-1]


async def test_previous_pod_still_there(hub, api):
    """A pod that is left over, and dead, is removed by KubeSpawner; its end is not ours."""

    async def left_over(pod):
        pod.event("kubelet", "Evicted", "The node had condition: [DiskPressure].")
        pod.status(phase="Failed", reason="Evicted")

    api.plays = left_over
    api.create({"metadata": {"name": "jupyter-ann", "labels": {"component": "singleuser-server"}}, "spec": {}})
    await asyncio.sleep(0.1)
    api.plays = lambda pod: pod.cached()

    assert ["Server requested", FOUND, PRESENT, STARTING, RUNNING] == (await hub.start("ann"))[:-1]


async def test_out_of_order(hub, api):
    """What comes too late is not said any more: a start only moves forward."""

    async def story(pod):
        pod.condition("PodScheduled", "True")
        await pod.soon()
        pod.kubelet("Pulled", 'Container image "example/notebook:1" already present on machine')
        await pod.soon()
        pod.scheduler("FailedScheduling", "0/1 nodes are available: 1 Insufficient memory.")
        pod.scheduler("Scheduled", "Successfully assigned jhub/jupyter-ann to node-1")
        pod.kubelet("Pulling", 'Pulling image "example/notebook:1"')
        await pod.soon()
        pod.runs()

    api.plays = story

    assert ["Server requested", FOUND, PRESENT, STARTING, RUNNING] == (await hub.start("ann"))[:-1]


async def test_repeated_with_counts(hub, api):
    """An event that is counted up, and one that comes again as a new one, are said once."""

    async def story(pod):
        for count in range(1, 5):
            uid = {"name": "counted", "namespace": "jhub", "uid": "counted"}
            pod.scheduler("FailedScheduling", f"0/{count} nodes are available: {count} Insufficient memory.")
            pod.event("kubelet", "FailedMount", "MountVolume failed: timed out", metadata=uid, count=count)
            await pod.soon()
        await pod.cached()

    api.plays = story

    said = await hub.start("ann")

    assert {1} == set(Counter(said).values())


async def test_a_thousand_events_in_a_second(hub, api):
    """A storm of events neither repeats a line nor holds up the hub."""
    slowest = 0.0

    async def story(pod):
        for number in range(1000):
            pod.scheduler("FailedScheduling", f"0/{number} nodes are available: {number} Insufficient memory.")
        await pod.soon()
        await pod.cached()

    async def watch():
        nonlocal slowest
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            slowest = max(slowest, loop.time() - before)

    api.plays = story
    watcher = asyncio.ensure_future(watch())

    said = await hub.start("ann")

    watcher.cancel()
    assert ["Server requested", NO_ROOM, FOUND, PRESENT, STARTING, RUNNING] == said[:-1]
    assert slowest < 2


async def test_api_gone_for_a_while(hub, api):
    """While the API does not answer, nothing is said and nothing ended; then the start goes on."""

    async def story(pod):
        pod.scheduled()
        await pod.soon()
        api.is_down = True
        api.hang_up()
        await asyncio.sleep(1)
        api.is_down = False
        pod.kubelet("Pulled", 'Container image "example/notebook:1" already present on machine')
        for _ in range(4):
            await pod.soon()
        pod.runs()

    api.plays = story

    said = await hub.start("ann")

    assert ["Server requested", FOUND] == said[:2]
    assert [STARTING, RUNNING, "Server ready at /user/ann/"] == said[-3:]


async def test_unknown_and_malformed_events(hub, api):
    """What nobody knows is not shown; what is no proper event does no harm; markup stays text."""

    async def story(pod):
        pod.scheduled()
        pod.event("kueue", "QuotaReserved", "Quota reserved in ClusterQueue <b>users</b>")
        pod.event("", "", "", type=None, source=None, series=None)
        pod.event("", "Hint", "<script>alert(1)</script>", type="Custom")
        await pod.soon()
        await pod.cached()

    api.plays = story
    await hub.request("ann")

    items = await hub.progress("ann")

    said = [item["message"] for item in items]
    assert {"<script>alert(1)</script>", FOUND} == set(said[1:3])
    assert [PRESENT, STARTING, RUNNING] == said[3:-1]
    assert not any("html_message" in item for item in items[:-1])
