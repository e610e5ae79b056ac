"""A real hub with a real proxy, the service beside it, and Chromium in which people sign in."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from jupyterhub_quota import Request, Session, SqliteLedger

GIB = 2**30
HOUR = 3600
DAY = 24 * HOUR
LONG = "an.extraordinarily-long.name-of-somebody.with-many-parts@department-of-earth-and-planetary-sciences.example.org"
HEBREW = "נועה"
PACKAGE = Path(__file__).resolve().parents[2]
AXE = PACKAGE / "page" / "node_modules" / "axe-core" / "axe.min.js"
STATIC = PACKAGE / "src" / "jupyterhub_quota_service" / "static"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Without the later ones it calls hosts of its own.
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
# How long anything may take; a machine may be slow, and do other work.
PATIENCE_SECONDS = 120
# The script has taken over, and waits for nothing any more.
READY = """
() => document.querySelector("main h1.h3") !== null
    && ![...document.querySelectorAll("main [role=status]")].some((each) => each.innerText.includes("…"))
"""
POLICY = """
groups:
  regular: {memory: 60 GiB-hours, gpu: 0}
  free: {memory: unlimited, gpu: unlimited}
  חוקרים: {memory: 60 GiB-hours, gpu: 0}
  many:
    gpu: 0
    memory:
MANY
default: {memory: 20 GiB-hours, gpu: 0}
exempt: {groups: [staff]}
while_running: stop
timezone: Europe/Berlin
contact: "Ask for more at help@example.org."
""".replace("MANY", "\n".join(f"      - {{limit: {hours} GiB-hours, window: {hours}h}}" for hours in range(2, 42)))
# The services are started elsewhere: JupyterHub 5 ends itself if one of its own is not up within ten seconds, few for a
# machine that is busy. After signing in people stay on the hub's page, so that no server is started for any of them.
CONFIGURATION = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/"
c.JupyterHub.hub_port = {hub}
c.JupyterHub.default_url = "/hub/home"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = ["{proxy}"]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"root"}}
c.JupyterHub.load_groups = {groups}
everybody = "custom:jupyterhub-quota:read-all"
c.JupyterHub.custom_scopes = {{everybody: {{"description": "Read everybody's quotas and usage."}}}}
c.JupyterHub.template_vars = {{"announcement": '<a href="/services/quota/">Your quota</a>: what is left.'}}
needs = ["list:users", "read:users:name", "read:users:groups", "read:servers", "delete:servers"]
c.JupyterHub.load_roles = [{{"name": "user", "scopes": ["self", "access:services"]}}]
for name, listens in {services}.items():
    c.JupyterHub.services.append(
        {{
            "name": name,
            "url": listens,
            "api_token": "token-of-" + name,
            "display": True,
            "oauth_no_confirm": True,
            "oauth_client_allowed_scopes": [everybody],
        }}
    )
    c.JupyterHub.load_roles.append({{"name": "service-" + name, "scopes": needs, "services": [name]}})
"""
SIZES = [{"name": "Small", "memory": GIB}, {"name": "Huge", "memory": 256 * GIB}]
GROUPS = {
    "regular": {"users": ["ann", "ben", "cay", LONG]},
    "free": {"users": ["fay"]},
    "חוקרים": {"users": [HEBREW]},
    "many": {"users": ["may"]},
    "staff": {"users": ["root"]},
}


def pytest_collection_modifyitems(items):
    """Nothing here can be tested without a browser."""
    if CHROMIUM is None:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="this machine has no Chromium"))


def history() -> list[Session]:
    """Return what people used: ann is near her limit, cay over it, ben is well."""
    now = time.time()

    def past(user: str, gib_hours: float, count: int, server: str = "") -> list[Session]:
        held = gib_hours / count / 4 * HOUR
        ends = [now - HOUR - index * 25 * DAY / count for index in range(count)]
        return [
            Session(f"{user} {index}", user, server if index % 2 else "", end - held, end, Request(memory=4 * GIB))
            for index, end in enumerate(ends)
        ]

    found = [*past("ann", 49.75, 17, "big"), *past("ben", 23, 12), *past("cay", 66, 20), *past("fay", 100, 9)]
    found += [*past(LONG, 50, 5, "a-server-with-a-name-that-goes-on-and-on-and-on"), *past(HEBREW, 50, 5, "ניסוי")]
    found += past("may", 3, 3)
    # Small, so that 83 % stay 83 % for as long as a slow machine takes.
    found += [Session("now", "ann", "", now - HOUR / 4, now, Request(memory=GIB), alive=True)]
    return found


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory, unused_tcp_port_factory: Callable[[], int]) -> Iterator[str]:
    """Return where people find a hub with the service `quota`, and `blind` that cannot read its ledger."""
    folder = tmp_path_factory.mktemp("hub")
    port, hub, api, *own = (unused_tcp_port_factory() for _ in range(5))
    proxy = Path(sys.executable).with_name("configurable-http-proxy")
    services = {name: f"http://127.0.0.1:{port}" for name, port in zip(("quota", "blind"), own, strict=True)}
    ledgers = {"quota": f"sqlite:///{folder / 'quota.sqlite'}", "blind": "http://127.0.0.1:9"}
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    asyncio.run(SqliteLedger(folder / "quota.sqlite", create=True).add(history()))
    (folder / "jupyterhub_config.py").write_text(
        CONFIGURATION.format(port=port, hub=hub, api=api, proxy=proxy, groups=GROUPS, services=services),
        encoding="utf-8",
    )
    url, running = f"http://127.0.0.1:{port}", []
    try:
        for name, listens in services.items():
            running.append(start(folder, "jupyterhub_quota_service", told(name, listens, hub, ledgers[name])))
            until_it_answers(f"{listens}/services/{name}/healthz", running[-1], folder)
        running.append(start(folder, "jupyterhub", {}))
        until_it_answers(f"{url}/hub/health", running[-1], folder)
        for name in services:
            until_it_answers(f"{url}/services/{name}/healthz", running[-1], folder)
        yield url
    finally:
        for process in reversed(running):
            stop(process)


