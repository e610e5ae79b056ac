"""
The ledger of a hub on Kubernetes: recording rules in Prometheus, fed by kube-state-metrics.

One question about one subject is one query, whatever the number of quotas. Everybody is read in slices of time, so that
no answer is too large to be held. Starts and ends are absolute times: how often and how late samples were taken changes
nothing. What the series mean stands in the rules: `helm-chart/jupyterhub-quota/files/rules/ledger.yaml`.
"""

import asyncio
import re
from collections.abc import Iterable

from jupyterhub_quota.amounts import HOUR
from jupyterhub_quota.errors import Unavailable, UnavailableError
from jupyterhub_quota.ledger.api import Access, PrometheusApi, Row, quoted
from jupyterhub_quota.ledger.pods import Found, gpu_pattern, id_of, segments
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
        timeout_seconds: how long one question about one subject may take in all; for everybody, each slice.
        history: whether to read the names of servers that have ended, too, which pages show and decisions do not need.
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
    ) -> None:
        self._api = PrometheusApi(url, access or Access(), timeout_seconds)
        self._namespace = namespace
        self._gpu = gpu_pattern(gpu_resources)
        self._began: float | None = None
        self._history = history

    async def read(self, *, since: float, at: float, user: str | None = None) -> Reading:
        """
        Return the sessions that held something after *since*; see `Ledger.read`.

        Raises:
            UnavailableError: Prometheus cannot be asked, or nothing shows that it watches.
        """
        found = Found()
        if user is not None:
            await self._slice(found, since, at, user, edge=True)
        else:
            await self._everybody(found, since, at)
        if found.seen is None:
            message = "Prometheus has no heartbeat of the ledger: is it fed by kube-state-metrics, with our rules?"
            raise UnavailableError(message, Unavailable.NOT_WATCHING)
        as_of = min(found.seen, at)
        sessions = [session for session in found.sessions(self._gpu, as_of) if session.end > since or session.alive]
        if found.resized:
            sessions = await self._in_parts(sessions, found.resized, since, at)
        complete_since = found.first if found.first is not None else await self._beginning(since, at)
        return Reading(tuple(sessions), as_of, complete_since)

    async def close(self) -> None:
        """Let go of connections."""
        await self._api.close()

    def __repr__(self) -> str:
        return "PrometheusLedger(…)"

    async def _everybody(self, found: Found, since: float, at: float) -> None:
        """Read everybody in slices of time; a session that lies in several of them is put together again."""
        borders = [since]
        while borders[-1] + SLICE_SECONDS < at:
            borders.append(borders[-1] + SLICE_SECONDS)
        few = asyncio.Semaphore(SLICES_AT_ONCE)

        async def read(begin: float, end: float) -> None:
            async with few:
                await self._slice(found, begin, end, None, edge=begin == since)

        async with asyncio.TaskGroup() as tasks:
            for begin, end in zip(borders, [*borders[1:], at], strict=True):
                tasks.create_task(read(begin, end))

    async def _slice(self, found: Found, since: float, at: float, user: str | None, *, edge: bool) -> None:
        """Add to *found* what is known from *since* to *at*; with *edge*, whether history reaches back so far."""
        who, everybody = self._matchers(user), self._matchers(None)
        window = f"[{at - since + MARGIN_SECONDS:.0f}s]"
        wanted = {
            "request": f"avg_over_time(jupyterhub_quota:pod_request{who}{window})",
            "start": f"min_over_time(jupyterhub_quota:pod_start_seconds{who}{window})",
            "end": f"max_over_time(jupyterhub_quota:pod_end_seconds{who}{window})",
            "info": f"max_over_time(jupyterhub_quota:pod_info{who}{window if self._history else '[1h]'})",
            "resized": f"count_over_time(jupyterhub_quota:pod_request_before{who}{window})",
            # Over some time, since one failed scrape ends a series; the largest, since ghosts of a restart look back.
            "seen": f"max(max_over_time(jupyterhub_quota:seen_seconds{everybody}[1h]))",
        }
        if edge:
            # Only around the edge: reading all of this one series would take longer than all the rest.
            around = f"[{2 * MARGIN_SECONDS:.0f}s] offset {at - since - MARGIN_SECONDS:.0f}s"
            wanted["first"] = f"min(min_over_time(jupyterhub_quota:seen_seconds{everybody}{around}))"
        rows = await self._api.query(_union(wanted), at)
        if user is None:
            await asyncio.to_thread(found.add, rows)
        else:
            found.add(rows)

    async def _beginning(self, since: float, at: float) -> float | None:
        """When a history began that is younger than the window."""
        if self._began is None or self._began < since:
            everybody, window = self._matchers(None), f"[{at - since + MARGIN_SECONDS:.0f}s]"
            rows = await self._api.query(f"min(min_over_time(jupyterhub_quota:seen_seconds{everybody}{window}))", at)
            self._began = rows[0].value if rows else None
        return self._began

    async def _in_parts(self, sessions: list[Session], resized: set[str], since: float, at: float) -> list[Session]:
        """Replace each session that was resized by one for each size."""
        uids = "|".join(re.escape(id_.partition("/")[2]) for id_ in sorted(resized))
        window = f"[{at - since + MARGIN_SECONDS:.0f}s]"
        rows = await self._api.query(f"jupyterhub_quota:pod_request{{uid=~{quoted(uids)}}}{window}", at)
        changes: dict[str, list[Row]] = {}
        for row in rows:
            changes.setdefault(id_of(row.labels), []).append(row)
        parts = []
        for session in sessions:
            was_resized = session.id in resized
            parts += segments(session, changes.get(session.id, []), self._gpu) if was_resized else [session]
        return parts

    def _matchers(self, user: str | None) -> str:
        parts = [f"namespace={quoted(self._namespace)}"] if self._namespace else []
        if user is not None:
            parts.append(f"username={quoted(user)}")
        return "{" + ",".join(parts) + "}" if parts else ""


def _union(expressions: dict[str, str]) -> str:
    """One query for several, told apart by the label `stat`."""
    return " or ".join(f'label_replace({query}, "stat", "{stat}", "", "")' for stat, query in expressions.items())
