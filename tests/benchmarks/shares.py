"""Where the time of one decision goes: Prometheus, the way there and back, httpx, our own code."""

import http.client
import json
import time
import urllib.parse
from pathlib import Path

import httpx

from jupyterhub_quota import QuotaEngine, Reading
from sessions import DAY, END
from stores import Prometheus, log_queries
from timing import quantile, timed
from works import Hub, decide, policy

USERS = 60


class Known:
    """A ledger that knows one answer; implements `Ledger`."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def read(self, *, since: float, at: float, user: str | None = None) -> Reading:
        """Return it."""
        return self._reading

    async def close(self) -> None:
        """There is nothing to close."""


async def shares(hub: Hub, process: Prometheus, folder: Path) -> dict[str, float]:
    """
    Return the median milliseconds of each part of a decision with nothing cached.

    The same question is asked by a bare connection, by httpx and by the ledger, in turns, and Prometheus itself logs
    how long each took to answer; the parts are the differences.
    """
    log = folder / "queries.log"
    log.unlink(missing_ok=True)
    log_queries(hub.url, process, folder, log)
    bare = http.client.HTTPConnection(hub.url.removeprefix("http://"))
    engine = QuotaEngine(policy(1, hub.days), hub.ledger)
    found: dict[str, list[float]] = {}
    try:
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:  # noqa: S501 - http
            for turn in range(USERS):
                user = hub.user(turn)
                await hub.empty()
                _keep(found, "decision", await timed(lambda user=user: decide(engine, user, END)))
                entry = json.loads(log.read_text().splitlines()[-1])
                form = {"query": entry["params"]["query"], "time": f"{END}", "timeout": "5s"}
                began = time.perf_counter()
                size = _bare(bare, form)
                _keep(found, "bare", time.perf_counter() - began)
                entry = json.loads(log.read_text().splitlines()[-1])
                _keep(found, "Prometheus: evaluation", entry["stats"]["timings"]["evalTotalTime"])
                _keep(found, "httpx", await timed(lambda form=form: client.post(f"{hub.url}/api/v1/query", data=form)))
                since = END - hub.days * DAY
                began = time.perf_counter()
                reading = await hub.ledger.read(since=since, at=END, user=user)
                _keep(found, "reading", time.perf_counter() - began)
                known = QuotaEngine(engine.policy, Known(reading))
                _keep(found, "our code: deciding and wording", await timed(lambda k=known, u=user: decide(k, u, END)))
                _keep(found, "bytes of the answer", size)
                _keep(found, "sessions", len(reading.sessions))
                began = time.perf_counter()
                _bare(bare, {"query": "vector(1)", "time": f"{END}"})
                _keep(found, "empty query, bare", time.perf_counter() - began)
                _keep(found, "empty query", await timed(hub.empty))
    finally:
        bare.close()
        log_queries(hub.url, process, folder, None)
    median = {name: quantile(values, 0.5) for name, values in found.items()}
    parts = {
        "decision": median["decision"],
        "Prometheus: evaluation": median["Prometheus: evaluation"],
        "Prometheus: reading the question, writing JSON": median["bare"] - median["Prometheus: evaluation"],
        "httpx": median["httpx"] - median["bare"],
        "our code: rows to sessions": median["reading"] - median["httpx"],
        "our code: deciding and wording": median["our code: deciding and wording"],
        "an empty query": median["empty query"],
        "an empty query by a bare connection": median["empty query, bare"],
    }
    return {name: round(seconds * 1000, 3) for name, seconds in parts.items()} | {
        "bytes of the answer": median["bytes of the answer"],
        "sessions": median["sessions"],
    }


def _keep(found: dict[str, list[float]], name: str, value: float) -> None:
    found.setdefault(name, []).append(value)


def _bare(connection: http.client.HTTPConnection, form: dict[str, str]) -> int:
    """Ask by a connection and nothing more; return how long the answer is."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/api/v1/query", urllib.parse.urlencode(form).encode(), headers)
    return len(connection.getresponse().read())
