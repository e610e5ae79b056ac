"""Starts that cannot succeed: ended in seconds, with a sentence that says who can act; a second start works."""

import time

import pytest

FOUND = "A machine has been found for your server."
PRESENT = "Your environment is already on the machine."
STARTING = "Your server is starting."
CANNOT_DOWNLOAD = "Your environment cannot be downloaded. Trying again."
DOWNLOADING = "Your environment is being downloaded. The first time on a machine this usually takes 1 to 5 minutes."
NOT_FOUND = (
    "Spawn failed: Your server cannot start, because no environment of that name can be found. If you typed the name "
    "yourself, check it; otherwise tell your hub's admins that the name is wrong."
)
CONFIGURATION_MISSING = (
    "Spawn failed: Your server cannot start, because a part of its configuration is missing. Only your hub's admins "
    "can add it: please tell them."
)
MISSING = "A part of your server's configuration is missing. Waiting for it."


async def not_found(pod):
    """What an environment that nobody has made looks like."""
    pod.scheduled()
    await pod.soon()
    pod.kubelet("Pulling", 'Pulling image "example/notebok:1"')
    await pod.soon()
    message = 'failed to resolve reference "example/notebok:1": example/notebok:1: not found'
    pod.kubelet("Failed", f'Failed to pull image "example/notebok:1": {message}', type="Warning")
    pod.kubelet("Failed", "Error: ErrImagePull", type="Warning")
    pod.waits("ErrImagePull", message)
    await pod.soon()
    pod.kubelet("BackOff", 'Back-off pulling image "example/notebok:1"')
    pod.kubelet("Failed", "Error: ImagePullBackOff", type="Warning")
    pod.waits("ImagePullBackOff", 'Back-off pulling image "example/notebok:1"')


async def test_environment_name_wrong(hub, api):
    """The most common mistake, and nothing is left of it."""
    api.plays = not_found
    began = time.monotonic()

    said = await hub.start("ann")

    assert ["Server requested", FOUND, DOWNLOADING, CANNOT_DOWNLOAD, NOT_FOUND] == said
    assert {} == api.objects["pods"]
    assert time.monotonic() - began < 5


async def test_second_start(hub, api):
    """Nothing of the first attempt shows in the second, though its events are still there."""
    api.plays = not_found
    await hub.start("ann")
    assert api.objects["events"]
    api.plays = lambda pod: pod.cached()

    said = await hub.start("ann")

    assert ["Server requested", FOUND, PRESENT, STARTING] == said[:4]
    assert "Server ready at /user/ann/" == said[-1]


@pytest.mark.parametrize("name", ["c-bad-image", "c2-image-not-found"])
async def test_recorded_environment_not_found(hub, api, recorded, name):
    """A real registry that answers 404, and a name that leads to no registry."""
    api.plays = lambda pod: pod.play(recorded(name))

    assert NOT_FOUND == (await hub.start("ann"))[-1]


async def test_environment_denied(hub, api):
    """A private one, or a wrong name: some registries do not tell."""

    async def story(pod):
        pod.scheduled()
        message = "pull access denied, repository does not exist or may require authorization"
        pod.kubelet("Failed", f'Failed to pull image "example/private:1": {message}', type="Warning")
        pod.waits("ErrImagePull", message)
        await pod.soon()
        pod.kubelet("BackOff", 'Back-off pulling image "example/private:1"')
        pod.waits("ImagePullBackOff", 'Back-off pulling image "example/private:1"')

    api.plays = story

    assert (
        "Spawn failed: Your server cannot start, because its environment may not be downloaded: it is private, or its "
        "name is wrong. If you typed the name yourself, check it; otherwise tell your hub's admins."
    ) == (await hub.start("ann"))[-1]


async def test_environment_name_invalid(hub, api):
    """A name that cannot be one."""

    async def story(pod):
        pod.scheduled()
        message = 'Failed to apply default image tag "Example/Notebook": couldn\'t parse image name'
        pod.kubelet("InspectFailed", message, type="Warning")
        pod.waits("InvalidImageName", message)

    api.plays = story

    assert [
        "Server requested",
        FOUND,
        "The name of your environment cannot be read.",
        (
            "Spawn failed: Your server cannot start, because the name of its environment is not a valid one. If you "
            "typed the name yourself, correct it; otherwise tell your hub's admins."
        ),
    ] == await hub.start("ann")


@pytest.mark.parametrize("name", ["d-missing-configmap", "n-missing-key"])
async def test_recorded_configuration_missing(hub, api, recorded, name):
    """A ConfigMap that is not there; a Secret without the key."""
    api.plays = lambda pod: pod.play(recorded(name))

    assert ["Server requested", FOUND, PRESENT, MISSING, CONFIGURATION_MISSING] == await hub.start("ann")


