"""
Whatever the hub answers to the rounds: a real HTTP server stands for the hub's API where a real one cannot be made to.

`test_running.py` has the real hub.
"""

import asyncio
import json
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from jupyterhub_quota import HeldBack, HubClient, Request, Session, SqliteLedger
from jupyterhub_quota_service.policies import Policies
from jupyterhub_quota_service.running import Rounds
from jupyterhub_quota_service.running.deeds import Deeds
from jupyterhub_quota_service.running.rounds import AT_ONCE, ENOUGH

GIB, HOUR, MINUTE = 2**30, 3600, 60
POLICY = """
groups:
  regular: {memory: 60 GiB-hours}
default: {memory: 20 GiB-hours}
while_running: stop
brake: 20%
"""


class Hub:
    """Users who run a server each, and what is answered to whoever asks for them or stops one."""

    def __init__(self) -> None:
        self.running: dict[str, float] = {}  # user -> when the server was started
        self.listing: list[int] = []  # statuses of the next answers about everybody; 200 where there is none left
        self.stopping: dict[str, int] = {}  # status of each answer to a stop, by user; 204 where it is not said
        self.stays = False  # servers run on although they are stopped
        self.slow_seconds = 0.0  # before a stop is answered
        self.stops: list[str] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    def model(self, user: str) -> dict:
        """Return a user as the hub shows one."""
        started = datetime.fromtimestamp(self.running[user], UTC).isoformat().replace("+00:00", "Z")
        server = {"name": "", "ready": True, "pending": None, "started": started}
        return {"kind": "user", "name": user, "groups": ["regular"], "servers": {"": server}}

    def get(self, address: str) -> tuple[int, dict]:
        """Answer about one user or everybody."""
        parts = urlsplit(address)
        user = unquote(parts.path.removeprefix("/hub/api/users").strip("/"))
        if user:
            return (200, self.model(user)) if user in self.running else (404, {"status": 404})
        if self.listing and (status := self.listing.pop(0)) != 200:
            return status, {"status": status}
        offset, names = int(parse_qs(parts.query)["offset"][0]), list(self.running)
        where = {"offset": offset, "limit": 200, "total": len(names), "next": None}
        return 200, {"items": [self.model(name) for name in names[offset:]], "_pagination": where}

    def delete(self, address: str) -> int:
        """Answer to a stop."""
        user = unquote(urlsplit(address).path.split("/")[4])
        with self.lock:
            self.stops.append(user)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.slow_seconds)
        status = self.stopping.get(user, 204)
        with self.lock:
            self.at_once -= 1
            if status < 500 and not self.stays:
                self.running.pop(user, None)
        return status


@pytest.fixture
def hub():
    """Return the hub, at an address."""
    it = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status, body=b""):
            # Who was kept waiting for too long has gone.
            with suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def do_GET(self):
            status, body = it.get(self.path)
            self.answer(status, json.dumps(body).encode())

        def do_DELETE(self):
            self.answer(it.delete(self.path))

        def log_message(self, format, *args):  # noqa: A002 - as http.server has it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    it.url = f"http://127.0.0.1:{server.server_port}/hub/api"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield it
    server.shutdown()
    thread.join()
    server.server_close()


class Stage:
    """Rounds that are gone one by one, at times that the tests choose."""

    def __init__(self, hub: Hub, folder, timeout_seconds: float) -> None:
        self.hub = hub
        self.begin = self.now = time.time()
        self.ledger = SqliteLedger(folder / "quota.sqlite", create=True)
        (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
        client = HubClient(hub.url, "token", timeout_seconds=timeout_seconds)
        self.events: list[dict] = []
        self.rounds = Rounds(
            Policies(folder / "policy.yaml"),
            self.ledger,
            client,
            Deeds(self.events.append),
            clock=lambda: self.now,
            ticks=lambda: self.now,
        )

    async def runs(self, user: str, hours: float) -> None:
        """Let *user* run a server of a GiB for so many hours up to the begin."""
        start = self.hub.running[user] = self.begin - hours * HOUR
        session = Session(user, user, "", start, self.begin, Request(GIB), True, f"jupyter-{user}", "singleuser-server")
        await self.ledger.add([session])

    async def go(self, minutes: float = 0.0):
        """Let so many minutes pass and go one round."""
        self.now += minutes * MINUTE
        await self.ledger.beat(list(self.hub.running), self.now)
        await self.rounds.round()
        return self.rounds.state.last

    async def warned(self, *users: str) -> None:
        """Let *users* be over, and warned, so that the next round after 16 minutes stops them."""
        for user in users:
            await self.runs(user, 60.1)
        await self.go()
        assert sorted(users) == sorted(self.done("warned"))

    def done(self, action: str) -> list[str]:
        """Return about whose servers something was done."""
        return [event["user"] for event in self.events if event["action"] == action]

    def failures(self) -> dict[str, float]:
        """Return how many stops failed, by why."""
        (family,) = self.rounds.numbers.failures.collect()
        return {each.labels["reason"]: each.value for each in family.samples if each.name.endswith("_total")}

    def held_back(self, why: HeldBack) -> float:
        """Return how many servers were held back in the last round."""
        return self.rounds.numbers.registry.get_sample_value("jupyterhub_quota_stops_held_back", {"reason": why.value})


@pytest.fixture
async def stage(hub, tmp_path):
    """Return a stage whose hub has a second to answer."""
    it = Stage(hub, tmp_path, timeout_seconds=1.0)
    yield it
    await it.rounds.close()


class TestWhatRuns:
    """The list of what runs."""

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 403, 404])
    async def test_that_does_not_come_stops_nobody(self, hub, stage, status):
        """And shows; the first round with an answer goes on where the last one was."""
        await stage.warned("ann")
        hub.listing = [status, status]

        plan = await stage.go(minutes=16)

        assert HeldBack.HUB is plan.doubt.reason
        assert 1 == stage.held_back(HeldBack.HUB)
        assert [] == hub.stops
        hub.listing.clear()
        await stage.go(minutes=1)
        assert ["ann"] == stage.done("stopped")

    async def test_that_comes_at_the_second_try_counts(self, hub, stage):
        """A hub that stumbles once is asked once more within the deadline."""
        await stage.warned("ann")
        hub.listing = [503]

        plan = await stage.go(minutes=16)

        assert None is plan.doubt
        assert ["ann"] == stage.done("stopped")


