"""Groups from the hub, asked of a real HTTP server that answers as JupyterHub's API does."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from jupyterhub_quota import HubClient, InputError, Unavailable, UnavailableError

TOKEN = "s3cret"
Answer = tuple[int, str]


class Hub:
    """A hub with users; its token's scopes can be taken away, and its next answers replaced by faults."""

    def __init__(self) -> None:
        self.users: dict[str, list[str]] = {"ann": ["power", "regular"], "bob": []}
        self.token = TOKEN
        self.scopes = {"list:users", "read:users:name", "read:users:groups"}
        self.largest_page = 200
        self.faults: list[Callable[[], Answer | None]] = []
        self.asked: list[str] = []
        self.connections = 0

    def answer(self, address: str, authorization: str, accept: str) -> Answer:
        """Return status and body for a GET of *address*."""
        self.asked.append(address)
        if self.faults and (fault := self.faults.pop(0)()):
            return fault
        if authorization != f"token {self.token}":
            return 403, '{"status": 403, "message": "Missing or invalid credentials."}'
        parts = urlsplit(address)
        kind, _, name = parts.path.removeprefix("/hub/api/").partition("/")
        if kind != "users" or not self.scopes:
            return 403, '{"status": 403, "message": "Action is not authorized with current scopes"}'
        if name:
            user = unquote(name)
            known = user in self.users and "/" not in name
            return (200, json.dumps(self.model(user))) if known else (404, '{"status": 404, "message": "Not Found"}')
        if "list:users" not in self.scopes:
            return 403, '{"status": 403, "message": "Action is not authorized with current scopes"}'
        assert "application/jupyterhub-pagination+json" in accept
        return 200, json.dumps(self.page(parse_qs(parts.query)))

    def model(self, user: str) -> dict[str, object]:
        """Return what the scopes show of *user*."""
        model: dict[str, object] = {"kind": "user", "name": user}
        return model | ({"groups": self.users[user]} if "read:users:groups" in self.scopes else {"admin": False})

    def page(self, query: dict[str, list[str]]) -> dict[str, object]:
        """Return one page of users."""
        offset, limit = int(query["offset"][0]), min(int(query["limit"][0]), self.largest_page)
        items = [self.model(user) for user in list(self.users)[offset : offset + limit]]
        following = offset + limit
        where = {"offset": following, "limit": limit, "url": "http://elsewhere.example/hub/api/users"}
        total = len(self.users)
        pagination = {"offset": offset, "limit": limit, "total": total, "next": where if following < total else None}
        return {"items": items, "_pagination": pagination}


@pytest.fixture
def hub():
    it = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            it.connections += 1
            super().setup()

        def do_GET(self):
            headers = self.headers
            status, body = it.answer(self.path, headers["Authorization"], headers["Accept"])
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            # Who was kept waiting for too long has gone.
            with suppress(BrokenPipeError):
                self.wfile.write(body.encode())

        def log_message(self, format, *args):  # noqa: A002 - as http.server has it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    it.url = f"http://127.0.0.1:{server.server_port}/hub/api"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield it
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def client(hub):
    it = HubClient(hub.url, TOKEN, timeout_seconds=1.0)
    yield it
    await it.close()


async def reason_of(question) -> Unavailable:
    with pytest.raises(UnavailableError) as caught:
        await question
    assert TOKEN not in str(caught.value)
    return caught.value.reason


class TestOneUser:
    async def test_has_the_groups_that_the_hub_says(self, client):
        assert {"power", "regular"} == await client.groups("ann")

    async def test_may_be_in_no_group(self, client):
        """An empty list is an answer."""
        assert frozenset() == await client.groups("bob")

    @pytest.mark.parametrize(
        "name",
        ["a/b", "a?b=c", "100%", "%2F", "a#b", "a b", "..", ".", "ü-山", "google-oauth2|117", 'a"b\\c', "x" * 255],
    )
    async def test_is_found_by_any_name(self, hub, client, name):
        """A name is one part of the path, whatever it is made of."""
        hub.users[name] = ["odd"]

        assert {"odd"} == await client.groups(name)

    @pytest.mark.parametrize("name", ["", "\udc80", "x" * 70_000])
    async def test_has_a_name_that_can_be_asked_for(self, client, name):
        with pytest.raises(InputError, match="name of the user"):
            await client.groups(name)

    async def test_whom_the_hub_does_not_know_has_unknown_groups(self, client):
        assert Unavailable.GROUPS_UNKNOWN is await reason_of(client.groups("nobody"))

    async def test_is_nobody_else(self, hub, client):
        """A hub or a proxy that answers about another user does not give away that user's groups."""
        hub.faults = [lambda: (200, '{"name": "bob", "groups": ["power"]}')]

        assert Unavailable.MALFORMED is await reason_of(client.groups("ann"))


class TestScopesTakenAway:
    """A token without a scope means that the groups are not known, never that there are none."""

    async def test_without_groups_in_the_model(self, hub, client):
        hub.scopes.remove("read:users:groups")

        assert Unavailable.GROUPS_UNKNOWN is await reason_of(client.groups("ann"))
        assert Unavailable.GROUPS_UNKNOWN is await reason_of(client.everybody())

    async def test_without_the_list_of_users(self, hub, client):
        hub.scopes.remove("list:users")

        assert Unavailable.DENIED is await reason_of(client.everybody())
        assert {"power", "regular"} == await client.groups("ann")

    async def test_without_any(self, hub, client):
        hub.scopes.clear()

        assert Unavailable.DENIED is await reason_of(client.groups("ann"))


