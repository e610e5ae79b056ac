"""
Ask JupyterHub's REST API for the groups of its users.

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

from jupyterhub_quota.errors import InputError, Unavailable, UnavailableError

PAGE = 200  # users; the most that a hub gives at once unless it is told otherwise
PAUSE_SECONDS = 0.1
PAGINATED = "application/jupyterhub-pagination+json"

# What may be over in a moment, so that asking again is worth it.
PASSING = {Unavailable.UNREACHABLE, Unavailable.SLOW, Unavailable.FAILED, Unavailable.PARTIAL}

Answer = TypeVar("Answer")


class HubClient:
    """
    The hub's answers about groups.

    Args:
        url: address of the API, for example `http://127.0.0.1:8081/hub/api`.
        token: an API token, or the path of a file that holds one; the file is read again when the hub refuses it.
            It needs the scope `read:users:groups`, and `list:users` to ask about everybody.
        timeout_seconds: how long one question may take in all, its second try and all its pages included.

    Raises:
        InputError: the address or the token cannot be used. Neither is repeated in the message.
    """

    def __init__(self, url: str, token: str | Path, *, timeout_seconds: float = 5.0) -> None:
        self._base = _base(url)
        self._file = token if isinstance(token, Path) else None
        self._token = _read_token(token) if isinstance(token, Path) else _checked_token(token)
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
            name, groups = _named_groups(await self._get(path, {}))
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
        return await self._within_deadline(self._all_pages)

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
            raise _slow(self._timeout_seconds) from error

    async def _all_pages(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        offset, total = 0, None
        while True:
            page = await self._get("users", {"limit": str(PAGE), "offset": str(offset)})
            items, count, following = _page(page, offset)
            if total not in {None, count}:
                raise _partial("the number of users changed while they were listed")
            total = count
            for model in items:
                name, groups = _named_groups(model)
                found[name] = groups
            offset += len(items)
            if following is None:
                break
            if following != offset or not items:
                raise _partial("a page of users is short")
        if not len(found) == offset == total:
            raise _partial(
                f"the hub says that it has {total} users, and listed {offset}, {len(found)} of them different"
            )
        return found

    async def _get(self, path: str, parameters: Mapping[str, str]) -> Any:
        """Return the JSON at *path*, below the API's address."""
        response = await self._send(path, parameters)
        if response.status_code in {401, 403} and self._file is not None:
            try:
                token = await asyncio.to_thread(_read_token, self._file)
            except InputError as error:
                raise UnavailableError(str(error), Unavailable.DENIED) from error
            if token != self._token:
                self._token = token
                response = await self._send(path, parameters)
        if response.status_code != httpx.codes.OK:
            raise _refused(response.status_code)
        try:
            return json.loads(response.content)
        except (ValueError, RecursionError) as error:
            raise UnavailableError("the hub did not answer in JSON", Unavailable.MALFORMED) from error

    async def _send(self, path: str, parameters: Mapping[str, str]) -> httpx.Response:
        headers = {"Authorization": f"token {self._token}", "Accept": f"{PAGINATED}, application/json"}
        try:
            return await self._client.get(self._base.join(path).copy_merge_params(parameters), headers=headers)
        except httpx.InvalidURL as error:
            raise InputError("the name of the user is too long for an address") from error
        except httpx.TimeoutException as error:
            raise _slow(self._timeout_seconds / 2) from error
        except httpx.DecodingError as error:
            raise UnavailableError("the hub's answer cannot be decoded", Unavailable.MALFORMED) from error
        except httpx.HTTPError as error:
            raise UnavailableError("the hub cannot be reached", Unavailable.UNREACHABLE) from error


def _base(url: str) -> httpx.URL:
    """The address of the API with a slash at its end, so that paths are joined below it."""
    example = "write for example 'http://127.0.0.1:8081/hub/api'"
    try:
        base = httpx.URL(url)
    except httpx.InvalidURL:
        # The cause would repeat the address, which may hold a password.
        raise InputError(f"the address of the hub's API cannot be read; {example}") from None
    if base.scheme not in {"http", "https"} or not base.host or base.query or base.fragment:
        raise InputError(f"the address of the hub's API is not one of http or https alone; {example}")
    if base.userinfo:
        raise InputError("the address of the hub's API holds a user or a password; the token is all that it needs")
    return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + b"/")


def _read_token(path: Path) -> str:
    """The token in a file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"the file of the hub's token cannot be read: {path}") from error
    return _checked_token(text)


def _checked_token(text: str) -> str:
    """*text* as it can stand in a header."""
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


def _named_groups(model: object) -> tuple[str, frozenset[str]]:
    """The name and the groups in the hub's model of a user."""
    if not isinstance(model, dict) or not isinstance(name := model.get("name"), str):
        raise UnavailableError("the hub's answer about a user has no name", Unavailable.MALFORMED)
    if "groups" not in model:
        raise UnavailableError(
            "the hub does not show the groups of users: the token needs the scope read:users:groups",
            Unavailable.GROUPS_UNKNOWN,
        )
    groups = model["groups"]
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise UnavailableError("the hub's answer about groups is not a list of names", Unavailable.MALFORMED)
    return name, frozenset(groups)


def _page(page: Any, offset: int) -> tuple[list[object], int, int | None]:
    """What is on a page: users, how many there are in all, and where the next page begins, if there is one."""
    try:
        items, where = page["items"], page["_pagination"]
        begin, total, following = where["offset"], where["total"], where["next"] and where["next"]["offset"]
    except (TypeError, KeyError, IndexError) as error:
        raise UnavailableError("the hub did not answer with a page of users", Unavailable.MALFORMED) from error
    numbers = [begin, total] if following is None else [begin, total, following]
    if not isinstance(items, list) or not all(type(number) is int for number in numbers):
        raise UnavailableError("the hub did not answer with a page of users", Unavailable.MALFORMED)
    if begin != offset:
        raise _partial("the hub answered with another page than it was asked for")
    return items, total, following


def _refused(status: int) -> UnavailableError:
    """What an answer without the answer means."""
    if status in {401, 403}:
        message = "the hub refused the token: it is not valid, or has no scope for this"
        return UnavailableError(message, Unavailable.DENIED)
    if status == httpx.codes.NOT_FOUND:
        message = "the hub knows no such user, or does not show it to this token"
        return UnavailableError(message, Unavailable.GROUPS_UNKNOWN)
    if httpx.codes.is_redirect(status):
        message = "the hub's API is not at this address: it answered with a redirect"
        return UnavailableError(message, Unavailable.MALFORMED)
    return UnavailableError(f"the hub answered with status {status}", Unavailable.FAILED)


def _partial(message: str) -> UnavailableError:
    return UnavailableError(message, Unavailable.PARTIAL)


def _slow(seconds: float) -> UnavailableError:
    return UnavailableError(f"the hub did not answer within {seconds:g} s", Unavailable.SLOW)
