"""A real hub in this process, driven over HTTP as a browser and an API client would."""

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from jupyterhub.app import JupyterHub
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner
from traitlets import Dict, Float, Unicode
from traitlets.config import Config

from jupyterhub_quota import Request, Session, SqliteLedger
from jupyterhub_quota_hook import setup

GIB = 2**30
HOUR = 3600
POLICY = """
groups:
  regular: {memory: 60 GiB-hours, gpu: 0}
  power: {memory: 240 GiB-hours, gpu: 10 GPU-hours}
default: {memory: 20 GiB-hours, gpu: 0}
contact: "Ask for more at help@example.org."
"""


def pytest_configure(config):
    """Let KubeSpawner find a configuration when it is imported, and older libraries warn about themselves."""
    os.environ["KUBECONFIG"] = str(Path(__file__).with_name("kubeconfig.yaml"))
    for line in (
        "ignore:The `version` property of an event schema:UserWarning",
        "ignore:metadata .* was set from the constructor:DeprecationWarning",
        "ignore::DeprecationWarning:jupyterhub",
    ):
        config.addinivalue_line("filterwarnings", line)


async def until(question: Callable[[], Awaitable[object]], seconds: float = 10) -> Any:
    """Ask again and again until the answer is true, and return it."""
    async with asyncio.timeout(seconds):
        while not (answer := await question()):  # noqa: ASYNC110 - the hub tells nobody when it is done
            await asyncio.sleep(0.05)
    return answer


class NoProxy(Proxy):
    """A proxy that routes nothing: the tests talk to the hub itself."""

    should_start = False

    async def add_route(self, routespec, target, data):
        """Do nothing."""

    async def delete_route(self, routespec):
        """Do nothing."""

    async def get_all_routes(self):
        """Return no routes."""
        return {}

    async def check_routes(self, *args, **kwargs):
        """Do nothing."""


