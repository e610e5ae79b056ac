"""
A real hub with a real KubeSpawner, against a small stand-in for the API of Kubernetes that plays stories.

The stand-in speaks HTTP: lists and watches of pods and events, creation and deletion of pods. It also answers for the
user's server, once the story says that it runs.
"""

import asyncio
import json
import socket
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyterhub.app import JupyterHub
from jupyterhub.proxy import Proxy
from kubernetes_asyncio.config import kube_config as kube_config_module
from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.web import Application, RequestHandler
from traitlets.config import Config

with warnings.catch_warnings():
    # KubeSpawner 7.0 declares a trait in a way that newer traitlets warns of.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kubespawner import KubeSpawner
    from kubespawner.clients import load_config

from jupyterhub_spawn_progress import setup
from jupyterhub_spawn_progress.rules import default_table

NAMESPACE = "jhub"
NOTEBOOK = "spec.containers{notebook}"
FASTER = 20  # graces are shortened by this factor


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Pod:
    """One pod of the stand-in, and the pen that writes its story."""

    def __init__(self, api: "KubeApi", body: dict[str, Any]) -> None:
        self.api = api
        self.name = body["metadata"]["name"]
        self.uid = api.unique("pod")
        body["metadata"] |= {"uid": self.uid, "namespace": NAMESPACE, "creationTimestamp": now()}
        body["status"] = {"phase": "Pending"}
        self.body = body

    def event(self, component: str, reason: str, message: str = "", field: str = "", **fields: Any) -> None:
        """Write an event as kubelet and the older components do."""
        about = {"kind": "Pod", "namespace": NAMESPACE, "name": self.name, "uid": self.uid}
        if field:
            about["fieldPath"] = field
        uid = self.api.unique("event")
        event = {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {"name": f"{self.name}.{uid}", "namespace": NAMESPACE, "uid": uid, "creationTimestamp": now()},
            "involvedObject": about,
            "reason": reason,
            "message": message,
            "type": "Normal",
            "source": {"component": component},
            "reportingComponent": component,
            "firstTimestamp": now(),
            "lastTimestamp": now(),
            "eventTime": None,
            "count": 1,
        }
        self.api.put("events", event | fields)

    def kubelet(self, reason: str, message: str = "", **fields: Any) -> None:
        self.event("kubelet", reason, message, NOTEBOOK, **fields)

    def scheduler(self, reason: str, message: str) -> None:
        """Write an event as newer components do: eventTime only, and an empty source."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        fields = {"firstTimestamp": None, "lastTimestamp": None, "eventTime": stamp, "source": {}, "count": None}
        self.event("default-scheduler", reason, message, **fields)

    def unschedulable(self, message: str) -> None:
        self.scheduler("FailedScheduling", message)
        self.condition("PodScheduled", "False", "Unschedulable", message)

    def scheduled(self) -> None:
        self.scheduler("Scheduled", f"Successfully assigned {NAMESPACE}/{self.name} to node-1")
        self.condition("PodScheduled", "True")
        self.container(waiting={"reason": "ContainerCreating"})

    def condition(self, kind: str, status: str, reason: str = "", message: str = "") -> None:
        others = [known for known in self.body["status"].get("conditions", []) if known["type"] != kind]
        self.status(conditions=[*others, {"type": kind, "status": status, "reason": reason, "message": message}])

    def container(self, *, ready: bool = False, restarts: int = 0, last: Any = None, **state: Any) -> None:
        container = {"name": "notebook", "state": state, "lastState": last or {}, "ready": ready}
        self.status(containerStatuses=[container | {"restartCount": restarts}])

    def waits(self, reason: str, message: str = "", **more: Any) -> None:
        self.container(waiting={"reason": reason, "message": message}, **more)

    def runs(self) -> None:
        self.kubelet("Created", "Container created")
        self.kubelet("Started", "Container started")
        self.status(phase="Running", podIP="127.0.0.1")
        self.container(ready=True, running={"startedAt": now()})

    def status(self, **status: Any) -> None:
        self.body["status"] |= status
        if self.name in self.api.objects["pods"]:
            self.api.put("pods", self.body)

    def delete(self) -> None:
        self.api.remove(self.name)

    async def cached(self) -> None:
        """Play what happens when nothing is in the way."""
        self.scheduled()
        await self.soon()
        self.kubelet("Pulled", 'Container image "example/notebook:1" already present on machine')
        await self.soon()
        self.runs()

    async def cached_until_started(self) -> None:
        """Play the same, up to where the server has started and is not ready yet."""
        self.scheduled()
        await self.soon()
        self.kubelet("Pulled", 'Container image "example/notebook:1" already present on machine')
        await self.soon()
        self.kubelet("Started", "Container started")
        self.container(running={})
        await self.soon()

    async def play(self, recording: dict[str, Any]) -> None:
        """Play a recorded start: its events in order, then its status."""
        for event in recording["events"]:
            about = event["involvedObject"] | {"namespace": NAMESPACE, "name": self.name, "uid": self.uid}
            uid = self.api.unique("event")
            metadata = event["metadata"] | {"name": uid, "namespace": NAMESPACE, "uid": uid}
            self.api.put("events", event | {"involvedObject": about, "metadata": metadata})
            await self.soon()
        status = recording["pod"]["status"]
        self.status(**status | ({"podIP": "127.0.0.1"} if "podIP" in status else {}))

    async def soon(self) -> None:
        """Let the hub look in between, ten times where nothing else runs on the machine."""
        await asyncio.sleep(0.3)


Story = Callable[[Pod], Awaitable[None]]


class KubeApi:
    """The stand-in. `plays` is the story of the next pods; `refuses` an answer to their creation instead."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, dict[str, Any]]] = {"pods": {}, "events": {}}
        self.plays: Story = Pod.cached
        self.refuses: dict[str, Any] | None = None
        self.is_down = False
        self.keeps_pods = False
        self.created = 0
        self.port = 0
        self._changes: list[tuple[int, str, str]] = []
        self._news = asyncio.Event()
        self._calls = 0
        self._version = 0
        self.stories: list[asyncio.Future[None]] = []

    def unique(self, kind: str) -> str:
        self._version += 1
        return f"{kind}-{self._version}"

    def put(self, kind: str, item: dict[str, Any]) -> None:
        name = item["metadata"]["name"]
        known = name in self.objects[kind]
        self._version += 1
        item["metadata"]["resourceVersion"] = str(self._version)
        self.objects[kind][name] = json.loads(json.dumps(item))
        self._tell(kind, "MODIFIED" if known else "ADDED", name)

    def remove(self, name: str) -> None:
        if name in self.objects["pods"]:
            self._version += 1
            self._tell("pods", "DELETED", name)
            del self.objects["pods"][name]

    def create(self, body: dict[str, Any]) -> None:
        self.created += 1
        pod = Pod(self, body)
        self.put("pods", pod.body)
        self.stories.append(asyncio.ensure_future(self.plays(pod)))

    def hang_up(self) -> None:
        """End all watches."""
        self._calls += 1
        self._news.set()

    def listing(self, kind: str) -> dict[str, Any]:
        return {"metadata": {"resourceVersion": str(self._version)}, "items": list(self.objects[kind].values())}

    async def changes(self, kind: str, since: int) -> AsyncIterator[str]:
        """Yield what changed after version *since*, until `hang_up`."""
        read, call = 0, self._calls
        while call == self._calls:
            news = self._news
            for version, about, line in self._changes[read:]:
                if about == kind and version > since:
                    yield line
            read = len(self._changes)
            await news.wait()

    def _tell(self, kind: str, change: str, name: str) -> None:
        line = json.dumps({"type": change, "object": self.objects[kind][name]}) + "\n"
        self._changes.append((self._version, kind, line))
        self._news.set()
        self._news = asyncio.Event()


