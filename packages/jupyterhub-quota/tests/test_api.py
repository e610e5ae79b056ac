"""Questions to the API of Prometheus, on real connections to small servers that answer well, badly or not at all."""

import asyncio
import base64
import gzip
import json
import logging
import shutil
import ssl
import subprocess
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from jupyterhub_quota.errors import InputError, Unavailable, UnavailableError
from jupyterhub_quota.ledger import api
from jupyterhub_quota.ledger.api import Access, PrometheusApi
from jupyterhub_quota.ledger.prometheus import PrometheusLedger
from jupyterhub_quota.ledger.promql import quoted
from jupyterhub_quota.ledger.rows import Row
from jupyterhub_quota.ledger.url import open_ledger

SECRET = "s3cret-0f-the-hub"


def answer(result: object = (), **more: object) -> bytes:
    """Return a good answer with *result*."""
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": list(result)}} | more).encode()


def response(body: bytes = b"", status: int = 200, **headers: str) -> bytes:
    """Return what is sent for *body*."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


SERIES = {"metric": {"stat": "end", "uid": "1"}, "value": [100.5, "7.25"]}
GOOD = response(answer([SERIES]))
ROWS = [Row({"stat": "end", "uid": "1"}, ((100.5, 7.25),))]

Behaviour = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Answers questions in turn with what *behaviours* say, the last one again and again."""

    behaviours: list[Behaviour]
    url: str = ""
    requests: list[tuple[str, dict[str, str], dict[str, list[str]]]] = field(
        default_factory=list
    )  # line, headers, form
    connections: int = 0
    open: int = 0
    delay: float = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer on one connection until its other end goes."""
        self.connections += 1
        self.open += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *lines = head.decode().strip().split("\r\n")
                headers = dict(each.lower().split(": ", 1)[:1] + each.split(": ", 1)[1:] for each in lines)
                form = parse_qs((await reader.readexactly(int(headers.get("content-length", 0)))).decode())
                behaviour = self.behaviours[min(len(self.requests), len(self.behaviours) - 1)]
                self.requests.append((line, headers, form))
                await asyncio.sleep(self.delay)
                if callable(behaviour):
                    await behaviour(writer)
                else:
                    writer.write(behaviour)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    @property
    def authorizations(self) -> list[str | None]:
        """What each request showed to be let in."""
        return [headers.get("authorization") for _, headers, _ in self.requests]


@asynccontextmanager
async def serving(*behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server that runs within the context."""
    server, tasks = Server(list(behaviours)), set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        await server.serve(reader, writer)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    server.url = f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def asking(url: str, access: Access | None = None, seconds: float = 5.0) -> AsyncIterator[PrometheusApi]:
    """A client that is closed after use."""
    client = PrometheusApi(url, access or Access(), seconds)
    try:
        yield client
    finally:
        await client.close()


async def failure(*behaviours: Behaviour, seconds: float = 5.0) -> tuple[UnavailableError, Server]:
    """Return how a question fails."""
    async with serving(*behaviours) as server, asking(server.url, seconds=seconds) as client:
        with pytest.raises(UnavailableError) as error:
            await client.query("up", 100)
    return error.value, server


async def never(writer: asyncio.StreamWriter) -> None:
    """Answer nothing."""
    await asyncio.sleep(60)


async def headers_only(writer: asyncio.StreamWriter) -> None:
    """Answer headers, then nothing."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(60)


async def drip(writer: asyncio.StreamWriter) -> None:
    """Answer a byte at a time, so that no single wait is long."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """End the connection in the middle of an answer."""
    writer.write(GOOD[:-5])
    await writer.drain()
    writer.close()


async def endless(writer: asyncio.StreamWriter) -> None:
    """Answer without end."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    part = b" " * 2**20
    while not writer.is_closing():
        writer.write(b"%x\r\n%s\r\n" % (len(part), part))
        await writer.drain()


