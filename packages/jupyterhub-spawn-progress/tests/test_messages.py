"""The log of one start, and what hooks say in it."""

import asyncio
from types import SimpleNamespace

from jupyterhub_spawn_progress import Message, add_message
from jupyterhub_spawn_progress.messages import SpawnLog, log_of, merged, new_log


async def read(log):
    return [message.text async for messages in log.follow() for message in messages]


async def test_every_reader_reads_all():
    """From the beginning, in order, once."""
    log = SpawnLog()
    log.say(Message("one"))
    early = asyncio.ensure_future(read(log))
    await asyncio.sleep(0)
    log.say(Message("two"), Message("three"))
    late = asyncio.ensure_future(read(log))
    await asyncio.sleep(0)
    log.close()

    assert ["one", "two", "three"] == await early == await late == await read(log)


async def test_from_another_thread():
    """Hooks may run in a thread."""
    log = SpawnLog()
    reader = asyncio.ensure_future(read(log))
    await asyncio.sleep(0)

    await asyncio.to_thread(log.say, Message("one"))
    log.close()

    assert ["one"] == await reader


async def test_readers_that_leave():
    """A page that is closed leaves nothing behind."""
    log = SpawnLog()
    reader = asyncio.ensure_future(read(log))
    await asyncio.sleep(0)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)

    assert set() == log._listeners


def test_a_spawner_without_the_log():
    """The text is kept, and nothing else happens."""
    spawner = SimpleNamespace()

    add_message(spawner, "one")
    add_message(spawner, "two")

    assert [Message("one"), Message("two")] == log_of(spawner).messages


def test_a_new_start_begins_empty():
    """Nothing of the first attempt shows in the second."""
    spawner = SimpleNamespace()
    add_message(spawner, "one")

    new_log(spawner)

    assert [] == log_of(spawner).messages


async def numbers(*values, forever=False):
    for value in values:
        yield value
    if forever:
        await asyncio.Event().wait()


async def test_merged_ends_with_the_first():
    """The other one may go on for ever."""
    found = [value async for value in merged(numbers(1, 2, 3), numbers(10, forever=True))]

    assert [1, 2, 3] == [value for value in found if value < 10]
    assert 10 in found


async def test_merged_goes_on_without_the_other():
    """Which may end early."""
    assert {1, 2} == {value async for value in merged(numbers(1, 2), numbers())}
