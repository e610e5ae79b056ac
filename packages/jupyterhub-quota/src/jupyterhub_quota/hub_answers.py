"""What the hub's answers mean: users with their groups and servers, pages of them, stops, refusals. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import httpx

from jupyterhub_quota.errors import Unavailable, UnavailableError
from jupyterhub_quota.running.server import RunningServer


class Stopped(StrEnum):
    """What became of a server that was to be stopped."""

    STOPPED = "stopped"
    STOPPING = "stopping"
    GONE = "gone"


# By the status with which the hub answers. A default server that does not run is "stopped", too.
STOPPED = {204: Stopped.STOPPED, 202: Stopped.STOPPING, 404: Stopped.GONE}


def named_groups(model: object) -> tuple[str, frozenset[str]]:
    """Return the name and the groups in the hub's model of a user."""
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


def named_servers(model: object) -> tuple[str, tuple[RunningServer, ...]]:
    """Return the name and the ready servers in the hub's model of a user; one that starts or stops is not ready."""
    name, groups = named_groups(model)
    servers = model.get("servers") if isinstance(model, dict) else None
    if servers is None:
        raise UnavailableError(
            "the hub does not show the servers of users: the token needs the scope read:servers", Unavailable.DENIED
        )
    if not isinstance(servers, dict) or not all(isinstance(server, dict) for server in servers.values()):
        raise UnavailableError("the hub's answer about servers is not a list of them", Unavailable.MALFORMED)
    return name, tuple(
        RunningServer(name, server_name, _started(server), groups)
        for server_name, server in servers.items()
        if server.get("ready") is True and not server.get("pending")
    )


def _started(server: dict[str, object]) -> float:
    """When the hub began to start a server."""
    try:
        return datetime.fromisoformat(str(server["started"])).timestamp()
    except (KeyError, ValueError) as error:
        raise UnavailableError("the hub does not say when a server was started", Unavailable.MALFORMED) from error


def page_of(page: Any, offset: int) -> tuple[list[object], int, int | None]:
    """Return what is on a page: users, how many there are in all, and where the next page begins, if there is one."""
    try:
        items, where = page["items"], page["_pagination"]
        begin, total, following = where["offset"], where["total"], where["next"] and where["next"]["offset"]
    except (TypeError, KeyError, IndexError) as error:
        raise UnavailableError("the hub did not answer with a page of users", Unavailable.MALFORMED) from error
    numbers = [begin, total] if following is None else [begin, total, following]
    if not isinstance(items, list) or not all(type(number) is int for number in numbers):
        raise UnavailableError("the hub did not answer with a page of users", Unavailable.MALFORMED)
    if begin != offset:
        raise partial("the hub answered with another page than it was asked for")
    return items, total, following


def refused(status: int) -> UnavailableError:
    """Return what an answer without the answer means."""
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


def partial(message: str) -> UnavailableError:
    """Return that not all of an answer came."""
    return UnavailableError(message, Unavailable.PARTIAL)


def slow(seconds: float) -> UnavailableError:
    """Return that the answer did not come in time."""
    return UnavailableError(f"the hub did not answer within {seconds:g} s", Unavailable.SLOW)
