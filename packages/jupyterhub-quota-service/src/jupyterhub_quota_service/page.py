"""
The pages: numbers and sentences written by the server, so that they are there without a script.

The script, where it was built, fills them anew from the same answers.
"""

import asyncio
import mimetypes
import re
from pathlib import Path
from typing import Any

from jupyterhub.services.auth import HubOAuthCallbackHandler
from tornado.template import Loader
from tornado.web import StaticFileHandler

from jupyterhub_quota_service import view_admin, view_history
from jupyterhub_quota_service.auth import HEADERS, HUB_SECONDS, Handler, Refused
from jupyterhub_quota_service.models import Model
from jupyterhub_quota_service.view_admin import Search

# What the build calls its files.
PACKED = re.compile(r"assets/[\w-]+\.(js|css)")

_LOADER = Loader(str(Path(__file__).parent / "templates"))


class Page(Handler):
    """What is read in a browser."""

    def not_signed_in(self) -> None:
        """Send people to the hub, which sends them back."""
        # Only browsers sign in. The hub asks for this page every minute to see whether the service is there, and so may
        # others: a sign-in begun for them is one that nobody ends.
        if "text/html" not in self.request.headers.get("Accept", ""):
            super().not_signed_in()
        self.redirect(self.get_login_url())

    def show(self, template: str, **values: Any) -> None:
        """Answer with a page."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        # Where something went wrong it may not be known who asks; asking again could go wrong, too.
        model = getattr(self, "_hub_auth_user_cache", None)
        self.write(
            _LOADER.load(template).generate(
                assets=self.rooms.assets,
                prefix=self.rooms.settings.prefix,
                hub=self.rooms.settings.hub_host + self.rooms.settings.hub_prefix,
                user=model["name"] if model else "",
                admin=self.links.admin if model else None,
                data=_data,
                **values,
            )
        )

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what is wrong on a page."""
        self.show("error.html", problem=self.problem(status_code, kwargs.get("exc_info")))


class UserPage(Page):
    """The page of who is signed in."""

    async def get(self) -> None:
        """Answer."""
        # The script asks again where something is not known yet; who reads without one is told so.
        figures = await self.own_figures(hurry=True)
        sessions = view_history.sessions(figures)
        self.show("user.html", me=self.all_about(figures), sessions=sessions, xsrf=self.xsrf_token.decode())


class AdminPage(Page):
    """The page of admins."""

    async def prepare(self) -> None:
        """Find out who asks, and refuse who may not."""
        await super().prepare()
        if not self._finished:
            self.need_all()

    async def get(self) -> None:
        """Answer."""
        rooms = self.rooms
        table, in_force = await rooms.everybody.table(hurry=True), await rooms.policies.current()
        users = view_admin.users(table, Search(), rooms.settings.prefix)
        self.show("admin.html", users=users, in_force=in_force, links=self.links, xsrf=self.xsrf_token.decode())


class Callback(Page, HubOAuthCallbackHandler):  # type: ignore[misc]
    """Where the hub sends people back who signed in."""

    async def prepare(self) -> None:
        """Find out whether somebody is signed in already; it is no mistake if nobody is."""
        try:
            self.current_user = await self.asker()
        except Refused:
            self.current_user = None

    async def get(self) -> None:
        """Finish signing in, within a deadline."""
        try:
            async with asyncio.timeout(2 * HUB_SECONDS):
                await HubOAuthCallbackHandler.get(self)
        except TimeoutError as error:
            raise Refused(503) from error

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ARG002 - tornado's signature
        """Say that signing in did not work; the hub's own words may name machines."""
        problem = self.problem(503, None)
        told = "Signing in did not work. Please open the page again."
        self.show("error.html", problem=problem.model_copy(update={"message": told}))


class PageNotFound(Page):
    """Any other address below the prefix."""

    async def prepare(self) -> None:
        """Say so to everybody."""
        raise Refused(404)


class Static(StaticFileHandler):
    """The built page's files. Their names change with their content, so they may be kept for ever."""

    def set_default_headers(self) -> None:
        """Let nobody guess or frame."""
        for name, value in HEADERS.items():
            self.set_header(name, value)
        self.clear_header("Server")

    def parse_url_path(self, url_path: str) -> str:
        """Return the file to send: the packed one, where there is one and the browser takes it."""
        path: str = super().parse_url_path(url_path)
        takes = "gzip" in self.request.headers.get("Accept-Encoding", "")
        # Such names hold neither a slash nor dots of their own; what does is not looked for here.
        if takes and PACKED.fullmatch(path) and Path(self.root, f"{path}.gz").is_file():
            self.set_header("Content-Encoding", "gzip")
            return f"{path}.gz"
        return path

    def get_content_type(self) -> str:
        """Return the type of what was packed, not that of a pack."""
        assert self.absolute_path is not None  # noqa: S101 - it was found
        found, _ = mimetypes.guess_type(self.absolute_path.removesuffix(".gz"))
        return found or "application/octet-stream"

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002 - tornado's signature
        """Let browsers keep it."""
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.set_header("Vary", "Accept-Encoding")


def _data(model: Model) -> str:
    """*model* as JSON that can stand in a page: nothing in it ends a script or begins a comment."""
    text = model.model_dump_json()
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text
