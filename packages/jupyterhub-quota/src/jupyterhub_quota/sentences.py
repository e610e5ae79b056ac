"""
The words: what the hub, the page and the command line say, in every situation.

Pure. A sentence says what happened, gives two numbers, names the next step. Times carry their zone; amounts are rounded
so that no sentence promises more than there is.
"""

import math
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from jupyterhub_quota.amounts import MIB
from jupyterhub_quota.decision import Decision, Outcome, Reason, Status
from jupyterhub_quota.policy import AtLaunch, Policy, WhileRunning, render
from jupyterhub_quota.session import Resource
from jupyterhub_quota.wording import format_amount, format_duration, format_size, format_used, format_window

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec")
WORDS = {Resource.MEMORY: "memory", Resource.CPU: "CPU", Resource.GPU: "GPU"}

# Smaller than this, naming the size that would fit helps nobody.
SMALLEST = {Resource.MEMORY: 128 * MIB, Resource.CPU: 0.05, Resource.GPU: 1.0}


def decision_sentence(decision: Decision, policy: Policy) -> str:
    """Return what a user reads about *decision*, in the admin's own words where the policy has them."""
    sentence, template = _plain(decision, policy)
    values = {
        "sentence": sentence,
        "user": decision.subject.name,
        "groups": ", ".join(decision.groups),
        "contact": policy.contact,
        "reference": decision.reference,
    }
    refused = decision.outcome is Outcome.REFUSED
    if template is None:
        asks = refused and decision.reason not in (Reason.NOT_KNOWN, Reason.ERROR)
        parts = (sentence, policy.contact if asks else "")
        text = " ".join(part for part in parts if part)
    else:
        text = render(template, **values)
    if refused and not (template and "{reference}" in template):
        text += f" (reference {decision.reference})"
    return text


def status_sentence(status: Status, at: float, complete_since: float | None, timezone: ZoneInfo) -> str:
    """Return one quota with its usage in words."""
    word, window = WORDS[status.resource], format_window(status.window)
    if status.unlimited:
        if status.used <= 0:
            return f"Your use of {word} is not limited."
        amount = format_amount(status.resource, status.used)
        return f"Your use of {word} is not limited. You have used {amount} in the last {window}." + _since(
            status, at, complete_since, timezone
        )
    if status.limit <= 0:
        return f"Your {word} quota is 0: servers that reserve {'GPUs' if word == 'GPU' else word} cannot start."
    return _have_used(status) + _since(status, at, complete_since, timezone)


def what_follows(policy: Policy) -> str:
    """Return what happens when a quota is used up while a server runs; without refusals nothing is stopped, either."""
    if policy.at_launch is not AtLaunch.REFUSE:
        return "then your quota is used up"
    return "then it is stopped" if policy.while_running is WhileRunning.STOP else "then no new server starts"


def moment(when: float, at: float, timezone: ZoneInfo, *, zone: bool = True) -> str:
    """
    Return a moment as people say it, rounded up to the minute: "today at 14:00 CEST", "on 3 May 14:00 CEST".

    Args:
        when: seconds since the epoch.
        at: the present, by which the day and the year are left out.
        timezone: whose clock.
        zone: whether to name the zone.
    """
    local = datetime.fromtimestamp(math.ceil(when / 60 - 1e-6) * 60, timezone)
    now = datetime.fromtimestamp(at, timezone)
    clock = f"{local.hour}:{local.minute:02}" + (f" {local.tzname()}" if zone else "")
    if local.date() == now.date():
        return f"today at {clock}"
    year = f" {local.year}" if local.year != now.year else ""
    return f"on {local.day} {MONTHS[local.month - 1]}{year} {clock}"


