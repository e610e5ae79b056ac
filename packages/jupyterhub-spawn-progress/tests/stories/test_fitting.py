"""With other people's spawner classes, hooks, settings and pages."""

import asyncio

import pytest
from jupyterhub import version_info
from kubespawner import KubeSpawner
from traitlets.config import Config

from jupyterhub_spawn_progress import add_message, setup

FOUND = "A machine has been found for your server."
PRESENT = "Your environment is already on the machine."
STARTING = "Your server is starting."
RUNNING = "Your server is running. You are being connected to it."
BUDGET = "You have used 50 of 60 GiB-hours <this month>."


def speak(spawner):
    """A hook that speaks."""
    add_message(spawner, BUDGET)


async def invalid(pod):
    """A start that is ended at once."""
    pod.waits("InvalidImageName")


async def test_hook_speaks(kube_config, run, api):
    """What a hook says comes first, as plain text."""
    kube_config.KubeSpawner.pre_spawn_hook = speak

    async with run(kube_config) as hub:
        await hub.request("ann")
        items = await hub.progress("ann")

    assert {"message": BUDGET} == items[1]
    assert ["Server requested", BUDGET, FOUND, PRESENT, STARTING, RUNNING] == [item["message"] for item in items[:-1]]


async def test_reload_and_second_tab(kube_config, run, api, until):
    """Every connection sees every message once and in order, however late it comes."""
    kube_config.KubeSpawner.pre_spawn_hook = speak
    go_on = asyncio.Event()

    async def story(pod):
        pod.scheduled()
        await go_on.wait()
        await pod.cached()

    api.plays = story
    async with run(kube_config) as hub:
        await hub.request("ann")
        first = asyncio.ensure_future(hub.progress("ann"))
        await until(lambda: api.created)
        await asyncio.sleep(0.3)
        second = asyncio.ensure_future(hub.progress("ann"))
        await asyncio.sleep(0.3)
        go_on.set()
        tabs = [[item["message"] for item in items] for items in await asyncio.gather(first, second)]

    expected = ["Server requested", BUDGET, FOUND, PRESENT, STARTING, RUNNING, "Server ready at /user/ann/"]
    assert [expected, expected] == tabs


async def test_events_disabled(kube_config, run, api):
    """Without events, the status of the pod tells enough, and ends what is hopeless."""
    kube_config.KubeSpawner.events_enabled = False

    async with run(kube_config) as hub:
        well = await hub.start("ann")
        api.plays = invalid
        badly = await hub.start("bob")

    assert ["Server requested", FOUND, STARTING, RUNNING, "Server ready at /user/ann/"] == well
    assert badly[-1].startswith("Spawn failed: Your server cannot start, because the name of its environment")


async def test_named_servers(hub, api):
    """Each server tells its own story."""
    api.plays = lambda pod: pod.cached() if "one" in pod.name else invalid(pod)

    one, other = await asyncio.gather(hub.start("ann", "one"), hub.start("ann", "two"))

    assert "Server ready at /user/ann/one/" == one[-1]
    assert other[-1].startswith("Spawn failed: Your server cannot start")


async def test_ready_hook_of_the_admin(kube_config, run, api):
    """The last line stays the admin's."""

    def ready(spawner, event):
        return event | {"message": "Off you go."}

    kube_config.KubeSpawner.progress_ready_hook = ready

    async with run(kube_config) as hub:
        assert "Off you go." == (await hub.start("ann"))[-1]


class OwnSpawner(KubeSpawner):
    """A deployment's own spawner, which says something of its own."""

    async def progress(self):
        yield {"progress": 20, "message": "Warming up the coffee machine."}
        async for item in super().progress():
            yield item


async def test_own_spawner_class(kube_config, run, api):
    """A subclass keeps its settings and its own words; the bar does not go back for them."""
    kube_config.JupyterHub.spawner_class = OwnSpawner
    kube_config.OwnSpawner.pre_spawn_hook = speak

    async with run(kube_config) as hub:
        await hub.request("ann")
        items = await hub.progress("ann")

    said = [item["message"] for item in items]
    bar = [item["progress"] for item in items if "progress" in item]
    assert {BUDGET, "Warming up the coffee machine."} == set(said[1:3])
    assert [FOUND, PRESENT, STARTING, RUNNING] == said[3:-1]
    assert sorted(bar) == bar


class BrokenSpawner(KubeSpawner):
    """A spawner whose own progress fails."""

    async def progress(self):
        raise RuntimeError("broken")
        yield


async def test_broken_progress_of_the_spawner(kube_config, run, api):
    """It costs its own words only."""
    kube_config.JupyterHub.spawner_class = BrokenSpawner

    async with run(kube_config) as hub:
        assert "Server ready at /user/ann/" == (await hub.start("ann"))[-1]


async def test_no_kubernetes(run, api, tmp_path):
    """On any other spawner, hooks can speak all the same."""

    async def hook(spawner):
        speak(spawner)
        await asyncio.sleep(0.5)

    config = Config()
    config.JupyterHub.spawner_class = "simple"
    config.SimpleLocalProcessSpawner.update(
        pre_spawn_hook=hook, cmd=["sleep", "5"], port=api.port, ip="127.0.0.1", home_dir_template=str(tmp_path)
    )

    async with run(config) as hub:
        said = await hub.start("ann")
        await hub.client.delete("users/ann/server")

    assert ["Server requested", BUDGET, "Spawning server...", "Server ready at /user/ann/"] == said


async def test_setup_twice(kube_config, run, api):
    """Calling it again changes nothing."""
    setup(kube_config)
    wrapped = kube_config.JupyterHub.spawner_class
    setup(kube_config)

    assert wrapped is kube_config.JupyterHub.spawner_class
    async with run(kube_config) as hub:
        assert [FOUND, PRESENT, STARTING, RUNNING] == (await hub.start("ann"))[1:-1]


async def test_page_after_the_end(hub, api):
    """Who comes back later reads the sentence on the page of the failed server, as HTML that is escaped."""
    api.plays = invalid
    await hub.start("ann")

    page = await hub.page("spawn-pending/ann")

    assert 400 == page.status_code
    assert "because the name of its environment is not a valid one" in page.text
    assert "tell your hub&#x27;s admins" in page.text


async def test_hopeless_starts_do_not_stop_the_hub(kube_config, run, api):
    """JupyterHub 5 counts failed starts, and ends after a few: these say nothing against the hub."""
    kube_config.KubeSpawner.consecutive_failure_limit = 2
    api.plays = invalid

    async with run(kube_config) as hub:
        for name in ("ann", "bob", "cem"):
            await hub.start(name)

        assert 0 == hub.app.tornado_application.settings.get("failure_count", 0)


async def test_pending_page(hub, api):
    """The page has a live region, and a way on."""
    go_on = asyncio.Event()

    async def story(pod):
        await go_on.wait()
        await pod.cached()

    api.plays = story
    await hub.request("ann")

    page = await hub.page("spawn-pending/ann")
    go_on.set()
    await hub.progress("ann")

    assert 'message.setAttribute("aria-live", "polite")' in page.text
    assert 'href="/hub/spawn/ann/"' in page.text


@pytest.mark.skipif(version_info < (6,), reason="SpawnException is new in JupyterHub 6")
async def test_metrics_name_the_failure(hub, api):
    """The hub's metric of starts says why they failed."""
    api.plays = invalid
    await hub.start("ann")

    metrics = (await hub.client.get("../metrics")).text

    assert 'reason="name-invalid",status="failure"' in metrics
