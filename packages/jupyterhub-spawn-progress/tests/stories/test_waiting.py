"""Starts that wait for something which may come: told, and never ended early."""

FOUND = "A machine has been found for your server."
PRESENT = "Your environment is already on the machine."
STARTING = "Your server is starting."
RUNNING = "Your server is running. You are being connected to it."
NO_ROOM = "No machine has enough room for your server right now. Waiting for a free place, or for a new machine."
FULL = "All machines are in use, and no more can be added right now. Waiting until someone else's server stops."

ADVICE = "Try again later or with a smaller size; if it does not help, tell your hub's admins."


async def test_full(kube_config, run, api):
    """The hub is full and at its maximum: at start_timeout, the person learns what was missing."""
    kube_config.KubeSpawner.start_timeout = 3

    async def story(pod):
        pod.unschedulable("0/1 nodes are available: 1 Insufficient memory.")
        await pod.soon()
        message = "pod didn't trigger scale-up: 1 max node group size reached"
        pod.event("cluster-autoscaler", "NotTriggerScaleUp", message)

    api.plays = story

    async with run(kube_config) as hub:
        said = await hub.start("ann")

    assert [
        "Server requested",
        NO_ROOM,
        FULL,
        f"Spawn failed: Your server did not start within 2 seconds. The last thing that happened: {FULL} {ADVICE}",
    ] == said
    assert {} == api.objects["pods"]


async def test_full_until_somebody_leaves(hub, api):
    """A place that gets free in the meantime is taken."""

    async def story(pod):
        pod.unschedulable("0/1 nodes are available: 1 Insufficient memory.")
        await pod.soon()
        message = 'Failed to schedule pod, node limits have been exhausted for nodepool "u"'
        pod.event("karpenter", "FailedScheduling", message)
        await pod.soon()
        await pod.cached()

    api.plays = story

    said = await hub.start("ann")

    assert [NO_ROOM, FULL, FOUND, PRESENT, STARTING, RUNNING] == said[1:-1]


async def test_recorded_too_big(kube_config, run, api, recorded):
    """More memory than any machine has: a scheduler cannot tell this from a machine that may still come."""
    kube_config.KubeSpawner.start_timeout = 3

    async def story(pod):
        await pod.play(recorded("b-unschedulable"))

    api.plays = story

    async with run(kube_config) as hub:
        said = await hub.start("ann")

    end = f"Spawn failed: Your server did not start within 2 seconds. The last thing that happened: {NO_ROOM} {ADVICE}"
    assert ["Server requested", NO_ROOM, end] == said


async def test_home_folder_still_attached_elsewhere(hub, api):
    """The machine of the previous server lets go after some minutes."""

    async def story(pod):
        pod.scheduled()
        await pod.soon()
        pod.event(
            "attachdetach-controller",
            "FailedAttachVolume",
            'Multi-Attach error for volume "v" Volume is already exclusively attached to one node and can\'t be '
            "attached to another",
            type="Warning",
        )
        await pod.soon()
        pod.event("attachdetach-controller", "SuccessfulAttachVolume", 'AttachVolume.Attach succeeded for volume "v"')
        await pod.soon()
        await pod.cached()

    api.plays = story

    said = await hub.start("ann")

    assert [
        FOUND,
        (
            "Your home folder is still connected to the machine of your previous server. It is usually free within "
            "6 minutes."
        ),
        "Your home folder is connected.",
        PRESENT,
        STARTING,
        RUNNING,
    ] == said[1:-1]


async def test_home_folder_being_made(hub, api, recorded):
    """A claim that is provisioned while the person waits."""

    async def story(pod):
        await pod.play(recorded("e-unbound-pvc"))
        await pod.soon()
        await pod.cached()

    api.plays = story

    said = await hub.start("ann")

    made = "Your home folder is being made. This usually takes less than a minute."
    assert [made, FOUND, PRESENT, STARTING, RUNNING] == said[1:-1]


async def test_machine_not_ready(hub, api):
    """A machine that falls silent may come back."""

    async def story(pod):
        pod.scheduled()
        pod.event("node-controller", "NodeNotReady", "Node is not ready", type="Warning")
        await pod.soon()
        pod.event("taint-eviction-controller", "TaintManagerEviction", "Cancelling deletion of Pod jhub/jupyter-ann")
        await pod.soon()
        await pod.cached()

    api.plays = story

    said = await hub.start("ann")

    silent = "The machine of your server does not answer. Waiting for it to come back; this can take some minutes."
    assert {silent, FOUND} == set(said[1:3])
    assert [PRESENT, STARTING, RUNNING] == said[3:-1]


async def test_registry_hiccup(hub, api):
    """A registry that does not answer heals, so that ends nothing."""

    async def story(pod):
        pod.scheduled()
        await pod.soon()
        pod.kubelet("Pulling", 'Pulling image "example/notebook:1"')
        await pod.soon()
        message = 'failed to do request: Head "https://registry.example/v2/": dial tcp 192.0.2.1:443: i/o timeout'
        pod.kubelet("Failed", f'Failed to pull image "example/notebook:1": {message}', type="Warning")
        pod.waits("ErrImagePull", message)
        await pod.soon()
        pod.kubelet("BackOff", 'Back-off pulling image "example/notebook:1"')
        pod.waits("ImagePullBackOff", 'Back-off pulling image "example/notebook:1"')
        for _ in range(8):
            await pod.soon()
        pod.kubelet("Pulled", 'Successfully pulled image "example/notebook:1" in 2s')
        await pod.soon()
        pod.runs()

    api.plays = story

    said = await hub.start("ann")

    assert "The place that environments are downloaded from does not answer. Trying again." in said
    assert "Server ready at /user/ann/" == said[-1]


async def test_recorded_not_answering_yet(hub, api, recorded):
    """A server that takes its time is told apart from one that fails."""

    async def story(pod):
        await pod.play(recorded("i-not-ready"))
        await pod.soon()
        pod.container(ready=True, running={})
        pod.status(podIP="127.0.0.1")

    api.plays = story

    said = await hub.start("ann")

    waiting = "Your server has started and does not answer yet. Waiting for it."
    assert [FOUND, PRESENT, STARTING, waiting, RUNNING] == said[1:-1]


async def test_patience(kube_config, run, api):
    """When nothing happens, the person reads what is being waited for, and how long that takes."""
    kube_config.SpawnProgress.patience = 0.8

    async def story(pod):
        pod.unschedulable("0/1 nodes are available: 1 Insufficient memory.")
        await pod.soon()
        pod.event("cluster-autoscaler", "TriggeredScaleUp", "pod triggered scale-up: [{b 0->1 (max: 9)}]")
        for _ in range(4):
            await pod.soon()
        await pod.cached()

    api.plays = story

    async with run(kube_config) as hub:
        said = await hub.start("ann")

    assert [
        NO_ROOM,
        "A new machine is being started for your server. This usually takes 2 to 8 minutes.",
        "The new machine is still starting (1 second so far). This usually takes 2 to 8 minutes.",
        FOUND,
    ] == said[1:5]
