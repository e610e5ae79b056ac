"""A real hub in this process, the service in the same loop, and people who sign in over HTTP as browsers do."""

import asyncio
import dataclasses
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from jupyterhub.app import JupyterHub
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner
from traitlets.config import Config

from jupyterhub_quota import Request, Session, SqliteLedger
from jupyterhub_quota_service.app import Service, make_service
from jupyterhub_quota_service.managed import NEEDS, STOPS
from jupyterhub_quota_service.settings import READ_ALL, READ_METRICS, RELEASE, Settings

GIB = 2**30
HOUR = 3600
PREFIX = "/services/quota/"
ACCESS = "access:services!service=quota"
POLICY = """
groups:
  regular: {memory: 60 GiB-hours, gpu: 0}
  power: {memory: 240 GiB-hours, gpu: 10 GPU-hours}
default: {memory: 20 GiB-hours, gpu: 0}
contact: "Ask for more at help@example.org."
"""


def pytest_configure(config):
    """Older libraries warn about themselves."""
    for line in (
        "ignore:The `version` property of an event schema:UserWarning",
        "ignore:metadata .* was set from the constructor:DeprecationWarning",
        "ignore::DeprecationWarning:jupyterhub",
    ):
        config.addinivalue_line("filterwarnings", line)


class NoProxy(Proxy):
    """A proxy that routes nothing: the tests talk to hub and service themselves."""

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