class TestAnswers:
    """What is asked and answered."""

    async def test_rows(self):
        """A vector's samples, one each."""
        async with serving(GOOD) as server, asking(server.url) as client:
            assert ROWS == await client.query("up", 100.5)

    async def test_rows_of_a_range(self):
        """With all their samples, but for those without a number that say where a series ended."""
        series = {"metric": {}, "values": [[1, "2"], [3, "4"], [5, "NaN"], [6, None]]}
        async with serving(response(answer([series]))) as server, asking(server.url) as client:
            assert [Row({}, ((1, 2), (3, 4)))] == await client.query("up[5m]", 100)

    async def test_the_question_says_what_when_and_for_how_long(self):
        """As a form, since it may be longer than an address."""
        async with serving(GOOD) as server, asking(server.url + "/below/", seconds=1.5) as client:
            await client.query('up{x="ü&"}', 100.25)

        line, _, form = server.requests[0]
        assert "POST /below/api/v1/query HTTP/1.1" == line
        assert (['up{x="ü&"}'], ["100.250"], ["1500ms"]) == (form["query"], form["time"], form["timeout"])

    async def test_hints_are_no_warnings(self):
        """Prometheus tells of what is not wrong under another name."""
        body = answer([SERIES], infos=["PromQL info: metric might not be a counter"])
        async with serving(response(body)) as server, asking(server.url) as client:
            assert ROWS == await client.query("up", 100)


class TestFailures:
    """Not known is not zero, and why is one word of a small fixed set."""

    @pytest.mark.parametrize(
        ("behaviour", "reason"),
        [
            (response(status=401), Unavailable.DENIED),
            (response(status=403), Unavailable.DENIED),
            (response(status=400), Unavailable.FAILED),
            (response(status=404), Unavailable.FAILED),
            (response(status=422), Unavailable.FAILED),
            (response(status=500), Unavailable.FAILED),
            (response(status=503), Unavailable.FAILED),
            (response(status=302, Location="http://elsewhere.invalid/"), Unavailable.MALFORMED),
            (response(b"<html>"), Unavailable.MALFORMED),
            (response(b""), Unavailable.MALFORMED),
            (response(b"[]"), Unavailable.MALFORMED),
            (response(b"\xff\xfe"), Unavailable.MALFORMED),
            (response(b"[" * 100_000), Unavailable.MALFORMED),
            (response(b'{"status":"success"}'), Unavailable.MALFORMED),
            (response(answer([{"metric": {}}])), Unavailable.MALFORMED),
            (response(answer([{"metric": {}, "value": [1, "NaN"]}])), Unavailable.MALFORMED),
            (response(answer([{"metric": {}, "value": [1, "+Inf"]}])), Unavailable.MALFORMED),
            (response(b"no gzip", Content_Encoding="gzip"), Unavailable.MALFORMED),
            (response(b'{"status":"error","errorType":"execution"}'), Unavailable.FAILED),
            (response(answer([SERIES], warnings=["some stores did not answer"])), Unavailable.PARTIAL),
            (response(answer([SERIES], isPartial=True)), Unavailable.PARTIAL),
            (hang_up, Unavailable.UNREACHABLE),
        ],
        ids=lambda each: each.decode("latin-1").split("\r\n\r\n")[1][:30] if isinstance(each, bytes) else str(each),
    )
    async def test_has_its_reason(self, behaviour: Behaviour, reason: Unavailable):
        """And no rows."""
        error, _ = await failure(behaviour)

        assert reason == error.reason

    async def test_nobody_there(self):
        """Nothing listens."""
        async with serving(GOOD) as server:
            url = server.url
        async with asking(url) as client:
            with pytest.raises(UnavailableError) as error:
                await client.query("up", 100)

        assert Unavailable.UNREACHABLE == error.value.reason

    @pytest.mark.parametrize("behaviour", [never, headers_only, drip], ids=lambda each: each.__name__)
    async def test_slow(self, behaviour: Behaviour):
        """The deadline is for the whole question, the second try included."""
        began = time.monotonic()
        error, server = await failure(behaviour, seconds=2)

        assert Unavailable.SLOW == error.reason
        assert time.monotonic() - began < 2 * 2  # which a deadline for each try would take
        assert 2 == len(server.requests)

    @pytest.mark.parametrize("packed", [False, True])
    async def test_too_large(self, monkeypatch: pytest.MonkeyPatch, packed: bool):
        """It is let go before it fills the memory, also where it came packed."""
        bomb = response(gzip.compress(b" " * 2**26, compresslevel=9), Content_Encoding="gzip")
        # The answer is real and too large; a smaller bound spares every run the shipped one's memory.
        monkeypatch.setattr(api, "LARGEST_ANSWER", 2**23)
        tracemalloc.start()
        try:
            error, _ = await failure(bomb if packed else endless)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert Unavailable.TOO_LARGE == error.reason
        assert peak < 2**27 + 2**26


