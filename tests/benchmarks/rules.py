"""
Compare the emulated series with what the real rule engine makes of what is shown, point by point.

promtool plays the shown series of some users for a day, a sample a minute, and evaluates the rules as shipped, in their
order, with staleness. There is no time between a scrape and an evaluation then, which the histories have.
"""

import json
import subprocess
from datetime import timedelta

from programs import program
from promtool_time import RULES, Script
from series import GROUPS, Series, heartbeat, recorded
from sessions import DAY, END, HOUR, MINUTE, Session, sessions


def compare(users: int, hours: int = 24) -> tuple[int, str]:
    """
    Compare the series of *users* people in the last *hours* of history.

    Returns:
        How many samples were compared, and what promtool objects; "" for nothing.
    """
    begin = END - hours * HOUR
    history = [each for each in sessions(users, hours * HOUR // DAY + 1) if each.end > begin]
    points = expected(history, begin, hours)
    tests = [
        {"expr": name, "eval_time": f"{minute}m", "exp_samples": rows}
        for (name, minute), rows in points.items()
        if minute > 0
    ]
    document = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": shown(history, begin, hours), "promql_expr_test": tests}],
    }
    told = subprocess.run(
        [str(program("promtool")), "test", "rules", "/dev/stdin"],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        timeout=timedelta(minutes=10).total_seconds(),
        check=False,
    )
    count = sum(len(test["exp_samples"]) for test in tests)
    return count, "" if told.returncode == 0 else (told.stdout + told.stderr).strip()[:2000]


def shown(history: list[Session], begin: int, hours: int) -> list[dict[str, str]]:
    """Return what is shown of the pods in promtool's notation; times are relative to *begin*, which may be before."""
    script = Script(minutes=hours * 60)
    script.hub()
    for session in history:
        pod = script.pod(
            max(0, (session.start - begin) / MINUTE),
            name=session.pod,
            user=session.user,
            server=session.server or None,
            profile=session.profile,
            groups=GROUPS,
            scheduled=(session.start - begin) / MINUTE,
            containers=(session.requests,),
        )
        pod.uid = session.uid
        pod.gone((session.end - begin) / MINUTE)
    return script.input_series()


def expected(history: list[Session], begin: int, hours: int) -> dict[tuple[str, int], list[dict[str, object]]]:
    """Return the rows that each recorded series should have at each minute."""
    points: dict[tuple[str, int], list[dict[str, object]]] = {}

    def add(series: Series, minute: int) -> None:
        name = series.labels["__name__"]
        points[name, minute].append({"labels": written(series), "value": value(series, minute)})

    names = {each.labels["__name__"] for each in (*heartbeat(), *(s for one in history for s in recorded(one)))}
    for minute in range(hours * 60 + 1):
        for name in names:
            points[name, minute] = []
        for each in heartbeat():
            add(each, minute)
        for session in history:
            if session.start <= begin + minute * MINUTE < session.end:
                for each in recorded(session):
                    start = each.labels["__name__"].endswith("pod_start_seconds")
                    add(Series(each.labels, float(session.start - begin)) if start else each, minute)
    return points


def value(series: Series, minute: int) -> float:
    """Return what *series* is at *minute*, where time begins at 0."""
    return series.at(float(minute * MINUTE))


def written(series: Series) -> str:
    """Return the series with its labels as promtool reads it."""
    labels = {name: text for name, text in series.labels.items() if name != "__name__"}
    if "instance" in labels:
        labels["instance"] = "ksm-1"  # where promtool_time shows pods
    pairs = ",".join(f"{name}={json.dumps(text)}" for name, text in labels.items())
    return f"{series.labels['__name__']}{{{pairs}}}"