class ListHandler(RequestHandler):
    def initialize(self, api: KubeApi) -> None:
        self.api = api

    def prepare(self) -> None:
        if self.api.is_down:
            self.set_status(503)
            self.finish({"message": "the server is currently unable to handle the request"})

    async def get(self, kind: str) -> None:
        self.set_header("Content-Type", "application/json")
        if not self.get_query_argument("watch", ""):
            self.finish(self.api.listing(kind))
            return
        await self.flush()
        with suppress(StreamClosedError):
            async for change in self.api.changes(kind, int(self.get_query_argument("resourceVersion", "0"))):
                self.write(change)
                await self.flush()

    async def post(self, kind: str) -> None:
        body = json.loads(self.request.body)
        if self.api.refuses:
            self.set_status(self.api.refuses["code"])
            self.finish(self.api.refuses)
        elif body["metadata"]["name"] in self.api.objects[kind]:
            self.set_status(409)
            self.finish({"message": "already exists"})
        else:
            self.api.create(body)
            self.set_status(201)
            self.finish(body)


class PodHandler(ListHandler):
    async def delete(self, name: str) -> None:
        if name not in self.api.objects["pods"]:
            self.set_status(404)
            self.finish({"message": "not found"})
            return
        if not self.api.keeps_pods:
            self.api.remove(name)
        self.finish({})