class TestTheSecondTry:
    """What may be over in a moment is asked again, once."""

    @pytest.mark.parametrize("first", [response(status=500), hang_up, never], ids=["500", "hang up", "never"])
    async def test_answers_what_the_first_did_not(self, first: Behaviour):
        """Within the deadline."""
        async with serving(first, GOOD) as server, asking(server.url, seconds=1) as client:
            assert ROWS == await client.query("up", 100)

        assert 2 == len(server.requests)

    async def test_there_is_no_third(self):
        """Twice an error is an answer."""
        error, server = await failure(response(status=500), response(status=500), GOOD)

        assert Unavailable.FAILED == error.reason
        assert 2 == len(server.requests)

    @pytest.mark.parametrize("first", [response(status=401), response(b"<html>"), response(answer(warnings=["x"]))])
    async def test_there_is_none_for_what_stays(self, first: bytes):
        """Asking again would give the same."""
        _, server = await failure(first, GOOD)

        assert 1 == len(server.requests)


class TestConnections:
    """They are kept alive and shared."""

    async def test_one_for_questions_in_turn(self):
        """However many."""
        async with serving(GOOD) as server, asking(server.url) as client:
            for _ in range(10):
                await client.query("up", 100)
            assert 1 == server.connections

    async def test_a_few_for_many_at_once(self):
        """Five hundred questions are all answered, each once, on ten connections."""
        async with serving(GOOD) as server, asking(server.url, seconds=60) as client:
            answers = await asyncio.gather(*(client.query("up", 100) for _ in range(500)))

            assert [ROWS] * 500 == answers
            assert server.connections <= 10
            assert 500 == len(server.requests)

    async def test_nothing_leaks_when_callers_are_cancelled(self):
        """More of them than there may be connections, each in the middle of its question."""
        async with serving(GOOD) as server, asking(server.url) as client:
            server.delay = 30
            for _ in range(3):
                callers = [asyncio.create_task(client.query("up", 100)) for _ in range(30)]
                await asyncio.sleep(0.2)
                for caller in callers:
                    caller.cancel()
                await asyncio.gather(*callers, return_exceptions=True)
            server.delay = 0
            assert ROWS == await client.query("up", 100)

            await asyncio.sleep(0.1)
            assert 1 == len(client._client._transport._pool.connections)

    async def test_closed_and_asked_again(self):
        """Closing lets go of connections and of nothing else."""
        async with serving(GOOD) as server, asking(server.url) as client:
            await client.query("up", 100)
            await client.close()
            await asyncio.sleep(0.1)
            assert 0 == server.open
            assert ROWS == await client.query("up", 100)

    async def test_a_server_that_came_back(self):
        """A kept connection that the server has ended costs nothing but a new one."""

        async def once(writer: asyncio.StreamWriter) -> None:
            writer.write(GOOD)
            await writer.drain()
            writer.close()

        async with serving(once, once, GOOD) as server, asking(server.url) as client:
            for _ in range(3):
                assert ROWS == await client.query("up", 100)
                await asyncio.sleep(0.05)

        assert 3 == len(server.requests)


