"""What people of the demo can start: a server in one of a few sizes."""

import asyncio
import math
from collections.abc import AsyncIterator
from html import escape
from typing import Any, NamedTuple

from jupyterhub.spawner import SimpleLocalProcessSpawner
from tornado.web import HTTPError
from traitlets import Dict, Float

GIB = 2**30


class Size(NamedTuple):
    """One choice of the form."""

    title: str
    memory_gib: float
    cpu: float
    gpu: int = 0


SIZES = {
    "small": Size("Small", 1, 1),
    "medium": Size("Medium", 4, 2),
    "large": Size("Large", 16, 4),
    "gpu": Size("GPU", 16, 4, gpu=1),
}


def in_base_units(size: Size) -> dict[str, str | float]:
    """Return *size* as the usage page lists it."""
    return {"name": size.title, "memory": size.memory_gib * GIB, "cpu": size.cpu, "gpu": size.gpu}


class SizedSpawner(SimpleLocalProcessSpawner):  # type: ignore[misc]  # JupyterHub ships no types
    """
    Starts servers as processes of this machine, in a size that the user chooses.

    The size is what a server *reserves*, and so what is counted. A process can be given more or less than that, so this
    spawner is for trying things out; one for containers holds what it promises.
    """

    delay = Float(
        8.0, help="How many seconds a start takes longer than it must, so that people can read its progress."
    ).tag(config=True)
    # As KubeSpawner calls it, where GPUs are one of several extra resources.
    extra_resource_limits = Dict()

    def _options_form_default(self) -> str:
        return "\n".join(self._choice(name, size) for name, size in SIZES.items())

    def options_from_form(self, formdata: dict[str, list[str]]) -> dict[str, str]:
        """Return the choice as plain text; in a form every field may come several times."""
        return {"size": formdata.get("size", ["small"])[0]}

    async def apply_user_options(self, _spawner: Any, options: dict[str, Any]) -> None:
        """Take the size that was chosen; JupyterHub calls this before it asks for the quota."""
        size = SIZES.get(options.get("size", "small"))
        if size is None:
            raise HTTPError(400, f"There is no such size; choose one of {', '.join(SIZES)}.")
        self.mem_guarantee = int(size.memory_gib * GIB)
        self.cpu_guarantee = size.cpu
        self.extra_resource_limits = {"nvidia.com/gpu": size.gpu} if size.gpu else {}

    async def start(self) -> Any:
        """Start the server, with a pause in which its progress can be read."""
        await asyncio.sleep(self.delay)
        return await super().start()

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Move the bar, and say nothing meanwhile: the page shows the last thing that was said, what a quota allows."""
        steps = math.ceil(self.delay)
        for step in range(steps):
            yield {"progress": 10 + 70 * step // steps}
            await asyncio.sleep(self.delay / steps)
        yield {"progress": 80, "message": "Starting JupyterLab."}

    @staticmethod
    def _choice(name: str, size: Size) -> str:
        checked = "checked" if name == "small" else ""
        cores = "core" if size.cpu == 1 else "cores"
        gpu = f", {size.gpu} GPU" if size.gpu else ""
        return f"""
        <label class="d-flex align-items-baseline gap-3 border rounded p-3 mb-2">
          <input class="form-check-input flex-shrink-0" type="radio" name="size" value="{escape(name)}" {checked}>
          <span>
            <strong>{escape(size.title)}</strong><br>
            reserves {size.memory_gib:g} GiB of memory, {size.cpu:g} {cores}{gpu}
          </span>
        </label>"""
