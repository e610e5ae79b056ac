"""The embedded ledger is written from the hub's own starts and stops."""

import asyncio
import time

from .conftest import GIB, until


async def everything(ledger):
    """Return all sessions on record."""
    return (await ledger.read(since=0, at=time.time())).sessions


async def recorded(ledger):
    """Wait for sessions on record, and return them."""
    return await until(lambda: everything(ledger))


async def test_a_server_is_on_record_from_its_start(hub, ledger):
    """With its owner, its size, and alive."""
    ann = await hub.person("ann", "regular")
    before = time.time()

    await ann.start("work", memory=4)
    (session,) = await recorded(ledger)

    assert ("ann", "work", 4 * GIB, True) == (session.user, session.server, session.request.memory, session.alive)
    assert before - 1 <= session.start <= time.time()


async def test_the_end_is_on_record(hub, ledger):
    """To the second."""
    ann = await hub.person("ann", "regular")
    await ann.start(memory=4)
    await recorded(ledger)

    await ann.stop()
    (session,) = await everything(ledger)

    assert not session.alive
    assert abs(time.time() - session.end) < 2


async def test_a_refused_launch_is_not_charged(hub, ledger):
    """Nothing is on record."""
    ann = await hub.person("ann", "regular")

    await ann.start(memory=400)
    await ann.progress()
    await asyncio.sleep(1)

    assert () == await everything(ledger)


async def test_a_launch_that_fails_is_not_charged(start_hub, ledger):
    """The spawner gives up after a second."""

    def failing(c):
        c.SizedSpawner.fails = "no room"
        c.SizedSpawner.delay = 1.0

    hub = await start_hub(failing)
    ann = await hub.person("ann", "regular")

    await ann.start(memory=4)
    await ann.progress()
    await asyncio.sleep(1)

    assert () == await everything(ledger)


async def test_a_server_goes_on_as_the_same_session_after_a_restart_of_the_hub(start_hub, ledger):
    """One session before, one after."""
    hub = await start_hub()
    ann = await hub.person("ann", "regular")
    await ann.start(memory=4)
    (before,) = await recorded(ledger)

    await hub.stop(keep_servers=True)
    hub = await start_hub()
    await asyncio.sleep(1.5)
    (after,) = await everything(ledger)

    assert (before.id, before.start, True) == (after.id, after.start, after.alive)
    assert after.end > before.end


async def test_a_server_that_died_with_the_hub_ended_when_it_was_last_seen(start_hub, ledger):
    """Nobody saw its end."""
    hub = await start_hub()
    ann = await hub.person("ann", "regular")
    await ann.start(memory=4)
    (before,) = await recorded(ledger)
    await hub.stop(keep_servers=True)
    for spawner in list(hub.app.spawner_class.servers.values()):
        spawner.close()
    hub.app.spawner_class.servers.clear()

    await start_hub()
    await asyncio.sleep(1.5)
    (after,) = await everything(ledger)

    assert not after.alive
    assert before.end <= after.end < time.time() - 1


async def test_stopping_the_hub_ends_its_servers_on_record(start_hub, ledger):
    """As `cleanup_servers` does."""
    hub = await start_hub()
    ann = await hub.person("ann", "regular")
    await ann.start(memory=4)
    await recorded(ledger)

    await hub.stop()
    (session,) = await everything(ledger)

    assert not session.alive
