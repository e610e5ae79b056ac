"""The service: one tornado application, made from its settings."""

import logging
from dataclasses import dataclass
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from jupyterhub_quota import CachedLedger, HubClient, Ledger, SqliteLedger, open_ledger
from jupyterhub_quota_service import api, assets, page
from jupyterhub_quota_service.auth import CACHE_SECONDS, Rooms, cookie_secret, make_hub_auth
from jupyterhub_quota_service.everybody import LEDGER_SECONDS, Everybody
from jupyterhub_quota_service.metrics import Metrics
from jupyterhub_quota_service.policies import Policies
from jupyterhub_quota_service.reports import Reports
from jupyterhub_quota_service.settings import Settings

log = logging.getLogger(__name__)

GROUPS_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Service:
    """The application, and what must be let go of when it ends."""

    application: Application
    rooms: Rooms
    ledger: Ledger

    def listen(self) -> HTTPServer:
        """Listen where the settings say. The proxy says whether browsers come over TLS."""
        settings = self.rooms.settings
        server = HTTPServer(self.application, xheaders=True)
        server.listen(settings.port, settings.host)
        return server

    async def close(self) -> None:
        """Let go of everything."""
        await self.rooms.everybody.close()
        await self.ledger.close()


async def make_service(
    settings: Settings, *, static: Path = assets.FOLDER, cache_seconds: int = CACHE_SECONDS
) -> Service:
    """
    Return the service.

    Args:
        settings: all that it is told.
        static: where the built page is.
        cache_seconds: how long the hub's answer about who asks counts.

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
        assets=assets.Assets.of(static),
    )
    return Service(_application(rooms, static), rooms, ledger)


def _ledger(settings: Settings, tolerate: float) -> Ledger:
    """The ledger: Prometheus is asked for news only. Its own deadline is for everybody; who waits has a shorter one."""
    ledger = open_ledger(
        settings.ledger_url, access=settings.access, namespace=settings.namespace, timeout_seconds=LEDGER_SECONDS
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
