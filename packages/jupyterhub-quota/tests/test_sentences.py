"""
The words of every situation, literally.

They are what users read on the pages of the hub, on the usage page and at the command line, and what docs/sentences.md
lists.
"""

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jupyterhub_quota import Reading, Reason, Request, Resource, Session, Status, Subject, parse_policy
from jupyterhub_quota.decide import decide, decide_unknown
from jupyterhub_quota.last_stop import last_stop
from jupyterhub_quota.sentences import decision_sentence, moment, status_sentence

GIB = 2**30
HOUR = 3600
AT = 1_762_000_000.0  # 1 November 2025, 13:26:40 in Berlin
POLICY = """
groups:
  regular: {memory: 60 GiB-hours, gpu: 0}
  gpu-dev: {memory: 640 GiB-hours, gpu: 160 GPU-hours, cpu: unlimited}
  course:
    memory: [100 GiB-hours, {limit: 16 GiB-hours, window: 1d}]
    gpu: 0
default: {memory: 20 GiB-hours, gpu: 0}
exempt: {groups: [staff]}
timezone: Europe/Berlin
contact: "Ask for more at help@example.org."
"""


def s(start, end, memory=4, *, server="", alive=False, **amounts):
    """Return a session whose times are hours before the present."""
    request = Request(memory=memory * GIB, **amounts)
    return Session(f"{start}{server}", "ann", server, AT - start * HOUR, AT - end * HOUR, request, alive=alive)


def told(*sessions, groups=("regular",), memory=4, keys="", server="", complete_since=None, **amounts):
    """Return what ann reads, but for the reference."""
    policy = parse_policy(POLICY + keys)
    request = Request(memory=memory * GIB, **amounts)
    decision = decide(policy, Subject("ann", frozenset(groups)), server, request, Reading(sessions, AT), AT)
    stop = last_stop(policy, decision, sessions)
    decision = replace(decision, complete_since=complete_since, reference="7f3a", last_stop=stop)
    return decision_sentence(decision, policy)


def told_unknown(keys, reason):
    policy = parse_policy(POLICY + keys)
    decision = decide_unknown(policy, Subject("ann"), "", Request(), AT, "away", reason)
    return decision_sentence(replace(decision, reference="7f3a"), policy)


