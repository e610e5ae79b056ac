"""The words about servers that run: what lies ahead, what was done, what to do. Pure."""

from collections import Counter
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from jupyterhub_quota.everybody import SERVER
from jupyterhub_quota.policy import AtLaunch, Policy
from jupyterhub_quota.running.notice import Notice
from jupyterhub_quota.sentences import WORDS, moment
from jupyterhub_quota.session import Session
from jupyterhub_quota.telling import listed, shown
from jupyterhub_quota.wording import format_amount, format_window

# Other pods are named up to so many.
_NAMED = 3


def notice_sentence(notice: Notice, policy: Policy, at: float) -> str:
    """Return what the user reads about a server before its end, without what to do."""
    quota, server, zone = quota_text(notice), server_text(notice.server.name), policy.timezone
    if notice.over:
        told = f"You have used all of {quota}."
        if not notice.stops:
            refuses = policy.at_launch is AtLaunch.REFUSE
            return f"{told} {_capital(server)} runs on{', but no new one starts' if refuses else ''}."
        return f"{told} {_capital(server)} {_stopped(notice.ends, at, zone)}.{_others(notice)}"
    runs_out = moment(max(at, notice.runs_out), at, zone)
    if not notice.stops:
        then = ", then no new server starts" if policy.at_launch is AtLaunch.REFUSE else ""
        return f"With what runs now, {quota} is used up {runs_out}{then}."
    stopped = _stopped(notice.ends, at, zone)
    return f"With what runs now, {quota} is used up {runs_out}, and {server} {stopped}.{_others(notice)}"


def advice_sentence(notice: Notice, policy: Policy) -> str:
    """Return what to do about it."""
    save = "Save your work. " if notice.stops else ""
    return " ".join(part for part in (f"{save}Stop what you do not need.", policy.contact) if part)


def stopped_sentence(notice: Notice, policy: Policy, stopped: float, at: float) -> str:
    """Return what the user reads afterwards."""
    when, zone = moment(stopped, at, policy.timezone), policy.timezone
    used_up = notice.runs_out if notice.used_up is None else notice.used_up
    told = f"{_capital(server_text(notice.server.name))} was stopped {when}"
    return f"{told}: {quota_text(notice)} had been used up since {moment(used_up, at, zone).removeprefix('on ')}."


def server_text(name: str) -> str:
    """Return how to speak of a server to its user."""
    return f"your server '{shown(name)}'" if name else "your default server"


def quota_text(notice: Notice) -> str:
    """Return how to speak of the quota that runs out to its user."""
    status = notice.blocking
    word = WORDS[status.resource]
    if status.limit <= 0:
        return f"your {word} quota, which is 0"
    return f"your {word} quota ({format_amount(status.resource, status.limit)} in {format_window(status.window)})"


def pods_text(sessions: Iterable[Session]) -> str:
    """Return what holds a resource beside servers of the hub: "dask-worker-1 and 2 more pods"; empty for nothing."""
    pods = [session for session in sessions if session.component not in {"", SERVER}]
    if not pods:
        return ""
    names = [shown(pod.pod) for pod in pods if pod.pod][:_NAMED]
    more = len(pods) - len(names)
    kinds = Counter(shown(pod.component) for pod in pods)
    rest = f"{more} more" if names else f"{more} of kind {kinds.most_common(1)[0][0]}"
    return listed([*names, *([rest] if more else [])])


def _others(notice: Notice) -> str:
    pods = pods_text(notice.others)
    return f" Pods of yours that are no servers use it, too: {pods}." if pods else ""


def _stopped(when: float, at: float, zone: ZoneInfo) -> str:
    """What becomes of a server. One whose time is up may be held back for a while, and nobody knows for how long."""
    return f"is stopped {moment(when, at, zone)}" if when > at else "can be stopped at any moment"


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
