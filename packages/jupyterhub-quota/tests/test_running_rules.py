"""Who is warned, stopped and held back, in any order of rounds, restarts and changes: against a plain simulation."""

from dataclasses import dataclass, field, replace

from hypothesis import event, given, settings
from hypothesis import strategies as st

from jupyterhub_quota import Reading, Request, Resource, Session, Subject, parse_policy
from jupyterhub_quota.running import HeldBack, Memory, RunningServer, look

GIB = 2**30
HOUR, MINUTE = 3600, 60
NOW = 1_777_636_800.0
GRACE = 15 * MINUTE

TEXT = """
groups:
  small: {{memory: {small} GiB-hours}}
  large: {{memory: [{large} GiB-hours, {{limit: 9 GiB-hours, window: 3h}}]}}
default: {{memory: 1 GiB-hours}}
window: 6h
while_running: {mode}
brake: {brake}
minimum_runtime: 10m
session: 10m
grace: 15m
"""


def policy_of(small=8, large=16, mode="stop", brake="100%"):
    """Return a policy with these limits."""
    return parse_policy(TEXT.format(small=small, large=large, mode=mode, brake=brake))


POLICIES = [policy_of(), policy_of(small=4), policy_of(small=12), policy_of(mode="warn")]
GROUPS = [frozenset({"small"}), frozenset({"small", "large"}), frozenset()]


@dataclass
class World:
    """Servers that run and stop, as they were: nobody's record of them."""

    at: float = NOW
    policy: object = POLICIES[0]
    groups: frozenset = GROUPS[0]
    past: list = field(default_factory=list)
    running: dict = field(default_factory=dict)  # server -> (start, GiB)
    lag: float = 0.0

    def sessions(self, until):
        """Return everything that was held."""
        alive = [
            Session(f"{name} {start}", "ann", name, start, max(start, until), Request(gib * GIB), True, "pod", kind)
            for name, (start, gib) in self.running.items()
            if start <= until
            for kind in ["dask-worker" if name.startswith("dask") else "singleuser-server"]
        ]
        return [*self.past, *alive]

    def end(self, name):
        """Let a server go."""
        start, gib = self.running.pop(name)
        if self.at > start:
            kind = "dask-worker" if name.startswith("dask") else "singleuser-server"
            self.past.append(
                Session(f"{name} {start}", "ann", name, start, self.at, Request(gib * GIB), False, "pod", kind)
            )

    def step(self, what, value):
        """Let something happen."""
        match what:
            case "wait" | "round":
                self.at += value
            case "start" if value not in self.running:
                self.running[value] = (self.at, 8)
            case "end" if value in self.running:
                self.end(value)
            case "policy" | "groups" | "lag":
                setattr(self, what, value)

    def beyond(self, at, until):
        """Return whether at *at* every offer was used up by what was held up to *until*: added up plainly."""
        offers = self.policy.offers(Subject("ann", self.groups), Resource.MEMORY)
        return all(
            any(self.amount(quota.window, at, until) > quota.limit * (1 + 1e-9) for quota in offer.quotas)
            for offer in offers
        )

    def amount(self, window, at, until):
        """Return what was used in the window."""
        return sum(
            max(0.0, min(session.end, until, at) - max(session.start, at - window)) * session.request.memory
            for session in self.sessions(until)
        )


STEPS = st.one_of(
    st.tuples(st.just("round"), st.sampled_from([0, 30, 60, 60, 60, 120, 600])),
    st.tuples(st.just("rounds"), st.integers(5, 20)),
    st.tuples(st.just("rounds"), st.integers(15, 20)),
    st.tuples(st.just("wait"), st.sampled_from([1, 60, 600, 2 * HOUR])),
    st.tuples(st.just("start"), st.sampled_from(["", "big", "dask"])),
    st.tuples(st.just("end"), st.sampled_from(["", "big", "dask"])),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("policy"), st.sampled_from(POLICIES)),
    st.tuples(st.just("groups"), st.sampled_from(GROUPS)),
    st.tuples(st.just("lag"), st.sampled_from([0, 20, 20 * MINUTE])),
)


