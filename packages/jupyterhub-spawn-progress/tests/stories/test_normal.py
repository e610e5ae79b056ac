"""Starts that go well, as a person reads them: every line, and nothing else."""

import pytest

REQUESTED = "Server requested"
FOUND = "A machine has been found for your server."
NO_ROOM = "No machine has enough room for your server right now. Waiting for a free place, or for a new machine."
NEW_MACHINE = "A new machine is being started for your server. This usually takes 2 to 8 minutes."
CONNECTED = "Your home folder is connected."
DOWNLOADING = "Your environment is being downloaded. The first time on a machine this usually takes 1 to 5 minutes."
DOWNLOADED = "Your environment has been downloaded."
PRESENT = "Your environment is already on the machine."
STARTING = "Your server is starting."
RUNNING = "Your server is running. You are being connected to it."
READY = "Server ready at /user/ann/"

CROWDED = (
    "0/3 nodes are available: 1 Insufficient memory, 2 node(s) had untolerated taint {dedicated: core}. "
    "preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod."
)


async def test_environment_cached(hub, api):
    """The usual start."""
    assert [REQUESTED, FOUND, PRESENT, STARTING, RUNNING, READY] == await hub.start("ann")


async def test_environment_downloaded(hub, api):
    """The first start on a machine."""

    async def story(pod):
        pod.scheduled()
        pod.event("attachdetach-controller", "SuccessfulAttachVolume", 'AttachVolume.Attach succeeded for volume "v"')
        await pod.soon()
        pod.kubelet("Pulling", 'Pulling image "example/notebook:1"')
        await pod.soon()
        pod.kubelet("Pulled", 'Successfully pulled image "example/notebook:1" in 42s (42s including waiting).')
        await pod.soon()
        pod.runs()

    api.plays = story

    expected = [REQUESTED, FOUND, CONNECTED, DOWNLOADING, DOWNLOADED, STARTING, RUNNING, READY]
    assert expected == await hub.start("ann")


@pytest.mark.parametrize(
    ("component", "reason", "message"),
    [
        ("cluster-autoscaler", "TriggeredScaleUp", "pod triggered scale-up: [{user-group 1->2 (max: 100)}]"),
        ("karpenter", "Nominated", "Pod should schedule on: nodeclaim/user-x7k2p"),
        ("eks-auto-mode/compute", "Nominated", "Pod should schedule on: nodeclaim/user-x7k2p"),
    ],
)
async def test_new_machine(hub, api, component, reason, message):
    """All autoscalers read the same."""

    async def story(pod):
        pod.unschedulable(CROWDED)
        await pod.soon()
        pod.event(component, reason, message)
        await pod.soon()
        pod.unschedulable(CROWDED)
        await pod.soon()
        await pod.cached()

    api.plays = story

    assert [REQUESTED, NO_ROOM, NEW_MACHINE, FOUND, PRESENT, STARTING, RUNNING, READY] == await hub.start("ann")


async def test_another_group_is_no_news(hub, api):
    """The cluster-autoscaler complains about a group that does not help, just before it starts a machine of another."""

    async def story(pod):
        pod.unschedulable(CROWDED)
        await pod.soon()
        pod.event("cluster-autoscaler", "NotTriggerScaleUp", "pod didn't trigger scale-up: 1 Insufficient memory")
        pod.event("cluster-autoscaler", "TriggeredScaleUp", "pod triggered scale-up: [{b 0->1 (max: 9)}]")
        await pod.soon()
        await pod.cached()

    api.plays = story

    assert [REQUESTED, NO_ROOM, NEW_MACHINE, FOUND, PRESENT, STARTING, RUNNING, READY] == await hub.start("ann")


async def test_preparing_steps_are_not_told(hub, api):
    """Init containers come before the server in everything that the kubelet says."""

    async def story(pod):
        pod.scheduled()
        for reason, message in [
            ("Pulling", 'Pulling image "example/iptables:1"'),
            ("Pulled", 'Successfully pulled image "example/iptables:1" in 1s'),
            ("Created", "Created container: block-cloud-metadata"),
            ("Started", "Started container block-cloud-metadata"),
        ]:
            pod.event("kubelet", reason, message, "spec.initContainers{block-cloud-metadata}")
        await pod.soon()
        await pod.cached()

    api.plays = story

    assert [REQUESTED, FOUND, PRESENT, STARTING, RUNNING, READY] == await hub.start("ann")


@pytest.mark.parametrize("name", ["a-normal", "zd-with-pvc"])
async def test_recorded(hub, api, recorded, name):
    """What a real cluster says."""

    async def story(pod):
        await pod.play(recorded(name))
        await pod.soon()
        pod.runs()

    api.plays = story

    assert [REQUESTED, FOUND, PRESENT, STARTING, RUNNING, READY] == await hub.start("ann")


async def test_bar(hub, api):
    """The bar stands for how far the start is, and ends full."""
    await hub.request("ann")

    items = await hub.progress("ann")

    assert [0, 40, 75, 85, 95, 100] == [item["progress"] for item in items]


async def test_no_technical_text_but_in_its_field(hub, api):
    """The browser gets no raw event; admins find the technical text in a field of its own."""
    await hub.request("ann")

    present = next(item for item in await hub.progress("ann") if item["message"] == PRESENT)

    assert {
        "progress": 75,
        "message": PRESENT,
        "detail": (
            "kubelet Pulled (spec.containers{notebook}): "
            'Container image "example/notebook:1" already present on machine'
        ),
    } == present
