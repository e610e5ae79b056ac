"""
The ledger of a hub on Kubernetes: recording rules in Prometheus, fed by kube-state-metrics.

One question about one subject is one query, whatever the number of quotas. Everybody is read in slices of time, so that
no answer is too large to be held. Starts and ends are absolute times: how often and how late samples were taken changes
nothing. What the series mean stands in the rules: `helm-chart/jupyterhub-quota/files/rules/ledger.yaml`.
"""

import asyncio
import json
import math
from collections.abc import Coroutine, Iterable
from typing import Any

from jupyterhub_quota.amounts import HOUR
from jupyterhub_quota.errors import InputError, Unavailable, UnavailableError
from jupyterhub_quota.ledger.api import Access, PrometheusApi
from jupyterhub_quota.ledger.pods import Found, gpu_pattern
from jupyterhub_quota.ledger.protocol import Reading
from jupyterhub_quota.session import Session

GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/*")

# Everybody is read in slices so long: some megabytes for thousands of users.
SLICE_SECONDS = 6.0 * HOUR
SLICES_AT_ONCE = 2
# Series are read from so much earlier than was asked for: a session's samples may be a little older than its end.
MARGIN_SECONDS = 1.0 * HOUR


class PrometheusLedger:
    """
    Sessions as Prometheus knows them; implements `Ledger`.

    Args:
        url: address of Prometheus, or of what speaks the same API.
        access: how to be let in.
        namespace: count pods of this namespace only, where one Prometheus serves several hubs. A Prometheus of one hub
            does without: the matcher makes it walk its whole index.
        gpu_resources: names of the resources that are GPUs, as pods ask for them; `*` stands for any text.
        timeout_seconds: how long one question about one subject, or about a short time, may take in all; where
            everybody is read in slices, each query.
        history: whether to read the names of servers that have ended, too, which pages show and decisions do not need.
        slice_seconds: how much of everybody's time is read at once.
    """

    def __init__(
        self,
        url: str,
        *,
        access: Access | None = None,
        namespace: str = "",
        gpu_resources: Iterable[str] = GPU_RESOURCES,
        timeout_seconds: float = 5.0,
        history: bool = True,
        slice_seconds: float = SLICE_SECONDS,
    ) -> None:
        self._api = PrometheusApi(url, access or Access(), timeout_seconds)
        self._namespace = namespace
        self._gpu = gpu_pattern(gpu_resources)
        self._history = history
        self._slice_seconds = slice_seconds
        self._began: tuple[float, float] | None = None  # looked for since when, and found

    async def read(self, *, since: float, at: float, user: str | None = None) -> Reading:
        """
        Return the sessions that held something after *since*; see `Ledger.read`.

        A session that was resized long before *since* is shown with its last size only: what each part says is true of
        the time after *since*.

        Raises:
            UnavailableError: Prometheus cannot be asked, or nothing shows that it watches.
        """
        if math.isnan(since) or not math.isfinite(at):
            raise InputError("the times to read from and at must be numbers: seconds since the epoch")
        begin = min(max(since, 0.0), at)
        found = Found()
        if user is None and at - begin > self._slice_seconds:
            complete_since = await self._in_slices(found, begin, at)
        else:
            complete_since = await self._at_once(found, begin, at, user)
        if found.seen is None:
            message = "Prometheus has no heartbeat of the ledger: is it fed by kube-state-metrics, with our rules?"
            raise UnavailableError(message, Unavailable.NOT_WATCHING)
        as_of = min(found.seen, at)

        def held() -> tuple[Session, ...]:
            return tuple(each for each in found.sessions(self._gpu, as_of) if each.end > since or each.alive)

        sessions = held() if user is not None else await asyncio.to_thread(held)
        return Reading(sessions, as_of, complete_since)

    async def close(self) -> None:
        """Let go of connections."""
        await self._api.close()

    def __repr__(self) -> str:
        return "PrometheusLedger(…)"

    async def _at_once(self, found: Found, since: float, at: float, user: str | None) -> float | None:
        """Read one slice, within one deadline; return since when history is complete."""
        try:
            async with asyncio.timeout(self._api.timeout_seconds):
                await self._slice(found, since, at, user, edge=True)
                if found.first is not None or found.seen is None:
                    return found.first
                return await self._beginning(since, at)
        except TimeoutError as error:
            message = f"Prometheus did not answer within {self._api.timeout_seconds:g} s"
            raise UnavailableError(message, Unavailable.SLOW) from error

    async def _in_slices(self, found: Found, since: float, at: float) -> float | None:
        """Read everybody in slices of time; a session that lies in several of them is put together again."""
        began = await self._beginning(since, at)
        borders = [since if began is None else max(since, began - MARGIN_SECONDS)]
        while borders[-1] + self._slice_seconds < at and began is not None:
            borders.append(borders[-1] + self._slice_seconds)
        few = asyncio.Semaphore(SLICES_AT_ONCE)

        async def read(begin: float, end: float) -> None:
            async with few:
                await self._slice(found, begin, end, None, now=end == at)

        if began is not None:
            await _all(read(begin, end) for begin, end in zip(borders, [*borders[1:], at], strict=True))
        return began

    async def _slice(
        self, found: Found, since: float, at: float, user: str | None, *, now: bool = True, edge: bool = False
    ) -> None:
        """
        Add to *found* what is known from *since* to *at*.

        With *now*, also up to when that is known; with *edge*, also whether history reaches back to *since*.
        """
        who, everybody = self._matchers(user), self._matchers(None)
        window = f"[{at - since + MARGIN_SECONDS:.0f}s]"
        requests, changes = f"jupyterhub_quota:pod_request{who}", f"jupyterhub_quota:pod_request_before{who}{window}"
        wanted = {
            "request": f"avg_over_time({requests}{window})",
            "start": f"min_over_time(jupyterhub_quota:pod_start_seconds{who}{window})",
            "end": f"max_over_time(jupyterhub_quota:pod_end_seconds{who}{window})",
            "info": f"max_over_time(jupyterhub_quota:pod_info{who}{window if self._history else '[1h]'})",
            "resized": f"count_over_time({changes})",
        }
        if now:
            # Over some time: it stands still while scrapes fail. The largest: ghosts of a restart look back.
            wanted["seen"] = f"max(max_over_time(jupyterhub_quota:seen_seconds{everybody}[1d]))"
        if edge:
            # Only around the edge: reading all of this one series would take longer than all the rest.
            around = f"[{2 * MARGIN_SECONDS:.0f}s] offset {at - since - MARGIN_SECONDS:.0f}s"
            wanted["first"] = f"min(min_over_time(jupyterhub_quota:seen_seconds{everybody}{around}))"
        rows = await self._api.query(_union(wanted), at)
        resized = found.add(rows) if user is not None else await asyncio.to_thread(found.add, rows)
        if resized:
            before = await self._api.query(changes, at)
            resizing = f"and on (namespace, uid) count_over_time({changes})"
            found.add_changes(before, await self._api.query(f"last_over_time({requests}{window}) {resizing}", at))

    async def _beginning(self, since: float, at: float) -> float | None:
        """When history begins, if that is after *since*, or its first hour; None if there is none at all."""
        if self._began is None or not self._began[0] <= since <= self._began[1] <= at:
            everybody, window = self._matchers(None), f"[{at - since + MARGIN_SECONDS:.0f}s]"
            rows = await self._api.query(f"min(min_over_time(jupyterhub_quota:seen_seconds{everybody}{window}))", at)
            if not rows:
                return None
            self._began = since, rows[0].value
        return self._began[1]

    def _matchers(self, user: str | None) -> str:
        parts = [f"namespace={quoted(self._namespace)}"] if self._namespace else []
        if user is not None:
            parts.append(f"username={quoted(user)}")
        return "{" + ",".join(parts) + "}" if parts else ""


def quoted(text: str) -> str:
    """Return *text* as a PromQL string."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"a name has a character that is not Unicode: {text!a}") from error
    # JSON escapes as PromQL does. What stands for a broken character may stand in PromQL only if it is escaped.
    return json.dumps(text, ensure_ascii=False).replace("\N{REPLACEMENT CHARACTER}", "\\ufffd")


def _union(expressions: dict[str, str]) -> str:
    """One query for several, told apart by the label `stat`."""
    return " or ".join(f'label_replace({query}, "stat", "{stat}", "", "")' for stat, query in expressions.items())


async def _all(questions: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Ask all of *questions*; the first failure ends the others."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for question in questions:
                tasks.create_task(question)
    except ExceptionGroup as group:
        error = group.exceptions[0]
        raise error from error.__cause__
