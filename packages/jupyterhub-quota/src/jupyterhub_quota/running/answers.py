"""
What lies ahead of servers as JSON, for programs.

As in `jupyterhub_quota.answers`: base units, times as seconds since the epoch, null for what is not known. The names
are stable; `docs/json.md` explains them.
"""

from jupyterhub_quota.answers import Json, number
from jupyterhub_quota.policy import Policy
from jupyterhub_quota.running.notice import Notice
from jupyterhub_quota.running.plan import HeldBack, Plan
from jupyterhub_quota.running.sentences import advice_sentence, notice_sentence


def notice_json(notice: Notice, policy: Policy, at: float) -> Json:
    """Return what lies ahead of one server as a JSON object."""
    return {
        "user": notice.server.user,
        "groups": sorted(notice.server.groups),
        "server": notice.server.name,
        "started": notice.server.started,
        "resource": notice.resource.value,
        "used_up": notice.over,
        "used_up_since": notice.used_up if notice.over else None,
        "runs_out": notice.runs_out,
        "stops": notice.stops,
        "ends": notice.ends,
        "seconds_left": max(0.0, notice.ends - at),
        "others": len(notice.others),
        "quotas": quotas_json(notice),
        "sentence": notice_sentence(notice, policy, at),
        "advice": advice_sentence(notice, policy),
    }


def quotas_json(notice: Notice) -> list[Json]:
    """Return the quotas that count, with what is certainly used, as JSON."""
    return [
        {
            "resource": status.resource.value,
            "window_seconds": status.window,
            "limit": number(status.limit),
            "used": status.used,
            "group": status.group,
        }
        for status in notice.statuses
    ]


def plan_json(plan: Plan, policy: Policy) -> Json:
    """Return a round as a JSON object."""
    held: dict[object, HeldBack] = {notice.server.key: reason for notice, reason in plan.held_back}
    late = {notice.server.key for notice in plan.late}
    return {
        "at": plan.at,
        "as_of": plan.as_of,
        "complete_since": plan.complete_since,
        "while_running": policy.while_running.value,
        "at_launch": policy.at_launch.value,
        "running": plan.running,
        "unmatched": plan.unmatched,
        "brake": plan.brake,
        "servers": [
            {
                **notice_json(notice, policy, plan.at),
                "late": notice.server.key in late,
                "held_back": reason.value if (reason := held.get(notice.server.key)) else None,
            }
            for notice in plan.forecasts
        ],
    }