class TestEverybody:
    async def test_is_read_page_by_page(self, hub, client):
        """Also where the hub's pages are smaller than asked for, and its links lead elsewhere."""
        hub.users = {f"user-{i}": ["regular"] * (i % 2) for i in range(25)}
        hub.largest_page = 10

        assert {user: frozenset(groups) for user, groups in hub.users.items()} == await client.everybody()
        assert 3 == len(hub.asked)

    async def test_may_be_nobody(self, hub, client):
        hub.users = {}

        assert {} == await client.everybody()

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda page: page["items"].pop(), id="a user is missing"),
            pytest.param(lambda page: page["items"].append(page["items"][0]), id="a user is there twice"),
            pytest.param(lambda page: page["_pagination"].update(total=3), id="a page is missing"),
            pytest.param(lambda page: page["_pagination"].update(offset=1), id="another page"),
        ],
    )
    async def test_a_page_that_does_not_fit_is_partial(self, hub, client, change):
        """Asked twice, since the users may have changed in between."""

        def spoilt():
            page = hub.page({"offset": ["0"], "limit": ["200"]})
            change(page)
            return 200, json.dumps(page)

        hub.faults = [spoilt, spoilt]

        assert Unavailable.PARTIAL is await reason_of(client.everybody())

    async def test_a_user_who_appears_meanwhile_is_asked_for_again(self, hub, client):
        """One change between two pages is made good by the second try."""
        hub.users = {f"user-{i}": [] for i in range(4)}
        hub.largest_page = 2
        hub.faults = [lambda: None, lambda: hub.users.update(new=["power"])]

        assert {"power"} == (await client.everybody())["new"]

    async def test_a_list_without_pages_is_no_answer(self, hub, client):
        """A hub that is too old for pages may have left somebody out."""
        hub.faults = [lambda: (200, '[{"name": "ann", "groups": []}]')]

        assert Unavailable.MALFORMED is await reason_of(client.everybody())


class TestAFailingHub:
    async def test_is_asked_once_more(self, hub, client):
        hub.faults = [lambda: (503, "")]

        assert {"power", "regular"} == await client.groups("ann")

    async def test_is_not_asked_a_third_time(self, hub, client):
        hub.faults = [lambda: (500, "")] * 3

        assert Unavailable.FAILED is await reason_of(client.groups("ann"))
        assert 2 == len(hub.asked)

    async def test_that_is_away_is_unreachable(self):
        client = HubClient("http://127.0.0.1:9/hub/api", TOKEN)

        assert Unavailable.UNREACHABLE is await reason_of(client.groups("ann"))
        await client.close()

    async def test_that_hangs_once_is_asked_again_within_the_deadline(self, hub, client):
        hub.faults = [lambda: time.sleep(0.8)]

        assert {"power", "regular"} == await client.groups("ann")

    async def test_that_hangs_does_not_take_longer_than_the_deadline(self, hub, client):
        hub.faults = [lambda: time.sleep(2)] * 2
        begin = time.monotonic()

        assert Unavailable.SLOW is await reason_of(client.groups("ann"))
        assert 1.5 > time.monotonic() - begin

    async def test_that_sends_us_elsewhere_is_not_followed(self, hub, client):
        """The token goes to the address that was given and to no other."""
        hub.faults = [lambda: (302, f"{hub.url}/users/ann")]

        assert Unavailable.MALFORMED is await reason_of(client.groups("ann"))
        assert 1 == len(hub.asked)

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "<html>",
            "null",
            "[]",
            "{}",
            '{"name": "ann", "groups": null}',
            '{"name": "ann", "groups": [1]}',
            "[" * 99999,
        ],
    )
    async def test_that_answers_something_else_is_malformed(self, hub, client, body):
        hub.faults = [lambda: (200, body)]

        assert await reason_of(client.groups("ann")) in {Unavailable.MALFORMED, Unavailable.GROUPS_UNKNOWN}

    async def test_keeps_its_connection(self, hub, client):
        await client.groups("ann")
        await client.groups("bob")

        assert 1 == hub.connections


class TestTheToken:
    async def test_that_is_wrong_is_denied(self, hub):
        client = HubClient(hub.url, "wrong")

        assert Unavailable.DENIED is await reason_of(client.groups("ann"))
        await client.close()

    async def test_is_read_again_from_its_file_when_it_is_refused(self, hub, tmp_path):
        """A token that was replaced works without a restart."""
        file = tmp_path / "token"
        file.write_text(f"{TOKEN}\n")
        client = HubClient(hub.url, file)
        await client.groups("ann")
        hub.token = "new"
        file.write_text("new\n")

        assert {"power", "regular"} == await client.groups("ann")
        await client.close()

    async def test_that_can_no_longer_be_read_is_denied(self, hub, tmp_path):
        file = tmp_path / "token"
        file.write_text(TOKEN)
        client = HubClient(hub.url, file)
        hub.token = "new"
        file.unlink()

        assert Unavailable.DENIED is await reason_of(client.groups("ann"))
        await client.close()

    @pytest.mark.parametrize("token", ["", " \n", "two\nlines", "ü"])
    def test_is_one_that_a_header_can_hold(self, hub, token):
        with pytest.raises(InputError, match="token is empty or holds"):
            HubClient(hub.url, token)

    def test_is_in_no_text_about_the_client(self, client):
        assert TOKEN not in repr(client)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hub",
        "ftp://hub/hub/api",
        "http://",
        "http://hub/api?x=1",
        "http://ann:s3cret@hub/api",
        "http://s3cret@hub:port/",
    ],
)
def test_an_address_that_cannot_be_used_is_wrong_input(url):
    """The message does not repeat it, as it may hold a password."""
    with pytest.raises(InputError, match="address of the hub's API") as caught:
        HubClient(url, TOKEN)

    assert "s3cret" not in str(caught.value)
