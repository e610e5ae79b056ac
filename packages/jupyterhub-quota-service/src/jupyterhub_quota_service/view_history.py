"""From what is known about one user, or about everybody, to the answers about the past. Pure."""

from collections.abc import Iterable

from jupyterhub_quota import (
    DayOfUse,
    Policy,
    Quota,
    Resource,
    Session,
    Status,
    days_of_use,
    format_amount,
    format_used,
    request_text,
    used,
)
from jupyterhub_quota_service import words
from jupyterhub_quota_service.figures import Figures
from jupyterhub_quota_service.models_history import Counted, Day, Days, DaysOfResource, Part, SessionLine, Sessions
from jupyterhub_quota_service.view import base_units, finite, known, outlooks

UNITS = {Resource.MEMORY: "byte-seconds", Resource.CPU: "core-seconds", Resource.GPU: "device-seconds"}


def days(figures: Figures) -> Days:
    """Return what was used on which day, for each quota."""
    at, zone = figures.report.at if figures.report else 0.0, figures.policy.timezone
    resources = tuple(
        days_of_resource(days_of_use(figures.sessions, _quota(status), at, zone), status)
        for status, _ in outlooks(figures)
    )
    return Days(**known(figures), resources=resources)


def days_of_resource(days: Iterable[DayOfUse], status: Quota | Status, *, parts: bool = True) -> DaysOfResource:
    """
    Return what was used on which day.

    Args:
        days: what was used.
        status: the quota that counts it.
        parts: whether to tell servers apart.
    """
    return DaysOfResource(
        resource=status.resource.value,
        title=words.title(status.resource, status.window),
        window_seconds=status.window,
        unit=UNITS[status.resource],
        limit=finite(status.limit),
        limit_text=format_amount(status.resource, status.limit),
        days=tuple(_day(each, status, parts=parts) for each in days),
    )


def sessions(figures: Figures) -> Sessions:
    """Return the servers from which every number comes."""
    report = figures.report
    quotas = tuple(_quota(each) for each in figures.statuses)
    at = report.at if report else 0.0
    lines = tuple(_line(session, quotas, at, figures.policy) for session in figures.sessions)
    return Sessions(**known(figures), sessions=lines)


def _quota(status: Status) -> Quota:
    return Quota(status.resource, status.limit, status.window)


def _day(each: DayOfUse, status: Quota | Status, *, parts: bool) -> Day:
    resource, limit = status.resource, status.limit
    by_server = sorted(each.by_server.items(), key=lambda item: -item[1]) if parts else []
    return Day(
        date=each.day.isoformat(),
        date_text=words.day_text(each.day),
        amount=each.amount,
        text=format_amount(resource, each.amount, like=limit),
        total=each.total,
        total_text=format_used(resource, each.total, limit),
        parts=tuple(
            Part(
                server=server,
                server_text=words.server_text(server),
                amount=amount,
                text=format_amount(resource, amount, like=limit),
            )
            for server, amount in by_server
        ),
    )


def _line(session: Session, quotas: tuple[Quota, ...], at: float, policy: Policy) -> SessionLine:
    end = at if session.alive else session.end
    start_text = words.when(session.start, at, policy.timezone)
    end_text = "still running" if session.alive else words.when(end, at, policy.timezone)
    counted = [(quota, used((session,), quota, at)) for quota in quotas]
    size = request_text(session.request)
    told = ", ".join(format_amount(quota.resource, amount) for quota, amount in counted if amount > 0)
    held = max(0.0, end - session.start)
    server = words.server_text(session.server)
    until = "still running" if session.alive else f"to {end_text}"
    counts = f"counts {told}" if told else "counts nothing now"
    return SessionLine(
        server=session.server,
        server_text=server,
        start=session.start,
        start_text=start_text,
        end=None if session.alive else session.end,
        end_text=end_text,
        size_text=size,
        amounts={name: size * held for name, size in base_units(session.request).items()},
        counted=tuple(
            Counted(
                resource=quota.resource.value,
                window_seconds=quota.window,
                amount=amount,
                text=format_amount(quota.resource, amount, like=quota.limit),
            )
            for quota, amount in counted
        ),
        text=f"{words.begin(server)}, {start_text} {until}: {size}; {counts}.",
    )
