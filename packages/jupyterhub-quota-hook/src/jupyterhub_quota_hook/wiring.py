"""From a hub's configuration to the door: hooks that are there stay, ours come last."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from inspect import isawaitable
from typing import Any

from jupyterhub.app import JupyterHub
from traitlets.config import Config

from jupyterhub_quota_hook.hook import Door, make_door
from jupyterhub_spawn_progress import setup as set_up_progress

Hook = Callable[[Any], Awaitable[None] | None]

_MARK = "_jupyterhub_quota"


def setup(c: Config) -> None:
    """
    Check quotas before servers start.

    To be called at the end of the hub's configuration: hooks that are set before are kept and run first, whatever
    section they are set on. Calling it twice is harmless. What is set in `c.JupyterHubQuota` counts wherever it stands.
    """
    set_up_progress(c)
    spawner_class = c.JupyterHub.spawner_class
    if _is_ours(_effective(c, spawner_class, "pre_spawn_hook")):
        return
    doors: list[Door] = []
    tasks: set[asyncio.Future[None]] = set()

    def start() -> Door:
        """Open the door with the hub's whole configuration, once."""
        if not doors:
            app = JupyterHub.instance()
            _still_ours(app)
            doors.append(make_door(app.config, app.db_url, app.log))
            task = asyncio.ensure_future(doors[0].run(app))
            tasks.add(task)
            task.add_done_callback(lambda done: _report(done, app.log))
        return doors[0]

    async def before_start(spawner: Any) -> None:
        await start().before_start(spawner)

    async def after_stop(spawner: Any) -> None:
        await start().after_stop(spawner)

    for trait, ours in (("pre_spawn_hook", before_start), ("post_stop_hook", after_stop)):
        c[spawner_class.__name__][trait] = _chained(_effective(c, spawner_class, trait), ours)
    # The hub reads its configuration inside its event loop, and knows all of it by the loop's next turn. A command that
    # only reads the configuration has no loop.
    with suppress(RuntimeError):
        asyncio.get_running_loop().call_soon(lambda: start() if JupyterHub.initialized() else None)


def _chained(earlier: Hook | None, ours: Callable[[Any], Awaitable[None]]) -> Hook:
    """
    Return a hook that runs what was there, then ours.

    A plain function, since configuration is copied deeply on its way to the spawner.
    """

    async def hook(spawner: Any) -> None:
        if earlier is not None:
            result = earlier(spawner)
            if isawaitable(result):
                await result
        await ours(spawner)

    setattr(hook, _MARK, True)
    return hook


def _effective(c: Config, spawner_class: type, trait: str) -> Hook | None:
    """The hook that counts for a spawner class: that of the most specific section."""
    for cls in spawner_class.__mro__:
        if c._has_section(cls.__name__) and trait in c[cls.__name__]:
            hook: Hook | None = c[cls.__name__][trait]
            return hook
    return None


def _is_ours(hook: Hook | None) -> bool:
    return getattr(hook, _MARK, False)


def _still_ours(app: Any) -> None:
    """
    Check that no later line of the configuration replaced our hook.

    Raises:
        SystemExit: one did, so that nothing would be checked.
    """
    if not _is_ours(_effective(app.config, app.spawner_class, "pre_spawn_hook")):
        raise SystemExit(
            "The hub does not start, because its quotas would not be checked: pre_spawn_hook was set after "
            "jupyterhub_quota_hook.setup(c). Call setup(c) at the end of the configuration."
        )


def _report(done: "asyncio.Future[None]", log: logging.Logger) -> None:
    """Say so if what goes on in the background ended by itself."""
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("Recording sessions and watching the quota policy ended: %s", error, exc_info=error)
