"""Running servers: one rule each. `test_running_rules.py` has them all at once, in any order."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from jupyterhub_quota import (
    RUNNING_SCHEMA,
    Action,
    AtLaunch,
    HeldBack,
    InputError,
    Memory,
    QuotaEngine,
    Reading,
    Request,
    RunningServer,
    Session,
    Subject,
    WhileRunning,
    advice_sentence,
    explain_running,
    look,
    notice_sentence,
    parse_policy,
    plan_json,
    policy_warnings,
    running_event,
    stopped_sentence,
)
from jupyterhub_quota.crossing import used_up_since

GIB, HOUR, MINUTE = 2**30, 3600, 60
NOW = 1_777_636_800.0
POLICY = parse_policy(
    """
    groups:
      regular: {memory: 60 GiB-hours, gpu: 0}
      gpu-dev: {gpu: 2 GPU-hours}
    default: {memory: 20 GiB-hours, gpu: 0}
    exempt: {users: [carl]}
    while_running: stop
    timezone: Europe/Berlin
    contact: "Ask for more at help@example.org."
    """
)
SERVER = "singleuser-server"


def session(server="", *, hours, gib=4, gpu=0, user="ann", component=SERVER, alive=True, end=NOW):
    """Return a session of so many hours, up to *end*."""
    return Session(
        f"{user}/{server}/{hours}/{end}",
        user,
        server,
        end - hours * HOUR,
        end,
        Request(gib * GIB, 0, gpu),
        alive,
        f"pod-{server or 'default'}",
        component,
    )


def server_of(session, *groups):
    """Return the server of a session as the hub shows it."""
    return RunningServer(session.user, session.server, session.start - 20, frozenset(groups or ("regular",)))


def round_(sessions, servers, memory=None, *, minutes=0.0, policy=POLICY, **more):
    """Go one round so many minutes after NOW; all that runs still runs."""
    at = NOW + minutes * MINUTE
    seen = tuple(replace(each, end=at) if each.alive else each for each in sessions)
    return look(policy, Reading(seen, at), servers, memory or Memory(), at=at, ticks=at, **more)


class TestWhoIsStopped:
    """The subject's servers that hold what is used up."""

    def test_after_grace(self):
        """Used up 5 hours ago, first seen now: 15 minutes from now on, not before."""
        big = session(hours=20)
        first = round_([big], [server_of(big)])
        early = round_([big], [server_of(big)], first.memory, minutes=14.9)
        then = round_([big], [server_of(big)], early.memory, minutes=15)

        assert [NOW + 15 * MINUTE] == [notice.ends for notice in first.forecasts]
        assert ((), ()) == (first.stops, early.stops)
        assert [""] == [notice.server.name for notice in then.stops]

    def test_never_in_the_round_that_first_says_so(self):
        """Even without any grace."""
        policy, big = replace(POLICY, grace=0.0), session(hours=20)
        first = round_([big], [server_of(big)], policy=policy)

        assert () == first.stops
        assert 1 == len(round_([big], [server_of(big)], first.memory, minutes=1, policy=policy).stops)

    def test_others_go_on(self):
        """GPU-hours are used up: the server without a GPU is not stopped."""
        gpu, plain = session("gpu", hours=3, gib=1, gpu=1), session("plain", hours=3, gib=1)
        servers = [server_of(each, "regular", "gpu-dev") for each in (gpu, plain)]
        first = round_([gpu, plain], servers)

        then = round_([gpu, plain], servers, first.memory, minutes=16)

        assert ["gpu"] == [notice.server.name for notice in then.stops]

    def test_other_pods_count_and_are_named(self):
        """Dask workers use up the memory; a server that holds some is stopped, and its user reads of them."""
        small, workers = session(hours=10, gib=1), [session(hours=h, gib=8, component="dask-worker") for h in (8, 9)]
        first = round_([small, *workers], [server_of(small)])

        (notice,) = first.notices

        assert 2 == len(notice.others)
        assert "Pods of yours that are no servers use it, too: pod-default and pod-default." in notice_sentence(
            notice, POLICY, NOW
        )

    def test_other_pods_stop_no_server_that_holds_nothing(self):
        """A server without memory on record is not what uses it up."""
        none, worker = session(hours=10, gib=0), session(hours=8, gib=16, component="dask-worker")
        first = round_([none, worker], [server_of(none)])

        assert () == round_([none, worker], [server_of(none)], first.memory, minutes=30).stops

    def test_a_pod_that_is_no_server_is_never_taken_for_one(self):
        """Not by its empty server name, and not where its kind is not on record."""
        for component in ("dask-worker", ""):
            worker = session(hours=8, gib=16, component=component)
            first = round_([worker], [server_of(worker)])

            assert (1, ()) == (first.unmatched, first.forecasts)

    def test_started_must_match(self):
        """A session that began before the server was started is an earlier server's."""
        old = session(hours=20)
        server = replace(server_of(old), started=old.start + 60)

        plan = round_([old], [server], round_([old], [server]).memory, minutes=60)

        assert (1, ()) == (plan.unmatched, plan.stops)

    def test_back_under_the_limit(self):
        """Old use falls out meanwhile."""
        policy = parse_policy("default: {memory: 1 GiB-hours}\nwindow: 2h\nwhile_running: stop")
        old, runs = session(hours=0.25, alive=False, end=NOW - 1.75 * HOUR), session(hours=0.25, gib=1)
        first = round_([old, runs], [server_of(runs)], policy=policy)

        then = round_([old, runs], [server_of(runs)], first.memory, minutes=16, policy=policy)

        assert ([True], ()) == ([notice.over for notice in first.notices], then.stops)

    def test_exempt(self):
        """Never warned, never stopped."""
        big = session(hours=90, user="carl")
        first = round_([big], [server_of(big)])

        assert ((), ()) == (first.warnings, round_([big], [server_of(big)], first.memory, minutes=60).stops)

    def test_young_servers_are_left_alone(self):
        """One that started 9 minutes ago is not stopped, however short the grace."""
        policy, past, runs = replace(POLICY, grace=0.0), session(hours=61, gib=1, alive=False), session(hours=0.1)
        first = round_([past, runs], [server_of(runs)], policy=policy)

        assert () == round_([past, runs], [server_of(runs)], first.memory, minutes=3, policy=policy).stops
        assert 1 == len(round_([past, runs], [server_of(runs)], first.memory, minutes=4, policy=policy).stops)


