"""
Decisions and reports as JSON, for programs.

Base units, times as seconds since the epoch, and nothing that strict JSON lacks: what is unlimited or not known is
null. The names are stable; `docs/json.md` explains them.
"""

import math
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from jupyterhub_quota.decision import Decision, Status
from jupyterhub_quota.engine import Report
from jupyterhub_quota.sentences import status_sentence
from jupyterhub_quota.session import Session

Json: TypeAlias = dict[str, Any]


def decision_json(decision: Decision) -> Json:
    """Return *decision* as a JSON object."""
    return {
        "allowed": decision.allowed,
        "outcome": decision.outcome.value,
        "reason": decision.reason.value,
        "sentence": decision.sentence,
        "reference": decision.reference,
        "runtime_seconds": number(decision.runtime),
        "refills": [{"runtime_seconds": refill.runtime, "at": refill.at} for refill in decision.refills],
        "at": decision.at,
        "as_of": decision.as_of,
        "complete_since": decision.complete_since,
        "quotas": [{**_quota(status), "blocking": status.blocking is not None} for status in decision.statuses],
    }


def report_json(report: Report, timezone: ZoneInfo) -> Json:
    """Return *report* as a JSON object, with times in its sentences told in *timezone*."""
    return {
        "user": report.subject.name,
        "groups": sorted(report.subject.groups),
        "at": report.at,
        "as_of": report.as_of,
        "complete_since": report.complete_since,
        "quotas": [
            {**_quota(status), "sentence": status_sentence(status, report.at, report.complete_since, timezone)}
            for status in report.statuses
        ],
        "running": [running_json(session) for session in report.running],
    }


def running_json(session: Session) -> Json:
    """Return a session that is alive as a JSON object."""
    return {"server": session.server, "start": session.start, "request": dict(session.request.as_mapping())}


def number(value: float | None) -> float | None:
    """Return *value* as JSON has it: null for what has no end or is no number."""
    return value if value is not None and math.isfinite(value) else None


def _quota(status: Status) -> Json:
    return {
        "resource": status.resource.value,
        "window_seconds": status.window,
        "limit": number(status.limit),
        "used": status.used,
        "remaining": number(status.remaining),
        "group": status.group,
    }
