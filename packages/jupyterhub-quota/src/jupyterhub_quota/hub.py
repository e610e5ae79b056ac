"""
Ask JupyterHub's REST API for the groups of its users and for their servers, and have servers stopped.

What the hub does not say is not known: a user without a list of groups, a page that is short, a refusal. None of these
is ever read as "no groups". Nothing here imports jupyterhub.
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from jupyterhub_quota.address import base_of
from jupyterhub_quota.errors import InputError, Unavailable, UnavailableError
from jupyterhub_quota.hub_answers import STOPPED, Stopped, named_groups, named_servers, page_of, partial, refused, slow
from jupyterhub_quota.running.server import RunningServer

PAGE = 200  # users; the most that a hub gives at once unless it is told otherwise
PAUSE_SECONDS = 0.1
PAGINATED = "application/jupyterhub-pagination+json"

# What may be over in a moment, so that asking again is worth it.
PASSING = {Unavailable.UNREACHABLE, Unavailable.SLOW, Unavailable.FAILED, Unavailable.PARTIAL}

Answer = TypeVar("Answer")


class HubClient:
    """
    The hub's answers about groups and servers.

    Args:
        url: address of the API, for example `http://127.0.0.1:8081/hub/api`.
        token: an API token, or the path of a file that holds one; the file is read again when the hub refuses it.
            It needs the scope `read:users:groups`, and `list:users` to ask about everybody; `read:servers` for what
            runs, and `delete:servers` to stop it.
        timeout_seconds: how long one question may take in all, its second try and all its pages included.

    Raises:
        InputError: the address or the token cannot be used. Neither is repeated in the message.
    """

    def __init__(self, url: str, token: str | Path, *, timeout_seconds: float = 5.0) -> None:
        self._base = base_of(
            url,
            "the address of the hub's API",
            example="http://127.0.0.1:8081/hub/api",
            instead="the token is all that it needs",
        )
        self._file = token if isinstance(token, Path) else None
        self._token = read_token(token) if isinstance(token, Path) else checked_token(token)
        self._timeout_seconds = timeout_seconds
        # Redirects and proxies of the environment could carry the token to somebody else.
        self._client = httpx.AsyncClient(
            timeout=timeout_seconds / 2,
            follow_redirects=False,
            trust_env=False,
            verify=ssl.create_default_context() if self._base.scheme == "https" else False,
        )

    async def groups(self, user: str) -> frozenset[str]:
        """
        Return the groups of *user*, who is in none if the set is empty.

        Raises:
            InputError: this cannot be a user's name.
            UnavailableError: the groups are not known; also where the hub does not know the user.
        """
        path = f"users/{_quoted(user)}"

        async def ask() -> frozenset[str]:
            name, groups = named_groups(await self._get(path, {}))
            if name != user:
                raise UnavailableError("the hub answered about another user", Unavailable.MALFORMED)
            return groups

        return await self._within_deadline(ask)

    async def everybody(self) -> Mapping[str, frozenset[str]]:
        """
        Return the groups of every user that the token may list; of who is not among them, nothing is known.

        Raises:
            UnavailableError: not every page could be read, or they do not fit together.
        """
        found = await self._within_deadline(lambda: self._all_pages({}, named_groups))
        return dict(found)

    async def running(self) -> tuple[RunningServer, ...]:
        """
        Return the servers that are ready, of every user that the token may list.

        Raises:
            UnavailableError: not every page could be read, or they do not fit together.
        """
        # The hub picks out ready servers after it has cut the pages, so that they would be short.
        found = await self._within_deadline(lambda: self._all_pages({"state": "active"}, named_servers))
        return tuple(server for _, servers in found for server in servers)

    async def servers(self, user: str) -> tuple[RunningServer, ...]:
        """
        Return the servers of *user* that are ready; none where the hub does not know the user.

        Raises:
            UnavailableError: it does not say.
        """
        path = f"users/{_quoted(user)}"

        async def ask() -> tuple[RunningServer, ...]:
            try:
                name, servers = named_servers(await self._get(path, {}))
            except UnavailableError as error:
                if error.reason is Unavailable.GROUPS_UNKNOWN:
                    return ()
                raise
            if name != user:
                raise UnavailableError("the hub answered about another user", Unavailable.MALFORMED)
            return servers

        return await self._within_deadline(ask)

    async def stop(self, user: str, server: str) -> Stopped:
        """
        Have *server* of *user* stopped. Asked once: whoever asks again looks first whether it still is the same server.

        Raises:
            UnavailableError: the hub refused, or it is not known what it did.
        """
        path = f"users/{_quoted(user)}/" + (f"servers/{_quoted(server)}" if server else "server")
        response = await self._send(path, {}, "DELETE")
        if response.status_code in STOPPED:
            return STOPPED[response.status_code]
        raise refused(response.status_code)

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    async def _within_deadline(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask, once more if it failed in passing, all within the deadline."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                try:
                    return await ask()
                except UnavailableError as error:
                    if error.reason not in PASSING:
                        raise
                await asyncio.sleep(PAUSE_SECONDS)
                return await ask()
        except TimeoutError as error:
            raise slow(self._timeout_seconds) from error

    async def _all_pages(
        self, parameters: Mapping[str, str], read: Callable[[object], tuple[str, Answer]]
    ) -> list[tuple[str, Answer]]:
        """Return what *read* makes of each user, by name."""
        found: list[tuple[str, Answer]] = []
        offset, total = 0, None
        while True:
            page = await self._get("users", {**parameters, "limit": str(PAGE), "offset": str(offset)})
            items, count, following = page_of(page, offset)
            if total not in {None, count}:
                raise partial("the number of users changed while they were listed")
            total = count
            found += (read(model) for model in items)
            offset += len(items)
            if following is None:
                break
            if following != offset or not items:
                raise partial("a page of users is short")
        different = len({name for name, _ in found})
        if not different == offset == total:
            raise partial(f"the hub says that it has {total} users, and listed {offset}, {different} of them different")
        return found

    async def _get(self, path: str, parameters: Mapping[str, str]) -> Any:
        """Return the JSON at *path*, below the API's address."""
        response = await self._send(path, parameters)
        if response.status_code in {401, 403} and self._file is not None:
            try:
                token = await asyncio.to_thread(read_token, self._file)
            except InputError as error:
                raise UnavailableError(str(error), Unavailable.DENIED) from error
            if token != self._token:
                self._token = token
                response = await self._send(path, parameters)
        if response.status_code != httpx.codes.OK:
            raise refused(response.status_code)
        try:
            return json.loads(response.content)
        except (ValueError, RecursionError) as error:
            raise UnavailableError("the hub did not answer in JSON", Unavailable.MALFORMED) from error

    async def _send(self, path: str, parameters: Mapping[str, str], method: str = "GET") -> httpx.Response:
        headers = {"Authorization": f"token {self._token}", "Accept": f"{PAGINATED}, application/json"}
        try:
            address = self._base.join(path).copy_merge_params(parameters)
            return await self._client.request(method, address, headers=headers)
        except httpx.InvalidURL as error:
            raise InputError("the name of the user is too long for an address") from error
        except httpx.TimeoutException as error:
            raise slow(self._timeout_seconds / 2) from error
        except httpx.DecodingError as error:
            raise UnavailableError("the hub's answer cannot be decoded", Unavailable.MALFORMED) from error
        except httpx.HTTPError as error:
            raise UnavailableError("the hub cannot be reached", Unavailable.UNREACHABLE) from error


def read_token(path: Path) -> str:
    """
    Return the hub's token that is in a file.

    Raises:
        InputError: there is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"the file of the hub's token cannot be read: {path}") from error
    return checked_token(text)


def checked_token(text: str) -> str:
    """
    Return *text*, a token of the hub, as it can stand in a header.

    Raises:
        InputError: it is none. It is not repeated in the message.
    """
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise InputError("the hub's token is empty or holds characters that no token has")
    return token


def _quoted(user: str) -> str:
    """A name as one part of a path."""
    if not user:
        raise InputError("the name of the user is empty")
    try:
        # Dots alone would mean a folder and be resolved on the way.
        return quote(user, safe="") if user.strip(".") else user.replace(".", "%2E")
    except UnicodeEncodeError as error:
        raise InputError("the name of the user is not valid Unicode") from error
