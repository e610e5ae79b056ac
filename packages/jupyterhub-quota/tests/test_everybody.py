"""Everybody beside what a policy gives them: who used what, who reached a limit, who would be refused."""

import pytest

from jupyterhub_quota import Reading, Request, Resource, Session, parse_policy
from jupyterhub_quota.amounts import DAY, GIB, HOUR
from jupyterhub_quota.everybody import overview

NOW = 2_000_000_000.0
POLICY = parse_policy("""
groups:
  regular: {memory: 60 GiB-hours, gpu: 0}
  power: {memory: [240 GiB-hours, {limit: 100 GiB-hours, window: 1d}], gpu: 10 GPU-hours}
  free: unlimited
default: {memory: 20 GiB-hours, gpu: 0}
exempt: {groups: [staff], users: [root]}
""")


def server(user, *, memory=1.0, hours=1.0, ago=10 * DAY, gpu=0.0, **more):
    """A session of *hours* that began *ago* seconds before now."""
    start = NOW - ago
    return Session(
        f"{user}-{ago}-{memory}", user, "", start, start + hours * HOUR, Request(memory * GIB, 1.0, gpu), **more
    )


def look(sessions, groups):
    return overview(POLICY, Reading(tuple(sessions), NOW - 5, None), NOW, groups)


def person(found, name):
    (one,) = [each for each in found.people if each.name == name]
    return one


def group(found, name):
    (one,) = [each for each in found.groups if each.name == name]
    return one


class TestEachUser:
    def test_has_what_counts_for_them(self):
        """The quotas of their groups for each resource that is limited for anybody, as `status` shows them."""
        found = look([server("ann", memory=4, hours=10)], {"ann": frozenset({"regular", "other"})})

        memory, gpu = person(found, "ann").statuses
        assert (Resource.MEMORY, 60 * GIB * HOUR, 40 * GIB * HOUR, "regular") == (
            memory.resource,
            memory.limit,
            memory.used,
            memory.group,
        )
        assert (Resource.GPU, 0, 0) == (gpu.resource, gpu.limit, gpu.used)

    def test_has_each_window(self):
        statuses = person(look([], {"ann": frozenset({"power"})}), "ann").statuses

        assert [30 * DAY, DAY, 30 * DAY] == [status.window for status in statuses]

    def test_is_there_although_nothing_was_used(self):
        """The hub knows them, and they count among the members."""
        found = look([], {"ann": frozenset({"regular"})})

        assert (None, False) == (person(found, "ann").latest, person(found, "ann").refused)
        assert 1 == group(found, "regular").members

    def test_whom_the_hub_does_not_show_is_not_judged(self):
        """Their groups are not known, which is not the same as none."""
        found = look([server("ann"), server("gone", memory=64, hours=30)], {"ann": frozenset()})

        gone = person(found, "gone")
        assert (None, None, False) == (gone.groups, gone.refused, gone.exempt)
        assert (1, 0) == (found.known, found.refused)
        assert {None: 1} == {each.name: each.members for each in found.groups}
        assert all(status.unlimited for status in gone.statuses)

    def test_comes_the_earlier_the_more_of_a_limit_was_used(self):
        names = {name: frozenset({"regular"}) for name in ("ann", "bob", "cid", "dan")}
        found = look([server("cid", hours=50), server("bob", hours=5), server("dan", hours=50)], names)

        assert ["cid", "dan", "bob", "ann"] == [each.name for each in found.people]