def _plain(decision: Decision, policy: Policy) -> tuple[str, str | None]:
    """What is to be said, and the admin's template for it."""
    messages = policy.messages
    if decision.reason is Reason.NOT_KNOWN:
        text = "How much you have used is not known at the moment"
        if decision.outcome is Outcome.REFUSED:
            return f"{text}, so this server cannot start. Please try again in a few minutes.", messages.unknown
        return f"{text}. This server starts all the same.", messages.unknown
    if decision.reason is Reason.ERROR:
        if decision.outcome is Outcome.REFUSED:
            text = "Your quota could not be checked because of a fault in this hub, so this server cannot start."
            return f"{text} Please tell the hub's admins.", messages.unknown
        return (
            "Your quota could not be checked because of a fault in this hub. This server starts all the same.",
            messages.unknown,
        )
    if decision.reason is Reason.NOT_ENFORCED:
        return "Quotas are not enforced at the moment.", messages.allowed
    if decision.reason is Reason.EXEMPT:
        used = [s for s in decision.statuses if decision.request.of(s.resource) > 0 and not s.unlimited and s.limit > 0]
        return " ".join(["You are exempt from quotas.", *(_have_used(status) for status in used[:1])]), messages.allowed
    if decision.outcome is Outcome.ALLOWED:
        return _allowed(decision, policy), messages.allowed
    told = _told(decision, policy)
    if decision.outcome is Outcome.WARNED:
        return f"{told} It starts all the same: this hub only warns at present.", messages.warned
    parts = (told, _last_stop(decision, policy), _refills(decision, policy), _groups(decision))
    return " ".join(part for part in parts if part), messages.refused


def _allowed(decision: Decision, policy: Policy) -> str:
    asked = [s for s in decision.statuses if decision.request.of(s.resource) > 0 and not s.unlimited]
    if not asked:
        return "Your quota does not limit this server."
    status = min(asked, key=lambda s: (s.runtime, s.remaining))
    used = _have_used(status) + _since(status, decision.at, decision.complete_since, policy.timezone)
    size = format_size(status.resource, decision.request.of(status.resource))
    others = sum(session.request.of(status.resource) > 0 for session in decision.running)
    beside = f" beside your other server{'s' if others > 1 else ''}" if others else ""
    if math.isinf(status.runtime):
        return f"{used} This server reserves {size} and can run{beside} for as long as you like."
    runtime, then = _for_about(status.runtime), what_follows(policy)
    return f"{used} This server reserves {size} and can run {runtime}{beside}, {then}."


def _told(decision: Decision, policy: Policy) -> str:
    """What stands against the launch, the gravest first."""
    first, *others = _one_each(decision.blocking)
    if not others:
        return _blocked(first, decision, policy)
    # A hint for one resource would not help while another blocks.
    parts = [_blocked(replace(first, fits=0.0), decision, policy)]
    parts += [_blocks_too(status) for status in others]
    return " ".join(parts)


def _blocks_too(status: Status) -> str:
    """That a quota beside the gravest one stands against the launch."""
    word = WORDS[status.resource]
    if status.blocking is Reason.NO_QUOTA:
        return f"Your {word} quota is 0, too."
    limit, window = format_amount(status.resource, status.limit), format_window(status.window)
    return f"Too little is left of your {word} quota ({limit} in {window}), too."


def _blocked(status: Status, decision: Decision, policy: Policy) -> str:
    """Why one quota stands against the launch."""
    word, window = WORDS[status.resource], format_window(status.window)
    size = format_size(status.resource, decision.request.of(status.resource))
    limit = format_amount(status.resource, status.limit)
    cannot = "so this server cannot start" if decision.outcome is Outcome.REFUSED else "and this server needs more"
    since = _since(status, decision.at, decision.complete_since, policy.timezone)
    if status.blocking is Reason.NO_QUOTA:
        alone = len(_one_each(decision.blocking)) == 1
        without = " Choose one without GPUs." if status.resource is Resource.GPU and alone else ""
        return f"Your {word} quota is 0, {cannot}: it reserves {size}.{without}"
    if status.blocking is Reason.TOO_LARGE:
        fits = _fits(status, "Choose one of up to {}.")
        minimum = format_duration(policy.minimum_runtime)
        told = f"This server reserves {size}: your {word} quota ({limit} in {window}) is too small"
        return f"{told} to run it for {minimum}. {fits}".rstrip()
    if status.blocking is Reason.HELD_BY_OTHERS:
        return (
            f"{_have_used(status)}{since} Your other servers hold what is left, {cannot} beside them. "
            "Stop one that you do not need, and try again."
        )
    if status.blocking is Reason.USED_UP:
        return f"You have used all of your {word} quota ({limit} in {window}), {cannot}.{since}"
    fits = _fits(status, " One of up to {} can start now.")
    used = _have_used(status).removesuffix(".")
    return f"{used}: too little is left for this server, which reserves {size}.{since}{fits}"


