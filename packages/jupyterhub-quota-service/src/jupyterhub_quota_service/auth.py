"""
Who asks: signed in through the hub, or with a token; and what every answer has in common.

A user's own data is found by the name that the hub gives for the cookie or token, by nothing else. The hub is asked
within a deadline, and its answers count for at most CACHE_SECONDS.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from jupyterhub.services.auth import HubOAuth, HubOAuthenticated, UserNotAllowed
from tornado.web import HTTPError, RequestHandler

from jupyterhub_quota_service import view
from jupyterhub_quota_service.assets import Assets
from jupyterhub_quota_service.everybody import Everybody
from jupyterhub_quota_service.figures import Figures
from jupyterhub_quota_service.models import Links, Me, Model, Problem
from jupyterhub_quota_service.policies import Policies
from jupyterhub_quota_service.reports import Reports
from jupyterhub_quota_service.running import Rounds
from jupyterhub_quota_service.running.view import ends
from jupyterhub_quota_service.settings import READ_ALL, Settings

log = logging.getLogger(__name__)

CACHE_SECONDS = 30
HUB_SECONDS = 5.0

# Styles and logo are the hub's own, which may have another address.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' {hub}; img-src 'self' data: {hub}; "
    "font-src 'self' {hub}; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY.format(hub=""),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

SENTENCES = {
    400: "This cannot be answered: the address is not one that this service knows how to read.",
    401: "You are not signed in. Please load the page again.",
    403: "You may not see this.",
    404: "There is no such page.",
    405: "This cannot be done here.",
    503: "The hub does not answer at the moment. Please try again in a few minutes.",
}


class Refused(HTTPError):  # noqa: N818 - a refusal is no error
    """An answer that is none, with a *sentence* for the user."""

    def __init__(self, status: int, sentence: str = "") -> None:
        super().__init__(status)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the handlers need."""

    settings: Settings
    hub_auth: HubOAuth
    policies: Policies
    reports: Reports
    everybody: Everybody
    rounds: Rounds
    assets: Assets


def make_hub_auth(settings: Settings, *, cache_seconds: int = CACHE_SECONDS) -> HubOAuth:
    """Return what asks the hub who somebody is."""
    auth = HubOAuth(
        api_url=settings.api_url,
        api_token=settings.api_token,
        base_url=settings.prefix,
        hub_prefix=settings.hub_prefix,
        hub_host=settings.hub_host,
        oauth_client_id=settings.client_id,
        oauth_redirect_uri=settings.callback,
        access_scopes=set(settings.access_scopes),
        cache_max_age=cache_seconds,
        # A token in an address ends in logs and histories.
        allow_token_in_url=False,
        allow_websocket_cookie_auth=False,
    )
    auth.cookie_options = {"samesite": "Lax"} | ({"secure": True} if settings.https else {}) | auth.cookie_options
    return auth


def cookie_secret(settings: Settings) -> bytes:
    """Return what cookies are signed with: another for each token, the same after a restart."""
    return hmac.digest(settings.api_token.encode(), b"jupyterhub-quota-service cookies", hashlib.sha256)