class TestRefusedToday:
    """The server that was started last, of the size it had, started again now, as the hub would decide."""

    @pytest.mark.parametrize(
        ("sessions", "groups", "refused"),
        [
            pytest.param([server("ann", memory=4, hours=10)], {"regular"}, False, id="enough is left"),
            pytest.param([server("ann", memory=4, hours=10)], set(), True, id="used up"),
            pytest.param([server("ann", memory=4, hours=10)], {"staff"}, False, id="exempt"),
            pytest.param([server("ann", memory=4, hours=10)], {"free"}, False, id="not limited"),
            pytest.param([server("ann", gpu=1)], {"regular"}, True, id="no quota for what was asked for"),
            pytest.param(
                [server("ann", gpu=1), server("ann", ago=DAY)], {"regular"}, False, id="only the last one counts"
            ),
            pytest.param(
                [server("ann", memory=400, hours=0.01)], {"regular"}, True, id="too large for minimum_runtime"
            ),
            pytest.param(
                [server("ann", memory=2, hours=9), server("ann", ago=HOUR, memory=64, component="dask-worker")],
                {"regular"},
                True,
                id="what is no server uses the quota",
            ),
            pytest.param(
                [
                    server("ann", memory=1, ago=2 * DAY),
                    server("ann", memory=64, hours=0.5, ago=DAY, component="dask-worker"),
                ],
                {"regular"},
                False,
                id="and is not what would be started",
            ),
        ],
    )
    def test_is_what_the_hub_would_say(self, sessions, groups, refused):
        found = look(sessions, {"ann": frozenset(groups)})

        assert (refused, int(refused)) == (person(found, "ann").refused, found.refused)

    def test_a_server_is_not_in_its_own_way(self):
        """What runs holds all that is left beside itself, but would be started in its own place."""
        running = server("ann", memory=8, ago=7 * HOUR, alive=True)

        assert not person(look([running], {"ann": frozenset({"regular"})}), "ann").refused

    def test_by_policy_without_enforcement_too(self):
        """Before limits are switched on is when the answer matters."""
        policy = parse_policy("default: {memory: 1 GiB-hours}\nat_launch: ignore\n")
        found = overview(policy, Reading((server("ann", hours=3),), NOW, None), NOW, {"ann": frozenset()})

        assert 1 == found.refused


class TestEachGroup:
    def test_says_how_much_its_members_used(self):
        """Median, what 95 % stayed within, and the most; who used nothing is a member too."""
        names = {f"user{number}": frozenset({"regular"}) for number in range(100)}
        found = look([server(f"user{number}", hours=number) for number in range(1, 100)], names)

        memory = group(found, "regular").spreads[0]
        used = [amount / GIB / HOUR for amount in (memory.median, memory.most, memory.maximum)]
        assert [49.5, 94, 99] == pytest.approx(used)
        assert 40 == memory.over
        assert 40 == group(found, "regular").refused

    def test_counts_its_members_also_where_another_group_is_more_generous(self):
        found = look([server("ann", hours=70)], {"ann": frozenset({"regular", "power"})})

        assert [("power", 0), ("regular", 1)] == [(each.name, each.spreads[0].over) for each in found.groups]
        assert [0, 0] == [each.refused for each in found.groups]

    def test_those_in_no_group_come_last(self):
        """Without those whom the policy exempts: what they use says nothing about the default's limit."""
        names = {"ann": {"regular"}, "bob": {"elsewhere"}, "cid": set(), "eve": {"staff"}, "root": set()}
        found = look([], {name: frozenset(groups) for name, groups in names.items()})

        assert [("regular", 1), (None, 2)] == [(each.name, each.members) for each in found.groups]

    def test_shows_what_it_does_not_limit(self):
        """To find a limit, one must know what is used without."""
        memory, gpu = group(look([server("ann", gpu=1)], {"ann": frozenset({"free"})}), "free").spreads

        assert (float("inf"), 0, HOUR) == (gpu.quota.limit, gpu.over, gpu.maximum)
        assert GIB * HOUR == memory.maximum

    def test_there_are_none_without_a_hub(self):
        found = look([server("ann")], None)

        assert ((), 0, 0) == (found.groups, found.known, found.refused)
        assert [30 * DAY, DAY, 30 * DAY] == [status.window for status in person(found, "ann").statuses]