class QuietSpawner(Spawner):
    """Starts a tiny web server in this process, and remembers the token that a real server would be given."""

    servers: ClassVar[dict] = {}
    tokens: ClassVar[dict] = {}

    async def start(self):
        """Listen on a free port."""

        async def answer(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        self.servers[self._log_name] = server
        self.tokens[self.user.name] = self.api_token
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def stop(self, now=False):
        """Stop listening."""
        server = self.servers.pop(self._log_name, None)
        if server is not None:
            server.close()

    async def poll(self):
        """Return None while it listens."""
        return None if self._log_name in self.servers else 0


class Listener(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class World:
    """A hub and the service beside it."""

    def __init__(self, hub: JupyterHub, hub_url: str, service: Service, url: str, folder: Path) -> None:
        self.hub = hub
        self.hub_url = hub_url
        self.service = service
        self.url = url  # of the service, with its prefix
        self.folder = folder
        self.ledger = SqliteLedger(folder / "quota.sqlite", create=True)
        self.api = httpx.AsyncClient(
            base_url=hub_url + "api/", headers={"Authorization": "token admin-token"}, timeout=30
        )
        self._clients: list[httpx.AsyncClient] = [self.api]

    def client(self, token: str = "", **options: Any) -> httpx.AsyncClient:
        """Return somebody who asks the service: a browser, or a program with a token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {"Accept": "text/html, */*"}
        headers |= options.pop("headers", {})
        client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, **options)
        self._clients.append(client)
        return client

    async def person(self, name: str, *groups: str) -> httpx.AsyncClient:
        """Return the browser of somebody who is in *groups* and signed in, also at the service."""
        await self.join(name, *groups)
        browser = self.client(follow_redirects=True)
        await self.sign_in(browser, name)
        return browser

    async def sign_in(self, browser: httpx.AsyncClient, name: str) -> httpx.Response:
        """Sign in as people do: open the page, be sent to the hub, come back."""
        await browser.get(self.hub_url + "login")
        xsrf = next(c.value for c in browser.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
        form = {"username": name, "password": "", "_xsrf": xsrf}
        await browser.post(self.hub_url + "login", params={"next": "/hub/home"}, data=form)
        answer = await browser.get("")
        assert 200 == answer.status_code, answer.text
        assert str(answer.url).startswith(self.url)
        return answer

    async def join(self, name: str, *groups: str) -> None:
        """Make a user who is in *groups*."""
        await self.api.post("users", json={"usernames": [name]})
        for group in groups:
            await self.api.post(f"groups/{quote(group, safe='')}")
            answer = await self.api.post(f"groups/{quote(group, safe='')}/users", json={"users": [name]})
            assert 200 == answer.status_code, answer.text

    async def token(self, name: str, *scopes: str) -> str:
        """Return a token of a user with these scopes."""
        await self.api.post("users", json={"usernames": [name]})
        answer = await self.api.post(f"users/{quote(name, safe='')}/tokens", json={"scopes": list(scopes)})
        assert 201 == answer.status_code, answer.text
        return answer.json()["token"]

    async def used(self, user: str, gib_hours: float, *, server: str = "", running: float = 0) -> None:
        """Put use of the past on record, and a server of so many GiB that runs since a quarter of an hour."""
        now = time.time()
        sessions = []
        if gib_hours:
            end = now - HOUR
            start = end - gib_hours / 4 * HOUR
            sessions.append(Session(f"past {user} {gib_hours}", user, server, start, end, Request(memory=4 * GIB)))
        if running:
            request = Request(memory=running * GIB)
            sessions.append(Session(f"now {user}", user, server, now - HOUR / 4, now, request, alive=True))
        await self.ledger.add(sessions)

    async def close(self) -> None:
        """Let go of connections."""
        for client in self._clients:
            await client.aclose()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Return the folder in which everything is, with a policy."""
    monkeypatch.chdir(tmp_path)
    for name in tuple(os.environ):
        if name.startswith("JUPYTERHUB_"):
            monkeypatch.delenv(name)
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    return tmp_path


@pytest.fixture
def said() -> Listener:
    """Return what hub and service log."""
    listener = Listener()
    names = ["", "tornado.access", "tornado.application", "tornado.general", "jupyterhub_quota_service"]
    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addHandler(listener)
    logging.getLogger("jupyterhub_quota_service").setLevel(logging.DEBUG)
    yield listener
    for logger in loggers:
        logger.removeHandler(listener)


@pytest_asyncio.fixture
async def start_hub(folder, unused_tcp_port_factory) -> AsyncIterator[Callable]:
    """Return what starts a hub, which is stopped at the end."""
    running: list[JupyterHub] = []

    async def start(port: int, configure: Callable[[Config], None] = lambda c: None) -> JupyterHub:
        c = Config()
        c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{port}"
        c.JupyterHub.bind_url = f"http://127.0.0.1:{unused_tcp_port_factory()}"
        c.JupyterHub.db_url = f"sqlite:///{folder / 'jupyterhub.sqlite'}"
        c.JupyterHub.cookie_secret = b"x" * 32
        c.JupyterHub.proxy_class = NoProxy
        c.JupyterHub.spawner_class = QuietSpawner
        c.JupyterHub.authenticator_class = "dummy"
        c.JupyterHub.custom_scopes = {scope: {"description": scope} for scope in (READ_ALL, READ_METRICS, RELEASE)}
        c.JupyterHub.services = [{"name": "tests", "api_token": "admin-token"}]
        scopes = [
            "admin:users",
            "admin:servers",
            "admin:groups",
            "tokens",
            "list:users",
            READ_ALL,
            READ_METRICS,
            RELEASE,
        ]
        c.JupyterHub.load_roles = [{"name": "tests", "scopes": scopes, "services": ["tests"]}]
        c.Authenticator.allow_all = True
        c.Authenticator.admin_users = {"root"}
        configure(c)
        app = JupyterHub.instance(config=c)
        await app.initialize([])
        await app.start()
        running.append(app)
        return app

    yield start
    for app in running:
        app.http_server.stop()
        await app.cleanup()
        for callback in app._periodic_callbacks.values():
            callback.stop()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        engine = app.db.get_bind()
        app.db.close()
        engine.dispose()
        JupyterHub.clear_instance()


@pytest_asyncio.fixture
async def start(folder, start_hub, unused_tcp_port_factory) -> AsyncIterator[Callable]:
    """Return what starts a hub with the service."""
    worlds: list[World] = []
    servers = []

    async def start(
        cache_seconds: int = 30,
        static: Path = Path("none"),
        rounds: bool = False,
        configure_more: Callable[[Config], None] = lambda c: None,
        **changes: Any,
    ) -> World:
        port = unused_tcp_port_factory()

        def configure(c: Config) -> None:
            c.JupyterHub.services.append(
                {
                    "name": "quota",
                    "url": f"http://127.0.0.1:{port}",
                    "api_token": "service-token",
                    "oauth_no_confirm": True,
                    "oauth_redirect_uri": f"http://127.0.0.1:{port}{PREFIX}oauth_callback",
                    "oauth_client_allowed_scopes": [READ_ALL, RELEASE],
                }
            )
            c.JupyterHub.services.append({"name": "ann", "api_token": "service-called-ann"})
            needs = [*NEEDS, STOPS]
            c.JupyterHub.load_roles += [
                {"name": "user", "scopes": ["self", ACCESS]},
                {"name": "quota", "scopes": needs, "services": ["quota"]},
                {"name": "service-ann", "scopes": [ACCESS], "services": ["ann"]},
                {"name": "see-all", "scopes": [READ_ALL, READ_METRICS, RELEASE], "users": ["chief"]},
            ]
            configure_more(c)

        hub_port = unused_tcp_port_factory()
        hub_url = f"http://127.0.0.1:{hub_port}/hub/"
        environment = {
            "JUPYTERHUB_API_TOKEN": "service-token",
            "JUPYTERHUB_API_URL": f"{hub_url}api",
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_HOST": hub_url.removesuffix("/hub/"),
            "JUPYTERHUB_SERVICE_NAME": "quota",
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
            "JUPYTERHUB_OAUTH_CALLBACK_URL": f"http://127.0.0.1:{port}{PREFIX}oauth_callback",
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps([ACCESS]),
            "JUPYTERHUB_QUOTA_POLICY_FILE": str(folder / "policy.yaml"),
            "JUPYTERHUB_QUOTA_LEDGER_URL": f"sqlite:///{folder / 'quota.sqlite'}",
            "JUPYTERHUB_QUOTA_SIZES": json.dumps([{"name": "Small", "memory": GIB}, {"name": "GPU", "gpu": 1}]),
        }
        settings = dataclasses.replace(Settings.of(environment), **changes)
        service = await make_service(settings, cache_seconds=cache_seconds, static=static, rounds=rounds)
        # A hub that starts waits for its services.
        servers.append(service.listen())
        hub = await start_hub(hub_port, configure)
        world = World(hub, hub_url, service, f"http://127.0.0.1:{port}{PREFIX}", folder)
        await world.ledger.add([])
        worlds.append(world)
        return world

    yield start
    for server in servers:
        server.stop()
        await server.close_all_connections()
    for world in worlds:
        await world.close()
        await world.service.close()


@pytest_asyncio.fixture
async def world(start) -> World:
    """Return a hub with the service."""
    return await start()