class ServerHandler(RequestHandler):
    def get(self) -> None:
        self.finish("{}")


@pytest.fixture
async def api() -> AsyncIterator[KubeApi]:
    standin = KubeApi()
    root = f"/api/v1/namespaces/{NAMESPACE}"
    routes = [
        (f"{root}/(pods|events)", ListHandler, {"api": standin}),
        (f"{root}/pods/([^/]+)", PodHandler, {"api": standin}),
        ("/user/.*", ServerHandler),
    ]
    server = HTTPServer(Application(routes))
    standin.port = free_port()
    server.listen(standin.port, "127.0.0.1")
    yield standin
    for story in standin.stories:
        story.cancel()
    ends = await asyncio.gather(*standin.stories, return_exceptions=True)
    assert [] == [end for end in ends if isinstance(end, Exception)]
    server.stop()
    await server.close_all_connections()


class NoProxy(Proxy):
    """Pages are read from the hub itself."""

    should_start = False

    async def get_all_routes(self) -> dict[str, Any]:
        return {}

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        pass

    async def delete_route(self, routespec: str) -> None:
        pass

    async def check_routes(self, *args: Any, **kwargs: Any) -> None:
        pass


class Hub:
    """The running hub, asked as a browser or a script asks it."""

    def __init__(self, app: JupyterHub, url: str) -> None:
        self.app = app
        headers = {"Authorization": f"token {TOKEN}"}
        self.client = httpx.AsyncClient(base_url=url, headers=headers, timeout=30)

    async def start(self, user: str = "ann", server: str = "") -> list[str]:
        """Start a server and return what a person reads, the end included."""
        await self.request(user, server)
        return [item["message"] for item in await self.progress(user, server)]

    async def request(self, user: str = "ann", server: str = "") -> None:
        await self.client.post(f"users/{user}")
        response = await self.client.post(f"users/{user}/servers/{server}" if server else f"users/{user}/server")
        assert response.status_code in (201, 202), response.text

    async def progress(self, user: str = "ann", server: str = "") -> list[dict[str, Any]]:
        """Read the progress events of a start to their end."""
        path = f"users/{user}/servers/{server}/progress" if server else f"users/{user}/server/progress"
        async with self.client.stream("GET", path) as response:
            assert 200 == response.status_code
            lines = [line async for line in response.aiter_lines()]
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    async def page(self, path: str, user: str = "ann") -> httpx.Response:
        """Fetch a page of the hub as *user*, signed in."""
        root = str(self.client.base_url).removesuffix("api/")
        async with httpx.AsyncClient(base_url=root, follow_redirects=True) as browser:
            form = {"_xsrf": (await browser.get("login")).cookies.get("_xsrf", ""), "username": user, "password": "-"}
            await browser.post("login?next=%2Fhub%2Fhome", data=form | {"_xsrf": browser.cookies["_xsrf"]})
            return await browser.get(path)


