"""
How long the ledger in Prometheus takes to answer, next to an empty query and to the form that others publish.

Started by `./ci/bench ledger`, which says what its options mean. No time is ever a failure; a wrong answer is.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import gc
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "prometheus"), str(HERE.parents[1] / "ci")]

import rules  # noqa: E402 - found only now
from programs import ProgramError  # noqa: E402
from report import Row, machine, milliseconds, ratio_row, row_of, say  # noqa: E402
from sessions import DAY, END, Session, charged, names  # noqa: E402
from shares import shares  # noqa: E402
from stores import History, serve, write  # noqa: E402
from timing import in_turns  # noqa: E402
from works import Hub, everybody, one_user_cached, published, rush  # noqa: E402

SMALL = 100  # users of the size that others are compared with
LARGEST_JOINED = 1000  # users up to which the history holds what the published form reads
LARGE = 5000  # users about whom the goals of everybody are
ALL_GOAL = f"{LARGE} users: <= 30 s, <= 200 MiB more memory"
DEADLINE, PATIENT = 5, 60  # seconds for each question: as shipped, and to learn how long it takes all the same
MONTH = 30  # days; the disk that fewer take says little
MIB = 2**20
ROUNDING = 1e-9


def main() -> int:
    """Return 0 where every answer was right, whatever the times."""
    parser = argparse.ArgumentParser(prog="ci/bench ledger", description=__doc__)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--days", type=int, required=True)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    try:
        document = asyncio.run(measure(options.users, options.days))
    except (ProgramError, RuntimeError) as error:
        print(f"ci/bench: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    wrong = [text for text, right in document["answers"].items() if not right]
    for text in wrong:
        print(f"WRONG    {text}")
    return 1 if wrong else 0


async def measure(users: int, days: int) -> dict[str, Any]:
    """Return the whole report, and print it as it comes."""
    joined = "joined" if users <= LARGEST_JOINED else ""
    history, small = History(users, days, joined), History(SMALL, days)
    disk = [] if users <= SMALL else [small, History(SMALL, days, "all")]
    for each in [history, *disk]:
        write(each, say)
    answers: dict[str, bool] = {}
    points, objection = rules.compare(users=5)
    answers[f"{points} emulated samples of a day are what the rules make {objection}".strip()] = not objection
    say(f"{points} emulated samples of a day compared with the rules: {'WRONG' if objection else 'all equal'}")
    say(f"\n{users} users, {days} days; {machine()}")
    say("times in milliseconds; 'x' is the ratio to an empty query by the same connection, in turns\n")
    rows: list[Row] = []
    truth = history.sessions()
    gc.freeze()  # No hub holds the truth, so Python need not look for cycles in it while we measure.

    def tell(row: Row) -> None:
        rows.append(row)
        say(row)

    with contextlib.ExitStack() as stack:
        url, process = stack.enter_context(serve(history))
        hub = Hub(url, names(users), days)
        other = None if users <= SMALL else Hub(stack.enter_context(serve(small))[0], names(SMALL), days)
        answers |= await right_for_some(hub, truth)
        for row in await decisions(hub, other):
            tell(row)
        for row in await crowds(hub):
            tell(row)
        of_all, right = await all_users(hub, truth, users)
        answers |= right
        for row in of_all:
            tell(row)
        if joined:
            tell(await baseline(hub, truth))
        parts = await shares(hub, process, history.folder)
        await hub.ledger.close()
        if other:
            await other.ledger.close()
    say("\nWhere the milliseconds of one decision go, nothing cached:")
    for name, value in parts.items():
        say(f"  {name:52} {value:9g}")
    space = disk_use(history, disk) if days >= MONTH else {}
    for name, value in space.items():
        say(f"{name}: {value:.0f} kB")
    return {
        "users": users,
        "days": days,
        "machine": machine(),
        "rows": [dataclasses.asdict(row) for row in rows],
        "milliseconds of a decision": parts,
        "kB of disk": space,
        "answers": answers,
    }


async def decisions(hub: Hub, other: Hub | None) -> list[Row]:
    """One user at a time: nothing cached, with 1 and 10 quotas, here and in the small history, and cached."""
    works = [hub.decision(1), hub.decision(10)]
    if other:
        works += [other.decision(1), other.decision(10)]
    thorough = len(hub.users) > SMALL
    found = await in_turns(works, 200 if thorough else 50)
    rows = [
        row_of("one user, nothing cached, 1 quota", found[0], 10, of_goal=len(hub.users) >= LARGEST_JOINED),
        row_of("one user, nothing cached, 10 quotas", found[1]),
        ratio_row("10 quotas to 1 quota", found[1].ratio / found[0].ratio),
    ]
    if other:
        rows += [
            row_of(f"one user, nothing cached, 1 quota, {SMALL} users of history", found[2]),
            ratio_row(f"{len(hub.users)} users of history to {SMALL}, 1 quota", found[0].ratio / found[2].ratio),
            ratio_row(f"{len(hub.users)} users of history to {SMALL}, 10 quotas", found[1].ratio / found[3].ratio),
        ]
    cached = await one_user_cached(hub, 60 if thorough else 20)
    return [
        *rows,
        row_of("one user, cached, the answer is new (no question)", cached["new"], 3),
        row_of("one user, cached, the answer is 30 s old (news are read behind)", cached["at once"], 3),
        row_of("one user, cached, who waits for the news (one or two questions)", cached["waited"]),
    ]


async def crowds(hub: Hub) -> list[Row]:
    """Many at the same moment."""
    thorough = len(hub.users) > SMALL
    before = await rush(hub, 10 if thorough else 3, read_before=True)
    never = await rush(hub, 3 if thorough else 1, read_before=False)
    return [
        Row(
            f"{before.asked} users, each read before, at the same moment",
            "p99 <= 50 x, 1 or 2 questions",
            f"p99 {milliseconds(before.times.p99)} = {before.times.p99_ratio:.0f} x, {before.questions:.0f} questions",
            before.times.p99_ratio <= 50 and before.questions <= 2 and not before.not_known,
            dataclasses.asdict(before),
        ),
        Row(
            f"{never.asked} users, none read before, at the same moment",
            "p99 <= 5 s, nobody refused for it",
            f"p99 {milliseconds(never.times.p99)}, {never.not_known} refused for it, {never.questions:.0f} questions",
            never.times.p99 <= 5 and not never.not_known,
            dataclasses.asdict(never),
        ),
    ]


async def all_users(hub: Hub, truth: list[Session], users: int) -> tuple[list[Row], dict[str, bool]]:
    """Everybody, cold and cached, in a process of its own; and whether what was read is the truth."""
    full = users >= LARGE
    rows: list[Row] = []
    told = await everybody(hub, DEADLINE)
    if "failed" in told:
        verdict = False if full else None
        rows.append(Row(f"everybody, {users} users", ALL_GOAL, f"failed: {told['failed']}", verdict, told))
        told = await everybody(hub, PATIENT)
        if "failed" in told:
            return rows, {}
    read = told.pop("charged")
    since = END - hub.days * DAY
    answers = {
        f"everybody's {resource} is what they held": same(read[resource], charged(truth, resource, since))
        for resource in ("memory", "cpu")
    }
    fresh, at_once, news = (max(told[each]) for each in ("cached_fresh", "cached_at_once", "cached_news"))
    patience = f", {PATIENT} s for each question" if rows else ""
    rows += [
        Row(
            f"everybody, {users} users, {told['sessions']} sessions, nothing cached{patience}",
            ALL_GOAL,
            f"{told['seconds']:.1f} s (processor: {told['own_seconds']:.1f} s ours, {told['its_seconds']:.1f} s "
            f"Prometheus'), {told['memory'] / MIB:.0f} MiB more while it reads, {told['memory_after'] / MIB:.0f} after",
            not rows and told["seconds"] <= 30 and told["memory"] <= 200 * MIB if full else None,
            told,
        ),
        Row(
            f"everybody, {users} users, cached, the answer is new",
            f"{LARGE} users: <= 0.1 s",
            f"at most {milliseconds(fresh)}",
            fresh <= 0.1 if full else None,
            {"seconds": told["cached_fresh"]},
        ),
        Row(
            f"everybody, {users} users, cached, the answer is 30 s old (news are read behind)",
            f"{LARGE} users: <= 0.1 s",
            f"at most {milliseconds(at_once)}",
            at_once <= 0.1 if full else None,
            {"seconds": told["cached_at_once"]},
        ),
        Row(
            f"everybody, {users} users, cached, who waits for the news",
            "",
            f"at most {milliseconds(news)}",
            None,
            {"seconds": told["cached_news"]},
        ),
    ]
    return rows, answers


async def baseline(hub: Hub, truth: list[Session]) -> Row:
    """The form that others publish, for users with a default server only, of whom it can be right."""
    named = {session.user for session in truth if session.server}
    pods = {session.user: session.pod for session in truth if session.user not in named}
    times, said = await published(hub, pods, 20)
    true = charged(truth, "memory", END - hub.days * DAY)
    errors = [abs(value / true[user] - 1) for user, value in said.items() if true.get(user)]
    return Row(
        "one user, one quota, the form that others publish",
        "",
        f"{milliseconds(times.median)} = {times.ratio:.0f} x, p99 {times.p99_ratio:.0f} x; "
        f"wrong by up to {max(errors, default=0):.2%}",
        None,
        {**dataclasses.asdict(times), "errors": errors},
    )


async def right_for_some(hub: Hub, truth: list[Session]) -> dict[str, bool]:
    """Whether some users, read one by one, held what they did; with and without a cache."""
    since = END - hub.days * DAY
    true = charged(truth, "memory", since)
    cached = hub.cached()
    right = True
    for user in hub.users[:20]:
        for ledger in (hub.ledger, cached):
            reading = await ledger.read(since=since, at=END, user=user)
            held = sum((each.end - max(since, each.start)) * each.request.memory for each in reading.sessions)
            right = right and same({user: held}, {user: true.get(user, 0.0)})
    await cached.close()
    return {"20 users, read one by one, held what they did": right}


def same(read: dict[str, float], true: dict[str, float]) -> bool:
    """Whether both say the same of everybody, but for the rounding of sums."""
    return all(
        abs(read.get(user, 0.0) - true.get(user, 0.0)) <= ROUNDING * max(1.0, true.get(user, 0.0))
        for user in {*read, *true}
    )


def disk_use(history: History, others: Iterable[History]) -> dict[str, float]:
    """Return kilobytes of blocks per user and month."""
    what = {
        "": "the ledger alone",
        "joined": "with requests and annotations every minute",
        "all": "with all raw series",
    }
    return {
        f"disk per user and 30 days, {each.users} users, {what[each.shown]}": (
            each.written()["bytes"] / each.users / (each.days + 0.5) * 30 / 1000
        )
        for each in (history, *others)
    }


if __name__ == "__main__":
    sys.exit(main())
