"""
Ask the HTTP API of Prometheus, or of what speaks the same.

An answer is whole, or an UnavailableError says in a word why not. Nothing here knows what is asked.
"""

import asyncio
import base64
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

from jupyterhub_quota.address import base_of
from jupyterhub_quota.errors import InputError, Unavailable, UnavailableError
from jupyterhub_quota.ledger.rows import Row, read_rows

T = TypeVar("T")

# More is no answer to one question: what is larger has to be asked for in parts.
LARGEST_ANSWER = 64 * 2**20
# Prometheus answers twenty questions at a time, whoever asks. The rest wait here: the time that httpx takes
# to find a connection grows with the square of how many wait for one.
AT_ONCE = 10
LIMITS = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE, keepalive_expiry=60)
# Below this, reading JSON takes less time than handing it to a thread.
SMALL_ANSWER = 2**17
# The first try may take this share of the deadline, so that something is left for a second.
FIRST_TRY = 0.6
# What may be over in a moment, so that asking again is worth it.
PASSING = {Unavailable.UNREACHABLE, Unavailable.SLOW, Unavailable.FAILED}


@dataclass(frozen=True, slots=True)
class Access:
    """
    How to be let in. The files are read again when they change, so that a credential can be changed while a hub runs.

    Attributes:
        username: for basic authentication, together with *password_file*.
        password_file: holds the password and nothing else.
        token_file: holds a bearer token and nothing else.
        ca_file: certificates of the authorities to trust instead of the system's. When it changes, those that were
            trusted before stay so until a restart.
        username_file: holds the user name instead of *username*, so that it can be changed together with the password.
    """

    username: str = ""
    password_file: Path | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    username_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if bool(self.username or self.username_file) != bool(self.password_file):
            raise InputError("ledger: a user name and a password file belong together; give both or neither")
        if self.username and self.username_file:
            raise InputError("ledger: give either a user name or a file with it")
        if self.password_file and self.token_file:
            raise InputError("ledger: give either a password file or a token file")


