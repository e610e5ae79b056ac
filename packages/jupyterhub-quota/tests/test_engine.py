"""Where reading meets deciding: a real ledger, what the asker knows besides, and what happens when nothing is known."""

import pytest

from jupyterhub_quota import (
    Outcome,
    QuotaEngine,
    Reason,
    Request,
    Resource,
    Session,
    SqliteLedger,
    Subject,
    UnavailableError,
    parse_policy,
)

GIB = 2**30
HOUR = 3600
AT = 1_762_000_000.0
ANN = Subject("ann", frozenset({"regular"}))
POLICY = "groups: {regular: {memory: 60 GiB-hours}}\ndefault: {memory: 20 GiB-hours}\n"


def session(start, end, memory=4, *, server="", user="ann", alive=False, id_=None):
    """Return a session whose times are hours before the present."""
    name = id_ or f"{user} {server} {start}"
    request = Request(memory=memory * GIB)
    return Session(name, user, server, AT - start * HOUR, AT - end * HOUR, request, alive=alive)


@pytest.fixture
def ledger(tmp_path):
    """Return an embedded ledger in a new file."""
    return SqliteLedger(tmp_path / "quota.sqlite", create=True)


async def decide(ledger, *held, memory=4, server="", keys=""):
    engine = QuotaEngine(parse_policy(POLICY + keys), ledger)
    return await engine.decide(ANN, Request(memory=memory * GIB), server=server, at=AT, held=held)


async def used(ledger, *held):
    decision = await decide(ledger, *held, server="new")
    return decision.statuses[0].used / GIB / HOUR


class TestReading:
    async def test_only_the_subject_is_charged(self, ledger):
        """What anna and others used is not ann's."""
        await ledger.add([session(5, 0), session(9, 0, user="anna"), session(9, 0, user="Ann")])

        assert 20 == await used(ledger)

    async def test_the_past_can_be_asked_about(self, ledger):
        """Two hours ago three of the five hours had passed."""
        await ledger.add([session(5, 0)])
        report = await QuotaEngine(parse_policy(POLICY), ledger).status(ANN, at=AT - 2 * HOUR)

        assert 12 == report.statuses[0].used / GIB / HOUR
        assert 1 == len(report.running)


class TestHeld:
    """What the asker saw start and the ledger may not show yet, matched by server."""

    async def test_what_the_ledger_does_not_show_counts_from_now_on(self, ledger):
        """It holds its size beside the launch, and nothing is charged for the time that it waited."""
        decision = await decide(ledger, session(1, 1, memory=56, server="big", alive=True), memory=400, server="new")

        assert ["big"] == [running.server for running in decision.running]
        assert 0 == decision.statuses[0].used

    async def test_what_the_ledger_shows_counts_once(self, ledger):
        """Under another id, but of the same server and not older."""
        await ledger.add([session(0.9, 0, server="big", alive=True, id_="pod")])

        assert 3.6 == pytest.approx(await used(ledger, session(1, 1, server="big", alive=True)))

    async def test_an_earlier_session_of_the_same_server_has_ended(self, ledger):
        """The ledger still shows it alive, but a server runs once."""
        await ledger.add([session(3, 1, server="big", alive=True, id_="earlier")])
        decision = await decide(ledger, session(0.01, 0.01, server="big", alive=True), server="new")

        assert 8 == decision.statuses[0].used / GIB / HOUR
        assert 1 == len(decision.running)


class TestNotKnown:
    async def test_a_ledger_that_is_away_follows_the_policy(self, tmp_path):
        """Never as 0 used."""
        away = SqliteLedger(tmp_path / "nothing.sqlite")

        refused, allowed = await decide(away), await decide(away, keys="when_unknown: allow")

        assert (Outcome.REFUSED, Reason.NOT_KNOWN) == (refused.outcome, refused.reason)
        assert (Outcome.ALLOWED, Reason.NOT_KNOWN) == (allowed.outcome, allowed.reason)
        assert str(tmp_path) not in refused.sentence

    @pytest.mark.parametrize(("age", "reason"), [(14, Reason.WITHIN_QUOTA), (16, Reason.NOT_KNOWN)])
    async def test_a_stale_ledger_is_tolerated_for_as_long_as_the_policy_says(self, ledger, age, reason):
        """15 minutes, unless the policy says otherwise; what was alive then counts to now."""
        seen = AT - age * 60
        await ledger.start(session(5, age / 60, id_="alive", alive=True))
        await ledger.beat(["alive"], seen)

        assert reason is (await decide(ledger, server="new")).reason

    async def test_a_status_cannot_be_given(self, tmp_path):
        """It is an error, not a status of nothing used."""
        engine = QuotaEngine(parse_policy(POLICY), SqliteLedger(tmp_path / "nothing.sqlite"))

        with pytest.raises(UnavailableError):
            await engine.status(ANN, at=AT)


async def test_a_status_shows_every_resource(ledger):
    """Limited or not."""
    report = await QuotaEngine(parse_policy(POLICY), ledger).status(ANN, at=AT)

    assert list(Resource) == [status.resource for status in report.statuses]
    assert [False, True, True] == [status.unlimited for status in report.statuses]
