"""A real hub with a real proxy, the service that it starts, and Chromium in which people sign in."""

import asyncio
import os
import shutil
import signal
import socket
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
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Without the later ones it calls hosts of its own.
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
# How long anything may take; a machine may be slow, and do other work.
PATIENCE_SECONDS = 120
ATTEMPTS = 3
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
CONFIGURATION = """
from jupyterhub_quota_service import service
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/"
c.JupyterHub.hub_port = {hub}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = ["{proxy}"]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"root"}}
c.JupyterHub.load_groups = {groups}
sizes = [{{"name": "Small", "memory": 2**30}}, {{"name": "Huge", "memory": 256 * 2**30}}]
common = {{"policy_file": "policy.yaml", "sizes": sizes}}
service(c, ledger_url="sqlite:///quota.sqlite", url="http://127.0.0.1:{service}", **common)
service(c, name="blind", ledger_url="http://127.0.0.1:9", url="http://127.0.0.1:{blind}", **common)
"""
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


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


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

    found = [*past("ann", 49, 17, "big"), *past("ben", 23, 12), *past("cay", 66, 20), *past("fay", 100, 9)]
    found += [*past(LONG, 50, 5, "a-server-with-a-name-that-goes-on-and-on-and-on"), *past(HEBREW, 50, 5, "ניסוי")]
    found += past("may", 3, 3)
    found += [Session("now", "ann", "", now - HOUR / 4, now, Request(memory=4 * GIB), alive=True)]
    return found


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return where people find a hub with the service `quota`, and `blind` that cannot read its ledger."""
    folder = tmp_path_factory.mktemp("hub")
    port, hub, api, service, blind = free_ports(5)
    proxy = Path(sys.executable).with_name("configurable-http-proxy")
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    asyncio.run(SqliteLedger(folder / "quota.sqlite", create=True).add(history()))
    (folder / "jupyterhub_config.py").write_text(
        CONFIGURATION.format(port=port, hub=hub, api=api, service=service, blind=blind, proxy=proxy, groups=GROUPS),
        encoding="utf-8",
    )
    url = f"http://127.0.0.1:{port}"
    paths = ("/hub/health", "/services/quota/healthz", "/services/blind/healthz")
    # JupyterHub 5 gives its services ten seconds, and ends if one is not up by then: few for a machine that is busy.
    for _ in range(ATTEMPTS):
        process = start(folder)
        if all(answers(url + path, process) for path in paths):
            break
        stop(process)
    else:
        pytest.fail(f"{url} does not answer:\n{(folder / 'hub.log').read_text(encoding='utf-8')[:5000]}")
    try:
        yield url
    finally:
        stop(process)


def start(folder: Path) -> subprocess.Popen:
    """Start the hub that *folder* configures."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTERHUB_")}
    with (folder / "hub.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "jupyterhub"], cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )


def stop(process: subprocess.Popen) -> None:
    """End the hub, which ends its proxy and services."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()


def answers(url: str, process: subprocess.Popen) -> bool:
    """Wait until *url* answers, and return whether it does."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own hub
                return True
        except OSError:
            time.sleep(0.2)
    return False


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
            page.goto(f"{address}/hub/login")
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
