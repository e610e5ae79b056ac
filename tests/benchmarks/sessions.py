"""Made-up people and their sessions: the same ones every time."""

import hashlib
import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

MINUTE = 60
HOUR = 3600
DAY = 24 * HOUR
GIB = 2**30

# History ends here, in the middle of a working day: a time that has passed, so that it is written once and stays right.
END = int(datetime(2026, 3, 4, 15, tzinfo=UTC).timestamp())
# So much more than the window is written, so that sessions reach across its edge and history is not too short for it.
BEFORE = 12 * HOUR
# kube-state-metrics was seen so long before the rules are evaluated.
AGE = 7

PROFILES = (
    ("small", {"memory": 1.0 * GIB, "cpu": 0.25}, 40),
    ("medium", {"memory": 4.0 * GIB, "cpu": 0.5}, 35),
    ("large", {"memory": 8.0 * GIB, "cpu": 2.0}, 15),
    ("huge", {"memory": 32.0 * GIB, "cpu": 4.0}, 8),
    ("gpu", {"memory": 16.0 * GIB, "cpu": 4.0, "nvidia_com_gpu": 1.0}, 2),
)
PER_DAY = ((1, 2, 3), (20, 50, 30))  # how many sessions, and how often of 100 days
SHORTEST, LONGEST = 0.5 * HOUR, 10 * HOUR
E_MAIL = 1 / 3
NAMED = 0.05
SERVERS = ("paper", "course")


@dataclass(frozen=True, slots=True)
class Session:
    """One pod of one user; times in seconds since the epoch, the end maybe after the end of history."""

    user: str
    uid: str
    pod: str
    server: str
    profile: str
    requests: dict[str, float]
    start: int
    end: int

    def last_seen(self, age: int = AGE, until: int = END) -> int:
        """Return when it was last seen by the rules, which is up to when it is charged."""
        return min(until, (self.end + age - 1) // MINUTE * MINUTE) - age


def names(count: int) -> list[str]:
    """Return the names of *count* people, a third of them e-mail addresses."""
    chance = random.Random(f"names {count}")  # noqa: S311 - the same every time
    found: dict[str, None] = {}
    while len(found) < count:
        name = "".join(chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(4))
        found[f"{name}@example.org" if chance.random() < E_MAIL else name] = None
    return list(found)


def sessions(users: int, days: int, until: int = END) -> list[Session]:
    """Return the sessions of *users* people in *days* days and somewhat more, in the order of their starts."""
    found = [session for name in names(users) for session in _of_one(name, until - days * DAY - BEFORE, until)]
    return sorted(found, key=lambda session: (session.start, session.uid))


def _of_one(user: str, begin: int, until: int) -> Iterator[Session]:
    chance = random.Random(f"sessions of {user}")  # noqa: S311 - the same every time
    free: dict[str, float] = {}  # from when on each server could start again
    slug = _slug(user)
    for midnight in range(begin // DAY * DAY, until, DAY):
        (count,) = chance.choices(*PER_DAY)
        for planned in sorted(midnight + chance.gauss(11.5, 3) * HOUR for _ in range(count)):
            server = chance.choice(SERVERS) if chance.random() < NAMED else ""
            start = int(max(planned, free.get(server, 0) + chance.uniform(MINUTE, 15 * MINUTE)))
            length = math.exp(chance.uniform(math.log(SHORTEST), math.log(LONGEST)))
            free[server] = start + length
            ((profile, requests, _),) = chance.choices(PROFILES, [weight for *_, weight in PROFILES])
            uid = f"{chance.getrandbits(128):032x}"
            uid = "-".join((uid[:8], uid[8:12], uid[12:16], uid[16:20], uid[20:]))
            pod = f"jupyter-{slug}--{server}" if server else f"jupyter-{slug}"
            if begin <= start < until:
                yield Session(user, uid, pod, server, profile, requests, start, int(start + length))


def _slug(user: str) -> str:
    """What KubeSpawner makes of a name that cannot be the name of a pod."""
    if re.fullmatch("[a-z0-9]+", user):
        return user
    digest = hashlib.sha256(user.encode()).hexdigest()[:8]
    return f"{re.sub('[^a-z0-9]+', '-', user)}---{digest}"


def charged(history: list[Session], resource: str, since: float) -> dict[str, float]:
    """Return the truth: what each user is charged of *resource* after *since*."""
    parts: dict[str, list[float]] = {}
    for session in history:
        held = session.last_seen() - max(since, session.start)
        if held > 0:
            parts.setdefault(session.user, []).append(held * session.requests.get(resource, 0.0))
    return {user: math.fsum(own) for user, own in parts.items()}