class PrometheusApi:
    """
    The HTTP API at *url*.

    Args:
        url: address of the server, with a path if its API is below one.
        access: how to be let in.
        timeout_seconds: how long one question may take in all, its second try included.

    Raises:
        InputError: the address cannot be used. It is not repeated in the message.
    """

    def __init__(self, url: str, access: Access, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self._address = base_of(
            url,
            "ledger: the address",
            example="http://prometheus:9090",
            instead="give a user name and a password file instead",
        )
        self._access = access
        self._client: httpx.AsyncClient | None = None
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._trust: ssl.SSLContext | None = None
        self._headers: dict[str, str] = {}
        self._versions: list[tuple[int, int, int]] | None = None  # of the files that were read

    async def query(self, expression: str, at: float) -> list[Row]:
        """
        Return the rows of an instant query at a time in seconds since the epoch.

        Raises:
            UnavailableError: there is no whole answer within the deadline.
        """
        return await self.ask(expression, at, read_rows)

    async def ask(self, expression: str, at: float, read: Callable[[bytearray], T], seconds: float | None = None) -> T:
        """
        Return what *read* makes of the answer to an instant query.

        Args:
            expression: the query.
            at: the time it is about, in seconds since the epoch.
            read: called in a thread if the answer is large, and once more if the first answer was no good.
            seconds: the deadline, if it is not `timeout_seconds`.

        Raises:
            UnavailableError: there is no whole answer within the deadline.
        """
        deadline = self.timeout_seconds if seconds is None else seconds
        try:
            async with asyncio.timeout(deadline), self._turn:
                try:
                    async with asyncio.timeout(deadline * FIRST_TRY):
                        return await self._ask(expression, at, read, deadline)
                except TimeoutError:
                    pass
                except UnavailableError as error:
                    if error.reason not in PASSING:
                        raise
                return await self._ask(expression, at, read, deadline)
        except TimeoutError as error:
            message = f"Prometheus did not answer within {deadline:g} s"
            raise UnavailableError(message, Unavailable.SLOW) from error

    async def close(self) -> None:
        """Let go of connections."""
        client, self._client, self._turn = self._client, None, asyncio.Semaphore(AT_ONCE)
        if client is not None:
            await client.aclose()

    async def _ask(self, expression: str, at: float, read: Callable[[bytearray], T], deadline: float) -> T:
        form = {
            "query": expression,
            "time": f"{at:.3f}",
            "timeout": f"{deadline * 1000:.0f}ms",  # Prometheus takes no fractions of seconds
            # VictoriaMetrics holds back what is younger than 30 s, and repeats old answers, unless it is told not to.
            "latency_offset": "1ms",
            "nocache": "1",
        }
        body = await self._post("api/v1/query", form, deadline)
        if len(body) > SMALL_ANSWER:
            return await asyncio.to_thread(read, body)
        return read(body)

    async def _post(self, path: str, form: dict[str, str], deadline: float) -> bytearray:
        if self._access != Access() or self._address.scheme == "https":
            await asyncio.to_thread(self._read_files)
        if self._client is None:
            # Proxies of the environment could carry the credential to somebody else, and redirects: none is followed.
            self._client = httpx.AsyncClient(limits=LIMITS, trust_env=False, verify=self._trust or False)
        # To pack an answer and to unpack it takes longer than to send it within a cluster.
        address, headers = self._address.join(path), {"Accept-Encoding": "identity"} | self._headers
        question = self._client.stream("POST", address, data=form, headers=headers, timeout=deadline)
        try:
            async with question as response:
                if response.status_code != httpx.codes.OK:
                    raise _refused(response.status_code)
                body = bytearray()
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > LARGEST_ANSWER:
                        raise UnavailableError("Prometheus answered with too much", Unavailable.TOO_LARGE)
                return body
        except httpx.TimeoutException as error:
            raise UnavailableError("Prometheus did not answer in time", Unavailable.SLOW) from error
        except httpx.DecodingError as error:
            raise UnavailableError("Prometheus' answer cannot be decoded", Unavailable.MALFORMED) from error
        except httpx.HTTPError as error:
            why = ": its certificate is not trusted" if "CERTIFICATE_VERIFY" in str(error) else ""
            raise UnavailableError(f"Prometheus cannot be reached{why}", Unavailable.UNREACHABLE) from error

    def _read_files(self) -> None:
        """Read what lets us in, and whom to trust, where that has changed. Blocks."""
        access = self._access
        given = (access.username_file, access.password_file, access.token_file, access.ca_file)
        files = [file for file in given if file]
        try:
            versions = [(found.st_ino, found.st_size, found.st_mtime_ns) for found in (file.stat() for file in files)]
            if versions == self._versions:
                return
            if secret := access.password_file or access.token_file:
                self._headers = {"Authorization": _authorization(secret, access)}
            if self._address.scheme == "https" and self._trust is None:
                self._trust = ssl.create_default_context(cafile=access.ca_file)
            elif self._trust is not None and access.ca_file:
                self._trust.load_verify_locations(cafile=access.ca_file)
            self._versions = versions
        except (OSError, ValueError) as error:
            # Without its cause, which may repeat what is in the file.
            why = str(error) if isinstance(error, OSError) and error.filename else "it holds something else"
            message = f"what lets us in to Prometheus cannot be read from {' and '.join(map(str, files))}: {why}"
            raise UnavailableError(message, Unavailable.DENIED) from None


def _authorization(file: Path, access: Access) -> str:
    """The header that lets us in."""
    named, secret = access.username_file, file.read_text(encoding="utf-8").strip()
    username = named.read_text(encoding="utf-8").strip() if named else access.username
    if named and not username:
        raise ValueError("no user name")
    if username and secret:
        return f"Basic {base64.b64encode(f'{username}:{secret}'.encode()).decode()}"
    if not re.fullmatch("[!-~]+", secret):  # errors about headers repeat them
        raise ValueError("no token")
    return f"Bearer {secret}"


def _refused(status: int) -> UnavailableError:
    if status in {401, 403}:
        return UnavailableError("Prometheus refused the credential", Unavailable.DENIED)
    if httpx.codes.is_redirect(status):
        return UnavailableError("Prometheus is not at this address: it redirects", Unavailable.MALFORMED)
    return UnavailableError(f"Prometheus answered with status {status}", Unavailable.FAILED)