class Handler(HubOAuthenticated, RequestHandler):  # type: ignore[misc]
    """Signs in, and answers mistakes in sentences."""

    def initialize(self, rooms: Rooms) -> None:
        """Take what is needed to answer."""
        self.rooms = rooms
        self.set_default_headers()
        self.hub_auth = rooms.hub_auth
        self.reference = secrets.token_hex(3)

    def set_default_headers(self) -> None:
        """Let nobody keep, frame or guess what is answered."""
        for name, value in HEADERS.items():
            self.set_header(name, value)
        # Tornado calls this before we are told anything, too.
        if hasattr(self, "rooms"):
            self.set_header("Content-Security-Policy", POLICY.format(hub=self.rooms.settings.hub_host))
        self.clear_header("Server")

    def compute_etag(self) -> None:
        """Return none: nothing is kept, so nothing is compared."""

    async def prepare(self) -> None:
        """Find out who asks."""
        self.current_user = await self.asker()
        if self.current_user is None:
            self.not_signed_in()

    def not_signed_in(self) -> None:
        """Refuse; pages send people to the hub instead."""
        self.set_header("WWW-Authenticate", "Bearer")
        raise Refused(401)

    @property
    def by_token(self) -> bool:
        """Whether a program asks, with a token, and not a browser that is signed in."""
        return bool(getattr(self, "_token_authenticated", False))

    @property
    def by_admin(self) -> bool:
        """Whether an admin of the hub asks, in the browser. A token must carry scopes, an admin's too."""
        user: dict[str, Any] = self._hub_auth_user_cache or {}
        return user.get("kind") == "user" and user.get("admin") is True and not self.by_token

    @property
    def reads_all(self) -> bool:
        """
        Whether who asks may see everybody.

        An admin of the hub may in the browser. A token must carry the scope: an admin's server has a token, too, and
        whatever runs there would see everybody.
        """
        user: dict[str, Any] = self._hub_auth_user_cache or {}
        return READ_ALL in user.get("scopes", ()) or self.by_admin

    @property
    def links(self) -> Links:
        """Where to go from here."""
        settings = self.rooms.settings
        hub = settings.hub_host + settings.hub_prefix
        admin = f"{settings.prefix}admin" if self.reads_all else None
        return Links(home=f"{hub}home", logout=f"{hub}logout", usage=settings.prefix, admin=admin)

    async def own_figures(self, *, hurry: bool = False) -> Figures:
        """Return the figures of who asks; in a *hurry* also that they are not known yet."""
        user = self.current_user
        if user.get("kind") != "user":
            raise Refused(403, "This is about users, and the token is that of a service.")
        groups = user.get("groups")
        known = isinstance(groups, list) and all(isinstance(group, str) for group in groups)
        mine = frozenset(groups) if known else None
        return await self.rooms.reports.figures(str(user["name"]), mine, hurry=hurry)

    def all_about(self, figures: Figures) -> Me:
        """Return all about one user: to that user and to admins the same."""
        rooms = self.rooms
        return view.me(figures, rooms.settings.sizes, self.links, ends(rooms.rounds, figures.user, figures.at))

    def need_all(self) -> None:
        """Refuse whoever may not see everybody."""
        if not self.reads_all:
            raise Refused(403, "You may only see your own usage.")

    def answer(self, model: Model) -> None:
        """Answer in JSON."""
        self.set_header("Content-Type", "application/json")
        self.write(model.model_dump_json())

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what is wrong, and under which name the log says more."""
        self.answer(self.problem(status_code, kwargs.get("exc_info")))

    def problem(self, status: int, exc_info: Any) -> Problem:
        """Return what is told of a failure: never what it was made of."""
        error = exc_info[1] if exc_info else None
        told = error.sentence if isinstance(error, Refused) else ""
        fault = "Something went wrong in this service. Please try again, and tell the hub's admins if it stays so."
        return Problem(message=told or SENTENCES.get(status, fault), reference=self.reference)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log what went wrong, without the query of the address, which may hold a code."""
        what = f"{self.request.method} {self.request.path} (reference {self.reference})"
        if isinstance(value, HTTPError) and value.status_code < 500:  # noqa: PLR2004 - the asker's mistake
            # Who only looks whether the service is there is told to sign in, every time.
            level = logging.DEBUG if value.status_code == HTTPStatus.UNAUTHORIZED else logging.INFO
            log.log(level, "%d %s", value.status_code, what)
        elif isinstance(value, HTTPError):
            log.warning("%d %s: %s", value.status_code, what, value.log_message)
        else:
            log.error("Failed %s", what, exc_info=(typ, value, tb))

    async def asker(self) -> dict[str, Any] | None:
        """The hub's model of who asks, None where nobody is signed in."""
        try:
            async with asyncio.timeout(HUB_SECONDS):
                model = await self.hub_auth.get_user(self, sync=False)
            # Kept where JupyterHub's own methods look, so that none of them asks again and blocks.
            self._hub_auth_user_cache = self.check_hub_user(model) if model else None
        except UserNotAllowed:
            self._hub_auth_user_cache = None
            raise Refused(403, "You may not use this service. The hub's admins can allow it.") from None
        except TimeoutError as error:
            log.warning("The hub did not say within %g s who asks", HUB_SECONDS)
            raise Refused(503) from error
        except HTTPError as error:
            if error.status_code >= 500:  # noqa: PLR2004 - the hub is away, and its message names machines
                log.warning("The hub did not say who asks: %s", error.log_message)
                raise Refused(503) from error
            raise
        user: dict[str, Any] | None = self._hub_auth_user_cache
        return user
