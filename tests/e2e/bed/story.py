"""A server that is left running until it is stopped, as it is seen from outside."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .cluster import Namespace
from .person import Hub, me
from .waiting import until


@dataclass(frozen=True)
class Story:
    """What was seen, in seconds since the server had its place."""

    launch: str  # what was said at its start
    warning: dict[str, Any]  # what the page said while it ran
    alive: float  # when it was last seen and not yet told to go
    gone: float  # when it was seen to be gone


def left_running(hub: Hub, namespace: Namespace, user: str, group: str) -> Story:
    """Start a server of 512 MiB and watch until it is stopped."""
    selector = f"hub.jupyter.org/username={user}"
    hub.add(user, group)
    lines = hub.start(user, "half")
    assert f"Server ready at /user/{user}/" == lines[-1], lines
    status = namespace.pods(selector)[0]["status"]
    scheduled = next(one for one in status["conditions"] if "PodScheduled" == one["type"])["lastTransitionTime"]
    begin = datetime.fromisoformat(scheduled).timestamp()
    with hub.browser(user) as browser:
        warning = until(lambda: me(browser)["notices"], f"{user} to be warned", every=1)[0]
    alive = [0.0]

    def gone() -> bool:
        looked = now()
        pods = namespace.pods(selector)
        if any("deletionTimestamp" not in pod["metadata"] for pod in pods):
            alive.append(looked)
        return not pods

    until(gone, f"{user}'s server to be stopped", minutes=10, every=1)
    return Story(lines[1], warning, alive[-1] - begin, now() - begin)


def now() -> float:
    """Return the seconds on the clock."""
    return datetime.now().astimezone().timestamp()
