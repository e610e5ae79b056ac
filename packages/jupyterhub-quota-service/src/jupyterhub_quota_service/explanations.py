"""The questions that people have about their quota, and the answers. Pure."""

from jupyterhub_quota import WORDS, AtLaunch, Status, WhileRunning, format_amount, format_window
from jupyterhub_quota_service import words
from jupyterhub_quota_service.figures import Figures
from jupyterhub_quota_service.models import Explanation


def explanations(figures: Figures) -> tuple[Explanation, ...]:
    """Return what is counted, where quotas come from, what follows, how to save, whom to ask."""
    return (
        Explanation(title="What is counted?", text=_counted(figures)),
        Explanation(title="Where does my quota come from?", text=_sources(figures)),
        Explanation(title="What happens when it is used up?", text=_follows(figures)),
        Explanation(
            title="How do I save?",
            text="Stop a server that you do not need: closing the browser does not stop it, and it counts until it "
            "stops. Choose a smaller size where that will do.",
        ),
        Explanation(title="Need more?", text=_more(figures)),
    )


def _counted(figures: Figures) -> str:
    counted = words.listed([WORDS[resource] for resource in dict.fromkeys(s.resource for s in figures.statuses)])
    windows = words.listed(list(dict.fromkeys(format_window(status.window) for status in figures.statuses)))
    what = f"What your servers reserve ({counted})" if counted else "What your servers reserve"
    since = f" Only the last {windows} count, so what you used comes back by itself." if windows else ""
    return f"{what}, times how long they hold it, whether they work or idle.{since}"


def _sources(figures: Figures) -> str:
    lines = [_source(status) for status in figures.statuses]
    groups = "which are not known at the moment" if figures.groups is None else words.listed(sorted(figures.groups))
    told = f"From your groups ({groups})." if groups else "You are in no group, so the default counts."
    several = " Where several groups name a resource, the most generous one counts." if groups else ""
    new = " Just been given more? Sign out and in again."
    return " ".join([told + several, *lines]) + new


def _source(status: Status) -> str:
    group = "the default" if status.group is None else f"group {status.group}"
    name = words.begin(WORDS[status.resource])
    if status.unlimited:
        return f"{name}: not limited."
    amount = format_amount(status.resource, status.limit)
    return f"{name}: {amount} in {format_window(status.window)} ({group})."


def _follows(figures: Figures) -> str:
    if figures.exempt:
        return "Nothing: you are exempt from quotas."
    policy = figures.policy
    launch = {
        AtLaunch.REFUSE: "No new server that needs it starts until enough has come back.",
        AtLaunch.WARN: "Servers start all the same: this hub only warns at present.",
        AtLaunch.IGNORE: "Nothing: quotas are not enforced at the moment.",
    }[policy.at_launch]
    stops = policy.while_running is WhileRunning.STOP and policy.at_launch is not AtLaunch.IGNORE
    return f"{launch} Servers that run then are stopped." if stops else launch


def _more(figures: Figures) -> str:
    return figures.policy.contact or "Ask the people who run this hub."
