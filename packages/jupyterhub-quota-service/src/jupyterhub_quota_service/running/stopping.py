"""Stop one server, after one more look at it. The only place that changes anything in the hub."""

import logging
from enum import StrEnum

from jupyterhub_quota import HubClient, Notice, Policy, Stopped, UnavailableError, only_relevant

log = logging.getLogger(__name__)

# The hub tells the same start in microseconds each time.
SAME_SECONDS = 0.001


class Outcome(StrEnum):
    """What became of a stop."""

    STOPPED = "stopped"
    GONE = "gone"
    CHANGED = "changed"
    FAILED = "failed"


async def stop(hub: HubClient, policy: Policy, notice: Notice) -> tuple[Outcome, str]:
    """
    Have the server of *notice* stopped, if it still is the one that was judged, of a user in the same groups.

    Returns:
        What became of it, and of a failure why: the label of a metric.
    """
    server = notice.server
    try:
        now = next((each for each in await hub.servers(server.user) if each.name == server.name), None)
        if now is None:
            return Outcome.GONE, ""
        same = abs(now.started - server.started) <= SAME_SECONDS
        if not same or only_relevant(policy, now.groups) != only_relevant(policy, server.groups):
            return Outcome.CHANGED, ""
        answer = await hub.stop(server.user, server.name)
    except UnavailableError as error:
        log.warning("The server %s of %s could not be stopped: %s", ascii(server.name), ascii(server.user), error)
        return Outcome.FAILED, error.reason.value
    return (Outcome.GONE if answer is Stopped.GONE else Outcome.STOPPED), ""
