"""
Arithmetic on sessions, held against a simulation that goes second by second and knows no formula.

Histories have corners at whole seconds, so between two seconds everything is a straight line.
"""

import math
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_quota import Quota, Request, Resource, Session
from jupyterhub_quota.past import Past
from jupyterhub_quota.usage import Decay, per_day, rate, used

AT = 1000
WINDOW = 60


def session(start, end, cpu=1.0, *, alive=False):
    return Session(f"{start}-{end}-{cpu}", "ann", "", start, end, Request(cpu=cpu), alive=alive)


def quota(limit, window=WINDOW):
    return Quota(Resource.CPU, limit, window)


moments = st.integers(AT - 2 * WINDOW, AT + 10)
lists = st.lists(st.builds(session, moments, moments, st.integers(0, 5), alive=st.booleans()), max_size=12)
sessions_ = lists | lists.map(lambda found: Past.of(found, {}))
limits = st.integers(0, 6 * WINDOW)
rates = st.integers(1, 5)
runtimes = st.integers(1, WINDOW)


class Simulation:
    """What is used in each second, with what is held at the present running on for *running* seconds."""

    def __init__(self, sessions):
        self.past = {
            second: sum(s.request.cpu for s in sessions if s.start <= second < (AT if s.alive else s.end))
            for second in range(AT - 3 * WINDOW, AT)
        }

    def used(self, second, begin=AT, rate=0):
        """Return what is in the window that ends with *second*, with *rate* held from *begin* on."""
        return sum(
            self.past.get(s, 0) if s < AT else (rate if s >= begin else 0) for s in range(second - WINDOW, second)
        )

    def used_between(self, moment, begin, rate):
        """Return the same at a moment between two seconds; *begin* may be one, too."""
        low = math.floor(moment - WINDOW)
        share = moment - WINDOW - low
        past = sum(self.past.get(s, 0) for s in range(low + 1, math.ceil(moment))) + self.past.get(low, 0) * (1 - share)
        return past + rate * min(moment - begin, WINDOW)

    def carries(self, begin, rate, runtime, limit):
        """Return whether *rate* can run from *begin* for *runtime* and stays within *limit* all the time."""
        corners = {begin, begin + runtime, *range(math.ceil(begin), math.floor(begin + runtime) + 1)}
        return all(self.used_between(c, begin, rate) <= limit + 1e-6 for c in corners)


class TestUsed:
    @given(sessions_)
    def test_is_the_sum_over_the_seconds_of_the_window(self, sessions):
        """Overlapping, nested, alive, ahead of the clock, backwards: every second of each counts once."""
        expected = Simulation(sessions).used(AT)

        assert expected == pytest.approx(used(sessions, quota(1), AT))

    def test_the_window_cuts_at_its_edge(self):
        """A session that began before the window counts from the window's edge."""
        assert 30 == used([session(AT - 100, AT - 30)], quota(1), AT)

    def test_what_touches_the_edge_counts_nothing(self):
        """A session that ended when the window begins is outside."""
        assert 0 == used([session(AT - 100, AT - WINDOW)], quota(1), AT)

    def test_a_session_that_starts_in_the_future_counts_nothing(self):
        """A clock that is ahead charges nobody before the time has come."""
        assert 0 == used([session(AT + 5, AT + 50, alive=True)], quota(1), AT)

    def test_a_session_that_ends_before_it_starts_counts_nothing(self):
        """It never gives back what others used."""
        assert 10 == used([session(AT - 10, AT - 20), session(AT - 10, AT)], quota(1), AT)

    def test_alive_counts_to_the_present(self):
        """Last seen ten seconds ago, alive: counted to now."""
        assert 20 == used([session(AT - 20, AT - 10, alive=True)], quota(1), AT)

    def test_thousands_of_short_sessions_lose_nothing(self):
        """Ten thousand times 0.1 core for 0.1 s are 100 core-seconds, to the last digits."""
        sessions = [session(AT - 50 + i / 1000, AT - 50 + i / 1000 + 0.1, cpu=0.1) for i in range(10_000)]

        assert pytest.approx(100, rel=1e-9) == used(sessions, quota(1), AT)


