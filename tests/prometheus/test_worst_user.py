"""
A day of a busy hub in promtool's time, with all that goes wrong at once: what the user who loses most is charged.

The truth is the script's, cut to what was seen: up to the last sighting of each pod, or to when it says that it was
done, and from the first sighting of another size on.
"""

import random

from promtool_time import GIB, MINUTE, Pod, Script, quoted

DAY = 24 * 60
USERS = [f"student{number}" for number in range(1, 7)]
FAULTS = ("plain", "waits", "completes", "dead node", "resized", "two of them")


def day(seed: int) -> Script:
    """Return a day with six users, some 20 sessions each; scrapes fail now and then, and three times for long."""
    chance = random.Random(seed)  # noqa: S311 - made-up servers
    script = Script(DAY)
    script.hub()
    script.miss(minute for minute in range(DAY) if chance.random() < 0.05)
    for _ in range(3):
        away = chance.randrange(DAY - 60)
        script.miss(range(away, away + chance.randrange(20, 60)))
    # A second kube-state-metrics, for some pods and for a part of the day.
    script.miss((minute for minute in range(DAY + 1) if not 400 <= minute < 520), "ksm-2")
    for user in USERS:
        start = chance.randrange(60)
        while start < DAY - 10:
            length = chance.randrange(5, 90)
            session(script, chance, user, start, min(start + length, DAY + 60))
            start += chance.randrange(20, 120)
    return script


def session(script: Script, chance: random.Random, user: str, start: int, end: int) -> None:
    """Add a pod of *user* to which something happens on its way."""
    size = chance.choice((1, 2, 4, 8)) * GIB
    kind = chance.choice(FAULTS)
    targets = ("ksm-1", "ksm-2") if kind == "two of them" else ("ksm-1",)
    waits = {"scheduled": None} if kind == "waits" else {}
    pod = script.pod(start, user=user, containers=({"memory": size},), targets=targets, **waits)
    middle = chance.randrange(start + 1, max(start + 2, end - 1))
    if kind == "waits":
        pod.then(middle, scheduled=middle - 0.5)
    elif kind == "resized":
        pod.then(middle, containers=({"memory": 2 * size},))
    elif kind == "dead node":
        pod.then(middle, deleted=middle + 0.5)
    elif kind == "completes":
        pod.then(middle, done="Succeeded", completed=middle - 0.25)
    pod.gone(end)


def held(script: Script, pod: Pod) -> float:
    """Return the GiB-minutes of *pod* that sightings allow."""
    seen = [
        (minute, state)
        for minute in range(DAY + 1)
        if (state := pod.shown(minute)) and any(minute not in script.missed[target] for target in pod.targets)
    ]
    seen = [(minute, state) for minute, state in seen if state.scheduled is not None]
    if not seen:
        return 0.0
    running = [minute for minute, state in seen if state.done is None]
    _, latest = seen[-1]
    end = latest.completed if latest.done else max(running)
    end = end if latest.deleted is None else min(end, latest.deleted)
    total, since, size = 0.0, latest.scheduled, None
    for minute, state in seen:
        now = state.containers[0]["memory"] / GIB
        if size is not None and now != size:
            change = min(minute, end)
            total, since = total + size * (change - since), change
        size = now
    return total + size * (end - since)


def charged() -> str:
    """Return the query for what each user is charged, in GiB-minutes, as the ledger reads it: last samples, marks."""
    last, start, end = (
        f"last_over_time(jupyterhub_quota:pod_{name}[25h])" for name in ("request", "start_seconds", "end_seconds")
    )
    before = "last_over_time(jupyterhub_quota:pod_request_before[25h])"
    changed = "max_over_time(timestamp(jupyterhub_quota:pod_request_before)[25h:1m])"
    pod = "on (namespace, uid, username) group_left ()"
    # The last size from start to end, less what was not held of it from the start to the change.
    return f"""
        (
          sum by (username) ({last} * {pod} ({end} - {start}))
          - (
              sum by (username) (
                ({last} - {before}) * on (namespace, uid, username, resource)
                (clamp_max({changed} - {pod} {end}, 0) + {pod} ({end} - {start}))
              )
              or 0 * count by (username) ({end})
            )
        ) / {MINUTE * GIB}"""


def test_everybody_is_charged_what_was_seen():
    """Each user, and so the one who loses most, 99.9 % to 100.1 % of it."""
    script = day(seed=4)
    truth = dict.fromkeys(USERS, 0.0)
    for pod in script.pods:
        user = pod.changes[0][1].user
        if user is not None:
            truth[user] += held(script, pod)
    assert min(truth.values()) > 0
    known = " or ".join(f'label_replace(vector({t!r}), "username", {quoted(u)}, "", "")' for u, t in truth.items())

    error = f"abs({charged()} / on (username) ({known}) - 1)"
    script.must_give(f"count({error} < 0.001)", len(USERS))
