"""The service as a process of its own, told everything by its environment, beside a real hub."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from traitlets.config import Config

from jupyterhub_quota import Request, Session, SqliteLedger

from .conftest import ACCESS, GIB, HOUR, PREFIX

COMMAND = [sys.executable, "-m", "jupyterhub_quota_service"]
PATIENCE_SECONDS = 60


@pytest.fixture
def environment(folder, unused_tcp_port_factory) -> dict[str, str]:
    """Return all that the service is told, and nothing else of ours."""
    return {
        "PATH": os.environ["PATH"],
        "JUPYTERHUB_API_TOKEN": "service-token",
        "JUPYTERHUB_API_URL": f"http://127.0.0.1:{unused_tcp_port_factory()}/hub/api",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{unused_tcp_port_factory()}",
        "JUPYTERHUB_QUOTA_POLICY_FILE": str(folder / "policy.yaml"),
        "JUPYTERHUB_QUOTA_LEDGER_URL": f"sqlite:///{folder / 'quota.sqlite'}",
    }


@pytest.fixture
def run(folder, environment) -> Iterator:
    """Return what starts the service; it ends with the test."""
    running = []

    def start(*command: str, **changes: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command or COMMAND, cwd=folder, env=environment | changes, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until(url: str, *, answers: bool) -> None:
    """Wait until the service at *url* answers, or does no longer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if answers == (200 == httpx.get(f"{url}{PREFIX}healthz").status_code):
                return
        except httpx.TransportError:
            if not answers:
                return
        time.sleep(0.1)
    pytest.fail(f"{url} {'does not answer' if answers else 'still answers'}")


async def test_people_sign_in_at_the_hub_and_see_their_own(start_hub, environment, run, folder):
    """A token, an address and the two of quotas are all it needs."""
    url, api = environment["JUPYTERHUB_SERVICE_URL"], environment["JUPYTERHUB_API_URL"]
    now = time.time()
    past = Session("past", "ann", "", now - 3 * HOUR, now - HOUR, Request(memory=4 * GIB))
    await SqliteLedger(folder / "quota.sqlite", create=True).add([past])

    def configure(c: Config) -> None:
        service = {"name": "quota", "url": url, "api_token": "service-token", "oauth_no_confirm": True}
        # There is no proxy, so that browsers come back to the service itself.
        service["oauth_redirect_uri"] = f"{url}{PREFIX}oauth_callback"
        c.JupyterHub.services.append(service)
        c.JupyterHub.load_roles.append({"name": "user", "scopes": ["self", ACCESS]})

    hub = api.removesuffix("/hub/api")
    run(JUPYTERHUB_HOST=hub, JUPYTERHUB_OAUTH_CALLBACK_URL=f"{url}{PREFIX}oauth_callback")
    wait_until(url, answers=True)
    await start_hub(int(hub.rpartition(":")[2]), configure)
    async with httpx.AsyncClient(
        follow_redirects=True, timeout=PATIENCE_SECONDS, headers={"Accept": "text/html"}
    ) as browser:
        await browser.get(f"{hub}/hub/login")
        xsrf = next(c.value for c in browser.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
        await browser.post(f"{hub}/hub/login", data={"username": "ann", "password": "", "_xsrf": xsrf})

        page = await browser.get(url + PREFIX)
        me = (await browser.get(f"{url}{PREFIX}api/me")).json()

    assert f"{url}{PREFIX}" == str(page.url)
    assert "You have used 8 of 20 GiB-hours of memory in the last 30 days." in page.text
    assert "ann" == me["user"]


def test_it_ends_when_it_is_told_to(environment, run):
    """As a supervisor does."""
    service = run()
    wait_until(environment["JUPYTERHUB_SERVICE_URL"], answers=True)

    service.terminate()

    assert 0 == service.wait(PATIENCE_SECONDS)


def test_it_ends_with_the_hub_that_started_it(environment, run):
    """Also with one that was killed, so that the next hub's own finds its port free."""
    hub = run(
        *(sys.executable, "-c", "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()", *COMMAND),
        JUPYTERHUB_QUOTA_ENDS_WITH_PARENT="1",
    )
    wait_until(environment["JUPYTERHUB_SERVICE_URL"], answers=True)

    hub.kill()

    wait_until(environment["JUPYTERHUB_SERVICE_URL"], answers=False)


@pytest.mark.parametrize("missing", ["JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_URL", "JUPYTERHUB_QUOTA_POLICY_FILE"])
def test_what_is_missing_is_named(environment, run, missing):
    """In one line, with exit code 1, and no value of another variable."""
    service = run(**{missing: ""})

    _, said = service.communicate(timeout=PATIENCE_SECONDS)

    assert 1 == service.returncode
    assert said.decode().startswith(f"jupyterhub-quota-service: {missing} is not set; it ")
    assert 1 == len(said.splitlines())
    assert b"service-token" not in said