class TestWarnings:
    """Each length of `warn_before` once, and once when it is used up."""

    def warned(self, plans):
        """Return after how many minutes there were warnings."""
        return [round((plan.at - NOW) / MINUTE) for plan in plans if plan.warnings]

    def rounds(self, runs, minutes, policy=POLICY, memory=None):
        """Go a round each minute."""
        plans = []
        for minute in range(minutes):
            plans.append(round_([runs], [server_of(runs)], memory, minutes=minute, policy=policy))
            memory = plans[-1].memory
        return plans

    def test_in_time(self):
        """14 of 15 hours have passed: used up in an hour, stopped in 75 minutes."""
        plans = self.rounds(session(hours=14), 76)

        assert [15, 61, 66] == self.warned(plans)
        assert [76 - 1] == [round((plan.at - NOW) / MINUTE) for plan in plans if plan.stops] or not plans[-1].stops

    def test_hovering_repeats_nothing(self):
        """Use goes as quickly as it comes: over and under by turns, one warning and no new grace."""
        policy = parse_policy(
            "default: {memory: 1 GiB-hours}\nwindow: 2h\nminimum_runtime: 10m\nsession: 10m\nwhile_running: warn"
        )
        # Until now a GiB every other minute, from now on half a GiB all the time.
        past = [
            session("past", hours=1 / 60, gib=1, alive=False, end=NOW - (2 * each - 1) * MINUTE)
            for each in range(1, 60)
        ]
        runs, memory, over, told = session(hours=0.01, gib=0.5), None, [], 0
        for minute in range(60):
            plan = round_([*past, runs], [server_of(runs, "none")], memory, minutes=minute, policy=policy)
            memory, told = plan.memory, told + len(plan.warnings)
            over.append(any(notice.over for notice in plan.notices))

        assert {True, False} == set(over[20:])
        assert told <= 2

    def test_a_policy_that_only_warns(self):
        """Nothing is stopped, and the sentence says what follows."""
        policy, big = parse_policy(POLICY.text.replace("while_running: stop", "while_running: warn")), session(hours=20)
        first = round_([big], [server_of(big)], policy=policy)

        then = round_([big], [server_of(big)], first.memory, minutes=600, policy=policy)

        assert ((), ()) == (then.stops, then.held_back)
        assert (
            "You have used all of your memory quota (60 GiB-hours in 30 days). Your default server runs on, but no new "
            "one starts." == notice_sentence(then.notices[0], policy, then.at)
        )


