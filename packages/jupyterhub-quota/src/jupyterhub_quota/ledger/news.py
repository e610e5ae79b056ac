"""What is new to who has read everything before, from the ends of sessions alone. Pure."""

from collections.abc import Collection
from dataclasses import replace

from jupyterhub_quota.ledger.pods import Found, uid_of
from jupyterhub_quota.ledger.protocol import Asker
from jupyterhub_quota.session import Request, Session


def news(
    found: Found, resized: Collection[str], since: float, as_of: float, asker: Asker
) -> tuple[list[Session], set[str]]:
    """
    Return the sessions that are told by their ends, and the ids of those of which all has to be read.

    Args:
        found: the ends of all pods that were there after *since*.
        resized: the uids of those whose requests changed meanwhile.
        since: what ended before is not new.
        as_of: what did not end before is alive.
        asker: says what is known.
    """
    known: list[Session] = []
    unknown: set[str] = set()
    for user, pods in found.pods.items():
        if not asker.wants(user):
            continue
        for id_, pod in pods.items():
            if pod.end is None or (pod.end <= since and pod.end < as_of):
                continue
            last = asker.last(user, id_)
            if last is None or uid_of(id_) in resized or pod.end < last.start or not _whole(last):
                unknown.add(id_)
            else:
                known.append(replace(last, end=pod.end, alive=pod.end >= as_of))
    return known, unknown


def _whole(session: Session) -> bool:
    """Return whether all of it was there when it was read: the series of a pod are not recorded at one moment."""
    return session.pod != "" and session.request != Request()
