"""Everybody's usage for Prometheus: the one source for dashboards. What is not known is left out, never 0."""

import asyncio
import math
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from jupyterhub_quota_service import words
from jupyterhub_quota_service.auth import Handler
from jupyterhub_quota_service.people import Table
from jupyterhub_quota_service.policies import Effective
from jupyterhub_quota_service.settings import READ_METRICS
from jupyterhub_quota_service.view_admin import given


class Metrics(Handler):
    """The metrics. They are about users, so they need a scope."""

    async def prepare(self) -> None:
        """Find out who asks, and refuse who may not."""
        await super().prepare()
        if READ_METRICS not in self.current_user.get("scopes", ()):
            self.need_all()

    async def get(self) -> None:
        """Answer. Written in a thread: there may be thousands."""
        in_force, table = await self.rooms.policies.current(), await self.rooms.everybody.table()
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.write(await asyncio.to_thread(exposition, in_force, table))
        self.write(generate_latest(self.rooms.rounds.numbers.registry))


def exposition(in_force: Effective, table: Table) -> bytes:
    """Return *table* and the limits of the policy as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(in_force, table))
    return generate_latest(registry)


class _Families(Collector):
    """What is shown, computed when it is asked for."""

    def __init__(self, in_force: Effective, table: Table) -> None:
        self._in_force = in_force
        self._table = table

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        table, policy = self._table, self._in_force.policy
        yield _gauge("jupyterhub_quota_usage_known", "1 if usage is known, 0 if not.", float(table.problem is None))
        valid = float(not self._in_force.problems)
        yield _gauge("jupyterhub_quota_service_policy_valid", "1 while the newest policy is in force.", valid)
        limits = GaugeMetricFamily(
            "jupyterhub_quota_limit",
            "What a member of the group alone gets in the window, in resource-seconds; the default has no group.",
            labels=["group", "resource", "window_seconds"],
        )
        for group in (*sorted(policy.groups), None):
            for quota in given(policy, group):
                if not math.isinf(quota.limit):
                    limits.add_metric([group or "", quota.resource.value, f"{quota.window:.0f}"], quota.limit)
        yield limits
        if table.as_of is None or table.problem is not None:
            return
        yield _gauge("jupyterhub_quota_usage_as_of_seconds", "The time of which usage is known.", table.as_of)
        labels = ["user", "resource", "window_seconds"]
        used = GaugeMetricFamily("jupyterhub_quota_used", "What was used in the window.", labels=labels)
        share = GaugeMetricFamily("jupyterhub_quota_used_ratio", "The part of the limit that is used.", labels=labels)
        running = GaugeMetricFamily("jupyterhub_quota_running_servers", "Servers that run now.", labels=["user"])
        for person in table.people.values():
            running.add_metric([person.name], len(person.running))
            for status, _ in person.statuses:
                values = [person.name, status.resource.value, f"{status.window:.0f}"]
                used.add_metric(values, status.used)
                if (part := words.share(status)) is not None:
                    share.add_metric(values, part)
        yield from (used, share, running)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)