class TestDoubt:
    """Stops nobody."""

    def test_what_is_certain_is_what_was_seen(self):
        """A server that was last seen before the quota was used up may have ended."""
        runs = replace(session(hours=15), end=NOW - MINUTE)
        reading = Reading((runs,), NOW - MINUTE)

        plan = look(POLICY, reading, [server_of(runs)], Memory(), at=NOW, ticks=NOW)

        assert [False] == [notice.over for notice in plan.notices]

    @pytest.mark.parametrize("at_launch", [AtLaunch.WARN, AtLaunch.IGNORE])
    def test_launches_that_are_not_refused(self, at_launch):
        """Stopping what may start again at once helps nobody."""
        policy, big = replace(POLICY, at_launch=at_launch), session(hours=20)
        first = round_([big], [server_of(big)], policy=policy)

        then = round_([big], [server_of(big)], first.memory, minutes=16, policy=policy)

        assert ((), [HeldBack.AT_LAUNCH]) == (then.stops, [why for _, why in then.held_back])
        assert (at_launch is AtLaunch.WARN) == bool(then.notices)

    def test_the_policy_check_says_so(self):
        """Before anybody wonders why nothing is stopped."""
        (warning,) = policy_warnings(
            parse_policy("default: {memory: 1 GiB-hours}\nwhile_running: stop\nat_launch: warn")
        )

        assert warning.startswith("while_running says stop and at_launch warn, so no server is stopped")

    def test_a_short_history_is_no_doubt(self):
        """What is known to be used up is used up."""
        big = session(hours=20)
        reading = Reading((big,), NOW, complete_since=big.start)

        assert 1 == len(look(POLICY, reading, [server_of(big)], Memory(), at=NOW, ticks=NOW).warnings)


class TestTheWords:
    """What people read, before and afterwards."""

    def test_before(self):
        """Until when, and what to do."""
        big = session("big", hours=14.75)
        (notice,) = round_([big], [server_of(big)]).notices

        assert (
            "With what runs now, your memory quota (60 GiB-hours in 30 days) is used up today at 14:15 CEST, and your "
            "server 'big' is stopped today at 14:30 CEST." == notice_sentence(notice, POLICY, NOW)
        )
        assert "Save your work. Stop what you do not need. Ask for more at help@example.org." == advice_sentence(
            notice, POLICY
        )

    def test_when_its_time_is_up_and_it_is_held_back(self):
        """No moment is promised that nobody knows."""
        big = session(hours=20)
        first = round_([big], [server_of(big)])
        (notice,) = round_([big], [server_of(big)], first.memory, minutes=16).notices

        assert (
            "You have used all of your memory quota (60 GiB-hours in 30 days). Your default server can be stopped at "
            "any moment." == notice_sentence(notice, POLICY, NOW + 16 * MINUTE)
        )

    def test_afterwards(self):
        """What happened, and why."""
        big = session(hours=20)
        (notice,) = round_([big], [server_of(big)]).notices

        assert (
            "Your default server was stopped today at 14:15 CEST: your memory quota (60 GiB-hours in 30 days) had been "
            "used up since today at 9:00 CEST."
            == stopped_sentence(notice, POLICY, NOW + 15 * MINUTE, NOW + 15 * MINUTE)
        )

    def test_the_documentation_lists_them(self):
        """An admin can read beforehand what users will read."""
        big, larger = session("big", hours=14.75), session(hours=20)
        only_warns = replace(POLICY, while_running=WhileRunning.WARN)

        def warned(one, policy=POLICY, minutes=0):
            memory = round_([one], [server_of(one)], policy=policy).memory
            (notice,) = round_([one], [server_of(one)], memory, policy=policy, minutes=minutes).notices
            return f"{notice_sentence(notice, policy, NOW + minutes * MINUTE)} {advice_sentence(notice, policy)}"

        (notice,) = round_([larger], [server_of(larger)]).notices
        told = {
            "A server that runs: before the quota is used up": warned(big),
            "A server that runs: before the quota is used up, where nothing is stopped": warned(big, only_warns),
            "A server that runs: used up": warned(larger),
            "A server that runs: used up, where nothing is stopped": warned(larger, only_warns),
            "A server that runs: its time is up": warned(larger, minutes=16),
            "A server that was stopped": stopped_sentence(notice, POLICY, NOW + 15 * MINUTE, NOW + 15 * MINUTE),
        }
        page = (Path(__file__).parents[3] / "docs" / "sentences.md").read_text(encoding="utf-8")

        assert {} == {name: text for name, text in told.items() if f"## {name}\n\n> {text}\n" not in page}

    async def test_the_next_launch_says_why_the_last_server_ended(self):
        """From the record alone, so that every ledger and every process can say it."""
        ended = session(hours=15.5, alive=False, end=NOW - MINUTE)

        class Record:
            async def read(self, *, since, at, user=None):
                return Reading((ended,), NOW)

            async def close(self):
                """Nothing is open."""

        decision = await QuotaEngine(POLICY, Record()).decide(
            Subject("ann", frozenset({"regular"})), Request(4 * GIB), at=NOW
        )

        told = "Your last server ended today at 13:59 CEST: servers are stopped when the quota is used up, as it was "
        assert f"{told}today at 13:29 CEST." in decision.sentence
        warns = parse_policy(POLICY.text.replace("while_running: stop", "while_running: warn"))
        silent = await QuotaEngine(warns, Record()).decide(
            Subject("ann", frozenset({"regular"})), Request(4 * GIB), at=NOW
        )
        assert "Your last server" not in silent.sentence


