"""The address of an HTTP API: checked once, and never repeated in a message, since it may hold a password. Pure."""

import httpx

from jupyterhub_quota.errors import InputError


def base_of(url: str, what: str, *, example: str, instead: str) -> httpx.URL:
    """
    Return *url* with a slash at its end, so that paths are joined below it.

    Args:
        url: of http or https, with a path where the API is below one.
        what: what to call it in a message.
        example: an address that would do.
        instead: what to give instead of a user or a password in it.

    Raises:
        InputError: it cannot be used.
    """
    write = f"write for example '{example}'"
    try:
        base = httpx.URL(url)
    except httpx.InvalidURL:  # which would repeat the address
        raise InputError(f"{what} cannot be read; {write}") from None
    if base.scheme not in {"http", "https"} or not base.host or base.query or base.fragment:
        raise InputError(f"{what} is not one of http or https alone; {write}")
    if base.userinfo:
        raise InputError(f"{what} holds a user or a password; {instead}")
    return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + b"/")
