"""Servers that run while a quota is used up, on a real hub: warned, stopped, held back."""

import asyncio
import json
import os
import signal
import sys
import time
from datetime import datetime

import httpx
import pytest
from traitlets.config import Config

from jupyterhub_quota import HubClient, Request, Session
from jupyterhub_quota.cli import main
from jupyterhub_quota_service.running import Rounds
from jupyterhub_quota_service.running.deeds import Deeds
from jupyterhub_quota_service.settings import READ_ALL, READ_METRICS, RELEASE

from .conftest import ACCESS, GIB, HOUR, QuietSpawner

POLICY = """
groups:
  regular: {memory: 60 GiB-hours, gpu: 0}
  power: {memory: 240 GiB-hours, gpu: 10 GPU-hours}
default: {memory: 20 GiB-hours, gpu: 0}
exempt: {users: [carl]}
while_running: stop
grace: 15m
brake: 100%
contact: "Ask for more at help@example.org."
"""


class Times:
    """Two clocks that the tests move."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.set_by = 0.0

    def clock(self) -> float:
        """Return the present as everybody sees it."""
        return time.time() + self.ahead + self.set_by

    def ticks(self) -> float:
        """Return the present of the clock that nobody sets."""
        return time.monotonic() + self.ahead


class Stage:
    """A hub with servers that really run, and rounds that are gone one by one, at times that the tests choose."""

    def __init__(self, world) -> None:
        self.world = world
        self.rounds = world.service.rooms.rounds
        self.times = Times()
        self.rounds._clock, self.rounds._ticks = self.times.clock, self.times.ticks

    async def launch(self, user, *groups, hours=70.0, gib=1.0, server="", memory=True):
        """Start a server of *user*, who ran *gib* GiB for so many hours until a moment ago."""
        await self.world.join(user, *groups)
        path = f"users/{user}/servers/{server}" if server else f"users/{user}/server"
        answer = await self.world.api.post(path)
        assert answer.status_code in {201, 202}, answer.text
        async with asyncio.timeout(20):
            while not (shown := (await self.servers(user)).get(server, {})).get("ready"):  # noqa: ASYNC110 - the hub tells nobody
                await asyncio.sleep(0.05)
        started = datetime.fromisoformat(shown["started"]).timestamp()
        request = Request(memory=gib * GIB) if memory else Request(cpu=1)
        sessions = [
            Session(f"now {user}/{server}", user, server, started, time.time(), request, alive=True),
        ]
        if hours:
            sessions.append(
                Session(f"past {user}/{server}", user, server, started - hours * HOUR, started, Request(GIB))
            )
        await self.world.ledger.add(sessions)
        return started

    async def servers(self, user):
        """Return what the hub shows of the servers of *user* that are not stopped."""
        return (await self.world.api.get(f"users/{user}")).json()["servers"]

    async def runs(self, user, server=""):
        """Return whether a server runs, once the hub has finished what it does."""
        async with asyncio.timeout(20):
            while (shown := (await self.servers(user)).get(server, {})).get("pending"):  # noqa: ASYNC110 - the hub tells nobody
                await asyncio.sleep(0.05)
        return bool(shown.get("ready"))

    async def go(self, minutes=0.0):
        """Let so many minutes pass, go one round, and return its plan."""
        self.times.ahead += minutes * 60
        await self.rounds.round()
        return self.rounds.state.last

    def deeds(self, action):
        """Return for which users something was done, in order."""
        return [event["user"] for event in self.rounds.deeds if event["action"] == action]


@pytest.fixture
def stage(start, folder):
    """Return what begins a stage."""

    async def begin(policy=POLICY, **settings):
        (folder / "policy.yaml").write_text(policy, encoding="utf-8")
        return Stage(await start(**settings))

    return begin


async def test_warned_then_stopped_after_grace(stage):
    """Who is over is told at once, has 15 minutes, and is stopped then; others run on."""
    on = await stage()
    await on.launch("ann", "regular")
    await on.launch("bob", "power")

    await on.go()
    assert (["ann"], []) == (on.deeds("warned"), on.deeds("stopped"))
    await on.go(minutes=14)
    assert await on.runs("ann")
    await on.go(minutes=1.1)

    assert ["ann"] == on.deeds("stopped")
    assert not await on.runs("ann")
    assert await on.runs("bob")


async def test_what_the_user_reads(stage):
    """Before: until when, and what to do. Afterwards: why."""
    on = await stage()
    await on.launch("ann", "regular")
    ann = on.world.client(await on.world.token("ann", ACCESS, "read:users:groups!user"))
    await on.go()

    (notice,) = (await ann.get("api/me")).json()["notices"]

    assert notice["stops"]
    assert notice["used_up"]
    assert 0 < notice["seconds_left"] <= 15 * 60
    assert notice["sentence"].startswith(
        "You have used all of your memory quota (60 GiB-hours in 30 days). Your default"
    )
    assert "Save your work. Stop what you do not need. Ask for more at help@example.org." == notice["advice"]
    await on.go(minutes=15.1)
    after = (await ann.get("api/me")).json()
    assert [] == after["notices"]
    assert after["stopped"][0]["sentence"].startswith("Your default server was stopped ")
    page = (await (await on.world.person("ann")).get("")).text
    assert after["stopped"][0]["sentence"][:30] in page


async def test_only_what_holds_the_resource(stage):
    """Of two servers the one that holds no memory runs on."""

    def named(c: Config) -> None:
        c.JupyterHub.allow_named_servers = True

    on = await stage(configure_more=named)
    await on.launch("ann", "regular")
    await on.launch("ann", "regular", server="plain", hours=0, memory=False)

    await on.go()
    await on.go(minutes=16)

    assert not await on.runs("ann")
    assert await on.runs("ann", "plain")


async def test_another_server_of_the_same_name(stage):
    """One that was started anew since it was judged is not the one that was judged."""
    on = await stage()
    await on.launch("ann", "regular")
    await on.go()
    await on.world.api.delete("users/ann/server")
    assert not await on.runs("ann")
    await on.launch("bob", "regular", hours=1)
    await on.world.api.post("users/ann/server")
    async with asyncio.timeout(20):
        while not await on.runs("ann"):  # noqa: ASYNC110 - the hub tells nobody
            await asyncio.sleep(0.05)

    await on.go(minutes=30)

    assert [] == on.deeds("stopped")
    assert await on.runs("ann")
    assert 1 == on.rounds.state.good.unmatched


async def test_the_last_look_counts(stage):
    """Who was moved to a larger group between the round's look and the stop is not stopped."""
    on = await stage()
    await on.launch("ann", "regular")
    await on.go()
    servers = on.rounds._hub.running

    async def then_moved():
        found = await servers()
        await on.world.join("ann", "power")
        return found

    # In place of a hub that is slow at the right moment.
    on.rounds._hub.running = then_moved
    await on.go(minutes=16)

    assert await on.runs("ann")
    assert 1 == on.rounds.numbers.held_back.labels("changed")._value.get()


