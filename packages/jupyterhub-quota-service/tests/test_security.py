"""Whoever asks sees only their own usage, unless they carry the scope."""

import asyncio
import re
import sqlite3

import pytest
from tornado.web import create_signed_value

from jupyterhub_quota_service import auth, everybody
from jupyterhub_quota_service.settings import READ_ALL, READ_METRICS

from .conftest import ACCESS, GIB, HOUR, PREFIX

FOR_ADMINS = (
    "api/users",
    "api/users/bob",
    "api/users/bob/days",
    "api/users/bob/sessions",
    "api/groups",
    "api/totals",
    "api/policy",
    "admin",
    "metrics",
)
TRICKS = (
    "api/me/bob",
    "api/me/../users/bob",
    "api/me/%2e%2e/users/bob",
    "api//users/bob",
    "api/users/bob/",
    "bob",
    "api/users/ann%2F..%2Fbob",
    "api/me;bob",
    "API/users/bob",
    "api/users/bob%00",
    "static/../api/users/bob",
    "static/%2e%2e/policy.yaml",
)
OWN = ("api/me", "api/me/days", "api/me/sessions")
# In words, and in numbers as JSON has them; 2.42 GiB-hours that come back to ann at midnight are hers.
BOBS = [re.compile(rf"(?<![\d.]){amount}") for amount in ("42 GiB", "42 of", f"{42 * HOUR * GIB}")]


@pytest.fixture
async def ann(world):
    """Ann's browser, in a world where bob used 42 GiB-hours."""
    await world.used("bob", 42)
    await world.used("ann", 5)
    return await world.person("ann", "regular")