@dataclass
class Watch:
    """One process after the other that goes rounds, and what must be true of each round."""

    world: World
    memory: Memory = field(default_factory=Memory)
    seen_since: float | None = None  # since when this process has seen it so, without a change of policy or groups
    streak: float | None = None  # since when it has seen so in every single round
    seen_by: object = None  # the policy and the groups of the last round
    moments: list = field(default_factory=list)  # at each of which something changed

    def restart(self):
        """Begin anew."""
        self.memory, self.seen_since, self.streak = Memory(), None, None

    def round(self):
        """Look, check, and stop what is to be stopped."""
        world, until = self.world, self.world.at - self.world.lag
        if self.seen_by != (world.policy, world.groups):
            self.seen_by, self.seen_since, self.streak = (world.policy, world.groups), None, None
        servers = [
            RunningServer("ann", name, start, world.groups)
            for name, (start, _) in world.running.items()
            if not name.startswith("dask")
        ]
        reading = Reading(tuple(s for s in world.sessions(until) if s.end > world.at - 6 * HOUR), until)
        plan = look(world.policy, reading, servers, self.memory, at=world.at, ticks=world.at)
        self.memory = plan.memory
        stopped = {notice.server.name for notice in plan.stops}
        if plan.doubt:
            assert world.lag > 15 * MINUTE
            assert not stopped
            self.streak = None
            return
        over = any(server.started <= until for server in servers) and world.beyond(world.at, until)
        if over and self.seen_since is None:
            self.seen_since = world.at
        self.streak = (self.streak or world.at) if over else None
        if stopped:
            event("somebody is stopped")
            self.none_too_early(stopped, until, over)
        if self.streak is not None and self.streak + GRACE <= world.at and world.policy.while_running == "stop":
            event("somebody must be stopped")
            held = {notice.server.name for notice, _ in plan.held_back}
            due = {s.name for s in servers if s.started + GRACE <= world.at and s.started <= until}
            assert due <= stopped | held
        for name in stopped:
            world.end(name)

    def none_too_early(self, stopped, until, over):
        """Check what must be true of those who are *stopped*."""
        world = self.world
        assert over
        assert "stop" == world.policy.while_running
        assert self.seen_since is not None
        assert self.seen_since + GRACE <= world.at
        # Between two of these the use only grows or only falls, or both in this order.
        ends = [session.end + after for session in world.sessions(until) for after in (0, 3 * HOUR, 6 * HOUR)]
        assert any(world.beyond(each, until) for each in [*self.moments, *ends] if each + GRACE <= world.at)
        assert all(world.running[name][0] + GRACE <= world.at for name in stopped)


@given(st.lists(STEPS, min_size=10, max_size=60))
@settings(max_examples=300, deadline=None)
def test_whatever_happens(steps):
    """
    Nobody is stopped too early, and nobody who is certainly over stays.

    Too early is: before used up and grace, before first seen and grace, or while not over.
    """
    world = World(running={"": (NOW - 50 * MINUTE, 8)})
    watch = Watch(world)
    each_minute = [[("round", 60)] * value if what == "rounds" else [(what, value)] for what, value in steps]
    for what, value in (step for some in each_minute for step in some):
        world.step(what, value)
        watch.moments.append(world.at)
        if what == "restart":
            watch.restart()
        if what == "round":
            watch.round()


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 200)), min_size=4, max_size=20), st.integers(0, 100))
@settings(max_examples=50, deadline=None)
def test_the_brake_holds_the_long_used_up_only(people, percent):
    """
    More than the brake's part of all, long used up: none of those is stopped; all others are.

    Each of *people* ran a server for so many minutes when this process began to look.
    """
    policy = replace(policy_of(small=1, brake=f"{percent}%"), minimum_runtime=0.0)
    begin = NOW
    servers, sessions = [], []
    for number, (before, _) in enumerate(people):
        start = begin - before * MINUTE
        servers.append(RunningServer(f"u{number}", "", start, frozenset({"small"})))
        sessions.append(Session(f"{number}", f"u{number}", "", start, start, Request(GIB), alive=True))
    memory, held, stopped, plan = Memory(), set(), set(), None
    for minute in range(80):
        at = begin + minute * MINUTE
        running = [server for server in servers if server.user not in stopped and server.started <= at]
        alive = tuple(replace(s, end=at) for s in sessions if s.user not in stopped and s.start <= at)
        plan = look(policy, Reading(alive, at), running, memory, at=at, ticks=at, interval=60)
        memory = plan.memory
        held |= {notice.server.user for notice, why in plan.held_back if why is HeldBack.BRAKE}
        for notice, _ in plan.held_back:
            assert notice.late
            assert len(plan.late) > max(3, percent / 100 * len(running))
        stopped |= {notice.server.user for notice in plan.stops}
    assert plan is not None
    late = {f"u{n}" for n, (before, _) in enumerate(people) if (before - 60) * MINUTE > GRACE + 2 * 60}
    early = {f"u{n}" for n, (before, _) in enumerate(people)} - late
    assert early <= stopped
    assert late <= stopped | held
