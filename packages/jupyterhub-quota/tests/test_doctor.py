"""What the doctor finds wrong with an embedded ledger and with groups; about Prometheus, see `tests/prometheus`."""

import asyncio
from dataclasses import replace

import pytest

from jupyterhub_quota import (
    HubClient,
    Request,
    Session,
    SqliteLedger,
    Unavailable,
    UnavailableError,
    parse_policy,
)
from jupyterhub_quota.amounts import DAY, GIB, HOUR
from jupyterhub_quota.doctor import Diagnosis, Name, examine_file, examine_hub
from jupyterhub_quota.doctor.chain import chain, fresh, unanswered
from jupyterhub_quota.doctor.membership import membership
from jupyterhub_quota.doctor.series import Facts

NOW = 1_777_636_800.0
POLICY = parse_policy("""
groups:
  regular: {memory: 60 GiB-hours, cpu: 100 core-hours, gpu: 0}
  power: {memory: 240 GiB-hours, gpu: 10 GPU-hours}
default: {memory: 20 GiB-hours, gpu: 0}
exempt: {groups: [staff]}
""")


def session(user="ann", *, memory=4.0, cpu=1.0, gpu=0.0, start=NOW - HOUR, alive=True):
    request = Request(memory * GIB, cpu, gpu)
    return Session(f"{user}-{start}", user, "", start, NOW - 10, request, alive=alive)


def one(findings, name):
    (finding,) = [finding for finding in findings if finding.name is name]
    return finding


def names(diagnosis):
    return [finding.name for finding in diagnosis.findings]


@pytest.fixture
def examine(tmp_path):
    """Examine the ledger of a hub that watched since *since*, last at *beat*, and saw *sessions*."""

    async def record(sessions, since, beat):
        ledger = SqliteLedger(tmp_path / "quota.sqlite", create=True)
        await ledger.beat([], since)
        for each in sessions:
            await ledger.start(each)
            if not each.alive:
                await ledger.end(each.id, each.end)
        await ledger.beat([each.id for each in sessions], beat)

    async def ask(policy):
        path = tmp_path / "quota.sqlite"
        return await examine_file(f"sqlite:///{path}", SqliteLedger(path), policy, NOW)

    def run(*sessions, since=NOW - 100 * DAY, beat=NOW - 10, policy=POLICY, made=True):
        if made:
            asyncio.run(record(sessions, since, beat))
        return asyncio.run(ask(policy))

    return run


class TestAnEmbeddedLedger:
    def test_that_is_well(self, examine):
        """Everything that is limited was asked for, and the record is longer than the window."""
        found = examine(session(gpu=1))

        assert ((), (), True) == (found.findings, found.notes, found.healthy)
        assert NOW - 10 == found.as_of

    def test_that_is_not_there(self, examine):
        found = examine(made=False)

        assert [Name.UNREACHABLE] == names(found)
        assert "is not there; the hub makes it." in found.findings[0].seen
        assert (False, None) == (found.healthy, found.as_of)

    def test_that_is_something_else(self, examine, tmp_path):
        (tmp_path / "quota.sqlite").write_text("This is a text that is longer than the header of a database.\n" * 20)

        assert "is not a database; name another file" in examine(made=False).findings[0].seen

    def test_whose_hub_stopped_watching(self, examine):
        """Also where nothing ran: what starts now is not recorded."""
        found = one(examine(beat=NOW - 3 * HOUR).findings, Name.STALE)

        assert "The hub last recorded 3 hours ago; it does every 30 seconds." == found.seen
        assert found.problem

    def test_that_no_hub_ever_wrote(self, examine, tmp_path):
        """What was imported is no sign of a hub."""
        asyncio.run(SqliteLedger(tmp_path / "quota.sqlite", create=True).add([session(alive=False)]))

        found = one(examine(made=False).findings, Name.NOT_RECORDING)
        assert "The ledger holds imported sessions only: no hub ever recorded into it." == found.seen

    def test_from_the_future(self, examine):
        assert "600 seconds in the future" in one(examine(beat=NOW + 600).findings, Name.CLOCK_SKEW).seen

    def test_that_is_younger_than_the_window(self, examine):
        """A warning: a new hub cannot have more."""
        found = examine(session(gpu=1), since=NOW - 3 * DAY)
        finding = one(found.findings, Name.SHORT_HISTORY)

        assert "The record begins on 28 Apr 12:00 UTC, and the longest window of the policy is 30 days" in finding.seen
        assert "this is over on 28 May 12:00 UTC." in finding.advice
        assert found.healthy

    def test_of_servers_that_reserve_nothing(self, examine):
        found = examine(session(gpu=1), session("bob", memory=0), session("cid", cpu=0))

        memory, cpu = (finding for finding in found.findings if finding.name is Name.NO_REQUESTS)
        assert memory.seen.startswith("1 of 3 servers reserves no memory, which the policy limits ('bob')")
        assert cpu.seen.startswith("1 of 3 servers reserves no CPU, which the policy limits ('cid')")

    def test_of_which_nobody_asked_for_what_is_limited(self, examine):
        """But not for what nobody may have."""
        found = one(examine(session()).findings, Name.NEVER_ASKED_FOR)
        no_gpu = parse_policy("default: {memory: 20 GiB-hours, gpu: 0}")

        assert "The policy limits GPU, and no server asked for any in the last 7 days." == found.seen
        assert () == examine(policy=no_gpu, made=False).findings

    def test_without_a_policy(self, examine):
        """Nothing is said of windows and limits; who reserves nothing at all is found."""
        found = examine(session(), session("bob", memory=0, cpu=0), since=NOW - DAY, policy=None)

        assert [Name.NO_REQUESTS] == names(found)


