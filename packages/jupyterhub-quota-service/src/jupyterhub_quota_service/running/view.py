"""From what the rounds found to the answers about it. Pure."""

from collections.abc import Iterable
from typing import Any

from jupyterhub_quota import (
    HeldBack,
    Plan,
    Policy,
    advice_sentence,
    explain_running,
    format_used,
    notice_sentence,
)
from jupyterhub_quota import Notice as Found
from jupyterhub_quota_service import words
from jupyterhub_quota_service.models_running import Ends, Notice, StoppedServer
from jupyterhub_quota_service.running.models import Deed, Line, RunningServers
from jupyterhub_quota_service.running.rounds import Rounds, State

MOST_DEEDS = 100
# Whoever comes back the next day still reads why.
DAY_SECONDS = 24 * 3600.0

WHY = {
    HeldBack.LEDGER: "usage is not known",
    HeldBack.HUB: "the hub does not answer",
    HeldBack.POLICY: "the newest policy is broken",
    HeldBack.CLOCK: "the clock was set",
    HeldBack.AT_LAUNCH: "launches are not refused, either",
    HeldBack.BRAKE: "an admin is asked first",
    HeldBack.CHANGED: "something changed at the last moment",
}


def ends(rounds: Rounds, user: str, at: float) -> Ends:
    """Return what *user* must know of servers that end, the first end first, and of those that were stopped."""
    good, policy = rounds.state.good, rounds.state.policy
    if good is None or policy is None:
        return Ends()
    stopped = rounds.deeds.stopped(user, within=DAY_SECONDS, at=at)
    # A server that was stopped since needs no warning any more.
    done = {(event["server"], event["started"]) for event in stopped}
    return Ends(
        tuple(
            _notice(each, policy, at)
            for each in good.notices
            if each.server.user == user and each.server.key[1:] not in done
        ),
        tuple(
            StoppedServer(
                server=event["server"],
                server_text=words.server_text(event["server"]),
                at=event["at"],
                sentence=event["sentence"],
                reference=event["reference"],
            )
            for event in stopped
        ),
    )


def running_servers(state: State, events: Iterable[dict[str, Any]], policy: Policy, at: float) -> RunningServers:
    """Return what admins see."""
    good, last, zone = state.good, state.last, policy.timezone
    events = tuple(events)
    latest = sorted(events, key=lambda event: float(event["at"]), reverse=True)[:MOST_DEEDS]
    # Until the next round they are still among those that were judged.
    done = {(each["user"], each["server"], each["started"]) for each in events if each["action"] == "stopped"}
    return RunningServers(
        mode=policy.while_running.value,
        at=last.at if last else None,
        good=good.at if good else None,
        good_text=words.when(good.at, at, zone) if good else "",
        problem=last.doubt.problem if last and last.doubt else None,
        running=good.running if good else 0,
        unmatched=good.unmatched if good else 0,
        brake=bool(good and good.brake),
        brake_text=_brake(good, state.policy or policy) if good and good.brake else "",
        servers=tuple(
            line
            for line in (_lines(good, last or good, state.policy or policy, at) if good else ())
            if (line.user, line.server, line.started) not in done
        ),
        deeds=tuple(
            Deed(
                action=event["action"],
                at=event["at"],
                at_text=words.when(event["at"], at, zone),
                user=event["user"],
                server=event["server"],
                reference=event["reference"],
                explanation=tuple(explain_running(event).splitlines()),
            )
            for event in latest
        ),
    )


def _notice(found: Found, policy: Policy, at: float) -> Notice:
    return Notice(
        server=found.server.name,
        server_text=words.server_text(found.server.name),
        resource=found.resource.value,
        used_up=found.over,
        stops=found.stops,
        ends=found.ends,
        ends_text=words.when(found.ends, at, policy.timezone),
        seconds_left=max(0.0, found.ends - at),
        sentence=notice_sentence(found, policy, at),
        advice=advice_sentence(found, policy),
    )


def _lines(good: Plan, last: Plan, policy: Policy, at: float) -> Iterable[Line]:
    held = {notice.server.key: why for notice, why in last.held_back}
    late = {notice.server.key for notice in good.late}
    for notice in good.notices:
        status, why = notice.blocking, held.get(notice.server.key)
        yield Line(
            user=notice.server.user,
            server=notice.server.name,
            started=notice.server.started,
            resource=notice.resource.value,
            used_up=notice.over,
            used_up_since=notice.used_up if notice.over else None,
            used_text=format_used(status.resource, status.used, status.limit),
            group_text=words.source(status.group),
            stops=notice.stops,
            ends=notice.ends,
            ends_text=words.when(notice.ends, at, policy.timezone),
            late=notice.server.key in late,
            held_back=why.value if why else None,
            held_back_text=WHY[why] if why else "",
            sentence=notice_sentence(notice, policy, at),
        )


def _brake(plan: Plan, policy: Policy) -> str:
    waiting, all_of_them = len(plan.late), plan.running
    return (
        f"The quota of {waiting} of {all_of_them} servers was used up long before that was first seen: more than "
        f"{policy.brake:.0%}. A wrong policy or wrong data may be why, so none of them is stopped until an admin lets "
        "them go."
    )