async def cancelled(tasks: set[asyncio.Task[Any]]) -> None:
    """JupyterHub leaves this to the end of its event loop, which goes on here."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


SCOPES = ["admin:users", "admin:servers", "read:servers", "read:metrics"]
TOKEN = "0123456789abcdef0123456789abcdef"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@asynccontextmanager
async def running(config: Config, folder: Path) -> AsyncIterator[Hub]:
    """Run a hub with *config* on top of what all stories need."""
    url = f"http://127.0.0.1:{free_port()}"
    c = Config()
    c.JupyterHub.update(
        authenticator_class="dummy",
        proxy_class=NoProxy,
        db_url="sqlite://",
        hub_bind_url=url,
        bind_url=url,
        cookie_secret_file=str(folder / "cookie"),
        allow_named_servers=True,
        tornado_settings={"slow_spawn_timeout": 0},
        services=[{"name": "tests", "api_token": TOKEN}],
        load_roles=[{"name": "tests", "services": ["tests"], "scopes": SCOPES}],
        last_activity_interval=0,
        init_spawners_timeout=0,
        cleanup_servers=False,
        log_level="ERROR",
    )
    c.Authenticator.allow_all = True
    c.merge(config)
    setup(c)
    JupyterHub.clear_instance()
    before = asyncio.all_tasks()
    app = JupyterHub.instance(config=c)
    with warnings.catch_warnings():
        # JupyterHub 5 has a number where newer jupyter_events want a text.
        warnings.filterwarnings("ignore", "The `version` property of an event schema")
        await app.initialize([])
    await app.start()
    hub = Hub(app, f"{url}/hub/api/")
    try:
        yield hub
    finally:
        await hub.client.aclose()
        app.http_server.stop()
        await app.cleanup()
        await cancelled(asyncio.all_tasks() - before - {asyncio.current_task()})
        KubeSpawner.reflectors.clear()
        load_config.cache_clear()  # It remembers hosts that it was told of, and a port may come again.
        engine = app.db.get_bind()
        app.db.close()
        engine.dispose()
        JupyterHub.clear_instance()


@pytest.fixture
def kube_config(api: KubeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The configuration of a hub on the stand-in, with graces shortened."""
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{api.port}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    kubeconfig = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig | {"current-context": "c"}))
    # What KUBECONFIG says is read once, by whoever imports the client first, and each test has a stand-in of its own.
    monkeypatch.setattr(kube_config_module, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    monkeypatch.chdir(tmp_path)
    c = Config()
    c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
    c.KubeSpawner.update(
        k8s_api_host=f"http://127.0.0.1:{api.port}",
        namespace=NAMESPACE,
        port=api.port,
        start_timeout=20,
        http_timeout=10,
        image="example/notebook:1",
    )
    c.SpawnProgress.interval = 0.03
    failures = default_table().failures.values()
    c.SpawnProgress.graces = {one.name: one.after / FASTER for one in failures if one.after != float("inf")}
    return c


@pytest.fixture
async def hub(kube_config: Config, tmp_path: Path) -> AsyncIterator[Hub]:
    async with running(kube_config, tmp_path) as hub:
        yield hub


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Config], Any]:
    """Run a hub with a configuration of the test's own, in `async with`."""
    return lambda config: running(config, tmp_path)


@pytest.fixture
def recorded() -> Callable[[str], dict[str, Any]]:
    """Read a recorded start by its name."""
    folder = Path(__file__).parent.parent / "recorded"
    return lambda name: json.loads((folder / f"{name}.json").read_text())


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    async def wait(condition: Callable[[], Any], seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited too long"
            await asyncio.sleep(0.02)

    return wait
