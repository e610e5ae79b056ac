"""
How long the usage page's API takes to answer, next to an empty answer, beside a real hub with thousands of users.

Started by `./ci/bench service`, which says what its options mean. No time is ever a failure; a wrong answer is.

Hub and service are processes of their own, the service on one core where the machine lets us choose. There is no proxy:
the service itself is asked. The ledger is a file.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import math
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "prometheus"), str(HERE.parents[1] / "ci")]

from jupyterhub_quota import Request, Session, SqliteLedger  # noqa: E402
from report import Row, milliseconds, row_of, say  # noqa: E402 - found only now
from sessions import DAY, names, sessions  # noqa: E402
from testbed.process import free_port  # noqa: E402
from timing import Times, in_turns, quantile, summary, timed  # noqa: E402

WINDOW_DAYS = 30
GROUPS = 10
PAGE = 100  # users on one page of the table
CROWD = 200  # users who have the page open
EVERY_SECONDS = 30.0  # so often each of them asks
LARGE = 5000  # users about whom the goal of everybody is
MEMORY_QUOTA = "600 GiB-hours"
ADMIN = "bench-token"
VOWELS = "aeiou"  # each is in many names
PREFIX = "services/quota"
START_SECONDS = 600
HUB = """
from jupyterhub.proxy import Proxy

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): pass
    async def delete_route(self, routespec): pass
    async def get_all_routes(self): return {{}}
    async def check_routes(self, *args, **kwargs): pass

c = get_config()
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.load_groups = {groups!r}
c.JupyterHub.log_level = "WARN"
read_all = "custom:jupyterhub-quota:read-all"
c.JupyterHub.custom_scopes = {{read_all: {{"description": "all"}}}}
access = "access:services!service=quota"
c.JupyterHub.services = [
    {{"name": "bench", "api_token": "bench-token"}},
    {{"name": "quota", "url": "http://127.0.0.1:{service}", "api_token": "service-token"}},
]
c.JupyterHub.load_roles = [
    {{"name": "user", "scopes": ["self", access]}},
    {{"name": "bench", "services": ["bench"], "scopes": ["admin:users", "tokens", access, read_all]}},
    {{"name": "quota", "services": ["quota"], "scopes": ["list:users", "read:users:name", "read:users:groups"]}},
]
"""


def main() -> int:
    """Return 0 where every answer was right, whatever the times."""
    parser = argparse.ArgumentParser(prog="ci/bench service", description=__doc__)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--days", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=90, help="how long the crowd looks on (90)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-service-") as folder:
        document = asyncio.run(measure(Path(folder), options.users, options.days, options.seconds))
    if options.json:
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    wrong = [text for text, right in document["answers"].items() if not right]
    for text in wrong:
        print(f"WRONG    {text}")
    return 1 if wrong else 0


async def measure(folder: Path, users: int, days: int, seconds: float) -> dict[str, Any]:
    """Return the whole report, and print it as it comes."""
    people = names(users)
    began = time.time()
    history = [
        Session(
            each.uid,
            each.user,
            each.server,
            float(each.start),
            min(float(each.end), began),
            Request(memory=each.requests["memory"], cpu=each.requests["cpu"]),
            alive=each.end > began,
        )
        for each in sessions(users, days, int(began))
    ]
    say(f"Writing {len(history)} sessions of {users} users")
    await SqliteLedger(folder / "quota.sqlite", create=True).add(history)
    public, hub, port = (free_port() for _ in range(3))
    address = f"http://127.0.0.1:{port}/{PREFIX}/"
    rows: list[Row] = []

    def tell(row: Row) -> None:
        rows.append(row)
        say(row)

    say("Starting a hub that knows them, and the service")
    with processes(folder, people, public, hub, port) as running:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as client:
            await until_it_answers(client, f"http://127.0.0.1:{hub}/hub/api/", running)
            await until_it_answers(client, f"{address}healthz", running)
            crowd = people[: min(CROWD, users)]
            tokens = await tokens_of(client, f"http://127.0.0.1:{hub}/hub/api", crowd)
            asking = Asking(client, address, tokens)
            say(f"\n{users} users, {days} days; {machine()}")
            say("'x' is the ratio to /healthz by the same client, in turns\n")
            answers = await right(asking, history, users)
            for row in await alone(asking, crowd, users):
                tell(row)
            tell(await together(asking, crowd, seconds))
    return {
        "users": users,
        "days": days,
        "machine": machine(),
        "rows": [dataclasses.asdict(row) for row in rows],
        "answers": answers,
    }


@dataclasses.dataclass(frozen=True, slots=True)
class Asking:
    """Who asks the service at *address*: its users by their *tokens*, or an admin."""

    client: aiohttp.ClientSession
    address: str
    tokens: dict[str, str]

    async def get(self, path: str, token: str = ADMIN) -> Any:
        """Return the whole answer."""
        headers = {"Authorization": f"token {token}"}
        async with self.client.get(self.address + path, headers=headers) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def me(self, user: str) -> Any:
        """Return what *user* sees."""
        return await self.get("api/me", self.tokens[user])

    async def empty(self) -> Any:
        """Return the smallest answer there is."""
        return await self.get("healthz")


async def right(asking: Asking, history: list[Session], users: int) -> dict[str, bool]:
    """Whether answers are what they should be; waits until everybody's figures are there."""
    deadline = time.monotonic() + START_SECONDS
    page = await asking.get(f"api/users?limit={PAGE}")
    while not page["known"] and time.monotonic() < deadline:
        await asyncio.sleep(1)
        page = await asking.get(f"api/users?limit={PAGE}")
    same = True
    for user in list(asking.tokens)[:20]:
        answer = await asking.me(user)
        (memory,) = [quota for quota in answer["quotas"] if quota["resource"] == "memory"]
        since = answer["at"] - WINDOW_DAYS * DAY
        held = [
            ((answer["at"] if each.alive else each.end) - max(since, each.start)) * each.request.memory
            for each in history
            if each.user == user and (each.alive or each.end > since)
        ]
        same = same and math.isclose(memory["used"], math.fsum(held), rel_tol=1e-9)
    return {
        "20 users are told what they held": same,
        f"the table holds {users} users, {PAGE} a page": page["total"] == users
        and len(page["users"]) == min(PAGE, users),
        "it tells groups, and how old they are": bool(page["groups_text"].startswith("Groups as of "))
        and all(len(line["groups"]) == 1 for line in page["users"]),
    }


