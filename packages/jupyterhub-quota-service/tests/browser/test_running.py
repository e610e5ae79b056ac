"""What people see before and after a server is stopped, and what admins see of all of them, in a real browser."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from jupyterhub_quota import Request, Session, SqliteLedger

from .conftest import GIB, HOUR, PATIENCE_SECONDS, READY
from .test_page import overflow, violations

POLICY = """
groups:
  regular: {memory: 60 GiB-hours}
default: {memory: 60 GiB-hours}
while_running: stop
timezone: Europe/Berlin
contact: "Ask for more at help@example.org."
"""
# The same with nearly no grace, so that those who were over for long are due at once, and the brake holds them.
HASTY = f"{POLICY}grace: 1s\nminimum_runtime: 1s\nsession: 1s\n"
# JupyterHub 5 ends itself if a service is not up within ten seconds, few for a machine that is busy.
ATTEMPTS = 3
LATE = ("cay", "dan", "eve", "fin")
CONFIGURATION = """
import asyncio
from jupyterhub.spawner import Spawner
from jupyterhub_quota_service import service


class TinySpawner(Spawner):
    servers = {{}}

    async def start(self):
        async def answer(reader, writer):
            await reader.readuntil(b"\\r\\n\\r\\n")
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
            await writer.drain()
            writer.close()

        server = self.servers[self.user.name] = await asyncio.start_server(answer, "127.0.0.1", 0)
        return f"http://127.0.0.1:{{server.sockets[0].getsockname()[1]}}"

    async def stop(self, now=False):
        self.servers.pop(self.user.name).close()

    async def poll(self):
        return None if self.user.name in self.servers else 0


