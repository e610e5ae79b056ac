"""
The sentences that only the page says. Pure.

What hub and command line say too comes from the engine. A sentence gives the numbers and names the next step.
"""

import math
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from jupyterhub_quota import (
    MONTHS,
    WORDS,
    AtLaunch,
    DayOfReturn,
    Decision,
    Outlook,
    Policy,
    Reason,
    Resource,
    Standing,
    Status,
    format_amount,
    format_duration,
    format_size,
    format_used,
    format_window,
    moment,
    what_follows,
)

EXEMPT = "You are exempt, so it does not limit your servers."

# Whoever looks at what comes back plans at most a week.
WEEK_DAYS = 7

STATES = {
    Standing.OK: "",
    Standing.NEAR: "almost used up",
    Standing.OVER: "used up",
    Standing.NONE: "no quota",
    Standing.UNLIMITED: "not limited",
}


def listed(parts: Sequence[str]) -> str:
    """Return *parts* as people list them: "a, b and c"; empty where there are none."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def begin(text: str) -> str:
    """Return *text* as a sentence or a title begins, with a large letter."""
    return f"{text[0].upper()}{text[1:]}"


def title(resource: Resource, window: float) -> str:
    """Return the name of a quota: "Memory, last 30 days"."""
    return f"{begin(WORDS[resource])}, last {format_window(window)}"


def day_text(day: date) -> str:
    """Return a day as people say it: "3 May"."""
    return f"{day.day} {MONTHS[day.month - 1]}"


def when(seconds: float, at: float, timezone: ZoneInfo) -> str:
    """Return a moment to stand alone: "today at 14:00 CEST", "3 May 14:00 CEST"."""
    return moment(seconds, at, timezone).removeprefix("on ")


def age(seconds: float) -> str:
    """Return how long ago something was."""
    return "just now" if seconds < 60 else f"{format_duration(seconds)} ago"  # noqa: PLR2004 - a minute


def server_text(name: str) -> str:
    """Return how to speak to users of their own server."""
    return f"your server '{name}'" if name else "your default server"


def source(group: str | None) -> str:
    """Return where a quota comes from."""
    return "the default" if group is None else f"from group {group}"


def left(status: Status, outlook: Outlook) -> str:
    """Return the heading of a quota: what is left, as rounded as the sentence."""
    if outlook.standing is Standing.UNLIMITED:
        return "Not limited"
    if outlook.standing is Standing.NONE:
        return "Your quota is 0"
    if outlook.standing is Standing.OVER:
        return "Nothing left"
    return f"{format_amount(status.resource, status.remaining, like=status.limit)} left"


def used_text(status: Status) -> str:
    """Return what is used of a quota: "50 of 60 GiB-hours used"."""
    return f"{format_used(status.resource, status.used, status.limit)} used"


def share(status: Status) -> float | None:
    """Return the part of the limit that is used; None where there is no limit, or one of 0."""
    return None if status.unlimited or status.limit <= 0 else status.used / status.limit


def percent(part: float | None) -> str:
    """Return a part of a whole as people read it, rounded down."""
    return "" if part is None else f"{math.floor(part * 100 + 1e-9)} %"


def runs(status: Status, outlook: Outlook, size: float, policy: Policy, at: float, *, exempt: bool) -> str:
    """
    Return for how long a quota lasts.

    Args:
        status: the quota.
        outlook: what lies ahead of it.
        size: of the server by which to say it, where nothing runs.
        policy: what follows.
        at: the present.
        exempt: whether nothing follows.
    """
    if exempt:
        return "" if outlook.standing in {Standing.NONE, Standing.UNLIMITED} else EXEMPT
    word, named = WORDS[status.resource], f"A server with {format_size(status.resource, size)}"
    if outlook.decay is None or outlook.standing is Standing.NONE:
        return ""
    then = f", {what_follows(policy)}"
    if outlook.standing is Standing.OVER:
        refuses = policy.at_launch is AtLaunch.REFUSE
        reserves = "GPUs" if status.resource is Resource.GPU else word
        return f"No server that reserves {reserves} can start now." if refuses else ""
    if outlook.rate > 0:
        held = format_size(status.resource, outlook.rate)
        if math.isinf(outlook.lasts):
            return f"What runs now ({held}) can go on for as long as you like."
        return f"What runs now ({held}) can go on until about {when(at + outlook.lasts, at, policy.timezone)}{then}."
    runtime = outlook.decay.runtime(size)
    if math.isinf(runtime):
        return f"{named} can run for as long as you like."
    return f"{named} can run for about {format_duration(runtime)}."


def comes_back(
    status: Status, outlook: Outlook, returns: tuple[DayOfReturn, ...], size: float, policy: Policy, *, exempt: bool
) -> str | None:
    """Return what comes back, or from when a server of *size* can start again; None where nothing comes back."""
    if outlook.decay is None or not returns:
        return None
    at, zone = outlook.decay.at, policy.timezone
    too_little = outlook.standing is Standing.OVER or outlook.decay.runtime(size) < policy.minimum_runtime
    if too_little and not exempt:
        moments = {runtime: outlook.decay.refill(size, runtime) for runtime in (policy.minimum_runtime, policy.session)}
        told = {when(start, at, zone): runtime for runtime, start in moments.items() if start is not None}
        if told:
            times = ", or ".join(f"{start} for about {format_duration(runtime)}" for start, runtime in told.items())
            stopped = "when what runs now is stopped, " if outlook.rate > 0 else ""
            text = f"{stopped}a server with {format_size(status.resource, size)} can start again: {times}."
            return begin(text)
    soon = [each for each in returns if (each.day - returns[0].day).days < WEEK_DAYS]
    amount = format_amount(status.resource, sum(each.amount for each in soon), like=status.limit)
    verb = "comes" if amount.startswith("1 ") else "come"
    return f"{amount} {verb} back {'by' if len(soon) > 1 else 'on'} {day_text(soon[-1].day)}."


def size_answer(decision: Decision, policy: Policy, *, exempt: bool) -> str:
    """Return how long a server would run, or why it cannot start now."""
    if exempt:
        return "as long as you like"
    if decision.allowed:
        runtime = math.inf if decision.runtime is None else decision.runtime
        return "as long as you like" if math.isinf(runtime) else format_duration(runtime)
    first = decision.blocking[0] if decision.blocking else None
    word = WORDS[first.resource] if first else ""
    never = {
        Reason.NO_QUOTA: f"not at all: your {word} quota is 0",
        Reason.TOO_LARGE: f"not at all: your {word} quota is too small for it",
    }
    if decision.reason in never:
        return never[decision.reason]
    why = {
        Reason.USED_UP: f"your {word} quota is used up",
        Reason.TOO_LITTLE_LEFT: f"too little is left of your {word} quota",
        Reason.HELD_BY_OTHERS: "your other servers hold what is left",
    }.get(decision.reason, "your quota does not allow it")
    again = [refill for refill in decision.refills if refill.at > decision.at]
    later = f"; again {moment(again[0].at, decision.at, policy.timezone)}" if again else ""
    return f"not now: {why}{later}"