class TestAccess:
    """Credentials come from files."""

    async def test_basic_authentication(self, tmp_path: Path):
        """A user name, and a password in a file; line ends are no part of it."""
        file = tmp_path / "password"
        file.write_text("pä:ss word\n")
        async with serving(GOOD) as server, asking(server.url, Access("quota", file)) as client:
            await client.query("up", 100)

        assert ["Basic " + base64.b64encode("quota:pä:ss word".encode()).decode()] == server.authorizations

    async def test_the_user_name_may_stand_in_a_file_as_well(self, tmp_path: Path):
        """So that both change at once, when a mounted Secret is swapped."""
        for number in ("1", "2"):
            (tmp_path / number).mkdir()
            (tmp_path / number / "username").write_text(f"quota-{number}\n")
            (tmp_path / number / "password").write_text(f"word {number}\n")
        data = tmp_path / "..data"
        data.symlink_to("1")
        access = Access(username_file=data / "username", password_file=data / "password")
        async with serving(GOOD) as server, asking(server.url, access) as client:
            await client.query("up", 100)
            (tmp_path / "new").symlink_to("2")
            (tmp_path / "new").replace(data)
            await client.query("up", 100)

        expected = [f"Basic {base64.b64encode(f'quota-{n}:word {n}'.encode()).decode()}" for n in (1, 2)]
        assert expected == server.authorizations

    async def test_an_empty_user_name_is_told(self, tmp_path: Path):
        """Before anything is sent, since the password alone would be taken for a token."""
        (tmp_path / "username").write_text("\n")
        (tmp_path / "password").write_text("word")
        access = Access(username_file=tmp_path / "username", password_file=tmp_path / "password")
        async with serving(GOOD) as server, asking(server.url, access) as client:
            with pytest.raises(UnavailableError, match="cannot be read"):
                await client.query("up", 100)

        assert [] == server.authorizations

    async def test_a_file_that_changes_is_read_again(self, tmp_path: Path):
        """Without a restart."""
        file = tmp_path / "token"
        file.write_text("one")
        async with serving(GOOD) as server, asking(server.url, Access(token_file=file)) as client:
            await client.query("up", 100)
            file.write_text("two\n")
            await client.query("up", 100)

        assert ["Bearer one", "Bearer two"] == server.authorizations

    async def test_a_mounted_secret_that_is_swapped_is_read_again(self, tmp_path: Path):
        """Kubernetes changes where a link points to, and the files have the same size and time."""
        for number in ("1", "2"):
            (tmp_path / number).mkdir()
            (tmp_path / number / "token").write_text(number)
        shutil.copystat(tmp_path / "1" / "token", tmp_path / "2" / "token")
        data = tmp_path / "..data"
        data.symlink_to("1")
        access = Access(token_file=data / "token")
        async with serving(GOOD) as server, asking(server.url, access) as client:
            await client.query("up", 100)
            (tmp_path / "new").symlink_to("2")
            (tmp_path / "new").replace(data)
            await client.query("up", 100)

        assert ["Bearer 1", "Bearer 2"] == server.authorizations

    @pytest.mark.parametrize(
        "content",
        [None, b"", b"\n", f"{SECRET}\n{SECRET}".encode(), f"{SECRET}\u017c".encode(), SECRET.encode() + b"\xff"],
    )
    async def test_a_file_without_a_token_is_told_without_what_it_holds(self, tmp_path: Path, content: bytes | None):
        """Not there, empty, two lines, letters that no header can carry, no text at all."""
        file = tmp_path / "token"
        if content is not None:
            file.write_bytes(content)
        async with serving(GOOD) as server, asking(server.url, Access(token_file=file)) as client:
            with pytest.raises(UnavailableError) as error:
                await client.query("up", 100)

        assert Unavailable.DENIED == error.value.reason
        assert str(file) in str(error.value)
        assert SECRET not in chain_of(error.value)
        assert [] == server.requests

    async def test_a_redirect_is_never_followed(self, tmp_path: Path):
        """Nobody else gets to see the credential."""
        file = tmp_path / "token"
        file.write_text(SECRET)
        async with serving(GOOD) as other:
            for status in (301, 302, 307, 308):
                there = response(status=status, Location=other.url)
                async with serving(there) as server, asking(server.url, Access(token_file=file)) as client:
                    with pytest.raises(UnavailableError):
                        await client.query("up", 100)

        assert 0 == other.connections

    async def test_proxies_of_the_environment_are_not_used(self, monkeypatch: pytest.MonkeyPatch):
        """They would get to see the credential, too."""
        async with serving(GOOD) as proxy, serving(GOOD) as server:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            async with asking(server.url) as client:
                await client.query("up", 100)

        assert (0, 1) == (proxy.connections, server.connections)

    def test_contradictions_are_refused(self):
        """Half a credential, or two of them."""
        half = ({"username": "ann"}, {"username_file": Path("x")}, {"password_file": Path("x")})
        for wrong in (*half, {"username": "ann", "username_file": Path("x"), "password_file": Path("y")}):
            with pytest.raises(InputError):
                Access(**wrong)
        with pytest.raises(InputError):
            Access("ann", Path("x"), Path("y"))