class TestGroups:
    def test_that_fit(self):
        users = {"ann": frozenset({"regular", "x"}), "bob": frozenset({"power"}), "root": frozenset({"staff"})}

        assert [] == list(membership(POLICY, users))

    def test_that_nobody_is_in(self):
        """With what may be meant."""
        users = {"ann": frozenset({"Regular", "staff"}), "bob": frozenset({"power"})}
        found = one(membership(POLICY, users), Name.GROUP_WITHOUT_MEMBERS)

        assert "No user of the hub is in the group 'regular' of the policy." == found.seen
        assert found.advice.startswith("Did you mean 'Regular'? ")
        assert found.problem

    def test_that_users_lack(self):
        """A warning: the default may be meant for them."""
        users = {f"user{number}": frozenset({"other"}) for number in range(5)}
        users |= {name: frozenset({name}) for name in ("regular", "power", "staff")}
        found = one(membership(POLICY, users), Name.USERS_WITHOUT_GROUP)

        assert "5 of 8 users are in none of the policy's groups ('user0', 'user1', 'user2' and more)." == found.seen
        assert not found.problem

    def test_of_a_hub_without_users(self):
        """Nobody ever signed in: nothing can be said."""
        assert [] == list(membership(POLICY, {}))


class TestTheHub:
    async def test_that_is_away(self):
        """What was found before stays."""
        hub = HubClient("http://127.0.0.1:9/hub/api", "token", timeout_seconds=2)
        before = Diagnosis(as_of=NOW)
        try:
            found = await examine_hub(before, hub, POLICY)
        finally:
            await hub.close()

        assert [Name.HUB_NOT_KNOWN] == names(found)
        assert "The hub cannot be reached." == found.findings[0].seen
        assert NOW == found.as_of


class TestPrometheusThatDoesNotAnswer:
    @pytest.mark.parametrize("reason", Unavailable)
    def test_has_an_advice_for_each_reason(self, reason):
        finding = unanswered(UnavailableError("it said no", reason))

        assert "It said no." == finding.seen
        assert finding.advice.endswith(".")


class TestRules:
    """What is brought about only by programs that we do not ship, from made-up facts."""

    WELL = Facts(
        NOW,
        newest=NOW,
        targets=1,
        pods=1,
        annotated=1,
        components=1,
        recorded=frozenset({"seen_seconds"}),
        heartbeat=NOW,
        beat=NOW,
        first=NOW - 90 * DAY,
        watches_itself=True,
        rules=8,
    )

    def test_an_empty_hub_is_well(self):
        assert [] == list(chain(self.WELL, 30 * DAY))

    def test_that_miss_evaluations(self):
        """They take longer than their interval: a warning, since what they say stays right."""
        (finding,) = chain(replace(self.WELL, missed=3.2), None)

        assert (Name.RULES_FAILING, False) == (finding.name, finding.problem)
        assert finding.seen.startswith("Prometheus missed 3 evaluations")

    def test_that_are_evaluated_seldom_are_not_stale(self):
        facts = replace(self.WELL, heartbeat=NOW - 700, beat=NOW - 700, rule_seconds=300.0)

        assert fresh(facts)
        assert not fresh(replace(facts, rule_seconds=60.0))

    def test_kube_state_metrics_without_user_names(self):
        """The annotations are there, but not the one."""
        facts = replace(self.WELL, pods=3, users=2, annotated=3, components=3, recorded=frozenset(), heartbeat=None)

        first, *_ = chain(facts, None)
        assert (
            "kube-state-metrics shows 3 pods, 2 servers of users among them, and no user name of any pod." == first.seen
        )