SITUATIONS = [
    pytest.param(name, say, expected, id=name)
    for name, say, expected in [
        (
            "Allowed",
            lambda: told(s(20, 7.5)),
            (
                "You have used 50 of 60 GiB-hours of memory in the last 30 days. This server reserves 4 GiB and "
                "can run for about 2 h 30 min, then no new server starts."
            ),
        ),
        (
            "Allowed, and stopped when the quota is used up",
            lambda: told(s(20, 7.5), keys="while_running: stop"),
            (
                "You have used 50 of 60 GiB-hours of memory in the last 30 days. This server reserves 4 GiB and "
                "can run for about 2 h 30 min, then it is stopped."
            ),
        ),
        (
            "Allowed, where launches are only warned",
            # Nothing is stopped then, whatever `while_running` says.
            lambda: told(s(20, 7.5), keys="at_launch: warn\nwhile_running: stop"),
            (
                "You have used 50 of 60 GiB-hours of memory in the last 30 days. This server reserves 4 GiB and "
                "can run for about 2 h 30 min, then your quota is used up."
            ),
        ),
        (
            "Allowed beside another server",
            lambda: told(s(20, 10), s(1, 0, server="other", alive=True), server="new"),
            (
                "You have used 44 of 60 GiB-hours of memory in the last 30 days. This server reserves 4 GiB and "
                "can run for about 2 hours beside your other server, then no new server starts."
            ),
        ),
        (
            "Allowed, and never used up",
            lambda: told(memory=0.05),
            (
                "You have used 0 of 60 GiB-hours of memory in the last 30 days. This server reserves 51.2 MiB "
                "and can run for as long as you like."
            ),
        ),
        (
            "Allowed, with a short history",
            lambda: told(s(20, 7.5), complete_since=AT - 3 * 86_400),
            (
                "You have used 50 of 60 GiB-hours of memory in the last 30 days. (Counted since 29 Oct 13:27 "
                "CET.) This server reserves 4 GiB and can run for about 2 h 30 min, then no new server starts."
            ),
        ),
        (
            "Allowed, since nothing limits it",
            lambda: told(memory=0, cpu=3),
            "Your quota does not limit this server.",
        ),
        (
            "Exempt",
            lambda: told(s(20, 7.5), groups=("regular", "staff")),
            "You are exempt from quotas. You have used 50 of 60 GiB-hours of memory in the last 30 days.",
        ),
        (
            "Used up",
            lambda: told(s(700, 685)),
            (
                "You have used all of your memory quota (60 GiB-hours in 30 days), so this server cannot start. "
                "It can start again on 2 Nov 9:27 CET for about 2 hours. Your quota comes from the group "
                "regular. Just been given more? Sign out and in again. Ask for more at help@example.org. "
                "(reference 7f3a)"
            ),
        ),
        (
            "Used up, and the last server was stopped for it",
            lambda: told(s(15.3, 0.05), keys="while_running: stop"),
            (
                "You have used all of your memory quota (60 GiB-hours in 30 days), so this server cannot start. "
                "Your last server ended today at 13:24 CET: servers are stopped when the quota is used up, as it was "
                "today at 13:09 CET. It can start again on 30 Nov 22:24 CET for about 2 hours. Your quota comes from "
                "the group regular. Just been given more? Sign out and in again. Ask for more at help@example.org. "
                "(reference 7f3a)"
            ),
        ),
        (
            "Used up, one of several windows",
            lambda: told(s(8, 4), groups=("course",)),
            (
                "You have used all of your memory quota (16 GiB-hours in 24 hours), so this server cannot start. "
                "It can start again on 2 Nov 5:27 CET for about 2 hours. Your quota comes from the group course. "
                "Just been given more? Sign out and in again. Ask for more at help@example.org. "
                "(reference 7f3a)"
            ),
        ),
        (
            "Used up, with other servers running",
            lambda: told(s(8, 4), s(1, 0, memory=1, server="other", alive=True), groups=("course",), server="new"),
            (
                "You have used all of your memory quota (16 GiB-hours in 24 hours), so this server cannot start. "
                "It can start again on 2 Nov 5:42 CET for about 2 hours if your other servers are stopped now. "
                "Your quota comes from the group course. Just been given more? Sign out and in again. Ask for "
                "more at help@example.org. (reference 7f3a)"
            ),
        ),
        (
            "Used up, without a group of one's own",
            lambda: told(s(20, 14.9), groups=()),
            (
                "You have used all of your memory quota (20 GiB-hours in 30 days), so this server cannot start. "
                "It can start again on 30 Nov 17:33 CET for about 2 hours. None of your groups has a quota of "
                "its own, so the default counts. Just been given more? Sign out and in again. Ask for more at "
                "help@example.org. (reference 7f3a)"
            ),
        ),
        (
            "Too little left for this size",
            lambda: told(s(20, 5.125), memory=16),
            (
                "You have used 59.5 of 60 GiB-hours of memory in the last 30 days: too little is left for this "
                "server, which reserves 16 GiB. One of up to 3 GiB can start now. This server can start again on "
                "30 Nov 17:50 CET for about 10 minutes, on 30 Nov 23:20 for about 2 hours. Your quota comes from "
                "the group regular. Just been given more? Sign out and in again. Ask for more at "
                "help@example.org. (reference 7f3a)"
            ),
        ),
        (
            "Too little left of two resources",
            lambda: told(s(200, 40.1, gpu=1.0), groups=("gpu-dev",), gpu=2),
            (
                "You have used 639.6 of 640 GiB-hours of memory in the last 30 days: too little is left for this "
                "server, which reserves 4 GiB. Too little is left of your GPU quota (160 GPU-hours in 30 days), "
                "too. This server can start again on 23 Nov 5:31 CET for about 10 minutes, on 23 Nov 7:21 for "
                "about 2 hours. Your quota comes from the group gpu-dev. Just been given more? Sign out and in "
                "again. Ask for more at help@example.org. (reference 7f3a)"
            ),
        ),
        (
            "Never possible",
            lambda: told(memory=400),
            (
                "This server reserves 400 GiB: your memory quota (60 GiB-hours in 30 days) is too small to run "
                "it for 10 minutes. Choose one of up to 360 GiB. Your quota comes from the group regular. Just "
                "been given more? Sign out and in again. Ask for more at help@example.org. (reference 7f3a)"
            ),
        ),
        (
            "A limit of 0",
            lambda: told(gpu=1),
            (
                "Your GPU quota is 0, so this server cannot start: it reserves 1 GPU. Choose one without GPUs. "
                "Your quota comes from the group regular. Just been given more? Sign out and in again. Ask for "
                "more at help@example.org. (reference 7f3a)"
            ),
        ),
        (
            "A limit of 0, and another quota used up",
            lambda: told(s(700, 685), gpu=1),
            (
                "Your GPU quota is 0, so this server cannot start: it reserves 1 GPU. Too little is left of your "
                "memory quota (60 GiB-hours in 30 days), too. Your quota comes from the group regular. Just been "
                "given more? Sign out and in again. Ask for more at help@example.org. (reference 7f3a)"
            ),
        ),
        (
            "Other servers hold what is left",
            lambda: told(s(1, 0, memory=56, server="other", alive=True), server="new"),
            (
                "You have used 56 of 60 GiB-hours of memory in the last 30 days. Your other servers hold what is "
                "left, so this server cannot start beside them. Stop one that you do not need, and try again. "
                "Without them it can run for about 2 hours if it is started on 1 Dec 11:27 CET. Your quota comes "
                "from the group regular. Just been given more? Sign out and in again. Ask for more at "
                "help@example.org. (reference 7f3a)"
            ),
        ),
        (
            "Only warned",
            lambda: told(s(20, 5), keys="at_launch: warn"),
            (
                "You have used all of your memory quota (60 GiB-hours in 30 days), and this server needs more. "
                "It starts all the same: this hub only warns at present."
            ),
        ),
        (
            "Not enforced",
            lambda: told(s(20, 5), keys="at_launch: ignore"),
            "Quotas are not enforced at the moment.",
        ),
        (
            "In the admin's own words",
            lambda: told(s(700, 685), keys='messages: {refused: "{sentence} See https://hub.example.org/quota"}'),
            (
                "You have used all of your memory quota (60 GiB-hours in 30 days), so this server cannot start. "
                "It can start again on 2 Nov 9:27 CET for about 2 hours. Your quota comes from the group "
                "regular. Just been given more? Sign out and in again. See https://hub.example.org/quota "
                "(reference 7f3a)"
            ),
        ),
        (
            "Not known, and refused",
            lambda: told_unknown("when_unknown: refuse", Reason.NOT_KNOWN),
            (
                "How much you have used is not known at the moment, so this server cannot start. Please try "
                "again in a few minutes. (reference 7f3a)"
            ),
        ),
        (
            "Not known, and allowed",
            lambda: told_unknown("when_unknown: allow", Reason.NOT_KNOWN),
            "How much you have used is not known at the moment. This server starts all the same.",
        ),
        (
            "A fault in the quota system",
            lambda: told_unknown("when_unknown: refuse", Reason.ERROR),
            (
                "Your quota could not be checked because of a fault in this hub, so this server cannot start. "
                "Please tell the hub's admins. (reference 7f3a)"
            ),
        ),
        (
            "A fault, and only warned",
            lambda: told_unknown("at_launch: warn", Reason.ERROR),
            "Your quota could not be checked because of a fault in this hub. This server starts all the same.",
        ),
    ]
]


