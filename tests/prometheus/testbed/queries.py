"""Queries over HTTP, with the standard library only: a test bed starts where nothing is installed."""

import json
import urllib.parse
import urllib.request
from typing import Any


def query(url: str, promql: str) -> list[dict[str, Any]]:
    """Return the rows of an instant query."""
    body = urllib.parse.urlencode({"query": promql}).encode()
    with urllib.request.urlopen(f"{url}/api/v1/query", data=body, timeout=10) as answer:  # noqa: S310 - on this machine
        return list(json.load(answer)["data"]["result"])


def seen(url: str) -> float | None:
    """Return up to when the ledger is known."""
    rows = query(url, "max(max_over_time(jupyterhub_quota:seen_seconds[1h]))")
    return float(rows[0]["value"][1]) if rows else None


def quoted(text: str) -> str:
    """Return *text* as a string of OpenMetrics."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
