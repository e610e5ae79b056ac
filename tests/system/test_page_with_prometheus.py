"""The usage page over a real Prometheus: as the hub decides, so it says, also while Prometheus is away."""

import asyncio
import os
import re
import shutil
import subprocess
import sys

import httpx
import pytest
from playwright.async_api import async_playwright, expect

PATIENCE_SECONDS = 120
ACCESS = "access:services!service=quota"
POLICY = """
groups:
  regular: {memory: 60 GiB-hours, gpu: 0}
default: {memory: 20 GiB-hours, gpu: 0}
tolerate: 15s
"""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Without the later ones it calls hosts of its own.
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture
async def world(start_hub, folder, bed, unused_tcp_port_factory):
    """Return a hub and the address of the service beside it, a process of its own; the ledger of both is Prometheus."""
    (folder / "policy.yaml").write_text(POLICY)
    url = f"http://127.0.0.1:{unused_tcp_port_factory()}"
    prefix = "/services/quota/"

    def configure(c):
        c.JupyterHubQuota.ledger_url = bed.url
        service = {"name": "quota", "url": url, "api_token": "service-token", "oauth_no_confirm": True}
        # There is no proxy, so that browsers come back to the service itself.
        service["oauth_redirect_uri"] = f"{url}{prefix}oauth_callback"
        c.JupyterHub.services.append(service)
        c.JupyterHub.load_roles[0]["scopes"] += ["tokens", ACCESS]
        c.JupyterHub.load_roles.append({"name": "user", "scopes": ["self", ACCESS]})

    hub = await start_hub(configure)
    environment = {
        "PATH": os.environ["PATH"],
        "JUPYTERHUB_API_TOKEN": "service-token",
        "JUPYTERHUB_API_URL": f"{hub.url}api",
        "JUPYTERHUB_HOST": hub.url.removesuffix("/hub/"),
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{url}{prefix}oauth_callback",
        "JUPYTERHUB_SERVICE_URL": url,
        "JUPYTERHUB_QUOTA_POLICY_FILE": str(folder / "policy.yaml"),
        "JUPYTERHUB_QUOTA_LEDGER_URL": bed.url,
    }
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            [sys.executable, "-m", "jupyterhub_quota_service"], cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        await answering(f"{url}{prefix}healthz", process)
        yield hub, url + prefix
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


async def answering(url, process):
    """Wait until somebody answers there."""
    async with httpx.AsyncClient() as client, asyncio.timeout(PATIENCE_SECONDS):
        while process.poll() is None:
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    pytest.fail("the service ended by itself")


async def me(world, person):
    """Return what the service tells this person, by a token."""
    _, service = world
    made = await person.api.post(f"users/{person.path}/tokens", json={"scopes": [ACCESS]})
    async with httpx.AsyncClient(headers={"Authorization": f"token {made.json()['token']}"}, timeout=30) as client:
        answer = await client.get(f"{service}api/me")
    assert 200 == answer.status_code, answer.text
    return answer.json()


async def test_the_page_says_what_the_hub_decides(world):
    """Ann is refused for 60 of 60 GiB-hours, and reads the same there; bob has 50 left."""
    hub, _ = world
    ann, bob = [await hub.person(name, "regular") for name in ("ann", "bob")]
    await ann.start(memory=1)
    refusal = (await ann.progress())[-1]["message"]

    hers, his = await me(world, ann), await me(world, bob)

    assert "over" == hers["quotas"][0]["state"]
    assert "You have used all of your memory quota (60 GiB-hours in 30 days)" in refusal
    assert hers["summary"].startswith("Nothing is left of your memory quota")
    assert re.match(r"You have used 60[.\d]* of 60 GiB-hours of memory", hers["quotas"][0]["sentence"])
    assert re.match(r"10[.\d]* of 60 GiB-hours used", his["quotas"][0]["used_text"])
    assert "other" == his["running"][0]["server"]


async def test_while_prometheus_hangs_the_last_figures_stay(world, bed):
    """With their age, and never as 0."""
    hub, _ = world
    bob = await hub.person("bob", "regular")
    before = await me(world, bob)

    bed.prometheus.pause()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (answer := await me(world, bob))["known"]:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(1)
    finally:
        bed.prometheus.resume()
        bed.settle()

    assert "The figures are those of " in answer["problem"]
    assert re.match(r"10[.\d]* of 60 GiB-hours used", answer["quotas"][0]["used_text"])
    assert before["quotas"][0]["used"] <= answer["quotas"][0]["used"]


@pytest.mark.skipif(CHROMIUM is None, reason="this machine has no Chromium")
async def test_in_a_browser(world):
    """Bob signs in at the hub, comes back, and reads it."""
    hub, service = world
    await hub.person("bob", "regular")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await browser.new_page()
        page.set_default_timeout(1000 * PATIENCE_SECONDS)
        await page.goto(service)
        await page.fill("input[name=username]", "bob")
        await page.fill("input[name=password]", "any")
        await page.click("#login_submit")
        await page.wait_for_url(f"{service}**")

        main = page.get_by_role("main")
        await expect(main).to_contain_text(
            re.compile(r"10[.\d]* of 60 GiB-hours used"), timeout=1000 * PATIENCE_SECONDS
        )
        await browser.close()
