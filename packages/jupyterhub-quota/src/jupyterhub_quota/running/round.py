"""
Decide who is warned, who is stopped, who is held back, and why.

Pure: no clock, no network, no logging. What was seen earlier comes in as a value and goes out as another.
"""

from collections.abc import Iterable

from jupyterhub_quota.ledger.protocol import Reading
from jupyterhub_quota.policy import AtLaunch, Policy
from jupyterhub_quota.running.held import held_by
from jupyterhub_quota.running.memory import Memory, Spell, SpellKey, spell_of
from jupyterhub_quota.running.notice import Notice, levels, notice_of, only_warning, still_told
from jupyterhub_quota.running.plan import Doubt, HeldBack, Plan
from jupyterhub_quota.running.server import Key, RunningServer, session_of
from jupyterhub_quota.session import Session, Subject

# So few servers are never a reason to ask an admin first.
FEW = 3


def look(
    policy: Policy,
    reading: Reading,
    servers: Iterable[RunningServer],
    memory: Memory,
    *,
    at: float,
    ticks: float,
    interval: float = 60.0,
    released: frozenset[Key] = frozenset(),
    last: Plan | None = None,
) -> Plan:
    """
    Return what is to be done now.

    Args:
        policy: the one in force.
        reading: everybody's sessions, or at least those of the servers' users.
        servers: what runs, as the hub says.
        memory: what the last round left.
        at: the present.
        ticks: the present by a clock that nobody sets.
        interval: how many seconds pass between rounds.
        released: servers that an admin has seen and let go from the brake.
        last: the last round that judged; where this one cannot, its servers may be due by now.

    Source: design, "The decision", running servers.
    """
    doubt = _doubt(policy, reading, memory, at, ticks)
    if doubt is not None:
        return doubtful(memory, doubt, at=at, ticks=ticks, last=last)
    servers = tuple(servers)
    sessions = _by_user(reading.sessions, {server.user for server in servers})
    spells: dict[SpellKey, Spell] = {}
    found: list[Notice] = []
    unmatched = 0
    for user, own in _servers(servers).items():
        subject = Subject(user, own[0].groups)
        if policy.exempts(subject):
            continue
        held = []
        for one in held_by(policy, subject, sessions.get(user, []), reading.as_of, at):
            spell = spell_of(policy, subject, one, memory.spells.get((user, one.resource)), at)
            if spell is not None:
                spells[user, one.resource] = spell
            held.append((one, spell))
        for server in own:
            session = session_of(server, sessions.get(user, []))
            if session is None:
                unmatched += 1
                continue
            notice = notice_of(policy, server, session, held, at, policy.grace + 2 * interval)
            if notice is not None:
                found.append(notice)
    return _plan(policy, reading, servers, found, memory, spells, unmatched, at, ticks, released)


def doubtful(memory: Memory, doubt: Doubt, *, at: float, ticks: float, last: Plan | None = None) -> Plan:
    """
    Return the round in which nobody can be judged.

    Args:
        memory: what the last round left.
        doubt: why.
        at: the present.
        ticks: the present by a clock that nobody sets.
        last: the last round that judged, whose servers may be due by now.
    """
    # A clock that was set makes every moment that was remembered worthless.
    memory = memory.after_jump(at, ticks) if memory.jumped(at, ticks) else memory.moved(at, ticks)
    held_back = () if last is None else tuple((each, doubt.reason) for each in last.forecasts if each.due(at))
    return Plan(at, memory, held_back=held_back, doubt=doubt)


def _doubt(policy: Policy, reading: Reading, memory: Memory, at: float, ticks: float) -> Doubt | None:
    if memory.jumped(at, ticks):
        return Doubt(HeldBack.CLOCK, "the clock was set since the last round")
    age = at - reading.as_of
    if age > policy.tolerate:
        return Doubt(HeldBack.LEDGER, f"the newest record of sessions is {age:.0f} s old")
    return None


def _plan(
    policy: Policy,
    reading: Reading,
    servers: tuple[RunningServer, ...],
    found: list[Notice],
    memory: Memory,
    spells: dict[SpellKey, Spell],
    unmatched: int,
    at: float,
    ticks: float,
    released: frozenset[Key],
) -> Plan:
    """From what lies ahead of each server to what is done."""
    due = [notice for notice in found if notice.due(at)]
    late = tuple(notice for notice in found if notice.late and notice.stops)
    brake = len(late) > max(FEW, policy.brake * len(servers))
    held_back: list[tuple[Notice, HeldBack]] = []
    if policy.at_launch is not AtLaunch.REFUSE:
        held_back = [(notice, HeldBack.AT_LAUNCH) for notice in due]
        found, late, brake = [only_warning(notice, policy, at) for notice in found], (), False
    elif brake:
        held_back = [(notice, HeldBack.BRAKE) for notice in due if notice.late and notice.server.key not in released]
    kept = {notice.server.key for notice, _ in held_back}
    told, warnings = _told(policy, servers, found, memory, at)
    return Plan(
        at=at,
        memory=Memory(at, ticks, spells, told),
        as_of=reading.as_of,
        complete_since=reading.complete_since,
        running=len(servers),
        unmatched=unmatched,
        forecasts=tuple(sorted(found, key=lambda notice: (notice.ends, notice.server.key))),
        warnings=tuple(warnings),
        stops=tuple(notice for notice in due if notice.server.key not in kept),
        held_back=tuple(held_back),
        late=late,
        brake=brake,
    )


def _told(
    policy: Policy, servers: tuple[RunningServer, ...], found: list[Notice], memory: Memory, at: float
) -> tuple[dict[Key, frozenset[float]], list[Notice]]:
    """What each server was warned of by now, and the warnings that are new."""
    notices = {notice.server.key: notice for notice in found}
    told: dict[Key, frozenset[float]] = {}
    warnings = []
    for server in servers:
        notice = notices.get(server.key)
        before = still_told(memory.told.get(server.key, frozenset()), notice, policy, at)
        now = levels(notice, policy, at) if notice is not None and notice.level is not None else frozenset()
        if notice is not None and now - before:
            warnings.append(notice)
        if before | now:
            told[server.key] = before | now
    return told, warnings


def _by_user(sessions: Iterable[Session], users: set[str]) -> dict[str, list[Session]]:
    found: dict[str, list[Session]] = {user: [] for user in users}
    for session in sessions:
        if session.user in found:
            found[session.user].append(session)
    return found


def _servers(servers: Iterable[RunningServer]) -> dict[str, list[RunningServer]]:
    found: dict[str, list[RunningServer]] = {}
    for server in servers:
        found.setdefault(server.user, []).append(server)
    return found
