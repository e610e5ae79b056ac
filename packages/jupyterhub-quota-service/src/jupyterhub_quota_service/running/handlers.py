"""What admins ask about running servers, and the one thing they can say: let these go from the brake."""

import time
from typing import Any

from pydantic import ValidationError

from jupyterhub_quota_service.api import ForAdmins
from jupyterhub_quota_service.auth import POLICY, Handler, Refused
from jupyterhub_quota_service.page import AdminPage
from jupyterhub_quota_service.running.models import MOST_SERVERS, Line, Released, WhichServer
from jupyterhub_quota_service.running.models import Release as Wanted
from jupyterhub_quota_service.running.view import running_servers
from jupyterhub_quota_service.settings import RELEASE

Key = tuple[str, str, float]

MALFORMED = (
    "The body is a JSON object with 'servers', a list of objects with 'user', 'server' and 'started', "
    f"and no more than {MOST_SERVERS}."
)


class Running(ForAdmins):
    """Which servers end when, and what was done."""

    async def get(self) -> None:
        """Answer."""
        rounds, in_force = self.rooms.rounds, await self.rooms.policies.current()
        self.tell(running_servers(rounds.state, rounds.deeds, in_force.policy, time.time()))


class Release(ForAdmins):
    """Let servers go from the brake in the next round: those that are named, so that an admin has seen each."""

    def check_xsrf_cookie(self) -> None:
        """Tornado calls this before it is known who asks. No other site can send a header with a token."""
        if not self.request.headers.get("Authorization"):
            super().check_xsrf_cookie()

    async def prepare(self) -> None:
        """Find out who asks, and refuse who may not."""
        await super().prepare()
        need_release(self)

    def post(self) -> None:
        """Let go."""
        try:
            wanted = Wanted.model_validate_json(self.request.body)
        except ValidationError as error:
            raise Refused(400, MALFORMED) from error
        self.tell(_released(self.rooms.rounds.release(frozenset(each.key for each in wanted.servers))))


class RunningPage(AdminPage):
    """All of this on a page, with a form to let servers go. Written by the server, without a script."""

    async def get(self) -> None:
        """Show who ends when, what was done, and which servers the brake holds."""
        # Only this page has a form, so only here may one be sent, and nowhere else than to this service.
        self.set_header(
            "Content-Security-Policy",
            POLICY.format(hub=self.rooms.settings.hub_host).replace("form-action 'none'", "form-action 'self'"),
        )
        rounds, in_force = self.rooms.rounds, await self.rooms.policies.current()
        running = running_servers(rounds.state, rounds.deeds, in_force.policy, time.time())
        self.show("running.html", running=running, xsrf=self.xsrf_token.decode(), key=_form_key, may=may_release(self))

    async def post(self) -> None:
        """Let go what was shown and chosen."""
        need_release(self)
        try:
            servers = frozenset(
                WhichServer.model_validate_json(each).key for each in self.get_body_arguments("server", strip=False)
            )
        except ValidationError as error:
            raise Refused(400, MALFORMED) from error
        self.rooms.rounds.release(servers)
        self.redirect(f"{self.rooms.settings.prefix}admin/running", status=303)


def may_release(handler: Handler) -> bool:
    """Return whether who asks may let servers go: a token needs the scope; an admin of the hub may in the browser."""
    user: dict[str, Any] = handler.current_user or {}
    return RELEASE in user.get("scopes", ()) or handler.by_admin


def need_release(handler: Handler) -> None:
    """Refuse whoever may not let servers go."""
    if not may_release(handler):
        raise Refused(403, "You may not let servers go from the brake.")


def _form_key(line: Line) -> str:
    """Which server is meant, as a form sends it back."""
    return WhichServer(user=line.user, server=line.server, started=line.started).model_dump_json()


def _released(servers: frozenset[Key]) -> Released:
    number = len(servers)
    told = f"{number} server{'s are' if number != 1 else ' is'} let go: stopped in the next round."
    return Released(released=number, sentence=told if number else "The brake holds none of these.")