class TestTheStop:
    """What the hub answers to the stop itself."""

    @pytest.mark.parametrize("status", [202, 204])
    async def test_done_or_begun(self, hub, stage, status):
        """Said once, counted once."""
        await stage.warned("ann")
        hub.stopping["ann"] = status

        await stage.go(minutes=16)
        await stage.go(minutes=1)

        assert (["ann"], ["ann"], {}) == (hub.stops, stage.done("stopped"), stage.failures())

    async def test_gone_already(self, hub, stage):
        """404: somebody else was quicker. Nothing was stopped by us, and nothing failed."""
        await stage.warned("ann")
        hub.stopping["ann"] = 404

        await stage.go(minutes=16)
        await stage.go(minutes=1)

        assert (["ann"], [], {}) == (hub.stops, stage.done("stopped"), stage.failures())

    @pytest.mark.parametrize(("status", "why"), [(500, "failed"), (503, "failed"), (403, "denied")])
    async def test_refused(self, hub, stage, status, why):
        """It fails, shows, and is tried again after one minute, two, four, until it works."""
        hub.stays = True
        await stage.warned("ann")
        hub.stopping["ann"] = status
        tried = []

        for minute in range(16, 26):
            await stage.go(minutes=16 if minute == 16 else 1)
            assert 1 == stage.held_back(HeldBack.HUB)
            tried.append(len(hub.stops))

        assert [1, 2, 2, 3, 3, 3, 3, 4, 4, 4] == tried
        assert {why: 4} == stage.failures()
        assert [] == stage.done("stopped")
        del hub.stopping["ann"]
        await stage.go(minutes=10)
        assert ["ann"] == stage.done("stopped")

    async def test_no_answer_in_time(self, hub, stage):
        """It is not known what the hub did: that failed, and the next round looks again before it asks again."""
        await stage.warned("ann")
        hub.slow_seconds = 1.5

        await stage.go(minutes=16)

        assert {"slow": 1} == stage.failures()
        assert 1 == stage.held_back(HeldBack.HUB)
        while hub.at_once:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
        await stage.go(minutes=1)
        assert ["ann"] == hub.stops

    async def test_stopped_by_the_answer_only(self, hub, stage):
        """A server that runs on although the hub said that it stops is a failure that shows, and is tried again."""
        hub.stays = True
        await stage.warned("ann")

        await stage.go(minutes=16)
        await stage.go(minutes=1)

        assert ["ann", "ann"] == hub.stops
        assert {"still-running": 1} == stage.failures()

    async def test_a_hub_that_fails_is_left_alone(self, hub, stage):
        """After a few failures nobody else is asked for in this round; a few go at once."""
        users = [f"u{number}" for number in range(20)]
        await stage.warned(*users)
        hub.stopping = dict.fromkeys(users, 503)

        await stage.go(minutes=16)

        assert ENOUGH <= len(hub.stops) < ENOUGH + AT_ONCE
        assert 20 == stage.held_back(HeldBack.HUB)


async def test_forty_of_sixty_run_out_together(hub, stage):
    """A course that began together: each is warned and stopped in time, at most a few at once, and nothing brakes."""
    for number in range(60):
        await stage.runs(f"u{number}", 59 if number < 40 else 1)
    hub.slow_seconds = 0.05

    for _ in range(80):
        plan = await stage.go(minutes=1)
        assert not plan.brake

    assert {f"u{number}" for number in range(40)} == set(stage.done("stopped")) == set(hub.stops)
    assert 40 == len(hub.stops)
    assert 1 < hub.most_at_once <= AT_ONCE
    warned = {user: [e["at"] for e in stage.events if e["user"] == user] for user in hub.stops}
    assert all(max(times) - min(times) >= 60 * MINUTE for times in warned.values())