async def test_a_larger_group_in_time(stage):
    """The most generous group counts, as at launch."""
    on = await stage()
    await on.launch("ann", "regular")
    await on.go()
    await on.world.join("ann", "power")

    await on.go(minutes=16)

    assert await on.runs("ann")
    assert () == on.rounds.state.good.notices


async def test_limit_lowered_and_stop_switched_on(stage, folder):
    """Each gives the whole grace anew, and the warning."""
    on = await stage(POLICY.replace("while_running: stop", "while_running: warn").replace("60 GiB", "100 GiB"))
    await on.launch("ann", "regular")
    await on.go()
    await on.go(minutes=30)
    assert [] == on.deeds("warned")
    for text in (POLICY.replace("while_running: stop", "while_running: warn"), POLICY):
        (folder / "policy.yaml").write_text(text, encoding="utf-8")
        on.world.service.rooms.policies._looked = 0.0

        await on.go(minutes=1)
        assert await on.runs("ann")
        await on.go(minutes=14)
        assert await on.runs("ann")

    # Once while it only warned, once when it stops, and once ten minutes before that.
    assert ["ann", "ann", "ann"] == on.deeds("warned")
    await on.go(minutes=2)
    assert not await on.runs("ann")


async def test_exempt(stage):
    """Never warned, never stopped."""
    on = await stage()
    await on.launch("carl", "regular", hours=500)

    await on.go()
    await on.go(minutes=60)

    assert await on.runs("carl")
    assert ([], []) == (on.deeds("warned"), on.deeds("stopped"))


