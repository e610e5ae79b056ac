"""
From what is known about one user to the answer that the page shows. Pure.

`words.py` has the sentences, `models.py` the fields.
"""

import math
from typing import Any

from jupyterhub_quota import (
    HOUR,
    WORDS,
    Outlook,
    Request,
    Resource,
    Session,
    Standing,
    days_of_return,
    decide,
    format_amount,
    format_window,
    request_text,
    status_sentence,
    what_follows,
)
from jupyterhub_quota_service import messages, words
from jupyterhub_quota_service.explanations import explanations
from jupyterhub_quota_service.figures import Figures, ListedSize, usual_size
from jupyterhub_quota_service.models import Links, Me, Quota, ResourceName, Return, Running, Size
from jupyterhub_quota_service.models_running import Ends
from jupyterhub_quota_service.summary import Pair, summary

_PRESSING = (Standing.OVER, Standing.NEAR, Standing.OK, Standing.NONE, Standing.UNLIMITED)


def me(figures: Figures, sizes: tuple[ListedSize, ...], links: Links, ends: Ends) -> Me:
    """Return all about one user."""
    pairs = outlooks(figures)
    return Me(
        **known(figures),
        user=figures.user,
        groups=None if figures.groups is None else tuple(sorted(figures.groups)),
        exempt=figures.exempt,
        summary=summary(figures, pairs, sizes),
        quotas=tuple(_quota(figures, pair, sizes) for pair in pairs),
        running=_running(figures, pairs),
        sizes=tuple(_size(figures, size) for size in figures.sizes(sizes)) if figures.report else (),
        explanations=explanations(figures),
        notices=ends.notices,
        stopped=ends.stopped,
        contact=figures.policy.contact,
        links=links,
    )


def known(figures: Figures) -> dict[str, Any]:
    """Return the fields of `models.Known`."""
    report = figures.report
    at = report.at if report else figures.at
    return {
        "at": at,
        "as_of": report.as_of if report else None,
        "as_of_text": words.when(report.as_of, figures.at, figures.policy.timezone) if report else "",
        "complete_since": report.complete_since if report else None,
        "known": figures.problem is None,
        "problem": figures.problem,
        "retry_seconds": figures.retry_seconds,
    }


def outlooks(figures: Figures) -> tuple[Pair, ...]:
    """Return each quota with what lies ahead of it, the most pressing first."""
    report = figures.report
    if report is None:
        return ()
    pairs = [(status, Outlook.of(status, report.sessions, report.at)) for status in figures.statuses]
    return tuple(sorted(pairs, key=lambda pair: (_PRESSING.index(pair[1].standing), -(words.share(pair[0]) or 0.0))))


def finite(value: float) -> float | None:
    """Return *value* as JSON has it."""
    return value if math.isfinite(value) else None


def base_units(request: Request) -> dict[ResourceName, float]:
    """Return what *request* asks for, by resource."""
    return {"memory": request.memory, "cpu": request.cpu, "gpu": request.gpu}


def _quota(figures: Figures, pair: Pair, sizes: tuple[ListedSize, ...]) -> Quota:
    (status, outlook), policy = pair, figures.policy
    report = figures.report
    assert report is not None  # noqa: S101 - there is no status without
    size = usual_size(status.resource, figures.sessions, sizes)
    returns = days_of_return(outlook.decay, policy.timezone) if outlook.decay else ()
    part = words.share(status)
    return Quota(
        resource=status.resource.value,
        title=words.title(status.resource, status.window),
        window_seconds=status.window,
        window_text=format_window(status.window),
        limit=finite(status.limit),
        used=status.used,
        remaining=finite(status.remaining),
        group=status.group,
        group_text=words.source(status.group),
        state=outlook.standing.value,
        state_text=words.STATES[outlook.standing],
        heading=words.left(status, outlook),
        used_text=words.used_text(status),
        share=None if part is None else min(1.0, part),
        share_text=words.percent(part),
        sentence=words.EXEMPT
        if figures.exempt and outlook.standing is Standing.NONE
        else status_sentence(status, report.at, report.complete_since, policy.timezone),
        runs_text=words.runs(status, outlook, size, policy, report.at, exempt=figures.exempt),
        refill_sentence=words.comes_back(status, outlook, returns, size, policy, exempt=figures.exempt),
        returns=tuple(
            Return(
                date=each.day.isoformat(),
                date_text=words.day_text(each.day),
                amount=each.amount,
                text=format_amount(status.resource, each.amount, like=status.limit),
            )
            for each in returns
        ),
    )


def _running(figures: Figures, pairs: tuple[Pair, ...]) -> tuple[Running, ...]:
    if figures.report is None:
        return ()
    return tuple(
        _runs(figures, pairs, session) for session in sorted(figures.report.running, key=lambda each: each.start)
    )


def _runs(figures: Figures, pairs: tuple[Pair, ...], session: Session) -> Running:
    report, policy = figures.report, figures.policy
    assert report is not None  # noqa: S101 - it runs
    mine = [(s, o) for s, o in pairs if session.request.of(s.resource) > 0 and not s.unlimited]
    lasts = math.inf if figures.exempt else min((outlook.lasts for _, outlook in mine), default=math.inf)
    resources = dict.fromkeys(status.resource for status, _ in mine)
    text = "can go on for as long as you like"
    if not figures.exempt and any(outlook.standing in {Standing.OVER, Standing.NONE} for _, outlook in mine):
        text = "your quota is used up"
    elif not math.isinf(lasts):
        when = words.when(report.at + lasts, report.at, policy.timezone)
        text = f"lasts until about {when}, {what_follows(policy)}"
    return Running(
        server=session.server,
        server_text=words.server_text(session.server),
        start=session.start,
        since_text=f"since {words.when(session.start, report.at, policy.timezone)}",
        size_text=request_text(session.request),
        per_hour_text=words.listed([_per_hour(each, session.request.of(each)) for each in resources]),
        lasts_until=None if math.isinf(lasts) else report.at + lasts,
        lasts_text=text,
    )


def _per_hour(resource: Resource, size: float) -> str:
    of = f" of {WORDS[resource]}" if resource is Resource.MEMORY else ""
    return f"{format_amount(resource, size * HOUR)}{of} per hour"


def _size(figures: Figures, size: ListedSize) -> Size:
    report = figures.report
    assert report is not None  # noqa: S101 - who asks has looked
    decision = decide(figures.policy, report.subject, "", size.request, figures.reading, report.at)
    return Size(
        name=size.name or request_text(size.request),
        request=base_units(size.request),
        request_text=request_text(size.request),
        allowed=decision.allowed,
        runtime_seconds=None if decision.runtime is None else finite(decision.runtime),
        text=words.size_answer(decision, figures.policy, exempt=figures.exempt),
        message=messages.of_launch(decision, figures.policy),
    )