class SizedSpawner(Spawner):
    """
    Starts a tiny web server in this process instead of a notebook, in the size that the user chose.

    Like KubeSpawner it applies the choice only when its options are loaded, after the pre-spawn hook.
    """

    delay = Float(0.0).tag(config=True)
    extra_resource_guarantees = Dict().tag(config=True)
    extra_resource_limits = Dict().tag(config=True)
    fails = Unicode().tag(config=True)
    servers: ClassVar[dict] = {}

    async def load_user_options(self):
        """Apply the chosen size."""
        # From the API they are values, from a page lists of text.
        chosen = {name: v[0] if isinstance(v, list) else v for name, v in self.user_options.items()}
        if "memory" in chosen:
            self.mem_guarantee = int(float(chosen["memory"]) * GIB)
        if "gpu" in chosen:
            self.extra_resource_limits = {"nvidia.com/gpu": str(chosen["gpu"])}

    async def start(self):
        """Listen on a free port."""
        await self.load_user_options()
        await asyncio.sleep(self.delay)
        if self.fails:
            raise RuntimeError(self.fails)

        async def answer(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        self.servers[self.user.name, self.name] = server
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def stop(self, now=False):
        """Stop listening."""
        server = self.servers.pop((self.user.name, self.name), None)
        if server is not None:
            server.close()

    async def poll(self):
        """Return None while it listens."""
        return None if (self.user.name, self.name) in self.servers else 0


class Person:
    """A signed-in browser."""

    def __init__(self, hub: "Hub", name: str) -> None:
        self.name = name
        self.hub = hub
        self.path = quote(name, safe="")
        self.browser = httpx.AsyncClient(base_url=hub.url, follow_redirects=True, timeout=30)
        self.api = httpx.AsyncClient(
            base_url=hub.url + "api/",
            headers={"Authorization": "token admin-token"},
            timeout=30,
            follow_redirects=False,
        )

    async def sign_in(self) -> None:
        """Sign in as people do."""
        await self.browser.get("login")
        form = {"username": self.name, "password": "", "_xsrf": self.xsrf()}
        answer = await self.browser.post("login", params={"next": "/hub/home"}, data=form)
        assert answer.status_code < 400, answer.text

    def xsrf(self) -> str:
        """Return the token that forms carry."""
        return next(cookie.value for cookie in self.browser.cookies.jar if cookie.name == "_xsrf")

    async def start(self, server: str = "", **options: object) -> httpx.Response:
        """Ask the API for a server, once the hub is done with the last one of that name."""
        path = f"users/{self.path}/servers/{server}" if server else f"users/{self.path}/server"
        async with asyncio.timeout(10):
            while True:
                answer = await self.api.post(path, json=options)
                if answer.status_code != 400 or "pending" not in answer.text:
                    return answer
                await asyncio.sleep(0.05)

    async def stop(self, server: str = "") -> None:
        """Stop a server and wait until it has gone."""
        path = f"users/{self.path}/servers/{server}" if server else f"users/{self.path}/server"
        await self.api.delete(path)

        async def has_gone() -> bool:
            return server not in await self.servers()

        await until(has_gone)

    async def servers(self) -> dict:
        """Return the servers of this person, ready or not, that are active."""
        model = (await self.api.get(f"users/{self.path}")).json()
        return {name: s for name, s in model["servers"].items() if s["ready"] or s["pending"]}

    async def progress(self, server: str = "") -> list[dict]:
        """Read the progress of a start to its end, as the pending page does."""
        path = f"users/{self.path}/servers/{server}/progress" if server else f"users/{self.path}/server/progress"

        async def events() -> list[dict]:
            async with self.api.stream("GET", path) as stream:
                return [
                    json.loads(line.removeprefix("data: "))
                    async for line in stream.aiter_lines()
                    if line.startswith("data: ")
                ]

        # While the hub cleans up after a start that failed, it says for a moment that there is none.
        found: list[dict] = await until(events, seconds=60)
        return found

    async def page(self, path: str, **options: object) -> httpx.Response:
        """Open a page of the hub."""
        return await self.browser.get(path, params=options)


class Hub:
    """A running hub and what it wrote."""

    def __init__(self, app: JupyterHub, url: str, folder: Path, log: list[logging.LogRecord]) -> None:
        self.app = app
        self.url = url
        self.folder = folder
        self.log = log
        self._people: list[Person] = []

    async def person(self, name: str, *groups: str) -> Person:
        """Return somebody who is signed in and in *groups*."""
        person = Person(self, name)
        self._people.append(person)
        await person.sign_in()
        for group in groups:
            await person.api.post(f"groups/{quote(group, safe='')}")
            answer = await person.api.post(f"groups/{quote(group, safe='')}/users", json={"users": [name]})
            assert 200 == answer.status_code, answer.text
        return person

    async def accounts(self, *names: str) -> list[Person]:
        """Return people who never signed in: their servers are started by the API."""
        people = [Person(self, name) for name in names]
        self._people.extend(people)
        answer = await people[0].api.post("users", json={"usernames": list(names)})
        assert 201 == answer.status_code, answer.text
        return people

    async def metrics(self) -> dict[str, float]:
        """Return the hub's own metrics by name with labels."""
        async with httpx.AsyncClient() as client:
            text = (await client.get(self.url + "metrics", headers={"Authorization": "token admin-token"})).text
        return {
            line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith("jupyterhub_quota")
        }

    def said(self) -> str:
        """Return what stands in the log."""
        return "\n".join(record.getMessage() for record in self.log)

    async def close(self) -> None:
        """Stop the hub."""
        for person in self._people:
            await person.browser.aclose()
            await person.api.aclose()


class _Listener(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self.records = records

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Return the folder in which the hub runs, with a policy."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    return tmp_path


@pytest_asyncio.fixture
async def start_hub(folder, unused_tcp_port_factory) -> AsyncIterator[Callable]:
    """Return what starts hubs; each is stopped before the next one and at the end."""
    running: list[Hub] = []

    async def stop(keep_servers: bool = False) -> None:
        while running:
            hub = running.pop()
            await hub.close()
            hub.app.cleanup_servers = not keep_servers
            # What JupyterHub.stop() does, but for the end of the event loop, which is the test's.
            hub.app.http_server.stop()
            await hub.app.cleanup()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for callback in hub.app._periodic_callbacks.values():
                callback.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            hub.app.db.close()
            hub.app.db.get_bind().dispose()
            JupyterHub.clear_instance()

    async def start(configure: Callable[[Config], None] = lambda c: None) -> Hub:
        port = unused_tcp_port_factory()
        c = Config()
        c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{port}"
        c.JupyterHub.bind_url = f"http://127.0.0.1:{unused_tcp_port_factory()}"
        c.JupyterHub.db_url = f"sqlite:///{folder / 'jupyterhub.sqlite'}"
        c.JupyterHub.cookie_secret = b"x" * 32
        c.JupyterHub.proxy_class = NoProxy
        c.JupyterHub.spawner_class = SizedSpawner
        c.JupyterHub.authenticator_class = "dummy"
        c.JupyterHub.allow_named_servers = True
        c.JupyterHub.services = [{"name": "tests", "api_token": "admin-token"}]
        scopes = ["admin:users", "admin:servers", "admin:groups", "read:metrics", "list:users"]
        c.JupyterHub.load_roles = [{"name": "tests", "scopes": scopes, "services": ["tests"]}]
        c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
        c.Authenticator.allow_all = True
        c.Spawner.http_timeout = 10
        c.JupyterHubQuota.policy_file = str(folder / "policy.yaml")
        configure(c)
        setup(c)
        app = JupyterHub.instance(config=c)
        records: list[logging.LogRecord] = []
        await app.initialize([])
        app.log.addHandler(_Listener(records))
        await app.start()
        record = SqliteLedger(folder / "jupyterhub-quota.sqlite", create=True)

        async def is_watching() -> bool:
            return (await record.read(since=0, at=time.time())).complete_since is not None

        if c.JupyterHubQuota.get("ledger_url", "sqlite").startswith("sqlite"):
            await until(is_watching)
        hub = Hub(app, f"http://127.0.0.1:{port}/hub/", folder, records)
        running.append(hub)
        hub.stop = stop
        return hub

    yield start
    await stop()


@pytest_asyncio.fixture
async def hub(start_hub) -> Hub:
    """Return a hub with quotas, its ledger in a file beside it."""
    return await start_hub()


def past(user: str, gib_hours: float, *, server: str = "") -> Session:
    """Return a session that used so much memory and ended an hour ago."""
    end = time.time() - HOUR
    return Session(f"past {user}", user, server, end - gib_hours / 4 * HOUR, end, Request(memory=4 * GIB))


@pytest.fixture
def used(folder) -> Callable:
    """Return what puts use of the past on record."""

    async def used(user: str, gib_hours: float) -> None:
        await SqliteLedger(folder / "jupyterhub-quota.sqlite", create=True).add([past(user, gib_hours)])

    return used


@pytest.fixture
def ledger(folder) -> SqliteLedger:
    """Return the embedded ledger of the hub, to look at."""
    return SqliteLedger(folder / "jupyterhub-quota.sqlite", create=True)