class TestDoubt:
    """Stops nobody, and shows."""

    async def over(self, stage, **settings):
        """Return a stage with one server whose time is up."""
        on = await stage(**settings)
        await on.launch("ann", "regular")
        await on.go()
        on.times.ahead += 16 * 60
        return on

    async def held(self, on, why):
        """Check that the next round stops nobody, for this reason."""
        await on.rounds.round()
        assert await on.runs("ann")
        assert 1 == on.rounds.numbers.held_back.labels(why)._value.get()
        assert [] == on.deeds("stopped")

    async def test_an_old_ledger(self, stage):
        """Nobody has watched for longer than `tolerate`."""
        on = await self.over(stage)
        await on.world.ledger.beat(["now ann/"], time.time())

        await self.held(on, "ledger")

    async def test_no_ledger(self, stage, folder):
        """The file is gone."""
        on = await self.over(stage)
        (folder / "quota.sqlite").unlink()

        await self.held(on, "ledger")

    async def test_no_hub(self, stage):
        """It answers 5xx, or not at all."""
        on = await self.over(stage)
        # Stands in the place of a hub that is down: the real one carries the test.
        working, on.rounds._hub._base = on.rounds._hub._base, httpx.URL("http://127.0.0.1:9/hub/api/")

        await self.held(on, "hub")
        on.rounds._hub._base = working
        await on.rounds.round()
        assert ["ann"] == on.deeds("stopped")

    async def test_a_broken_policy(self, stage, folder):
        """The newest file cannot be read."""
        on = await self.over(stage)
        (folder / "policy.yaml").write_text("groups: 7", encoding="utf-8")
        on.world.service.rooms.policies._looked = 0.0

        await self.held(on, "policy")

    async def test_a_clock_that_was_set(self, stage):
        """Grace begins anew."""
        on = await self.over(stage)
        on.times.ahead -= 16 * 60
        on.times.set_by += 16 * 60

        await self.held(on, "clock")
        await on.go(minutes=1)
        assert await on.runs("ann")

    async def test_launches_are_not_refused_either(self, stage):
        """With `at_launch: warn` nobody is stopped."""
        on = await self.over(stage, policy=POLICY + "at_launch: warn\n")

        await self.held(on, "at-launch")
        (notice,) = (await on.world.client(await on.world.token("ann", ACCESS)).get("api/me")).json()["notices"]
        assert not notice["stops"]
        assert "stopped" not in notice["sentence"]

    async def test_the_page_promises_no_stop_where_launches_are_only_warned(self, stage):
        """What runs for a while yet is not "stopped" then."""
        on = await stage(POLICY + "at_launch: warn\n")
        await on.launch("ann", "regular", hours=50)

        answer = await (await on.world.person("ann", "regular")).get("api/me")

        assert answer.json()["running"][0]["lasts_text"].endswith(", then your quota is used up")
        assert ", then your quota is used up." in answer.json()["quotas"][0]["runs_text"]