class TestSecrets:
    """Never in an error, a log or a repr."""

    @pytest.mark.parametrize("behaviour", [GOOD, response(status=401), response(status=500), hang_up, response(b"x")])
    @pytest.mark.parametrize("kind", ["password", "token"])
    async def test_whatever_is_answered(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, behaviour: Behaviour, kind: str
    ):
        """With every log on."""
        caplog.set_level(logging.DEBUG)
        file = tmp_path / "secret"
        file.write_text(SECRET)
        access = Access("quota", file) if kind == "password" else Access(token_file=file)
        said = repr(access)
        async with serving(behaviour) as server:
            ledger = PrometheusLedger(server.url, access=access)
            try:
                await ledger.read(since=0, at=100, user="ann")
            except UnavailableError as error:
                said += chain_of(error)
            await ledger.close()
        said += caplog.text + repr(ledger)

        assert any(server.authorizations)
        for secret in (SECRET, base64.b64encode(f"quota:{SECRET}".encode()).decode()):
            assert secret not in said

    @pytest.mark.parametrize(
        "url",
        [
            f"http://quota:{SECRET}@prometheus:9090",
            f"https://{SECRET}@prometheus",
            f"http://quota:{SECRET}@prometheus:port",
            f"http://quota:{SECRET}@[::1",
            f"http://quota:{SECRET}@prome\u2100theus",
            f"http://quota:{SECRET}@prometheus:99999999",
            f"http://prometheus:9090/?token={SECRET}",
            f"http://prometheus:9090/#{SECRET}",
            f"ftp://quota:{SECRET}@prometheus",
            f"//quota:{SECRET}@prometheus",
            f"http://{SECRET}\n",
        ],
    )
    def test_an_address_with_a_secret_is_refused_and_not_repeated(self, url: str):
        """Nor is what caused it, which might."""
        with pytest.raises(InputError) as error:
            open_ledger(url)

        assert SECRET not in chain_of(error.value)
        assert "write for example" in str(error.value) or "password file" in str(error.value)


def chain_of(error: BaseException | None) -> str:
    """Return all that a traceback would show of *error* and its causes, but for code."""
    said = ""
    while error is not None:
        said += f"{error}{error!r}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return said


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority of our own, `ca.pem`, and what it vouches for, `cert.pem` and `key.pem`."""
    folder = tmp_path_factory.mktemp("authority")
    make_authority(folder)
    return folder


def make_authority(folder: Path) -> None:
    """Make certificates with OpenSSL, which tests of encrypted connections need."""
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for arguments in (
        [
            *["req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=authority"],
            *["-addext", "keyUsage=critical,keyCertSign"],  # what newer versions of Python insist on
        ],
        ["req", *new_key, "-keyout", "key.pem", "-out", "cert.csr", "-subj", "/CN=prometheus"],
    ):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n")
    sign = ["-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "cert.pem", "-days", "2"]
    subprocess.run(["openssl", "x509", "-req", *sign, "-extfile", "names"], cwd=folder, check=True, capture_output=True)


def encrypted(folder: Path) -> ssl.SSLContext:
    """Return what a server needs to speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made with the openssl command")
class TestTLS:
    """Who Prometheus is, is proved by a certificate."""

    async def test_an_authority_of_our_own_is_trusted(self, authority: Path):
        """From a file."""
        access = Access(ca_file=authority / "ca.pem")
        async with serving(GOOD, tls=encrypted(authority)) as server, asking(server.url, access) as client:
            assert ROWS == await client.query("up", 100)

    async def test_others_are_not(self, authority: Path, tmp_path: Path):
        """No credential is sent to whom nobody vouches for."""
        token = tmp_path / "token"
        token.write_text(SECRET)
        access = Access(token_file=token)
        async with serving(GOOD, tls=encrypted(authority)) as server, asking(server.url, access) as client:
            with pytest.raises(UnavailableError, match="not trusted") as error:
                await client.query("up", 100)

        assert Unavailable.UNREACHABLE == error.value.reason
        assert [] == server.requests

    async def test_an_authority_that_changes_is_trusted_without_a_restart(self, authority: Path, tmp_path: Path):
        """The file is read again."""
        make_authority(tmp_path)
        trusted = tmp_path / "trusted.pem"
        shutil.copy(tmp_path / "ca.pem", trusted)
        access = Access(ca_file=trusted)
        async with serving(GOOD, tls=encrypted(authority)) as server, asking(server.url, access) as client:
            with pytest.raises(UnavailableError):
                await client.query("up", 100)
            trusted.write_bytes(trusted.read_bytes() + (authority / "ca.pem").read_bytes())
            assert ROWS == await client.query("up", 100)

    @pytest.mark.parametrize("content", [None, "no certificate"])
    async def test_a_file_without_certificates_is_told(self, tmp_path: Path, content: str | None):
        """It is named."""
        file = tmp_path / "ca.pem"
        if content is not None:
            file.write_text(content)
        async with asking("https://127.0.0.1:1", Access(ca_file=file)) as client:
            with pytest.raises(UnavailableError, match=r"ca\.pem") as error:
                await client.query("up", 100)

        assert Unavailable.DENIED == error.value.reason


