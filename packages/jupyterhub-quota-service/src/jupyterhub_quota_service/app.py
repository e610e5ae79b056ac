"""The service: one tornado application, made from its settings."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from jupyterhub_quota import GPU_RESOURCES, CachedLedger, HubClient, Ledger, SqliteLedger, open_ledger
from jupyterhub_quota_service import api, assets, page
from jupyterhub_quota_service.auth import CACHE_SECONDS, Rooms, cookie_secret, make_hub_auth
from jupyterhub_quota_service.everybody import LEDGER_SECONDS, Everybody
from jupyterhub_quota_service.metrics import Metrics
from jupyterhub_quota_service.policies import Policies
from jupyterhub_quota_service.reports import Reports
from jupyterhub_quota_service.running import Rounds
from jupyterhub_quota_service.running import handlers as running
from jupyterhub_quota_service.running.deeds import Deeds, to_standard_output
from jupyterhub_quota_service.settings import Settings

log = logging.getLogger(__name__)

GROUPS_TIMEOUT_SECONDS = 30.0
# A hub waits ten seconds for a server to stop before it says that it takes longer; half of this is one answer.
ROUNDS_TIMEOUT_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class Service:
    """The application, and what must be let go of when it ends."""

    application: Application
    rooms: Rooms
    ledger: Ledger
    loop: "asyncio.Task[None] | None" = None

    def listen(self) -> HTTPServer:
        """Listen where the settings say. The proxy says whether browsers come over TLS."""
        settings = self.rooms.settings
        server = HTTPServer(self.application, xheaders=True)
        server.listen(settings.port, settings.host)
        return server

    async def close(self) -> None:
        """Let go of everything."""
        if self.loop is not None:
            self.loop.cancel()
            await asyncio.gather(self.loop, return_exceptions=True)
        await self.rooms.rounds.close()
        await self.rooms.everybody.close()
        await self.rooms.reports.close()
        await self.ledger.close()


async def make_service(
    settings: Settings, *, static: Path = assets.FOLDER, cache_seconds: int = CACHE_SECONDS, rounds: bool = True
) -> Service:
    """
    Return the service.

    Args:
        settings: all that it is told.
        static: where the built page is.
        cache_seconds: how long the hub's answer about who asks counts.
        rounds: whether running servers are looked at, if the policy says so.

    Raises:
        InputError: a setting or the policy cannot be used.
    """
    policies = Policies(settings.policy_file, settings.policy)
    policy = (await policies.current()).policy
    ledger = _ledger(settings, policy.tolerate)
    hub = HubClient(settings.api_url, settings.api_token, timeout_seconds=GROUPS_TIMEOUT_SECONDS)
    rooms = Rooms(
        settings=settings,
        hub_auth=make_hub_auth(settings, cache_seconds=cache_seconds),
        policies=policies,
        reports=Reports(policies, ledger, settings.timeout_seconds),
        everybody=Everybody(policies, ledger, hub),
        rounds=_rounds(settings, policies, ledger),
        assets=assets.Assets.of(static),
    )
    loop = asyncio.create_task(rooms.rounds.run()) if rounds else None
    return Service(_application(rooms, static), rooms, ledger, loop)


def _rounds(settings: Settings, policies: Policies, ledger: Ledger) -> Rounds:
    """What warns and stops, with connections of its own, so that no admin's page waits behind it."""
    hub = HubClient(settings.api_url, settings.api_token, timeout_seconds=ROUNDS_TIMEOUT_SECONDS)
    return Rounds(policies, ledger, hub, Deeds(to_standard_output()), interval=settings.round_seconds)


def _ledger(settings: Settings, tolerate: float) -> Ledger:
    """The ledger: Prometheus is asked for news only. Its own deadline is for everybody; who waits has a shorter one."""
    ledger = open_ledger(
        settings.ledger_url,
        access=settings.access,
        namespace=settings.namespace,
        gpu_resources=settings.gpu_resources or GPU_RESOURCES,
        timeout_seconds=LEDGER_SECONDS,
    )
    return ledger if isinstance(ledger, SqliteLedger) else CachedLedger(ledger, tolerate=tolerate)


def _application(rooms: Rooms, static: Path) -> Application:
    prefix, name, given = rooms.settings.prefix, "([^/]+)", {"rooms": rooms}
    handlers: dict[str, type[RequestHandler]] = {
        "": page.UserPage,
        "admin": page.AdminPage,
        "oauth_callback": page.Callback,
        "api/me": api.Me,
        "api/me/days": api.MyDays,
        "api/me/sessions": api.MySessions,
        "api/users": api.Users,
        f"api/users/{name}": api.OneUser,
        f"api/users/{name}/days": api.DaysOfUser,
        f"api/users/{name}/sessions": api.SessionsOfUser,
        "api/groups": api.Groups,
        "api/totals": api.Totals,
        "api/policy": api.PolicyHandler,
        "api/running": running.Running,
        "api/running/release": running.Release,
        "admin/running": running.RunningPage,
        "api/openapi.json": api.OpenApi,
        "api/.*": api.NotFound,
        "healthz": api.Healthz,
        "metrics": Metrics,
    }
    routes: list[tuple[str, type[RequestHandler], dict[str, object]]] = [
        (prefix + path, handler, {"rooms": rooms}) for path, handler in handlers.items()
    ]
    routes.append((f"{prefix}static/(.*)", page.Static, {"path": str(static)}))
    return Application(
        routes,
        default_handler_class=page.PageNotFound,
        default_handler_args=given,
        cookie_secret=cookie_secret(rooms.settings),
        xsrf_cookies=True,
        xsrf_cookie_kwargs={"samesite": "Lax"} | ({"secure": True} if rooms.settings.https else {}),
        log_function=_log_request,
        autoreload=False,
    )


def _log_request(handler: RequestHandler) -> None:
    """Log one line for each request, without the query of its address, which may hold a code."""
    request, status = handler.request, handler.get_status()
    level = logging.WARNING if status >= 500 else logging.DEBUG  # noqa: PLR2004 - our fault
    log.log(level, "%d %s %s in %.0f ms", status, request.method, request.path, 1000 * request.request_time())