class TestOnlyOnesOwn:
    """Bob's 42 GiB-hours are never shown to ann."""

    async def test_bob_himself_reads_them(self, world, ann):
        """So the other tests look for what would be there."""
        bob = await world.person("bob", "regular")
        seen = (await bob.get("")).text + (await bob.get("api/me")).text

        assert all(amount.search(seen) for amount in BOBS)

    async def test_not_by_path(self, ann):
        """What is about others needs the scope."""
        for path in FOR_ADMINS:
            answer = await ann.get(path)

            assert 403 == answer.status_code, path
            assert not any(amount.search(answer.text) for amount in BOBS), path

    async def test_not_by_tricks_with_the_path(self, ann):
        """None of these leads to bob."""
        for path in TRICKS:
            answer = await ann.get(ann.base_url.copy_with(raw_path=(PREFIX + path).encode()))

            assert answer.status_code in {400, 403, 404}, path
            assert not any(amount.search(answer.text) for amount in BOBS), path

    async def test_not_by_query(self, ann):
        """Nobody reads such a parameter."""
        for path in OWN:
            for name in ("user", "name", "username", "subject", "u", "_user"):
                answer = await ann.get(path, params={name: "bob"})

                assert 200 == answer.status_code
                assert not any(amount.search(answer.text) for amount in BOBS), path

    async def test_not_by_header(self, ann):
        """Nor such a header."""
        for name in ("X-User", "X-Forwarded-User", "X-Remote-User", "Remote-User", "X-JupyterHub-User", "User"):
            assert "ann" == (await ann.get("api/me", headers={name: "bob"})).json()["user"]

    async def test_not_by_body(self, ann):
        """Nor a body."""
        answer = await ann.request("GET", "api/me", json={"user": "bob", "name": "bob"})

        assert "ann" == answer.json()["user"]

    async def test_not_by_verb(self, ann):
        """Nothing but GET is answered, and nothing changes."""
        for verb in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"):
            for path in ("api/me", "api/users/bob"):
                answer = await ann.request(verb, path)

                assert answer.status_code in {403, 405}, verb
                assert not any(amount.search(answer.text) for amount in BOBS), verb

    async def test_not_by_the_cookie_of_another_service(self, world, ann):
        """It is signed with another secret, even if it is called like ours."""
        token = await world.token("bob", ACCESS)
        theirs = create_signed_value(b"another secret", "service-quota", token).decode()
        bare = world.client(cookies={"service-quota": theirs})
        raw = world.client(cookies={"service-quota": token})

        assert 401 == (await bare.get("api/me")).status_code
        assert 401 == (await raw.get("api/me")).status_code

    async def test_not_by_a_name_like_anothers(self, world):
        """A name that begins with another name, or differs in case or accents, is another person."""
        await world.used("bob", 42)
        for name in ("bo", "bobby", "b%b", "bob ", "b\u043eb", "*"):
            token = await world.token(name.strip(), ACCESS)
            if name.strip() != "bob":
                answer = await world.client(token).get("api/me")
                assert 0 == answer.json()["quotas"][0]["used"]

    async def test_not_as_a_service(self, world):
        """A service that is called like a user is no user."""
        await world.used("ann", 42)
        service = world.client("service-called-ann")

        for path in OWN:
            assert 403 == (await service.get(path)).status_code

    async def test_not_without_signing_in(self, world):
        """No cookie, no token, a wrong token: a page sends browsers to the hub, the API says so."""
        for client, status in ((world.client(), 302), (world.client("wrong"), 401)):
            assert status == (await client.get("admin")).status_code
            for path in (*OWN, *(path for path in FOR_ADMINS if path != "admin")):
                answer = await client.get(path)

                assert 401 == answer.status_code, path
                assert {"message", "reference"} == answer.json().keys()

    async def test_only_browsers_begin_to_sign_in(self, world):
        """Who looks whether the service is there, or reads metrics, gets no cookie and is sent nowhere."""
        program, browser = world.client(headers={"Accept": "*/*"}), world.client()
        answers = [await program.get(path) for path in ("", "admin", "healthz", "metrics", "api/me")]
        answers += [await browser.get(path) for path in ("healthz", "metrics", "api/me")]

        assert {200, 401} == {answer.status_code for answer in answers}
        assert [] == [answer.url for answer in answers if "Set-Cookie" in answer.headers]

    async def test_the_hubs_own_look_begins_no_sign_in(self, world, said):
        """It looks at the page every minute, and keeps the cookies that it is given."""
        for _ in range(2):
            await world.hub.check_services_health()

        assert {} == world.service.rooms.hub_auth._oauth_states.values
        assert [] == [line for line in said.lines if "OAuth state" in line]

    async def test_not_with_a_token_in_the_address(self, world):
        """It would end in logs and histories."""
        token = await world.token("bob", ACCESS)
        bare = world.client()

        for headers in ({}, {"Sec-Fetch-Mode": "navigate"}):
            assert 401 == (await bare.get("api/me", params={"token": token}, headers=headers)).status_code
        assert not bare.cookies

    async def test_not_with_a_token_for_something_else(self, world):
        """A token must be one for this service."""
        token = await world.token("bob", "read:users:name!user")

        assert 403 == (await world.client(token).get("api/me")).status_code


class TestTokens:
    """Programs carry tokens."""

    async def test_the_users_own_server(self, world):
        """Something inside JupyterLab can ask, where the role of servers says so."""
        token = await world.token("ann", ACCESS)

        assert "ann" == (await world.client(token).get("api/me")).json()["user"]

    async def test_the_scope_shows_everybody(self, world):
        """It is what dashboards carry."""
        await world.used("bob", 42)
        await world.join("bob", "regular")
        chief = world.client(await world.token("chief", ACCESS, READ_ALL))

        assert "bob" in (await chief.get("api/users")).text
        assert 42 == round((await chief.get("api/users/bob")).json()["quotas"][0]["used"] / 2**30 / 3600)

    async def test_a_part_of_the_scope_does_not(self, world):
        """A scope for some is not one for all."""
        token = await world.token("chief", ACCESS, f"{READ_ALL}!user=bob")

        assert 403 == (await world.client(token).get("api/users")).status_code

    async def test_metrics_have_a_scope_of_their_own(self, world):
        """It shows no more than metrics."""
        scraper = world.client(await world.token("chief", ACCESS, READ_METRICS))

        assert 200 == (await scraper.get("metrics")).status_code
        assert 403 == (await scraper.get("api/users")).status_code

    async def test_an_admin_in_the_browser_sees_everybody(self, world):
        """But whatever runs in an admin's server does not."""
        await world.used("bob", 42)
        root = await world.person("root")
        token = world.client(await world.token("root", ACCESS))

        assert 200 == (await root.get("api/users")).status_code
        assert 200 == (await root.get("admin")).status_code
        assert 403 == (await token.get("api/users")).status_code