def told(name: str, listens: str, hub: int, ledger: str) -> dict[str, str]:
    """Return what a service is told that the hub does not start."""
    return {
        "JUPYTERHUB_API_TOKEN": f"token-of-{name}",
        "JUPYTERHUB_API_URL": f"http://127.0.0.1:{hub}/hub/api",
        "JUPYTERHUB_SERVICE_NAME": name,
        "JUPYTERHUB_SERVICE_PREFIX": f"/services/{name}/",
        "JUPYTERHUB_SERVICE_URL": listens,
        "JUPYTERHUB_CLIENT_ID": f"service-{name}",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"/services/{name}/oauth_callback",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps([f"access:services!service={name}"]),
        "JUPYTERHUB_QUOTA_POLICY_FILE": "policy.yaml",
        "JUPYTERHUB_QUOTA_LEDGER_URL": ledger,
        "JUPYTERHUB_QUOTA_SIZES": json.dumps(SIZES),
    }


def start(folder: Path, module: str, told: dict[str, str]) -> subprocess.Popen:
    """Start the hub that *folder* configures, or one of its services."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTERHUB_")}
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module], cwd=folder, env=environment | told, stdout=log, stderr=subprocess.STDOUT
        )


def stop(process: subprocess.Popen) -> None:
    """End the hub, which ends its proxy, or a service."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def until_it_answers(url: str, process: subprocess.Popen, folder: Path) -> None:
    """Wait until *url* answers; where *process* does not make it answer, fail with what was logged."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS):  # noqa: S310 - our own hub
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"{url} does not answer:\n{(folder / 'log').read_text(encoding='utf-8')[-5000:]}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return the system's Chromium."""
    expect.set_options(timeout=1000 * PATIENCE_SECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def signed_in(address: str, chromium: Browser) -> Callable[[str], dict]:
    """Return how to get the cookies of somebody who has signed in, by the hub's own form."""
    known: dict[str, dict] = {}

    def sign_in(user: str) -> dict:
        if user not in known:
            context = chromium.new_context()
            context.set_default_timeout(1000 * PATIENCE_SECONDS)
            page = context.new_page()
            page.goto(f"{address}/hub/login?next=%2Fhub%2Fhome")
            page.fill("input[name=username]", user)
            page.fill("input[name=password]", "any")
            page.click("#login_submit")
            page.wait_for_url(lambda url: "/hub/login" not in url)
            known[user] = context.storage_state()
            context.close()
        return known[user]

    return sign_in


@pytest.fixture
def visit(address: str, chromium: Browser, signed_in: Callable[[str], dict]) -> Iterator[Callable[..., Page]]:
    """Return how to sign in and open a page of the service; it fails if anything on it went wrong."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []
    loaded: list[Page] = []

    def hear(page: Page, line: ConsoleMessage) -> None:
        # Once a page is there, it is axe that tries inline styles; they are forbidden to it, too.
        if line.type in ("error", "warning") and not (page in loaded and "inline style" in line.text):
            wrong.append(line.text)

    def open_page(
        user: str,
        path: str = "",
        *,
        service: str = "quota",
        width: int = 1100,
        height: int = 900,
        theme: str = "light",
        script: bool = True,
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            java_script_enabled=script,
            storage_state=signed_in(user),
        )
        context.set_default_timeout(1000 * PATIENCE_SECONDS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: hear(page, line))
        page.goto(f"{address}/services/{service}/{path}")
        if script:
            page.wait_for_function(READY)
        loaded.append(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    # A test answers so in the service's place.
    assert [] == [line for line in wrong if "status of 503" not in line]