async def alone(asking: Asking, crowd: list[str], users: int) -> list[Row]:
    """One asker at a time, all of them in turns with the empty answer."""
    works = [
        (asking.empty, lambda _: lambda: asking.me(crowd[0])),
        (asking.empty, lambda _: lambda: asking.get(f"api/users?limit={PAGE}")),
        (asking.empty, lambda turn: lambda: asking.get(f"api/users?limit={PAGE}&sort=name&search={VOWELS[turn % 5]}")),
        (asking.empty, lambda turn: lambda: asking.me(crowd[turn % len(crowd)])),
    ]
    mine, table, searched, first = await in_turns(works, 200)
    goal = "<= 0.1 s"
    return [
        row_of("/api/me, one user again and again", mine, 5),
        row_of("/api/me, another user each time", first),
        _page(f"/api/users, a page of {PAGE} among {users}", table, goal, users),
        _page(f"/api/users, searched and sorted among {users}", searched, goal, users),
    ]


def _page(work: str, times: Times, goal: str, users: int) -> Row:
    """A row whose goal is a time, for the size that it is about."""
    reached = times.median <= 0.1 if users >= LARGE else None
    told = f"{milliseconds(times.median)} = {times.ratio:.1f} x, p99 {milliseconds(times.p99)}"
    return Row(work, goal, told, reached, dataclasses.asdict(times))