class TestWhatIsTakenAway:
    """Access that is revoked ends soon."""

    async def test_a_revoked_token(self, start):
        """The hub's word is kept for seconds."""
        world = await start(cache_seconds=1)
        ann = world.client(await world.token("ann", ACCESS))
        await ann.get("api/me")
        for each in (await world.api.get("users/ann/tokens")).json()["api_tokens"]:
            await world.api.delete(f"users/ann/tokens/{each['id']}")
        await asyncio.sleep(1.1)

        assert 401 == (await ann.get("api/me")).status_code

    async def test_signing_out_of_the_hub(self, world, ann):
        """Counts at once: the cookie of the session is gone."""
        await ann.get("http" + world.hub_url.removeprefix("http") + "logout")

        assert 401 == (await ann.get("api/me")).status_code

    def test_nothing_counts_for_longer_than_a_minute(self):
        """What the service keeps by default."""
        assert auth.CACHE_SECONDS <= 60
        assert everybody.GROUPS_SECONDS <= 60


class TestBrowsers:
    """What other pages can do with a browser that is signed in."""

    async def test_headers(self, ann):
        """No framing, no script but ours, nothing kept."""
        for path in ("", "api/me", "api/nothing", "nothing", "healthz", "oauth_callback"):
            headers = (await ann.get(path)).headers

            policy = headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy, path
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            kept = (headers["Cache-Control"], headers["X-Content-Type-Options"], headers["X-Frame-Options"])
            assert ("no-store", "nosniff", "DENY") == kept
            assert "Server" not in headers

    async def test_other_sites_cannot_ask(self, ann):
        """A request that a script makes carries the token of the page."""
        foreign = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-site"}
        xsrf = (await ann.get("")).text.partition('data-xsrf="')[2].partition('"')[0]

        assert 401 == (await ann.get("api/me", headers=foreign)).status_code
        assert 401 == (await ann.get("api/me", headers=foreign | {"X-XSRFToken": "x"})).status_code
        assert 200 == (await ann.get("api/me", headers=foreign | {"X-XSRFToken": xsrf})).status_code

    async def test_cookies_are_for_tls_only_behind_tls(self, start):
        """And never for scripts."""
        world = await start()
        ann = world.client(follow_redirects=False, headers={"X-Forwarded-Proto": "https"})
        cookies = (await ann.get("")).headers.get_list("set-cookie")

        assert cookies
        assert all("secure" in cookie.lower() for cookie in cookies)

    async def test_the_cookie_is_not_for_scripts(self, world, ann):
        """The one that opens the service."""
        cookie = next(c for c in ann.cookies.jar if c.name == "service-quota")

        assert cookie.has_nonstandard_attr("HttpOnly")
        assert PREFIX == cookie.path