def _refills(decision: Decision, policy: Policy) -> str:
    """From when the server can start again."""
    later = [refill for refill in decision.refills if refill.at > decision.at]
    if not later:
        return ""
    # Moments that read alike are one; the last of them says the most.
    read_alike = {moment(refill.at, decision.at, policy.timezone): refill for refill in later}
    zones = [datetime.fromtimestamp(refill.at, policy.timezone).tzname() for refill in read_alike.values()]
    told = ", ".join(
        f"{moment(refill.at, decision.at, policy.timezone, zone=i == 0 or zones[i] != zones[0])}"
        f" {_for_about(refill.runtime)}"
        for i, refill in enumerate(read_alike.values())
    )
    if decision.reason is Reason.HELD_BY_OTHERS:
        when = moment(later[-1].at, decision.at, policy.timezone)
        return f"Without them it can run {_for_about(later[-1].runtime)} if it is started {when}."
    supposed = " if your other servers are stopped now" if decision.running else ""
    # "It" would be the smaller one that was just named.
    subject = "It" if decision.reason is Reason.USED_UP else "This server"
    return f"{subject} can start again {told}{supposed}."


def _for_about(seconds: float) -> str:
    duration = format_duration(seconds)
    return f"for {duration}" if duration.startswith("less") else f"for about {duration}"


def _last_stop(decision: Decision, policy: Policy) -> str:
    if (last := decision.last_stop) is None:
        return ""
    ended, since = (moment(when, decision.at, policy.timezone) for when in (last.ended, last.used_up))
    return f"Your last server ended {ended}: servers are stopped when the quota is used up, as it was {since}."


def _groups(decision: Decision) -> str:
    which = "group" if len(decision.groups) == 1 else "groups"
    source = f"Your quota comes from the {which} {', '.join(decision.groups)}."
    if not decision.groups:
        source = "None of your groups has a quota of its own, so the default counts."
    return f"{source} Just been given more? Sign out and in again."


def _one_each(statuses: tuple[Status, ...]) -> list[Status]:
    """The gravest quota of each resource."""
    first: dict[Resource, Status] = {}
    for status in statuses:
        first.setdefault(status.resource, status)
    return list(first.values())


def _have_used(status: Status) -> str:
    used = format_used(status.resource, status.used, status.limit)
    # "GPU-hours" says of what.
    what = "" if status.resource is Resource.GPU else f" of {WORDS[status.resource]}"
    return f"You have used {used}{what} in the last {format_window(status.window)}."


def _fits(status: Status, text: str) -> str:
    """*text* with the largest size that fits, if that is worth saying."""
    fits = math.floor(status.fits * (1 + 1e-9)) if status.resource is Resource.GPU else status.fits
    return text.format(format_size(status.resource, fits)) if fits >= SMALLEST[status.resource] else ""


def _since(status: Status, at: float, complete_since: float | None, timezone: ZoneInfo) -> str:
    """Since when use is counted, where that is less than the window."""
    if complete_since is None or complete_since <= at - status.window:
        return ""
    return f" (Counted since {moment(complete_since, at, timezone).removeprefix('on ')}.)"
