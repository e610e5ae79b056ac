"""
The first that a page says, and a screen reader reads: what is left, for how long that lasts, the next step. Pure.

In that order, and within 25 words, so that nobody has to go on reading.
"""

import math
from collections.abc import Sequence

from jupyterhub_quota import (
    WORDS,
    AtLaunch,
    Outlook,
    Resource,
    Standing,
    Status,
    format_duration,
    format_size,
)
from jupyterhub_quota_service import words
from jupyterhub_quota_service.figures import Figures, ListedSize, usual_size

Pair = tuple[Status, Outlook]

STOP = "Stop servers that you do not need."


def summary(figures: Figures, pairs: Sequence[Pair], sizes: tuple[ListedSize, ...]) -> str:
    """
    Return two or three short sentences.

    Args:
        figures: what is known about the user.
        pairs: each quota with what lies ahead of it, the most pressing first.
        sizes: of servers, that the admin lists.
    """
    if figures.problem is not None:
        return figures.problem
    if figures.exempt:
        return f"You are exempt from quotas: your servers can run for as long as you like. {STOP}"
    none = {status.resource for status, outlook in pairs if outlook.standing is Standing.NONE}
    if needed := none - {Resource.GPU}:
        return f"Nothing is left: your {WORDS[min(needed)]} quota is 0. {_more(figures)}"
    limited = [pair for pair in pairs if pair[1].standing not in {Standing.UNLIMITED, Standing.NONE}]
    if not limited:
        which = " without GPUs" if none else ""
        return f"No quota limits your servers{which}: they can run for as long as you like. {STOP}"
    status, outlook = limited[0]
    size = usual_size(status.resource, figures.sessions, sizes)
    if outlook.standing is Standing.OVER:
        return _used_up(figures, status, outlook, size)
    left = words.left(status, outlook)
    if status.resource is not Resource.GPU:
        left = f"{left.removesuffix(' left')} of {WORDS[status.resource]} left"
    if outlook.rate > 0:
        how_long = "as long as you like" if math.isinf(outlook.lasts) else f"about {format_duration(outlook.lasts)}"
        return f"{left}; with what runs now it lasts for {how_long}. {STOP}"
    return f"{left}, {_enough(figures, status, outlook, size)}"


def _used_up(figures: Figures, status: Status, outlook: Outlook, size: float) -> str:
    told = f"Nothing is left of your {WORDS[status.resource]} quota"
    if outlook.rate > 0:
        return f"{told} until old use comes back. {STOP}"
    again, named = _again(figures, outlook, size), format_size(status.resource, size)
    if not again:
        return f"{told} for now. {_more(figures)}"
    return f"{told}. A server with {named} can start again {again}. {_more(figures)}"


def _enough(figures: Figures, status: Status, outlook: Outlook, size: float) -> str:
    """For how long what is left lasts, if a server of *size* started now."""
    assert outlook.decay is not None  # noqa: S101 - it has a limit
    runtime, named = outlook.decay.runtime(size), format_size(status.resource, size)
    if runtime < figures.policy.minimum_runtime and figures.policy.at_launch is AtLaunch.REFUSE:
        until = _again(figures, outlook, size)
        return f"too little for {named}{f' until {until}' if until else ''}. You can start a smaller server."
    how_long = "as long as you like" if math.isinf(runtime) else f"about {format_duration(runtime)}"
    return f"enough for {how_long} with {named}. You can start a server."


def _again(figures: Figures, outlook: Outlook, size: float) -> str:
    """From when a server of *size* can start again; empty where that never comes."""
    assert outlook.decay is not None  # noqa: S101 - it has a limit
    again = outlook.decay.refill(size, figures.policy.minimum_runtime)
    return "" if again is None else words.when(again, outlook.decay.at, figures.policy.timezone)


def _more(figures: Figures) -> str:
    """What who wants more can do."""
    if figures.policy.at_launch is not AtLaunch.REFUSE:
        return "Servers start all the same; stop those that you do not need."
    return figures.policy.contact or "Need more? Ask the people who run this hub."
