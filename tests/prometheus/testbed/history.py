"""Made-up history: what the rules would have recorded of some users before now, as blocks of Prometheus."""

import random
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from programs import program
from testbed.pods import GIB
from testbed.queries import quoted

USERS = ("ann", "bob", "cid", "maria@example.org")
STEP = 60  # seconds between samples, as the rules are shipped


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is over."""

    user: str
    uid: str
    start: int
    end: int
    requests: dict[str, float]


def write_history(folder: Path, hours: float, now: float | None = None) -> dict[str, int]:
    """
    Write blocks with some sessions that ended in the *hours* before *now* into the `data` of *folder*.

    Returns:
        Users who have a server now, and since when; their pods are to be shown by the cluster.
    """
    until = int(time.time() if now is None else now) - 2 * STEP  # what follows is recorded live
    since = int(until - hours * 3600)
    sessions = list(_sessions(since, until))
    text = folder / "history.txt"
    with text.open("w") as file:
        file.writelines(_lines(sessions, since, until))
    command = [
        str(program("promtool")),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--quiet",
        str(text),
        str(folder / "data"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    text.unlink()
    return {"ann": until - 1200, "cid": until - 600}


def _sessions(since: int, until: int) -> Iterator[Session]:
    """Yield sessions of a quarter of an hour to three hours, as far as they fit; of each user one after the other."""
    chance = random.Random(1)  # noqa: S311 - the same history every time
    for user in USERS:
        start = since + chance.randrange(60, 900)
        while (end := start + min(chance.randrange(900, 10800), (until - since) // 3)) < until - 1500:
            requests = {"memory": float(chance.choice((1, 2, 4)) * GIB), "cpu": 0.5}
            if user == "cid":
                requests["nvidia_com_gpu"] = 1.0
            uid = str(uuid.UUID(int=chance.getrandbits(128)))
            yield Session(user, uid, start, end, requests)
            start = end + chance.randrange(300, 36000)


def _lines(sessions: list[Session], since: int, until: int) -> Iterator[str]:
    """Yield the samples as OpenMetrics, a metric at a time."""
    yield "# TYPE jupyterhub_quota:pod_request gauge\n"
    for each in sessions:
        for resource, amount in each.requests.items():
            labels = f"{_labels(each)},resource={quoted(resource)}"
            for at in range(each.start, each.end, STEP):
                yield f"jupyterhub_quota:pod_request{{{labels}}} {amount!r} {at}\n"
    yield "# TYPE jupyterhub_quota:pod_start_seconds gauge\n"
    for each in sessions:
        for at in range(each.start, each.end, STEP):
            yield f"jupyterhub_quota:pod_start_seconds{{{_labels(each)}}} {each.start} {at}\n"
    yield "# TYPE jupyterhub_quota:pod_end_seconds gauge\n"
    for each in sessions:
        for at in range(each.start, each.end, STEP):
            yield f"jupyterhub_quota:pod_end_seconds{{{_labels(each)}}} {at} {at}\n"
    yield "# TYPE jupyterhub_quota:pod_info gauge\n"
    for each in sessions:
        labels = f'{_labels(each)},pod="jupyter-{each.uid[:8]}",component="singleuser-server",application="jupyterhub"'
        for at in range(each.start, each.end, STEP):
            yield f"jupyterhub_quota:pod_info{{{labels}}} {at // 300 * 300} {at}\n"
    yield "# TYPE jupyterhub_quota:seen_seconds gauge\n"
    for at in range(since, until, STEP):
        yield f'jupyterhub_quota:seen_seconds{{namespace="hub"}} {at} {at}\n'
    yield "# EOF\n"


def _labels(session: Session) -> str:
    return f'namespace="hub",uid="{session.uid}",username={quoted(session.user)}'
