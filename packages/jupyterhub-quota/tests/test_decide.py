"""The decision: one rule, whatever the quotas, groups and histories."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_quota import Outcome, Reading, Reason, Request, Resource, Session, Subject, parse_policy
from jupyterhub_quota.decide import decide, decide_unknown

GIB = 2**30
HOUR = 3600
DAY = 24 * HOUR
AT = 1_762_000_000.0

POLICY = """
groups:
  regular: {memory: 60 GiB-hours, gpu: 0}
  power:   {memory: 240 GiB-hours, gpu: 0}
  gpu-dev: {memory: 640 GiB-hours, gpu: 160 GPU-hours, cpu: unlimited}
  course:
    memory: [100 GiB-hours, {limit: 16 GiB-hours, window: 1d}]
    gpu: 0
default: {memory: 20 GiB-hours, gpu: 0}
exempt: {groups: [staff]}
"""


def session(start, end, memory=4, *, server="", alive=False, **amounts):
    """Return a session whose times are hours before the present."""
    request = Request(memory=memory * GIB, **amounts)
    return Session(f"{start}{server}", "ann", server, AT - start * HOUR, AT - end * HOUR, request, alive=alive)


def launch(*sessions, groups=("regular",), memory=4, policy=POLICY, server="", at=AT, **amounts):
    return decide(
        parse_policy(policy),
        Subject("ann", frozenset(groups)),
        server,
        Request(memory=memory * GIB, **amounts),
        Reading(sessions, at),
        at,
    )


class TestOneRule:
    """A launch is allowed when it can run for at least `minimum_runtime` before a quota is used up."""

    def test_enough_is_left(self):
        """50 of 60 used: 4 GiB can run for two hours and a half."""
        decision = launch(session(20, 7.5))

        assert (Outcome.ALLOWED, Reason.WITHIN_QUOTA) == (decision.outcome, decision.reason)
        assert 2.5 * HOUR == pytest.approx(decision.runtime)

    def test_just_enough_is_enough(self):
        """What carries 4 GiB for exactly ten minutes lets it start."""
        assert launch(session(20, 5 + 1 / 6)).allowed

    def test_a_minute_less_is_too_little(self):
        """Nine minutes are no use to anybody."""
        assert Reason.TOO_LITTLE_LEFT is launch(session(20, 5 + 0.15)).reason

    def test_what_is_used_up_is_refused(self):
        """60 of 60."""
        decision = launch(session(20, 5))

        assert (Outcome.REFUSED, Reason.USED_UP) == (decision.outcome, decision.reason)
        assert 0 == decision.runtime

    def test_a_launch_that_can_never_run(self):
        """400 GiB for ten minutes are more than 60 GiB-hours, whatever was used."""
        decision = launch(memory=400)

        assert Reason.TOO_LARGE is decision.reason
        assert 360 * GIB == decision.blocking[0].fits
        assert () == decision.refills

    def test_other_servers_hold_what_is_left(self):
        """Alone it could run for 30 minutes, beside 56 GiB it cannot run for ten."""
        decision = launch(session(1, 0, memory=56, server="big", alive=True))

        assert Reason.HELD_BY_OTHERS is decision.reason
        assert AT == decision.refills[0].at

    def test_the_server_that_starts_cannot_be_running(self):
        """A pod that the ledger still shows alive belongs to a server that ended a moment ago."""
        ended_just_now = session(1, 0, memory=56, server="", alive=True)

        assert launch(ended_just_now, server="").allowed


class TestResources:
    """A quota blocks only launches that ask for its resource."""

    def test_no_gpus_do_not_stop_a_server_without(self):
        """`gpu: 0` and a request for memory alone."""
        assert launch().allowed

    def test_no_gpus_stop_a_server_with_one(self):
        """`gpu: 0` and one GPU."""
        assert Reason.NO_QUOTA is launch(gpu=1).reason

    def test_used_up_memory_does_not_stop_what_asks_for_none(self):
        """Only the resources of the request count; and that it reserves none is told."""
        decision = launch(session(20, 5), memory=0, cpu=1)

        assert decision.allowed
        assert (Resource.MEMORY,) == decision.unmetered

    def test_a_server_without_gpus_is_not_unmetered(self):
        """It uses none."""
        assert () == launch().unmetered

    def test_the_gravest_reason_is_named(self):
        """Memory used up, and no GPUs at all: that the GPU can never come says more."""
        decision = launch(session(20, 5), gpu=1)

        assert [Reason.NO_QUOTA, Reason.USED_UP] == [status.blocking for status in decision.blocking]
        assert Reason.NO_QUOTA is decision.reason

    def test_nothing_limits_a_resource_that_nobody_names(self):
        """The default names no CPU."""
        decision = launch(memory=0, cpu=64, policy="default: {memory: 1 GiB-hour}")

        assert Reason.UNLIMITED is decision.reason


class TestSeveralGroups:
    """
    The best of a subject's groups counts: "we simply take the max of their quotas".

    Source: seed, "Questions to be answered".
    """

    def test_the_larger_limit_wins(self):
        """Regular (60) and power (240) together give 240."""
        decision = launch(session(20, 5), groups=("regular", "power"))

        assert 240 * GIB * HOUR == decision.statuses[0].limit
        assert "power" == decision.statuses[0].group

    def test_the_default_steps_back(self):
        """Once a group names the resource, 20 GiB-hours for everybody else do not count."""
        assert 60 * GIB * HOUR == launch().statuses[0].limit

    def test_nobody_without_a_group_is_without_a_quota(self):
        """No group, or none that the policy knows: the default."""
        assert {20 * GIB * HOUR} == {launch(groups=groups).statuses[0].limit for groups in ((), ("unknown",))}

    def test_each_resource_has_its_own_best_group(self):
        """Memory of one group, GPUs of another."""
        policy = """
            groups:
              a: {memory: 100 GiB-hours, gpu: 0}
              b: {memory: 10 GiB-hours, gpu: 10 GPU-hours}
            default: unlimited
        """
        decision = launch(groups=("a", "b"), gpu=1, policy=policy)

        assert {"memory": "a", "gpu": "b"} == {s.resource: s.group for s in decision.statuses if not s.unlimited}

    def test_the_group_that_lets_it_run_longest_is_the_best(self):
        """A smaller limit in a short window can carry more than a large one that is used up."""
        policy = """
            groups:
              month: {memory: 60 GiB-hours}
              day: {memory: [{limit: 16 GiB-hours, window: 1d}]}
            default: unlimited
        """
        decision = launch(session(100, 85), groups=("month", "day"), policy=policy)

        assert "day" == decision.statuses[0].group
        assert decision.allowed

    @given(
        st.lists(st.tuples(st.floats(0, 900), st.floats(0, 300), st.integers(1, 64), st.booleans()), max_size=8),
        st.sets(st.sampled_from(["regular", "power", "gpu-dev", "course"]), min_size=1),
        st.sampled_from(["regular", "power", "gpu-dev", "course", "unknown"]),
        st.integers(1, 64),
        st.integers(0, 2),
    )
    def test_an_added_group_never_refuses(self, history, groups, added, memory, gpu):
        """Whatever was used: who may start may still start as a member of one more group."""
        sessions = [
            session(ago, max(0, ago - length), size, server=str(i), alive=alive)
            for i, (ago, length, size, alive) in enumerate(history)
        ]
        before = launch(*sessions, groups=groups, memory=memory, gpu=gpu, server="new")
        after = launch(*sessions, groups=groups | {added}, memory=memory, gpu=gpu, server="new")

        assert after.allowed or not before.allowed


class TestSeveralWindows:
    """All quotas of an offer must hold."""

    def test_the_short_window_blocks(self):
        """16 GiB-hours today, although only 16 of 100 this month."""
        decision = launch(session(8, 4), groups=("course",))

        assert [DAY] == [status.window for status in decision.blocking]

    def test_both_are_shown(self):
        """Blocking or not."""
        decision = launch(session(8, 4), groups=("course",))

        assert [DAY, 30 * DAY] == [s.window for s in decision.statuses if s.resource is Resource.MEMORY]

    def test_it_starts_again_when_both_allow_it(self):
        """Both windows full: the day's use falls out tomorrow, but the month's only later."""
        decision = launch(session(8, 4), session(600, 579), groups=("course",))

        month = AT + (30 * DAY - 600 * HOUR) + 10 * 60
        assert month == pytest.approx(decision.refills[0].at)


class TestRefills:
    """From when this request could run for ten minutes, from when for two hours."""

    def test_old_use_falls_out_of_the_window(self):
        """60 of 60, the first of it 20 hours short of 30 days ago."""
        decision = launch(session(700, 685))

        first = AT + 20 * HOUR
        assert [(600, first), (2 * HOUR, first)] == [(r.runtime, pytest.approx(r.at)) for r in decision.refills]

    def test_a_launch_that_is_allowed_waits_for_nothing(self):
        """No refills to name."""
        assert () == launch().refills

    def test_a_long_session_that_never_fits_is_left_out(self):
        """60 GiB-hours carry 100 GiB for ten minutes, never for two hours."""
        decision = launch(session(700, 685), memory=100)

        assert [600] == [refill.runtime for refill in decision.refills]

    def test_all_resources_must_have_room(self):
        """Memory is free again after a day, GPUs only after two."""
        policy = """
            default:
              memory: {limit: 4 GiB-hours, window: 1d}
              gpu: {limit: 1 GPU-hours, window: 2d}
        """
        decision = launch(session(1, 0, gpu=1.0), policy=policy, gpu=1)

        assert AT + 47 * HOUR == pytest.approx(decision.refills[0].at)


class TestEnforcement:
    """`at_launch`, `exempt` and `when_unknown` change the outcome, never the numbers."""

    def test_warn_tells_and_never_refuses(self):
        """Used up, and it starts."""
        decision = launch(session(20, 5), policy=POLICY + "at_launch: warn")

        assert (Outcome.WARNED, Reason.USED_UP) == (decision.outcome, decision.reason)
        assert decision.allowed

    def test_ignore_enforces_nothing(self):
        """Used up, and nobody minds."""
        assert Reason.NOT_ENFORCED is launch(session(20, 5), policy=POLICY + "at_launch: ignore").reason

    def test_exempt_groups_are_never_refused(self):
        """But still counted and shown."""
        decision = launch(session(20, 5), groups=("regular", "staff"))

        assert (Outcome.ALLOWED, Reason.EXEMPT) == (decision.outcome, decision.reason)
        assert 60 * GIB * HOUR == decision.statuses[0].used

    @pytest.mark.parametrize(
        ("keys", "reason", "outcome"),
        [
            ("when_unknown: refuse", Reason.NOT_KNOWN, Outcome.REFUSED),
            ("when_unknown: allow", Reason.NOT_KNOWN, Outcome.ALLOWED),
            ("at_launch: warn", Reason.NOT_KNOWN, Outcome.WARNED),
            ("when_unknown: allow", Reason.ERROR, Outcome.REFUSED),
            ("at_launch: warn", Reason.ERROR, Outcome.WARNED),
        ],
    )
    def test_what_is_not_known_follows_the_policy(self, keys, reason, outcome):
        """`when_unknown` for an outage; a fault in our own code refuses unless the policy only warns."""
        policy = parse_policy(POLICY + keys)

        assert outcome is decide_unknown(policy, Subject("ann"), "", Request(), AT, "away", reason).outcome

    def test_not_known_is_not_zero(self):
        """No runtime, no status, no time of knowledge."""
        decision = decide_unknown(parse_policy(POLICY), Subject("ann"), "", Request(), AT, "away")

        assert (None, (), None) == (decision.runtime, decision.statuses, decision.as_of)


class TestOddInput:
    """Nothing that a user or a clock does breaks a decision."""

    @pytest.mark.parametrize("amount", [0.0, 1e-9, 0.5, 1e300])
    def test_any_size_is_decided(self, amount):
        """None at all, fractions, absurdly large."""
        assert isinstance(launch(memory=amount, cpu=amount, gpu=amount).allowed, bool)

    def test_a_session_ahead_of_the_clock_counts_nothing_yet(self):
        """It starts in an hour."""
        assert 0 == launch(session(-1, -2)).statuses[0].used

    def test_each_launch_has_its_own_reference(self):
        """Another moment, other groups or another policy, another reference."""
        here = launch().reference

        assert here == launch().reference
        assert here != launch(at=AT + 1).reference
        assert here != launch(groups={"power"}).reference
        assert here != launch(policy=POLICY + "grace: 16m\n").reference
