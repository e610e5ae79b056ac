"""The progress log of any spawner: what hooks say, and what the spawner itself says."""

from collections.abc import AsyncGenerator
from functools import cached_property
from typing import Any

from .config import SpawnProgress
from .messages import log_of, merged, new_log
from .translate import Message

# The spawner class behind the mixin. JupyterHub and KubeSpawner ship no types.
_Behind: Any = object


class SpawnProgressMixin(_Behind):  # type: ignore[misc]
    """
    To be put before a spawner class; `setup` does that.

    Works with every spawner of JupyterHub. What Kubernetes says is told by `KubeSpawnProgressMixin`.
    """

    @cached_property
    def spawn_progress(self) -> SpawnProgress:
        """What admins have set."""
        return SpawnProgress(parent=self)

    def clear_state(self) -> None:
        """Forget the last start; JupyterHub calls this before every start, ahead of all hooks."""
        super().clear_state()
        new_log(self)

    async def progress(self) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the whole log of the start from its beginning, and what comes; the bar never goes back."""
        reached = 0
        async for items in merged(self._spoken(), self._others()):
            for item in items:
                progress = item.get("progress")
                is_forward = not isinstance(progress, int | float) or progress >= reached
                reached = max(reached, progress or 0) if is_forward else reached
                yield item if is_forward else {key: value for key, value in item.items() if key != "progress"}

    async def _spoken(self) -> AsyncGenerator[list[dict[str, Any]], None]:
        async for messages in log_of(self).follow():
            yield [self._as_item(message) for message in messages]

    def _as_item(self, message: Message) -> dict[str, Any]:
        item: dict[str, Any] = {"message": message.text}
        if message.progress is not None:
            item["progress"] = message.progress
        if message.detail and self.spawn_progress.details:
            item["detail"] = message.detail
        return item

    async def _others(self) -> AsyncGenerator[list[dict[str, Any]], None]:
        """Yield what the spawner class behind has to say."""
        try:
            async for item in super().progress():
                if "raw_event" not in item:
                    yield [item]
        except Exception:  # whatever it is, it must not end the page of the person who waits
            self.log.exception("The spawner's own progress failed")