class TestTheBrake:
    """Many at once whose quota was used up long ago: a wrong policy or wrong data, so an admin is asked."""

    async def held(self, stage):
        """Return a stage with five servers, four of which are held."""
        on = await stage(POLICY.replace("100%", "20%"))
        for user in ("ann", "ben", "cid", "dan"):
            await on.launch(user, "regular", hours=70)
        await on.launch("eve", "power")
        await on.go()
        await on.go(minutes=16)
        return on

    async def test_nobody_is_stopped_until_an_admin_has_seen_who(self, stage):
        """And what was not seen stays held."""
        on = await self.held(stage)
        chief = on.world.client(await on.world.token("chief", ACCESS, READ_ALL, RELEASE, READ_METRICS))
        shown = (await chief.get("api/running")).json()

        assert shown["brake"]
        assert [] == on.deeds("stopped")
        assert ["ann", "ben", "cid", "dan"] == sorted(s["user"] for s in shown["servers"] if s["held_back"] == "brake")
        assert "jupyterhub_quota_brake 1.0" in (await chief.get("metrics")).text
        seen = [{key: s[key] for key in ("user", "server", "started")} for s in shown["servers"] if s["user"] != "dan"]
        answer = await chief.post("api/running/release", json={"servers": seen})
        assert {"released": 3, "sentence": "3 servers are let go: stopped in the next round."} == answer.json()
        await on.go(minutes=1)
        assert ["ann", "ben", "cid"] == sorted(on.deeds("stopped"))
        deed = next(d for d in (await chief.get("api/running")).json()["deeds"] if d["action"] == "stopped")
        assert any("An admin had let it go from the brake." in line for line in deed["explanation"])

    async def test_who_may_release(self, stage):
        """Seeing everybody is not enough, and a browser says so with its token."""
        on = await self.held(stage)
        sees = on.world.client(await on.world.token("chief", ACCESS, READ_ALL))
        root = await on.world.person("root")
        body = {"servers": [{"user": "ann", "server": "", "started": 0}]}

        assert 403 == (await sees.post("api/running/release", json=body)).status_code
        assert 403 == (await on.world.client(await on.world.token("ann", ACCESS)).get("api/running")).status_code
        assert 403 == (await root.post("api/running/release", json=body)).status_code
        for wrong in ("[]", "{}", '{"servers": 1}', '{"servers": [{"user": 1, "server": "", "started": 1}]}', "x"):
            chief = on.world.client(await on.world.token("chief", ACCESS, READ_ALL, RELEASE))
            assert 400 == (await chief.post("api/running/release", content=wrong)).status_code

    async def test_from_the_page(self, stage):
        """An admin of the hub sees who waits, and lets them go with a button that needs no script."""
        on = await self.held(stage)
        root = await on.world.person("root")

        page = await root.get("admin/running")
        fields = [part.split('"')[0] for part in page.text.split('name="server" value="')[1:]]
        xsrf = page.text.split('name="_xsrf" value="')[1].split('"')[0]
        data = {"_xsrf": xsrf, "server": [field.replace("&quot;", '"') for field in fields]}
        answer = await root.post("admin/running", data=data)

        assert "form-action 'self'" in page.headers["Content-Security-Policy"]
        assert 200 == answer.status_code
        await on.go(minutes=1)
        assert ["ann", "ben", "cid", "dan"] == sorted(on.deeds("stopped"))

    async def test_a_policy_that_ignores_running_servers_now(self, stage, folder):
        """Until the next round an admin still sees what the last one found."""
        on = await self.held(stage)
        chief = on.world.client(await on.world.token("chief", ACCESS, READ_ALL))
        (folder / "policy.yaml").write_text(POLICY.replace("while_running: stop", "while_running: ignore"))
        on.world.service.rooms.policies._looked = 0.0

        shown = (await chief.get("api/running")).json()

        assert "ignore" == shown["mode"]
        assert "more than 20%" in shown["brake_text"]

    async def test_from_the_command_line(self, stage, monkeypatch, capsys):
        """It shows who waits, and lets those go with `--release`."""
        on = await self.held(stage)
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", await on.world.token("chief", ACCESS, READ_ALL, RELEASE))

        assert 0 == await asyncio.to_thread(main, ["brake", "--service", on.world.url])
        assert "To have them stopped, add --release." in capsys.readouterr().out
        assert 0 == await asyncio.to_thread(main, ["brake", "--service", on.world.url, "--release"])
        await on.go(minutes=1)

        assert ["ann", "ben", "cid", "dan"] == sorted(on.deeds("stopped"))

    async def test_people_who_run_out_together(self, stage):
        """A course that began together is no reason to brake: six of eight run out at the same time."""
        on = await stage(POLICY.replace("100%", "20%"))
        for number in range(8):
            await on.launch(f"u{number}", "regular", hours=59.9 if number < 6 else 1)
        await on.go()
        assert [] == on.deeds("stopped")

        for _ in range(30):
            await on.go(minutes=1)

        assert [f"u{number}" for number in range(6)] == sorted(on.deeds("stopped"))
        assert not on.rounds.state.good.brake


