"""What was used on which day, and what of it comes back when."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from jupyterhub_quota import (
    GIB,
    HOUR,
    Decay,
    Outlook,
    Quota,
    Request,
    Resource,
    Session,
    Standing,
    Status,
    days_of_return,
    days_of_use,
    standing,
    used,
)

DAY = 24 * HOUR
UTC = ZoneInfo("UTC")
AT = 1777636800.0  # 2026-05-01 12:00 UTC
QUOTA = Quota(Resource.MEMORY, 60.0 * GIB * HOUR, 30.0 * DAY)


def session(start: float, end: float, *, server: str = "", gib: float = 4, alive: bool = False) -> Session:
    """Return a session from so many hours to so many hours before AT."""
    times = (AT - start * HOUR, AT - end * HOUR)
    return Session(f"{server}{start}", "ann", server, *times, Request(memory=gib * GIB), alive)


SESSIONS = (session(30, 20), session(5, 3, server="big", gib=8), session(1, 0, alive=True))


class TestDays:
    """All days together are what the quota counts."""

    def test_they_add_up(self):
        """Also the running total, and what comes back."""
        days = days_of_use(SESSIONS, QUOTA, AT, UTC)
        back = days_of_return(Decay.of(SESSIONS, QUOTA, AT), UTC)

        assert pytest.approx(used(SESSIONS, QUOTA, AT)) == sum(each.amount for each in days)
        assert pytest.approx(used(SESSIONS, QUOTA, AT)) == days[-1].total
        assert pytest.approx(used(SESSIONS, QUOTA, AT)) == sum(each.amount for each in back)

    def test_servers_are_told_apart(self):
        """By name, without those that used nothing."""
        today = days_of_use(SESSIONS, QUOTA, AT, UTC)[-1]

        assert date(2026, 5, 1) == today.day
        assert {"": 4 * GIB * HOUR, "big": 16 * GIB * HOUR} == pytest.approx(dict(today.by_server))

    def test_use_comes_back_a_window_later(self):
        """On the day on which it leaves the window, in the admin's time zone."""
        back = days_of_return(Decay.of(SESSIONS, QUOTA, AT), UTC)

        assert [date(2026, 5, 30), date(2026, 5, 31)] == [each.day for each in back]

    def test_nothing_used_nothing_comes_back(self):
        """And every day is there, with 0."""
        assert () == days_of_return(Decay.of((), QUOTA, AT), UTC)
        assert {0.0} == {each.amount for each in days_of_use((), QUOTA, AT, UTC)}


class TestStanding:
    """Near the limit is 80 %, or less than two hours."""

    @pytest.mark.parametrize(
        ("amount", "limit", "expected"),
        [
            (0.0, 60.0, Standing.OK),
            (47.9, 60.0, Standing.OK),
            (48.0, 60.0, Standing.NEAR),
            (60.0, 60.0, Standing.OVER),
            (0.0, 0.0, Standing.NONE),
            (99.0, float("inf"), Standing.UNLIMITED),
        ],
    )
    def test_by_share(self, amount, limit, expected):
        """0.8 belongs to near, 1 to over."""
        assert expected is standing(amount, limit)

    def test_by_what_runs(self):
        """32 GiB use 60 GiB-hours in less than two hours."""
        large = (session(0.1, 0, gib=32, alive=True),)
        status = Status(Resource.MEMORY, QUOTA.limit, QUOTA.window, used(large, QUOTA, AT), None)

        outlook = Outlook.of(status, large, AT)

        assert Standing.NEAR is outlook.standing
        assert outlook.lasts < 2 * HOUR