class TestFailures:
    """Answers carry a reference and nothing of the inside."""

    async def test_a_fault(self, world, ann, said):
        """Its traceback is in the log, under the reference."""
        (world.folder / "quota.sqlite").write_bytes(b"garbage" * 1000)
        await asyncio.sleep(3.1)

        answer = await ann.get("api/me")

        for word in ("sqlite", "Traceback", str(world.folder), "database"):
            assert word not in answer.text

    async def test_a_policy_that_is_gone(self, world, ann):
        """The last valid one counts on; admins are told."""
        (world.folder / "policy.yaml").write_text("groups: [", encoding="utf-8")
        world.service.rooms.policies._looked = 0
        root = await world.person("root")

        assert 200 == (await ann.get("api/me")).status_code
        policy = (await root.get("api/policy")).json()
        assert not policy["valid"]
        assert policy["problems"]
        assert "The newest policy is broken" in (await root.get("admin")).text

    async def test_nothing_secret_is_logged(self, world, ann, said):
        """No code, no token, no cookie."""
        token = await world.token("ann", ACCESS)
        await world.client(token).get("api/me", params={"token": token})
        await ann.get("oauth_callback", params={"code": "secret-code", "state": "x"})

        said_here = [line for line in said.lines if "/services/quota" in line]
        text = "\n".join(said_here)
        assert said_here
        assert token not in text
        assert "secret-code" not in text

    async def test_a_hub_that_hangs(self, world, monkeypatch):
        """Who asks is answered although the hub never does, and reads why."""
        asked, released = asyncio.Event(), asyncio.Event()

        async def hang(reader, writer):
            asked.set()
            await released.wait()
            writer.close()

        server = await asyncio.start_server(hang, "127.0.0.1", 0)
        world.service.rooms.hub_auth.api_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hub/api"
        # The hub that hangs is real; only the wait for it is shorter than the seconds that it takes in earnest.
        monkeypatch.setattr("jupyterhub_quota_service.auth.HUB_SECONDS", 0.3)

        answer = await world.client("some-token").get("api/me")

        assert asked.is_set()
        assert 503 == answer.status_code
        assert "The hub does not answer" in answer.json()["message"]
        released.set()
        server.close()

    async def test_a_hub_that_is_away(self, world):
        """No host name, no address."""
        world.service.rooms.hub_auth.api_url = "http://127.0.0.1:9/hub/api"

        answer = await world.client("some-token").get("api/me")

        assert 503 == answer.status_code
        assert "127.0.0.1" not in answer.text

    async def test_a_ledger_that_is_away(self, start):
        """Nothing is shown as 0."""
        world = await start(ledger_url="http://127.0.0.1:9", timeout_seconds=1.0)
        ann = await world.person("ann", "regular")

        answer = (await ann.get("api/me")).json()

        assert not answer["known"]
        assert [] == answer["quotas"]
        assert "How much you have used is not known at the moment." in answer["problem"]
        assert answer["problem"] in (await ann.get("")).text

    async def test_a_ledger_that_hangs(self, start):
        """The page comes all the same, and says so; the API waits for its answer, up to a deadline."""
        asked = asyncio.Event()

        async def hang(reader, writer):
            asked.set()
            try:
                await asyncio.sleep(600)
            finally:
                writer.close()

        server = await asyncio.start_server(hang, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        world = await start(ledger_url=url, timeout_seconds=20.0)
        ann = await world.person("ann", "regular")

        api = asyncio.create_task(ann.get("api/me"))
        await asyncio.wait_for(asked.wait(), 30)
        page = await ann.get("")

        assert not api.done()
        assert "How much you have used takes longer to find out than usual." in page.text
        assert "<meter" not in page.text
        api.cancel()
        await asyncio.gather(api, return_exceptions=True)
        server.close()

    async def test_what_was_known_last_while_it_hangs(self, world, ann):
        """It is shown with its age before the deadline of the ledger has passed."""
        await ann.get("api/me")
        locked = sqlite3.connect(world.folder / "quota.sqlite")
        locked.execute("PRAGMA locking_mode = EXCLUSIVE")
        locked.execute("BEGIN EXCLUSIVE")
        await asyncio.sleep(3.1)  # until what was read is no longer new

        answer = (await ann.get("api/me")).json()

        locked.close()
        assert not answer["known"]
        assert "The figures are those of today at" in answer["problem"]
        assert "5 of 60 GiB-hours used" == answer["quotas"][0]["used_text"]

    async def test_what_was_known_last(self, world, ann):
        """Is shown with its age."""
        await ann.get("api/me")
        ledger = world.folder / "quota.sqlite"
        ledger.rename(world.folder / "away.sqlite")
        await asyncio.sleep(3.1)

        answer = (await ann.get("api/me")).json()

        assert not answer["known"]
        assert "5 of 60 GiB-hours used" == answer["quotas"][0]["used_text"]
        assert "The figures are those of today at" in answer["problem"]