class TestDisorder:
    """Processes that die, that are two, that were away; hubs that are slow; people who are gone."""

    def another(self, on):
        """Return the rounds of another process on the same hub."""
        settings, rooms = on.world.service.rooms.settings, on.world.service.rooms
        hub = HubClient(settings.api_url, settings.api_token, timeout_seconds=40)
        deeds = Deeds(lambda event: None)
        return Rounds(rooms.policies, on.world.ledger, hub, deeds, clock=on.times.clock, ticks=on.times.ticks)

    async def test_two_copies(self, stage):
        """Both stop the same server: one of them finds it gone, and nobody else's is touched."""
        on = await stage()
        await on.launch("ann", "regular")
        await on.launch("bob", "regular", hours=1)
        other = self.another(on)
        await asyncio.gather(on.rounds.round(), other.round())
        on.times.ahead += 16 * 60

        await asyncio.gather(on.rounds.round(), other.round())

        assert not await on.runs("ann")
        assert await on.runs("bob")
        await asyncio.gather(on.go(minutes=1), other.round())
        assert [] == [sample for sample in on.rounds.numbers.failures.collect()[0].samples if sample.value]
        await other.close()

    async def test_a_process_that_begins_anew(self, stage):
        """It gives the whole grace again."""
        on = await stage()
        await on.launch("ann", "regular")
        await on.go()
        on.times.ahead += 14 * 60
        other = self.another(on)

        await other.round()
        on.times.ahead += 14 * 60
        await other.round()
        assert await on.runs("ann")
        on.times.ahead += 2 * 60
        await other.round()

        assert not await on.runs("ann")
        await other.close()

    async def test_two_hours_without_a_round(self, stage):
        """Who ran out meanwhile is warned and given the whole grace."""
        on = await stage()
        await on.launch("ann", "regular", hours=59)
        await on.go()
        await on.go(minutes=120)
        assert ["ann"] == on.deeds("warned")
        assert await on.runs("ann")

        await on.go(minutes=14)
        assert await on.runs("ann")
        await on.go(minutes=2)

        assert not await on.runs("ann")

    async def test_a_user_who_is_deleted(self, stage):
        """There is nothing to stop any more, and nothing fails."""
        on = await stage()
        await on.launch("ann", "regular")
        await on.go()
        await on.world.api.delete("users/ann/server")
        assert not await on.runs("ann")
        await on.world.api.delete("users/ann")

        plan = await on.go(minutes=16)

        assert None is plan.doubt
        assert ([], ()) == (on.deeds("stopped"), plan.stops)

    async def test_a_user_who_is_renamed(self, stage):
        """What is on record under the old name is nobody's of the new one, so the server is left alone."""
        on = await stage()
        await on.launch("ann", "regular")
        await on.go()
        answer = await on.world.api.patch("users/ann", json={"name": "anna"})
        assert 200 == answer.status_code, answer.text

        plan = await on.go(minutes=16)

        assert (None, 1, 1, ()) == (plan.doubt, plan.running, plan.unmatched, plan.notices)
        assert [] == on.deeds("stopped")
        assert await on.runs("anna")
        # The spawner of these tests finds its servers by the name of their user.
        await on.world.api.patch("users/anna", json={"name": "ann"})

    async def test_a_server_that_stops_slowly(self, stage):
        """The hub says 202 at first. It is stopped once, and counted once."""
        on = await stage(configure_more=_slow)
        await on.launch("ann", "regular")
        await on.go()

        await on.go(minutes=16)
        await on.go(minutes=1)

        assert ["ann"] == on.deeds("stopped")
        assert not await on.runs("ann")

    async def test_without_the_scopes(self, stage):
        """Least privilege: without `delete:servers` the stop fails, and shows."""
        on = await stage(configure_more=_may_not_stop)
        await on.launch("ann", "regular")
        await on.go()

        await on.go(minutes=16)

        assert await on.runs("ann")
        assert 1 == on.rounds.numbers.failures.labels("denied")._value.get()
        assert 1 == on.rounds.numbers.held_back.labels("hub")._value.get()