async def test_secret_missing_for_a_moment(hub, api):
    """A Secret that is made a moment later ends nothing."""

    async def story(pod):
        pod.scheduled()
        await pod.soon()
        pod.waits("CreateContainerConfigError", 'secret "keys" not found')
        pod.kubelet("Failed", 'Error: secret "keys" not found', type="Warning")
        await pod.soon()
        pod.runs()

    api.plays = story

    assert "Server ready at /user/ann/" == (await hub.start("ann"))[-1]


async def test_recorded_crash(hub, api, recorded):
    """A server that ends by itself again and again."""
    api.plays = lambda pod: pod.play(recorded("f-crashloop"))

    assert [
        "Server requested",
        FOUND,
        PRESENT,
        STARTING,
        "Your server stopped by itself right after its start. Trying again.",
        (
            "Spawn failed: Your server was started several times and stopped by itself each time. Choose another "
            "environment, undo what you last changed in your start-up files, or tell your hub's admins."
        ),
    ] == await hub.start("ann")


async def test_recorded_startup_check_fails(hub, api, recorded):
    """A server that never answers, and is started anew each time."""
    api.plays = lambda pod: pod.play(recorded("v-startup-probe"))

    assert (
        "Spawn failed: Your server was started several times and did not answer. Choose another environment, or tell "
        "your hub's admins."
    ) == (await hub.start("ann"))[-1]


async def test_out_of_memory(hub, api):
    """No event tells this, only how the last attempt ended."""

    async def story(pod):
        await pod.cached_until_started()
        killed = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
        pod.container(restarts=1, last=killed, running={})

    api.plays = story

    assert [
        "Server requested",
        FOUND,
        PRESENT,
        STARTING,
        "Your server needed more memory than it has.",
        (
            "Spawn failed: Your server needed more memory than it has, and was stopped while it started. Choose a "
            "larger size; if there is none, tell your hub's admins."
        ),
    ] == await hub.start("ann")


async def test_out_of_memory_a_moment_later(kube_config, run, api):
    """A container without a probe is ready as soon as it runs, long before the server listens."""
    kube_config.KubeSpawner.port = 1  # where nothing listens

    async def story(pod):
        await pod.cached()
        await pod.soon()
        killed = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
        pod.container(restarts=1, last=killed, running={})

    api.plays = story

    async with run(kube_config) as hub:
        assert [
            "Server requested",
            FOUND,
            PRESENT,
            STARTING,
            "Your server needed more memory than it has.",
            (
                "Spawn failed: Your server needed more memory than it has, and was stopped while it started. Choose a "
                "larger size; if there is none, tell your hub's admins."
            ),
        ] == await hub.start("ann")
    assert {} == api.objects["pods"]


NO_COMMAND = [
    "Server requested",
    FOUND,
    PRESENT,
    "The program that starts your server cannot be run.",
    (
        "Spawn failed: Your server cannot start, because the program to start is not in its environment. Choose "
        "another environment, or tell your hub's admins."
    ),
]


async def test_command_not_found(hub, api):
    """An environment that is not made for a hub."""

    async def story(pod):
        pod.scheduled()
        await pod.soon()
        pod.kubelet("Pulled", 'Container image "example/plain:1" already present on machine')
        await pod.soon()
        message = 'exec: "jupyterhub-singleuser": executable file not found in $PATH: unknown'
        pod.kubelet("Failed", f"Error: failed to create containerd task: {message}", type="Warning")
        pod.waits("RunContainerError", f"failed to create containerd task: {message}")

    api.plays = story

    assert NO_COMMAND == await hub.start("ann")


async def test_command_not_found_again_and_again(hub, api):
    """Each attempt ends before it has begun: it did not "stop by itself"."""

    async def story(pod):
        pod.scheduled()
        await pod.soon()
        pod.kubelet("Pulled", 'Container image "example/plain:1" already present on machine')
        await pod.soon()
        message = 'failed to create containerd task: exec: "start": executable file not found in $PATH: unknown'
        pod.kubelet("Failed", f"Error: {message}", type="Warning")
        failed = {"terminated": {"reason": "StartError", "exitCode": 128, "message": message}}
        pod.container(restarts=1, last=failed, terminated=failed["terminated"])
        await pod.soon()
        pod.kubelet("BackOff", "Back-off restarting failed container notebook in pod jupyter-ann", type="Warning")
        pod.waits("CrashLoopBackOff", "back-off 10s restarting failed container", restarts=1, last=failed)

    api.plays = story

    assert NO_COMMAND == await hub.start("ann")


async def test_evicted(hub, api):
    """A machine that ran short; JupyterHub would leave the dead pod where it is."""

    async def story(pod):
        await pod.cached_until_started()
        message = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi."
        pod.event("kubelet", "Evicted", message, type="Warning")
        del pod.body["status"]["containerStatuses"]
        pod.status(phase="Failed", reason="Evicted", message=message)

    api.plays = story

    said = await hub.start("ann")

    assert (
        "Spawn failed: The machine of your server ran short of memory or disk space, so your server was stopped while "
        "it started. Start it again."
    ) == said[-1]
    assert {} == api.objects["pods"]