async def together(asking: Asking, crowd: list[str], seconds: float) -> Row:
    """Everybody of *crowd* polls, each in their own rhythm, while an admin looks at everybody."""
    chance = random.Random(1)  # noqa: S311 - the same every time
    times: list[float] = []
    refused = 0
    empty = [await timed(asking.empty) for _ in range(50)]
    until = time.monotonic() + seconds

    async def poll(user: str) -> None:
        nonlocal refused
        at = time.monotonic() + chance.uniform(0, EVERY_SECONDS)
        while at < until:
            await asyncio.sleep(at - time.monotonic())
            try:
                times.append(await timed(lambda: asking.me(user)))
            except aiohttp.ClientResponseError:
                refused += 1
            at += EVERY_SECONDS

    async def look() -> None:
        while time.monotonic() < until:
            await asking.get(f"api/users?limit={PAGE}")
            await asyncio.sleep(EVERY_SECONDS / 2)

    async with asyncio.TaskGroup() as group:
        for user in crowd:
            group.create_task(poll(user))
        group.create_task(look())
    p99 = quantile(times, 0.99)
    return Row(
        f"{len(crowd)} users poll /api/me every {EVERY_SECONDS:.0f} s, an admin looks at everybody meanwhile",
        "p99 <= 250 ms",
        f"{len(times)} answers, median {milliseconds(quantile(times, 0.5))}, p99 {milliseconds(p99)}, "
        f"longest {milliseconds(max(times))}, {refused} not answered",
        p99 <= 0.25 and not refused if len(crowd) == CROWD else None,
        dataclasses.asdict(summary(times, empty)),
    )


@contextlib.contextmanager
def processes(folder: Path, people: list[str], public: int, hub: int, port: int) -> Iterator[list[subprocess.Popen]]:
    """A hub that knows *people*, a tenth of them in each group, and the service."""
    groups = {f"group-{number}": {"users": people[number::GROUPS]} for number in range(GROUPS)}
    quotas = "".join(f"  group-{number}: {{memory: {MEMORY_QUOTA}}}\n" for number in range(GROUPS))
    (folder / "policy.yaml").write_text(f"window: {WINDOW_DAYS}d\ngroups:\n{quotas}default: {{memory: 20 GiB-hours}}\n")
    (folder / "jupyterhub_config.py").write_text(HUB.format(public=public, hub=hub, service=port, groups=groups))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTERHUB_")}
    told = {
        "JUPYTERHUB_API_TOKEN": "service-token",
        "JUPYTERHUB_API_URL": f"http://127.0.0.1:{hub}/hub/api",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        "JUPYTERHUB_QUOTA_POLICY_FILE": str(folder / "policy.yaml"),
        "JUPYTERHUB_QUOTA_LEDGER_URL": f"sqlite:///{folder / 'quota.sqlite'}",
    }
    commands = {"jupyterhub": environment, "jupyterhub_quota_service": environment | told}
    running = []
    with (folder / "log").open("wb") as log:
        for module, variables in commands.items():
            command = [sys.executable, "-m", module]
            running.append(subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log))
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(running[-1].pid, {min(os.sched_getaffinity(0))})
        try:
            yield running
        except BaseException:
            say("\n".join((folder / "log").read_text(errors="replace").splitlines()[-20:]))
            raise
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(60)


async def until_it_answers(client: aiohttp.ClientSession, url: str, running: list[subprocess.Popen]) -> None:
    """Wait until *url* answers; a hub that learns to know thousands takes its time."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and all(process.poll() is None for process in running):
        with contextlib.suppress(aiohttp.ClientError):
            async with client.get(url) as answer:
                if answer.ok:
                    return
        await asyncio.sleep(0.5)
    raise TimeoutError(f"{url} does not answer")


async def tokens_of(client: aiohttp.ClientSession, api: str, users: list[str]) -> dict[str, str]:
    """Return a token of each of *users* that opens the service."""
    headers = {"Authorization": "token bench-token"}
    found = {}
    for user in users:
        body = {"scopes": ["access:services!service=quota"]}
        async with client.post(f"{api}/users/{user}/tokens", json=body, headers=headers) as answer:
            answer.raise_for_status()
            found[user] = (await answer.json())["token"]
    return found


def machine() -> str:
    """Return what it ran on."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}"


if __name__ == "__main__":
    sys.exit(main())