QUICK = POLICY.replace("grace: 15m", "grace: 2s\nminimum_runtime: 1s\nsession: 1s")


async def test_killed_between_warning_and_stop(stage, folder, unused_tcp_port):
    """A real process that dies without a word: the next one warns again and gives the whole grace again."""
    on = await stage(QUICK)
    await on.launch("ann", "regular")
    settings = on.world.service.rooms.settings
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "JUPYTERHUB_API_TOKEN": settings.api_token,
        "JUPYTERHUB_API_URL": settings.api_url,
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{unused_tcp_port}",
        "JUPYTERHUB_QUOTA_POLICY_FILE": str(settings.policy_file),
        "JUPYTERHUB_QUOTA_LEDGER_URL": settings.ledger_url,
        "JUPYTERHUB_QUOTA_ROUND_SECONDS": "0.2",
    }

    async def begin():
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "jupyterhub_quota_service", env=environment, stdout=asyncio.subprocess.PIPE
        )

    first = await begin()
    async with asyncio.timeout(60):
        warned = json.loads(await first.stdout.readline())
    first.send_signal(signal.SIGKILL)
    await first.wait()
    second = await begin()
    try:
        async with asyncio.timeout(60):
            again = json.loads(await second.stdout.readline())
            stopped = json.loads(await second.stdout.readline())
    finally:
        second.send_signal(signal.SIGTERM)
        await second.wait()

    assert ["warned", "warned", "stopped"] == [each["action"] for each in (warned, again, stopped)]
    assert warned["said"] < again["said"] == stopped["said"]
    assert stopped["said"] + 2 <= stopped["at"]
    assert not await on.runs("ann")


class SlowSpawner(QuietSpawner):
    """Takes longer to stop than the hub waits."""

    async def stop(self, now=False):
        """Take a second."""
        await asyncio.sleep(1)
        await super().stop(now)


def _slow(c: Config) -> None:
    c.JupyterHub.spawner_class = SlowSpawner
    c.JupyterHub.tornado_settings = {"slow_stop_timeout": 0}


def _may_not_stop(c: Config) -> None:
    role = next(role for role in c.JupyterHub.load_roles if role["name"] == "quota")
    role["scopes"].remove("delete:servers")


async def test_the_loop_goes_round(stage):
    """As the service runs it: round after round, by itself."""
    on = await stage(rounds=True, round_seconds=0.1)
    await on.launch("ann", "regular")

    async with asyncio.timeout(20):
        while on.deeds("warned") != ["ann"]:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
        on.times.ahead += 16 * 60
        while on.deeds("stopped") != ["ann"]:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


async def test_off_where_the_policy_ignores(stage):
    """Nothing is asked of the hub or of the ledger."""
    on = await stage(POLICY.replace("while_running: stop", "while_running: ignore"))
    await on.launch("ann", "regular")

    await on.go()

    assert None is on.rounds.state.last