@pytest.mark.parametrize(("name", "say", "expected"), SITUATIONS)
def test_every_situation_has_its_own_words(name, say, expected):
    """Hook, page, command line and API say these."""
    assert expected == say()


@pytest.mark.parametrize(("name", "say", "expected"), SITUATIONS)
def test_the_documentation_lists_every_situation(name, say, expected):
    """An admin can read beforehand what users will read."""
    page = Path(__file__).parents[3] / "docs" / "sentences.md"

    assert f"## {name}\n\n> {expected}\n" in page.read_text(encoding="utf-8")


class TestStatus:
    """One quota with its usage."""

    def test_of_memory(self):
        """Two numbers in one unit."""
        status = Status(Resource.MEMORY, 60 * GIB * HOUR, 30 * 24 * HOUR, 50 * GIB * HOUR, "regular")

        expected = "You have used 50 of 60 GiB-hours of memory in the last 30 days."
        assert expected == status_sentence(status, AT, None, ZoneInfo("UTC"))

    def test_of_gpus(self):
        """GPU-hours say of what."""
        status = Status(Resource.GPU, 160 * HOUR, 24 * HOUR, 12.5 * HOUR, "gpu-dev")

        expected = "You have used 12.5 of 160 GPU-hours in the last 24 hours."
        assert expected == status_sentence(status, AT, None, ZoneInfo("UTC"))

    def test_of_a_limit_of_0(self):
        """Says what follows."""
        status = Status(Resource.GPU, 0.0, 24 * HOUR, 0.0, None)

        assert "Your GPU quota is 0: servers that reserve GPUs cannot start." == status_sentence(
            status, AT, None, ZoneInfo("UTC")
        )

    def test_of_what_is_unlimited(self):
        """Still counted and shown."""
        status = Status(Resource.CPU, float("inf"), 24 * HOUR, 3 * HOUR, None)

        expected = "Your use of CPU is not limited. You have used 3 core-hours in the last 24 hours."
        assert expected == status_sentence(status, AT, None, ZoneInfo("UTC"))


class TestMoments:
    """Times as people say them, with their zone, never too early."""

    def test_later_today(self):
        """The day is left out."""
        assert "today at 15:27 CET" == moment(AT + 2 * HOUR, AT, ZoneInfo("Europe/Berlin"))

    def test_on_another_day(self):
        """Day, month, clock, zone."""
        assert "on 3 Nov 13:27 CET" == moment(AT + 48 * HOUR, AT, ZoneInfo("Europe/Berlin"))

    def test_in_another_year(self):
        """The year is named."""
        assert "on 1 Jan 2026 12:27 UTC" == moment(AT + 61 * 24 * HOUR, AT, ZoneInfo("UTC"))

    def test_a_whole_minute_stays(self):
        """Noise of floats does not make it a minute later."""
        assert "today at 13:00 CET" == moment(AT - AT % HOUR + 1e-7, AT, ZoneInfo("Europe/Berlin"))


def test_a_name_that_looks_like_a_placeholder_stays_as_it_is():
    """What users are called is text, not a template."""
    policy = parse_policy("default: {memory: 1 GiB-hour}\nmessages: {refused: '{user}: {sentence}'}")
    decision = decide(policy, Subject("{sentence}%s"), "", Request(memory=100 * GIB), Reading((), AT), AT)

    assert decision_sentence(decision, policy).startswith("{sentence}%s: This server reserves 100 GiB")