async def test_preempted(hub, api):
    """Something more urgent took the place; the pod is gone before anybody looks."""

    async def story(pod):
        await pod.cached_until_started()
        pod.scheduler("Preempted", "Preempted by pod 4b418f68 on node node-1")
        pod.delete()

    api.plays = story

    said = await hub.start("ann")

    assert [
        "Your server has to make room for something more urgent.",
        (
            "Spawn failed: Your server had to make room for something more urgent, and was stopped while it started. "
            "Start it again."
        ),
    ] == said[-2:]


async def test_machine_lost(hub, api):
    """A machine that does not come back."""

    async def story(pod):
        pod.scheduled()
        pod.event("node-controller", "NodeNotReady", "Node is not ready", type="Warning")
        await pod.soon()
        pod.event("taint-eviction-controller", "TaintManagerEviction", "Marking for deletion Pod jhub/jupyter-ann")
        pod.delete()

    api.plays = story

    assert ("Spawn failed: The machine of your server stopped working while your server started. Start it again.") == (
        await hub.start("ann")
    )[-1]


async def test_place_taken(hub, api):
    """The machine rejects the server, because another one was quicker."""

    async def story(pod):
        pod.scheduled()
        message = "Node didn't have enough resource: memory, requested: 4, used: 15, capacity: 16"
        pod.event("kubelet", "OutOfmemory", message, type="Warning")
        pod.status(phase="Failed", reason="OutOfmemory", message=f"Pod was rejected: {message}")

    api.plays = story

    assert ("Spawn failed: Another server took the place that was meant for yours. Start it again.") == (
        await hub.start("ann")
    )[-1]


async def test_deleted(hub, api):
    """Somebody deletes the pod while it starts."""

    async def story(pod):
        pod.scheduled()
        await pod.soon()
        pod.delete()

    api.plays = story

    assert [
        "Server requested",
        FOUND,
        (
            "Spawn failed: Your server was removed while it started. Start it again; if it does not help, tell your "
            "hub's admins."
        ),
    ] == await hub.start("ann")


async def test_recorded_ended(hub, api, recorded):
    """A server that ends well, but at once."""
    api.plays = lambda pod: pod.play(recorded("k-completed"))

    assert (
        "Spawn failed: Your server ended by itself right after its start. Choose another environment, or tell your "
        "hub's admins."
    ) == (await hub.start("ann"))[-1]


REFUSALS = [
    (
        'admission webhook "quota.example.org" denied the request: over quota',
        (
            "Spawn failed: Your server cannot start, because a rule of this hub does not allow it. Choose other "
            "options, or ask your hub's admins."
        ),
    ),
    (
        'pods "jupyter-ann" is forbidden: exceeded quota: users, requested: limits.memory=4Gi',
        (
            "Spawn failed: Your server cannot start, because all that this hub may use is in use. Choose a smaller "
            "size, try again later, or ask your hub's admins."
        ),
    ),
]


@pytest.mark.parametrize(("message", "sentence"), REFUSALS)
async def test_refused_by_the_api(hub, api, message, sentence):
    """What a webhook or a ResourceQuota denies comes as the answer to the creation, not as an event."""
    api.refuses = {"kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden", "message": message}

    assert ["Server requested", sentence] == await hub.start("ann")


async def test_fail_early_can_be_turned_off(kube_config, run, api):
    """The story is told all the same, and start_timeout decides."""
    kube_config.SpawnProgress.fail_early = False
    kube_config.KubeSpawner.start_timeout = 3
    api.plays = not_found

    async with run(kube_config) as hub:
        said = await hub.start("ann")

    assert (
        "Spawn failed: Your server did not start within 2 seconds. The last thing that happened: Your environment "
        "cannot be downloaded. Trying again. Try again later or with a smaller size; if it does not help, tell your "
        "hub's admins."
    ) == said[-1]


async def test_a_grace_of_the_admin(kube_config, run, api):
    """An admin can say that a full hub ends a start after a while."""
    kube_config.SpawnProgress.graces["full"] = 0.3

    async def story(pod):
        pod.unschedulable("0/1 nodes are available: 1 Insufficient memory.")
        message = "pod didn't trigger scale-up: 1 max node group size reached"
        pod.event("cluster-autoscaler", "NotTriggerScaleUp", message)

    api.plays = story

    async with run(kube_config) as hub:
        said = await hub.start("ann")

    assert (
        "Spawn failed: Your server cannot start, because all machines are in use and no more can be added. Try again "
        "later, choose a smaller size, or ask your hub's admins."
    ) == said[-1]


async def test_deletion_that_hangs(kube_config, run, api):
    """A pod that does not go away does not keep the sentence from the person."""
    kube_config.KubeSpawner.start_timeout = 3
    api.keeps_pods = True
    api.plays = not_found

    async with run(kube_config) as hub:
        assert NOT_FOUND == (await hub.start("ann"))[-1]