class TestTheLedger:
    """What the ledger makes of failures and of names."""

    async def test_the_deadline_is_for_all_of_a_question(self):
        """A resized pod and a young history need more than one query."""
        rows = [
            {"metric": {"stat": "newest"}, "value": [100, "100"]},
            {"metric": {"__name__": "jupyterhub_quota:pod_request_before", "uid": "1"}, "value": [100, "1"]},
        ]
        began = time.monotonic()
        async with serving(response(answer(rows)), never) as server:
            ledger = PrometheusLedger(server.url, timeout_seconds=0.5)
            with pytest.raises(UnavailableError) as error:
                await ledger.read(since=0, at=100, user="ann")
            await ledger.close()

        assert Unavailable.SLOW == error.value.reason
        assert time.monotonic() - began < 1.5

    async def test_one_failed_slice_fails_everybody(self):
        """With its own reason, and the other slices are not asked any more."""
        began = response(answer([{"metric": {"stat": "oldest"}, "value": [1e6, "0"]}]))
        async with serving(began, response(answer(warnings=["x"])), GOOD) as server:
            ledger = PrometheusLedger(server.url, slice_seconds=1000)
            with pytest.raises(UnavailableError) as error:
                await ledger.read(since=0, at=1e6)
            await ledger.close()

        assert Unavailable.PARTIAL == error.value.reason
        assert len(server.requests) < 10

    async def test_a_slice_that_is_too_large_is_read_in_halves(self, monkeypatch: pytest.MonkeyPatch):
        """Until an answer can be held."""
        began = response(answer([{"metric": {"stat": "oldest"}, "value": [1e6, "0"]}]))
        seen = response(answer([{"metric": {"stat": "newest"}, "value": [1e6, "1000000"]}]))
        # The answer is real and too large; a smaller bound spares every run the shipped one's memory.
        monkeypatch.setattr(api, "LARGEST_ANSWER", 2**10)
        async with serving(began, response(b" " * 2**11), seen) as server:
            ledger = PrometheusLedger(server.url, slice_seconds=2e6)
            reading = await ledger.read(since=0, at=1e6)
            await ledger.close()

        assert 1e6 == reading.as_of
        assert ["1000000.000", "500000.000", "1000000.000"] == [form["time"][0] for *_, form in server.requests[1:]]

    async def test_an_answer_about_an_hour_is_too_large(self, monkeypatch: pytest.MonkeyPatch):
        """Then there is no smaller one."""
        began = response(answer([{"metric": {"stat": "oldest"}, "value": [1e6, "0"]}]))
        # The answer is real and too large; a smaller bound spares every run the shipped one's memory.
        monkeypatch.setattr(api, "LARGEST_ANSWER", 2**10)
        async with serving(began, response(b" " * 2**11)) as server:
            ledger = PrometheusLedger(server.url)
            with pytest.raises(UnavailableError) as error:
                await ledger.read(since=0, at=1e5)
            await ledger.close()

        assert Unavailable.TOO_LARGE == error.value.reason

    async def test_without_a_heartbeat_nothing_is_known(self):
        """An empty answer is not an empty record."""
        async with serving(response(answer())) as server:
            for user in ("ann", None):
                ledger = PrometheusLedger(server.url)
                with pytest.raises(UnavailableError) as error:
                    await ledger.read(since=0, at=1e6, user=user)
                await ledger.close()
                assert Unavailable.NOT_WATCHING == error.value.reason

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("ann", '"ann"'),
            ('a"} or vector(1)', '"a\\"} or vector(1)"'),
            ("a\\b\n\t\0", '"a\\\\b\\n\\t\\u0000"'),
            ("żółć🦉", '"żółć🦉"'),
            ("\ufffd", '"\\ufffd"'),
        ],
    )
    def test_names_are_quoted(self, name: str, text: str):
        """Whatever is in them ends no string."""
        assert text == quoted(name)

    def test_what_is_no_text_is_refused(self):
        """It cannot be sent."""
        with pytest.raises(InputError):
            quoted("\ud800")

    @pytest.mark.parametrize("times", [{"since": float("nan"), "at": 1.0}, {"since": 0.0, "at": float("inf")}])
    async def test_times_are_numbers(self, times: dict[str, float]):
        """Nothing is asked."""
        with pytest.raises(InputError):
            await PrometheusLedger("http://127.0.0.1:1").read(**times)
