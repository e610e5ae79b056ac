"""Since when a quota is used up: the past of a window, followed backwards. Pure."""

from collections.abc import Iterable

from jupyterhub_quota.policy import Offer, Quota
from jupyterhub_quota.session import Session
from jupyterhub_quota.usage import ROUNDING, spans, used


def offers_used_up_since(offers: Iterable[Offer], sessions: Iterable[Session], at: float) -> float | None:
    """
    Return since when *sessions* have used up every one of *offers*; None where one still has something at *at*.

    An offer is used up when one of its quotas is.
    """
    sessions = tuple(sessions)
    moments = []
    for offer in offers:
        beyond = [quota for quota in offer.quotas if used(sessions, quota, at) > quota.limit * (1 + ROUNDING)]
        if not beyond:
            return None
        moments.append(min(used_up_since(sessions, quota, at) for quota in beyond))
    return max(moments, default=None)


def used_up_since(sessions: Iterable[Session], quota: Quota, at: float) -> float:
    """
    Return since when the use of *sessions* is beyond *quota* without a break, if it is so at *at*; else *at*.

    Sessions that are left out because they ended long ago can only make this later.
    """
    sessions = tuple(sessions)
    amount, window = used(sessions, quota, at), quota.window
    # Sums of floats have noise, which must not hide that nothing was in the window.
    most = (quota.limit + amount) * ROUNDING + quota.limit
    # How the slope of the window's content changes, and when. Only the past is followed.
    changes: list[tuple[float, float]] = []
    for start, end, rate in spans(sessions, quota.resource, float("-inf"), at):
        changes += (start, rate), (end, -rate), (start + window, -rate), (end + window, rate)
    changes = sorted((change for change in changes if change[0] < at), reverse=True)
    slope, when = sum(change for _, change in changes), at
    if amount <= most:
        return at
    for earlier, change in changes:
        before = amount - slope * (when - earlier)
        if before <= most:
            return max(earlier, when - (amount - quota.limit) / slope)
        amount, when = before, earlier
        slope -= change
    return when
