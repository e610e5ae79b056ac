"""The one part that knows KubeSpawner: watches its pod and events while it starts, and ends what is hopeless."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from kubernetes_asyncio.client import ApiException

from .errors import StartTimeoutError, start_failed
from .events import part
from .failure import Verdict, refused
from .messages import log_of
from .mixin import SpawnProgressMixin
from .narrator import Narrator
from .status import refusal_event
from .translate import Message

# How much earlier than JupyterHub we give up, so that the person reads our sentence.
_AHEAD = 1.0
# How often to ask whether the server listens, in seconds.
_ASK_AGAIN = 0.2
# How long to wait until the pod of an ended start is gone. JupyterHub tries again after us.
_STOP_SECONDS = 30.0
# Refusals that are about what was asked for, and not about the health of hub or API.
_REFUSALS = (400, 403, 422)


class KubeSpawnProgressMixin(SpawnProgressMixin):
    """
    To be put before KubeSpawner or a class made from it; `setup` does that.

    Wraps `_start`, which is the same in KubeSpawner 7.0 and 7.1, and reads the reflectors; everything else is asked
    of KubeSpawner's public methods.
    """

    # Uids of pods and events that were there before this start; None until the pod is about to be made.
    _spawn_progress_earlier: frozenset[str] | None = None

    async def get_pod_manifest(self) -> Any:
        """Remember what is there before the pod is made: the last such call of a start is just ahead of that."""
        manifest = await super().get_pod_manifest()
        pod = self._reflected_pod()
        seen = {part(pod or {}, "metadata").get("uid")}
        for event in self._reflected_events():
            seen |= {part(event, "metadata").get("uid"), part(event, "involvedObject").get("uid")}
        self._spawn_progress_earlier = frozenset(uid for uid in seen if uid)
        return manifest

    async def _start(self) -> Any:
        began = asyncio.get_running_loop().time()
        self._spawn_progress_earlier = None
        settings = self.spawn_progress
        narrator = Narrator(settings.table_in_use(), began=began, patience_seconds=settings.patience)
        start = asyncio.ensure_future(super()._start())
        watch = asyncio.ensure_future(self._watch(narrator))
        try:
            await asyncio.wait({start, watch}, timeout=self._limit(), return_when=asyncio.FIRST_COMPLETED)
            if start.done():
                url = start.result()
                if await self._answered(url, watch, began):
                    self._look(narrator)
                    log_of(self).say(Message("Your server is running. You are being connected to it.", 95))
                    return url
            waited = asyncio.get_running_loop().time() - began
            await _cancel(start)
            verdict = watch.result() if watch.done() else None
            # Should JupyterHub lose patience here, the person reads our sentence all the same.
            with suppress(asyncio.CancelledError):
                await self._clean_up()
        except ApiException as error:
            self._refused(error, narrator)
            raise
        except TimeoutError as error:
            raise StartTimeoutError(narrator.gave_up(asyncio.get_running_loop().time() - began)) from error
        finally:
            await _cancel(start, watch)
            log_of(self).close()
        if verdict:
            self._log_end(verdict)
            raise start_failed(verdict, self)
        raise StartTimeoutError(narrator.gave_up(waited))

    def _limit(self) -> float:
        timeout = float(self.start_timeout)
        return max(timeout - _AHEAD, timeout / 2)

    async def _answered(self, url: str, watch: asyncio.Task[Any], began: float) -> bool:
        """
        Wait until something listens at *url*; return whether JupyterHub may go on.

        A container without a probe is ready as soon as it runs. What goes wrong in its first seconds, like too little
        memory, is seen here; JupyterHub itself would wait for `http_timeout`, and then name an address.
        """
        left = began + self._limit() - asyncio.get_running_loop().time()
        listens = asyncio.ensure_future(_listens(url))
        try:
            await asyncio.wait(
                {listens, watch},
                timeout=max(0.0, min(left, self.http_timeout)),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            await _cancel(listens)
        return not watch.done()

    async def _watch(self, narrator: Narrator) -> Verdict:
        while True:
            await asyncio.sleep(self.spawn_progress.interval)
            verdict = self._look(narrator)
            if verdict and self.spawn_progress.fail_early:
                return verdict

    def _look(self, narrator: Narrator) -> Verdict | None:
        if self.pod_reflector and not self.pod_reflector.first_load_future.done():
            # A reflector that has just been replaced knows no pods yet, which does not mean that there are none.
            return None
        try:
            events, pod = self._seen()
            messages, verdict = narrator.look(events, pod, asyncio.get_running_loop().time())
        except Exception:  # a start must not fail because it could not be told
            self.log.exception("Could not tell the progress of %s", self._log_name)
            return None
        log_of(self).say(*messages)
        return verdict

    def _seen(self) -> tuple[list[Mapping[str, Any]], Mapping[str, Any] | None]:
        """Return events and pod of this start, without those that were there before it."""
        earlier = self._spawn_progress_earlier
        if earlier is None:
            return [], None
        pod = self._reflected_pod()
        if pod and part(pod, "metadata").get("uid") in earlier:
            pod = None
        events = [
            event
            for event in self._reflected_events()
            if part(event, "metadata").get("uid") not in earlier
            and part(event, "involvedObject").get("uid") not in earlier
        ]
        return events, pod

    def _reflected_pod(self) -> Mapping[str, Any] | None:
        reflector = self.pod_reflector
        pod: Mapping[str, Any] | None = reflector.pods.get(f"{self.namespace}/{self.pod_name}") if reflector else None
        return pod

    def _reflected_events(self) -> list[Mapping[str, Any]]:
        reflector = self.event_reflector
        if not reflector:
            return []
        about = (self.namespace, self.pod_name)
        return [
            event
            for event in tuple(reflector.resources.values())
            if (part(event, "involvedObject").get("namespace"), part(event, "involvedObject").get("name")) == about
        ]

    def _refused(self, error: ApiException, narrator: Narrator) -> None:
        if error.status not in _REFUSALS:
            return
        verdict = refused(refusal_event(error.body, error.status, str(error.reason)), table=narrator.table)
        if verdict:
            self._log_end(verdict)
            raise start_failed(verdict, self) from error

    async def _clean_up(self) -> None:
        """Delete the pod ourselves: JupyterHub leaves a pod alone that has ended already."""
        try:
            await asyncio.wait_for(self.stop(), _STOP_SECONDS)
        except Exception:  # JupyterHub stops the server once more, and logs it
            self.log.exception("Could not clean up after %s", self._log_name)

    def _log_end(self, verdict: Verdict) -> None:
        self.log.warning(
            "Ended the start of %s: %s: %s",
            self._log_name,
            verdict.name,
            verdict.detail,
        )

    async def _others(self) -> AsyncGenerator[list[dict[str, Any]], None]:
        # KubeSpawner 7.1 has a patience of its own, which does not say what is being waited for.
        if self.spawn_progress.patience and self.has_trait("slow_spawn_message_threshold"):
            self.slow_spawn_message_threshold = 0
        async for items in super()._others():
            yield items


async def _listens(url: str) -> None:
    where = urlsplit(url)
    while True:
        try:
            _, writer = await asyncio.open_connection(where.hostname, where.port)
        except OSError:
            await asyncio.sleep(_ASK_AGAIN)
        else:
            writer.close()
            return


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