class TestEvents:
    """Warnings and stops say everything themselves."""

    def event(self, action=Action.STOPPED):
        """Return an event as it comes back from a log."""
        runs, worker = session("big", hours=10, gib=4), session(hours=9, gib=8, component="dask-worker")
        plan = round_([runs, worker], [server_of(runs)])
        event = running_event(action, plan.notices[0], plan, POLICY, at=NOW + 16 * MINUTE)
        return json.loads(json.dumps(event, allow_nan=False))

    def test_they_fit_their_schema(self):
        """The hub's event log checks it, too."""
        for action in Action:
            jsonschema.Draft202012Validator(RUNNING_SCHEMA).validate(self.event(action))

    def test_they_are_explained(self):
        """With the numbers and the moments."""
        assert (
            [
                "of 1 May 2026 14:16:00 CEST: memory.",
                "ann, in the group regular, ran the server 'big' with 4 GiB of memory since 1 May 2026 04:00:00 CEST.",
                "Usage was known as of 1 May 2026 14:00:00 CEST.",
                "- Memory (group regular): 112 of 60 GiB-hours used in the last 30 days.",
                "The same user also held it with the pod 'pod-default' (dask-worker, 8 GiB of memory) since 1 May 2026 05:00:00 CEST.",  # noqa: E501 - one line of the answer
                "It was used up at 1 May 2026 09:40:00 CEST; this was first seen at 1 May 2026 14:00:00 CEST.",
            ]
            == [line.partition("Stop ")[2][7:] or line for line in explain_running(self.event()).splitlines()[:6]]
        )
        assert "they were over, so it was stopped." in explain_running(self.event())
        assert "so the user was warned." in explain_running(self.event(Action.WARNED))

    def test_what_is_none_is_refused(self):
        """The message names the field."""
        with pytest.raises(
            InputError, match="not an event of version 1 about a running server: quotas: field required"
        ):
            explain_running({key: value for key, value in self.event().items() if key != "quotas"})

    @pytest.mark.parametrize("place", ["at", "runs_out", "as_of"])
    def test_a_time_that_no_calendar_has_is_refused(self, place):
        """It is an event about a running server that this is not."""
        with pytest.raises(InputError, match=r"not an event of version 1 about a running server: 1e\+300 is no time"):
            explain_running(self.event(Action.WARNED) | {"used_up": None, place: 1e300})

    def test_a_round_in_json(self):
        """Strict, and with why somebody is held back."""
        big = session(hours=20)
        policy = replace(POLICY, at_launch=AtLaunch.WARN)
        first = round_([big], [server_of(big)], policy=policy)
        plan = round_([big], [server_of(big)], first.memory, minutes=16, policy=policy)

        found = json.loads(json.dumps(plan_json(plan, policy), allow_nan=False))

        assert ["at-launch"] == [line["held_back"] for line in found["servers"]]


def test_since_when_a_quota_is_used_up():
    """The last time the use went beyond the limit: not an earlier one, and not the start."""
    (quota,) = parse_policy("default: {memory: 1 GiB-hours}\nwindow: 2h").default["memory"]
    early = session(hours=2, gib=1, alive=False, end=NOW - 4 * HOUR)
    late = session(hours=1.5, gib=1, alive=False, end=NOW)

    assert pytest.approx(NOW - HOUR / 2) == used_up_since([early, late], quota, NOW)
    assert NOW - 3 * HOUR == pytest.approx(used_up_since([early], quota, NOW - 3 * HOUR))
