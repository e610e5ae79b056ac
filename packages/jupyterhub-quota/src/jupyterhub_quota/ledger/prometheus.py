"""
The ledger of a hub on Kubernetes: recording rules in Prometheus, fed by kube-state-metrics.

One question about one subject is one query, whatever the number of quotas. Everybody is read in slices of time, so that
no answer is too large to be held. Starts and ends are absolute times: how often and how late samples were taken changes
nothing. What the series mean stands in the rules: `helm-chart/jupyterhub-quota/files/rules/ledger.yaml`.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

from jupyterhub_quota.amounts import DAY, HOUR
from jupyterhub_quota.errors import InputError, Unavailable, UnavailableError
from jupyterhub_quota.ledger import promql
from jupyterhub_quota.ledger.api import Access, PrometheusApi
from jupyterhub_quota.ledger.crowd import Crowd
from jupyterhub_quota.ledger.news import news
from jupyterhub_quota.ledger.pods import Found, gpu_pattern, uid_of
from jupyterhub_quota.ledger.protocol import Asker, Reading
from jupyterhub_quota.ledger.slices import in_slices
from jupyterhub_quota.session import Session

GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/*")

# Everybody is read in slices so long: ten megabytes for thousands of users. Longer ones would take a little less time
# and more memory. Each may take so long, since nobody waits.
SLICE_SECONDS = 16.0 * HOUR
SLICE_DEADLINE_SECONDS = 30.0
# Of a longer time everybody is read in slices, of which there may be one.
SHORT_SECONDS = 1.0 * HOUR
# Series are read from so much earlier than was asked for: what a pod that is done requested is recorded once an hour.
MARGIN_SECONDS = 1.0 * HOUR
# Up to when the ledger is known is looked for in so much time: it stands still while scrapes fail.
HEARTBEAT_SECONDS = 1.0 * DAY


class PrometheusLedger:
    """
    Sessions as Prometheus knows them; implements `FollowedLedger`.

    Args:
        url: address of Prometheus, or of what speaks the same API.
        access: how to be let in.
        namespace: count pods of this namespace only, where one Prometheus serves several hubs. A Prometheus of one hub
            does without: the matcher makes it walk its whole index.
        gpu_resources: names of the resources that are GPUs, as pods ask for them; `*` stands for any text.
        timeout_seconds: how long one question about one subject, or about a short time, may take in all; where
            everybody is read in slices, each query may take half a minute if this is less.
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
        self._hub = [promql.equal("namespace", [namespace])] if namespace else []
        self._gpu = gpu_pattern(gpu_resources)
        self._history = history
        self._slice_seconds = slice_seconds
        self._crowd = Crowd(self._some)
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
        if user is not None:
            promql.quoted(user)  # refused here, and not together with others
            async with self._deadline():
                return await self._crowd.read(user, begin, at)
        found = Found()
        if at - begin > min(self._slice_seconds, SHORT_SECONDS):
            complete_since = await self._in_slices(found, begin, at)
        else:
            async with self._deadline():
                complete_since = await self._at_once(found, begin, at, self._hub)
        return await asyncio.to_thread(self._reading, found, since, at, complete_since)

    async def follow(self, *, since: float, at: float, asker: Asker) -> Reading:
        """
        Return what is new since the last answer; see `FollowedLedger.follow`.

        Two questions at most, unless pods were resized: for the ends of all pods, and for the whole of the unknown.

        Raises:
            UnavailableError: Prometheus cannot be asked, or nothing shows that it watches.
        """
        if at - since > SHORT_SECONDS:
            return await self.read(since=since, at=at)
        found, window = Found(), max(at - since, 1.0)
        ends = promql.last([promql.END, promql.BEFORE], self._hub, window)
        async with self._deadline():
            # Prometheus opens every series of the longest window that is in a question, so all of it is short.
            question = promql.union([ends, promql.newest(self._hub, window)])
            resized = await self._api.ask(question, at, found.read)
            if found.seen is None:
                await self._api.ask(promql.newest(self._hub, HEARTBEAT_SECONDS), at, found.read)
            as_of = _as_of(found, at)
            known, unknown = await asyncio.to_thread(news, found, resized, since, as_of, asker)
            if unknown:
                whole, uids = Found(seen=found.seen), {uid_of(id_) for id_ in unknown}
                await self._slice(whole, since, at, [*self._hub, *promql.pods(uids)], now=False)
                reading = await asyncio.to_thread(self._reading, whole, since, at, None)
                known += [each for each in reading.sessions if each.id in unknown and asker.wants(each.user)]
        return Reading(tuple(known), as_of)

    async def close(self) -> None:
        """Let go of connections."""
        await self._crowd.close()
        await self._api.close()

    def __repr__(self) -> str:
        return "PrometheusLedger(…)"

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        """All that is asked in here has to be answered in time."""
        try:
            async with asyncio.timeout(self._api.timeout_seconds):
                yield
        except TimeoutError as error:
            message = f"Prometheus did not answer within {self._api.timeout_seconds:g} s"
            raise UnavailableError(message, Unavailable.SLOW) from error

    def _reading(self, found: Found, since: float, at: float, complete_since: float | None) -> Reading:
        """What was found, after *since*."""
        as_of = _as_of(found, at)
        sessions = found.sessions(self._gpu, as_of)
        return Reading(tuple([each for each in sessions if each.end > since or each.alive]), as_of, complete_since)

    async def _some(self, users: frozenset[str], since: float, at: float) -> dict[str, Reading]:
        """Read one user, or a few."""
        found = Found()
        async with self._deadline():
            complete_since = await self._at_once(found, since, at, [*self._hub, promql.equal("username", users)])
        if len(users) == 1:
            reading = self._reading(found, since, at, complete_since)
        else:
            reading = await asyncio.to_thread(self._reading, found, since, at, complete_since)
        own: dict[str, list[Session]] = {user: [] for user in users}
        for session in reading.sessions:
            if session.user in own:  # letter by letter, whatever an expression may have matched
                own[session.user].append(session)
        return {user: replace(reading, sessions=tuple(sessions)) for user, sessions in own.items()}

    async def _at_once(self, found: Found, since: float, at: float, who: list[str]) -> float | None:
        """Read one slice; return since when history is complete."""
        await self._slice(found, since, at, who, edge=True)
        if found.first is not None or found.seen is None:
            return found.first
        return await self._beginning(since, at)

    async def _in_slices(self, found: Found, since: float, at: float) -> float | None:
        """Read everybody in slices of time; a session that lies in several of them is put together again."""
        began = await self._beginning(since, at)
        if began is None:
            return None
        deadline = max(self._api.timeout_seconds, SLICE_DEADLINE_SECONDS)

        async def read(begin: float, end: float) -> None:
            await self._slice(found, begin, end, self._hub, now=end == at, seconds=deadline)

        await in_slices(read, max(since, began - MARGIN_SECONDS), at, self._slice_seconds)
        return began

    async def _slice(
        self,
        found: Found,
        since: float,
        at: float,
        who: list[str],
        *,
        now: bool = True,
        edge: bool = False,
        seconds: float | None = None,
    ) -> None:
        """
        Add to *found* what is known of the series that match *who*, from *since* to *at*.

        With *now*, also up to when that is known; with *edge*, also whether history reaches back to *since*.
        """
        window = at - since + MARGIN_SECONDS
        names = [promql.REQUEST, promql.BEFORE, promql.START, promql.END]
        wanted = [promql.last([*names, promql.INFO] if self._history else names, who, window)]
        if not self._history:
            wanted.append(promql.last([promql.INFO], who, HOUR))
        if now:
            wanted.append(promql.newest(self._hub, HEARTBEAT_SECONDS))
        if edge:
            # Only around the edge: reading all of this one series would take longer than all the rest.
            wanted.append(promql.oldest(self._hub, 2 * MARGIN_SECONDS, at - since - MARGIN_SECONDS))
        resized = await self._api.ask(promql.union(wanted), at, found.read, seconds)
        if resized:
            among = [*who, *promql.pods(resized)]
            before = await self._api.query(promql.samples(promql.BEFORE, among, window), at)
            found.add_changes(before, await self._api.query(promql.last([promql.REQUEST], among, window), at))

    async def _beginning(self, since: float, at: float) -> float | None:
        """When history begins, if that is after *since*, or its first hour; None if there is none at all."""
        if self._began is None or not self._began[0] <= since <= self._began[1] <= at:
            rows = await self._api.query(promql.oldest(self._hub, at - since + MARGIN_SECONDS), at)
            if not rows:
                return None
            self._began = since, rows[0].value
        return self._began[1]


def _as_of(found: Found, at: float) -> float:
    """Up to when is known what was found."""
    if found.seen is None:
        message = "Prometheus has no heartbeat of the ledger: is it fed by kube-state-metrics, with our rules?"
        raise UnavailableError(message, Unavailable.NOT_WATCHING)
    return min(found.seen, at)
