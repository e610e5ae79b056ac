"""What a plain query over HTTP reads from the ledger."""

import json
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Row:
    """A session as it is read back."""

    uid: str
    user: str
    start: float = float("nan")
    end: float = float("nan")
    requests: dict[str, float] = field(default_factory=dict)
    resized: bool = False

    def seconds(self) -> float:
        """Return how long it is charged."""
        return max(0.0, self.end - self.start)

    def charged(self, resource: str) -> float:
        """Return what it is charged of *resource*; a pod that was never seen to have its node is charged nothing."""
        return self.requests.get(resource, 0.0) * self.seconds() if self.end > self.start else 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of somebody's, or everybody's, sessions."""

    rows: tuple[Row, ...]
    as_of: float | None  # None: not known
    complete_since: float | None

    def charged(self, resource: str = "memory", user: str | None = None) -> float:
        """Return what *user*, or everybody, is charged of *resource*."""
        return sum(row.charged(resource) for row in self.rows if user in {None, row.user})

    def alive(self) -> tuple[Row, ...]:
        """Return the sessions that were there when last looked."""
        return tuple(row for row in self.rows if self.as_of is not None and row.end >= self.as_of)


def query(url: str, promql: str) -> list[dict[str, Any]]:
    """Return the rows of an instant query; VictoriaMetrics holds back the last 30 s unless it is told otherwise."""
    body = urllib.parse.urlencode({"query": promql, "latency_offset": "1ms"}).encode()
    with urllib.request.urlopen(f"{url}/api/v1/query", data=body, timeout=10) as answer:  # noqa: S310 - on this machine
        return list(json.load(answer)["data"]["result"])


def quoted(text: str) -> str:
    """Return *text* as a PromQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def read(url: str, user: str | None = None, window: str = "1h") -> Reading:
    """Return what the ledger at *url* knows of *user*, or of everybody, in one query."""
    who = "" if user is None else f"{{username={quoted(user)}}}"
    series = {
        "request": f"avg_over_time(jupyterhub_quota:pod_request{who}[{window}])",
        "start": f"min_over_time(jupyterhub_quota:pod_start_seconds{who}[{window}])",
        "end": f"max_over_time(jupyterhub_quota:pod_end_seconds{who}[{window}])",
        "resized": f"count_over_time(jupyterhub_quota:pod_request_before{who}[{window}])",
        "as_of": f"max(max_over_time(jupyterhub_quota:seen_seconds[{window}]))",
        "since": f"min(min_over_time(jupyterhub_quota:seen_seconds[{window}]))",
    }
    union = " or ".join(f'label_replace({expression}, "stat", "{stat}", "", "")' for stat, expression in series.items())
    rows: dict[str, Row] = {}
    hub: dict[str, float] = {}
    for each in query(url, union):
        labels, value = each["metric"], float(each["value"][1])
        stat = labels["stat"]
        if stat in {"as_of", "since"}:
            hub[stat] = value
            continue
        row = rows.setdefault(labels["namespace"] + "/" + labels["uid"], Row(labels["uid"], labels["username"]))
        match stat:
            case "request":
                row.requests[labels["resource"]] = value
            case "start":
                row.start = value
            case "end":
                row.end = value
            case "resized":
                row.resized = True
    return Reading(tuple(rows.values()), hub.get("as_of"), hub.get("since"))


def segments(url: str, row: Row, resource: str, window: str = "1h") -> list[tuple[float, float, float]]:
    """
    Return from when to when the resized session *row* requested how much of *resource*.

    Each mark says, at the time of a change, what was requested up to then; the last request holds to the end.
    """
    who = f'{{uid={quoted(row.uid)},resource="{resource}"}}'
    marks = query(url, f"jupyterhub_quota:pod_request_before{who}[{window}]")
    (last,) = query(url, f"last_over_time(jupyterhub_quota:pod_request{who}[{window}])")
    found = []
    since = row.start
    for at, amount in [each for series in marks for each in series["values"]]:
        found.append((since, at, float(amount)))
        since = at
    return [*found, (since, row.end, float(last["value"][1]))]
