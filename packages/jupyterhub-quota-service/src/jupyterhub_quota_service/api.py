"""The API: about who asks, and with the scope about everybody. Nothing here words, counts or reads by itself."""

import asyncio
import math
from collections.abc import Callable
from typing import TypeVar, get_args

from jupyterhub_quota_service import view_admin, view_history
from jupyterhub_quota_service.auth import Handler, Refused
from jupyterhub_quota_service.figures import Figures
from jupyterhub_quota_service.models import Health, Model, ResourceName
from jupyterhub_quota_service.openapi import document
from jupyterhub_quota_service.people import Table
from jupyterhub_quota_service.policy_view import policy_in_force
from jupyterhub_quota_service.spreadsheet import days_csv, sessions_csv, users_csv
from jupyterhub_quota_service.view_admin import MOST_USERS, SORTS, Search

M = TypeVar("M", bound=Model)

assert set(get_args(ResourceName)) < set(SORTS)  # noqa: S101 - usage is sorted by resource


class Healthz(Handler):
    """Whether this process answers. Asks nobody."""

    async def prepare(self) -> None:
        """Let everybody ask."""

    def get(self) -> None:
        """Answer."""
        self.answer(Health())


class OpenApi(Healthz):
    """The description of the API. Holds nothing about anybody."""

    def get(self) -> None:
        """Answer."""
        self.set_header("Content-Type", "application/json")
        self.write(document(self.rooms.settings.prefix))


class Api(Handler):
    """What all that asks for data has in common."""

    def tell(self, model: M, csv: Callable[[M], str] | None = None, name: str = "") -> None:
        """Answer in JSON, or as a spreadsheet where that is asked for."""
        form = self.get_query_argument("format", "json")
        if form == "json":
            self.answer(model)
        elif form == "csv" and csv is not None:
            self.set_header("Content-Type", "text/csv; charset=utf-8")
            self.set_header("Content-Disposition", f'attachment; filename="{name}.csv"')
            self.write(csv(model))
        else:
            raise Refused(400, "'format' is 'json' or, for lists, 'csv'.")


class Me(Api):
    """All about who asks."""

    async def get(self) -> None:
        """Answer."""
        self.tell(self.all_about(await self.own_figures()))


class MyDays(Api):
    """What who asks used on which day."""

    async def get(self) -> None:
        """Answer."""
        self.tell(view_history.days(await self.own_figures()), days_csv, "usage-per-day")


class MySessions(Api):
    """The servers of who asks."""

    async def get(self) -> None:
        """Answer."""
        self.tell(view_history.sessions(await self.own_figures()), sessions_csv, "servers")


class ForAdmins(Api):
    """What needs the scope to see everybody."""

    async def prepare(self) -> None:
        """Find out who asks, and refuse who may not."""
        await super().prepare()
        self.need_all()


class Users(ForAdmins):
    """One page of everybody."""

    async def get(self) -> None:
        """Answer."""
        search, table = self._search(), await self.rooms.everybody.table()
        prefix = self.rooms.settings.prefix
        if self.get_query_argument("format", "json") == "csv":
            # Written in a thread: there may be thousands.
            text = await asyncio.to_thread(_spreadsheet, table, search, prefix)
            self.tell(view_admin.users(table, search, prefix), lambda _: text, "users")
        else:
            self.tell(view_admin.users(table, search, prefix))

    def _search(self) -> Search:
        sort, order = self.get_query_argument("sort", "share"), self.get_query_argument("order", "")
        if sort not in SORTS:
            raise Refused(400, f"'sort' is one of {', '.join(SORTS)}.")
        if order not in {"", "asc", "desc"}:
            raise Refused(400, "'order' is 'asc' or 'desc'.")
        over = self.get_query_argument("over", "")
        return Search(
            offset=self._number("offset", 0, 10**9),
            limit=self._number("limit", 100, MOST_USERS, least=1),
            sort=sort,
            order="asc" if order == "asc" or (not order and sort == "name") else "desc",
            text=self.get_query_argument("search", "").strip(),
            group=self.get_query_argument("group", "", strip=False),
            over=_percent(over) if over else None,
        )

    def _number(self, name: str, default: int, most: int, least: int = 0) -> int:
        text = self.get_query_argument(name, str(default))
        # isdecimal() takes digits of every script; int() reads them, and nobody means them here.
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most):
            raise Refused(400, f"'{name}' is a number from {least} to {most}.")
        return int(text)


class OneUser(ForAdmins):
    """What one user sees."""

    async def get(self, name: str) -> None:
        """Answer."""
        self.tell(self.all_about(await self.figures(name)))

    async def figures(self, name: str) -> Figures:
        """Return what is known about *name*."""
        membership = await self.rooms.everybody.membership()
        groups = (membership.groups or {}).get(name)
        figures = await self.rooms.reports.figures(name, groups)
        if groups is None and membership.groups is not None:
            table = await self.rooms.everybody.table()
            if table.as_of is None or name not in table.people:
                raise Refused(404, "The hub knows no such user.")
        return figures


class DaysOfUser(OneUser):
    """What one user used on which day."""

    async def get(self, name: str) -> None:
        """Answer."""
        self.tell(view_history.days(await self.figures(name)), days_csv, "usage-per-day")


class SessionsOfUser(OneUser):
    """The servers of one user."""

    async def get(self, name: str) -> None:
        """Answer."""
        self.tell(view_history.sessions(await self.figures(name)), sessions_csv, "servers")


class Groups(ForAdmins):
    """Who gets what, and uses how much of it."""

    async def get(self) -> None:
        """Answer. Counted in a thread: there may be thousands."""
        self.tell(await asyncio.to_thread(view_admin.groups, await self.table()))

    async def table(self) -> Table:
        """Return everybody."""
        return await self.rooms.everybody.table()


class Totals(Groups):
    """What everybody used together."""

    async def get(self) -> None:
        """Answer. Counted in a thread: there may be thousands."""
        self.tell(await asyncio.to_thread(view_admin.totals, await self.table(), self.rooms.settings.prefix))


class PolicyHandler(ForAdmins):
    """The policy that is in force."""

    async def get(self) -> None:
        """Answer."""
        self.tell(policy_in_force(await self.rooms.policies.current()))


class NotFound(Handler):
    """Any other address below the prefix."""

    async def prepare(self) -> None:
        """Say so to everybody."""
        raise Refused(404)


def _spreadsheet(table: Table, search: Search, prefix: str) -> str:
    """Everybody whom *search* finds, on whichever page."""
    return users_csv([view_admin.line(person, prefix) for person in view_admin.matching(table, search)])


def _percent(text: str) -> float:
    """A part of a limit, written in percent."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not text.isascii() or not 0 <= value <= 10**6:
        raise Refused(400, "'over' is a number of percent, for example 80.")
    return value / 100