class TestRuntime:
    @given(sessions_, rates, limits)
    def test_ends_when_the_limit_would_be_passed(self, sessions, asked, limit):
        """The simulation passes the limit in the second in which the runtime ends, and never if it does not end."""
        simulation = Simulation(sessions)
        everything = asked + rate(sessions, Resource.CPU)

        runtime = Decay.of(sessions, quota(limit), AT).runtime(everything)

        passed = [t for t in range(WINDOW + 5) if simulation.used(AT + t, rate=everything) > limit]
        if not passed:
            assert math.inf == runtime
        elif passed[0] == 0:
            assert 0 == runtime
        else:
            assert limit == pytest.approx(simulation.used_between(AT + runtime, AT, everything))
            assert passed[0] - 1 <= runtime <= passed[0]

    def test_is_nothing_for_a_limit_of_zero(self):
        """0 of 0 used: nothing can run."""
        assert 0 == Decay.of([], quota(0), AT).runtime(1)

    def test_has_no_end_where_old_use_makes_room(self):
        """One core all the time, in a window that carries one core all the time."""
        sessions = [session(AT - 500, AT)]

        assert math.inf == Decay.of(sessions, quota(WINDOW), AT).runtime(1)

    def test_counts_what_runs_beside(self):
        """Two cores held and two asked for use up 40 core-seconds in 10 seconds."""
        assert 10 == Decay.of([], quota(40), AT).runtime(4)


class TestRefill:
    @given(sessions_, rates, runtimes, limits)
    def test_is_the_first_moment_from_which_it_can_run(self, sessions, asked, runtime, limit):
        """From then on it runs, a moment earlier it does not, and none is named only where the limit is too small."""
        simulation = Simulation(sessions)

        refill = Decay.of(sessions, quota(limit), AT).refill(asked, runtime)

        if refill is None:
            assert asked * runtime > limit
        else:
            assert simulation.carries(refill, asked, runtime, limit)
            assert refill == AT or not simulation.carries(refill - 0.01, asked, runtime, limit)

    @given(sessions_, rates, runtimes, limits)
    def test_is_now_exactly_where_the_runtime_is_enough(self, sessions, asked, runtime, limit):
        """Two ways to the same answer: whoever may start now is told so by both."""
        decay = Decay.of(sessions, quota(limit), AT)

        assert (decay.runtime(asked) >= runtime - 1e-6) == (decay.refill(asked, runtime) == AT)

    def test_waits_until_enough_falls_out_at_once(self):
        """40 of 40 used from 60 to 20 s ago: 10 s of one core are free again as they fall out second by second."""
        assert AT == Decay.of([session(AT - 60, AT - 20)], quota(40), AT).refill(1, 10)

    def test_waits_for_the_gap_in_old_use(self):
        """40 of 40 used until now: the first 10 s of room come with the last 50 s of the window."""
        assert AT + 20 == Decay.of([session(AT - 40, AT)], quota(40), AT).refill(1, 10)

    def test_runs_longer_than_the_window_only_if_it_may_run_for_ever(self):
        """A runtime of two windows needs no more than one window of room."""
        assert AT == Decay.of([], quota(WINDOW), AT).refill(1, 2 * WINDOW)


class TestLargest:
    @given(sessions_, st.integers(0, 3), runtimes, limits)
    def test_is_the_largest_that_can_run(self, sessions, others, runtime, limit):
        """A hair less can run beside the others for that long, a hair more cannot."""
        simulation = Simulation(sessions)

        largest = Decay.of(sessions, quota(limit), AT).largest(others, runtime)

        if largest > 0:
            assert simulation.carries(AT, (largest + others) * 0.9999, runtime, limit)
        assert not simulation.carries(AT, (largest + others) * 1.001 + 0.001, runtime, limit)


class TestPerDay:
    @given(sessions_)
    def test_the_days_add_up_to_the_whole(self, sessions):
        """No second is lost or counted twice at midnight."""
        days = per_day(sessions, Resource.CPU, AT - WINDOW, AT, ZoneInfo("UTC"))

        assert used(sessions, quota(1), AT) == pytest.approx(sum(days.values()))

    def test_a_night_counts_for_both_days(self):
        """From 23:00 to 2:00 is one hour of the first day and two of the next."""
        midnight = 20_000 * 86_400

        days = per_day(
            [session(midnight - 3600, midnight + 7200)],
            Resource.CPU,
            midnight - 86_400,
            midnight + 86_400,
            ZoneInfo("UTC"),
        )

        assert [3600, 7200, 0] == list(days.values())

    def test_the_day_on_which_clocks_change_has_25_hours(self):
        """A server that runs all of 26 October 2025 in Berlin uses 25 hours."""
        start = 1_761_429_600  # 26 October 2025, 0:00 CEST

        days = per_day(
            [session(start, start + 90_000)], Resource.CPU, start, start + 100_000, ZoneInfo("Europe/Berlin")
        )

        assert 90_000 == days[date(2025, 10, 26)]