c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/"
c.JupyterHub.hub_port = {hub}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = {proxy}
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = TinySpawner
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"root"}}
c.JupyterHub.services = [{{"name": "tests", "api_token": "admin-token"}}]
scopes = ["admin:users", "admin:servers"]
c.JupyterHub.load_roles = [{{"name": "tests", "scopes": scopes, "services": ["tests"]}}]
url = "http://127.0.0.1:{service}"
service(c, policy_file="policy.yaml", ledger_url="sqlite:///quota.sqlite", url=url, round_seconds=1)
"""


class Stage:
    """A hub with servers that run, the service beside it, and the file in which use is on record."""

    def __init__(self, folder, url):
        self.folder = folder
        self.url = url
        self.page = f"{url}/services/quota/"
        self.ledger = SqliteLedger(folder / "quota.sqlite", create=True)

    def ask(self, method, path, **body):
        """Ask the hub's API."""
        request = urllib.request.Request(  # noqa: S310 - our own hub
            f"{self.url}/hub/api/{path}",
            method=method,
            headers={"Authorization": "token admin-token"},
            data=json.dumps(body).encode() if body else None,
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - our own hub
            return json.loads(answer.read() or "null")

    def servers(self, user):
        """Return the servers of *user* that run."""
        return [each for each in self.ask("GET", f"users/{user}")["servers"].values() if each["ready"]]

    def runs(self, user, hours):
        """Let *user* run a server of a GiB that is on record, after so many hours of another."""
        self.ask("POST", f"users/{user}")
        self.ask("POST", f"users/{user}/server")
        until(lambda: self.servers(user))
        started = datetime.fromisoformat(self.servers(user)[0]["started"]).timestamp()
        sessions = [
            Session(f"past {user}", user, "", started - hours * HOUR, started, Request(GIB)),
            Session(f"now {user}", user, "", started, time.time(), Request(GIB), True, "pod", "singleuser-server"),
        ]
        # Playwright has an event loop of its own in this thread.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, self.ledger.add(sessions)).result()


def until(question):
    """Ask again and again until the answer is true."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not question():
        assert time.monotonic() < end
        time.sleep(0.1)


def there(url):
    """Return whether somebody answers at *url*."""
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own hub
            return True
    except OSError:
        return False


def came_up(process, url):
    """Wait until somebody answers at *url*, and return whether *process* is still there then."""
    until(lambda: there(url) or process.poll() is not None)
    return process.poll() is None


@pytest.fixture(scope="module")
def stage(tmp_path_factory, unused_tcp_port_factory):
    """Return a hub on which ann has half an hour left, and four others were over long before anybody looked."""
    folder = tmp_path_factory.mktemp("running")
    port, hub, api, service = (unused_tcp_port_factory() for _ in range(4))
    proxy = str(Path(sys.executable).with_name("configurable-http-proxy"))
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    (folder / "jupyterhub_config.py").write_text(
        CONFIGURATION.format(port=port, hub=hub, api=api, service=service, proxy=[proxy]), encoding="utf-8"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTERHUB_")}
    url = f"http://127.0.0.1:{port}"
    for _ in range(ATTEMPTS):
        with (folder / "hub.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub"], cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        if came_up(process, f"{url}/services/quota/healthz"):
            break
    else:
        pytest.fail(f"the hub does not start:\n{(folder / 'hub.log').read_text(encoding='utf-8')[-5000:]}")
    try:
        found = Stage(folder, url)
        found.runs("ann", 59.5)
        for user in LATE:
            found.runs(user, 70)
        yield found
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture
def visit(stage, chromium):
    """Return how to sign in and open a page of the service; it fails if anything on it went wrong."""
    contexts, wrong = [], []

    def visit(user, path="", *, width=1100, theme="light", script=True):
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        contexts.append(context)
        context.set_default_timeout(1000 * PATIENCE_SECONDS)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{stage.url}/hub/login?next=/hub/home")
        page.fill("input[name=username]", user)
        page.fill("input[name=password]", "any")
        page.click("#login_submit")
        page.wait_for_url("**/hub/home")
        if not script:
            context = chromium.new_context(
                viewport={"width": width, "height": 900},
                color_scheme=theme,
                java_script_enabled=False,
                storage_state=context.storage_state(),
            )
            contexts.append(context)
            page = context.new_page()
        page.goto(stage.page + path)
        if script and not path:
            page.wait_for_function(READY)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert [] == wrong


def warned(visit, user, **options):
    """Open the page once its banner is there, which the next round brings."""
    page = visit(user, **options)
    while page.locator("main .alert-warning").count() == 0:
        page.close()
        page = visit(user, **options)
    return page


class TestBefore:
    """A banner that says until when, what to do, and counts down."""

    def test_the_quota_will_be_used_up(self, stage, visit):
        """Both moments, and the time that is left, which becomes less."""
        banner = warned(visit, "ann").locator("main .alert-warning")

        expect(banner).to_contain_text(
            re.compile(
                r"With what runs now, your memory quota \(60 GiB-hours in 30 days\) is used up .+ CES?T, and your "
                r"default server is stopped .+ CES?T\. Save your work\. Stop what you do not need\. Ask for more at"
            )
        )
        timer = banner.get_by_role("timer")
        before = timer.inner_text()
        assert re.fullmatch(r"4\d:\d\d left", before)
        expect(timer).not_to_have_text(before)
        assert before > timer.inner_text()

    def test_it_is_used_up(self, stage, visit):
        """How long the grace lasts yet."""
        banner = warned(visit, "cay").locator("main .alert-warning")

        expect(banner).to_contain_text("You have used all of your memory quota (60 GiB-hours in 30 days).")
        expect(banner).to_contain_text(re.compile(r"Your default server is stopped .+ CES?T\."))
        assert re.fullmatch(r"1[0-5]:\d\d left", banner.get_by_role("timer").inner_text())

    def test_without_a_script(self, stage, visit):
        """The sentence is there, the countdown is not."""
        page = warned(visit, "cay", script=False)

        expect(page.locator("main .alert-warning")).to_contain_text("Your default server is stopped")
        assert 0 == page.get_by_role("timer").count()

    @pytest.mark.parametrize("user", ["ann", "cay"])
    @pytest.mark.parametrize(("width", "theme"), [(1100, "light"), (1100, "dark"), (360, "light")])
    def test_for_everybody(self, stage, visit, user, width, theme):
        """Nothing is cut off, and axe finds nothing."""
        page = warned(visit, user, width=width, theme=theme)

        assert 0 == overflow(page)
        assert [] == violations(page)

    def test_a_screen_reader_is_told_once(self, stage, visit):
        """The banner is announced, the numbers that change each second are not."""
        page = warned(visit, "ann")

        assert "off" == page.get_by_role("timer").get_attribute("aria-live")
        assert 1 == page.locator("[aria-live=polite] .alert-warning").count()


@pytest.fixture(scope="module")
def hasty(stage):
    """Let the time of four of five servers be up at once, so that an admin is asked."""
    (stage.folder / "policy.yaml").write_text(HASTY, encoding="utf-8")


@pytest.mark.usefixtures("hasty")
class TestTheBrake:
    """What admins see, and the one thing they do. Comes last: it stops servers."""

    def waiting(self, visit, **options):
        """Open the list once the brake is on."""
        page = visit("root", "admin/running", **options)
        until(lambda: page.reload() and page.get_by_role("button", name="Stop those that wait").count())
        return page

    @pytest.mark.parametrize(("width", "theme"), [(1100, "light"), (1100, "dark"), (360, "light")])
    def test_who_waits_and_why(self, stage, visit, width, theme):
        """Four of five, each with the numbers; nothing is cut off, and axe finds nothing."""
        page = self.waiting(visit, width=width, theme=theme)

        main = page.get_by_role("main")
        expect(main).to_contain_text("The quota of 4 of 5 servers was used up long before that was first seen")
        for user in LATE:
            row = page.get_by_role("row").filter(has_text=user)
            expect(row).to_contain_text(re.compile("due since .+; waits: an admin is asked first"))
            expect(row).to_contain_text("70 of 60 GiB-hours")
        assert all(stage.servers(user) for user in LATE)
        assert 0 == overflow(page)
        assert [] == violations(page)

    def test_what_their_users_read_meanwhile(self, stage, visit):
        """No moment is promised that nobody knows, and nothing counts down."""
        self.waiting(visit)

        banner = warned(visit, "cay").locator("main .alert-warning")

        expect(banner).to_contain_text("Your default server can be stopped at any moment.")
        assert 0 == banner.get_by_role("timer").count()

    def test_let_go(self, stage, visit):
        """They are stopped in the next round, and their users read why; ann's server runs on."""
        page = self.waiting(visit)

        page.get_by_role("button", name="Stop those that wait").click()

        until(lambda: not any(stage.servers(user) for user in LATE))
        assert stage.servers("ann")
        page.goto(f"{stage.page}admin/running")
        assert 0 == page.get_by_role("row").filter(has_text="cay").count()
        for user in LATE:
            expect(page.get_by_role("main")).to_contain_text(re.compile(rf"stopped the default server of {user}"))
        page.locator("summary", has_text="stopped").first.click()
        expect(page.get_by_role("main")).to_contain_text("An admin had let it go from the brake.")
        assert [] == violations(page)
        expect(visit("cay").locator("main .alert-secondary")).to_contain_text(
            re.compile(
                r"Your default server was stopped .+: your memory quota \(60 GiB-hours in 30 days\) had been used up"
            )
        )
