"""What people see of their own usage."""

import gzip
import html
import json
import re

import pytest

from jupyterhub_quota_service.models import Me

from .conftest import POLICY

GIB_HOUR = 2**30 * 3600


async def me(browser):
    """Return the answer about who asks."""
    answer = await browser.get("api/me")
    assert 200 == answer.status_code, answer.text
    return Me.model_validate_json(answer.content)


class TestNumbersAndSentences:
    """Every number comes with its sentence."""

    async def test_what_is_left(self, world):
        """50 of 60 GiB-hours are used, so 10 are left, and that is near the limit."""
        await world.used("ann", 50)
        ann = await world.person("ann", "regular")

        memory = (await me(ann)).quotas[0]

        assert ("memory", "regular", "near") == (memory.resource, memory.group, memory.state)
        assert "10 GiB-hours left" == memory.heading
        assert "50 of 60 GiB-hours used" == memory.used_text
        assert pytest.approx(50 / 60) == memory.share
        assert "83 %" == memory.share_text
        assert "You have used 50 of 60 GiB-hours of memory in the last 30 days." == memory.sentence
        assert "A server with 4 GiB can run for about 2 h 30 min." == memory.runs_text
        assert pytest.approx(50 * GIB_HOUR) == sum(each.amount for each in memory.returns)

    async def test_what_runs(self, world):
        """A server of 4 GiB uses 4 GiB-hours per hour; what is left lasts so long."""
        await world.used("ann", 0, running=4)
        ann = await world.person("ann", "regular")

        answer = await me(ann)

        (server,) = answer.running
        assert "your default server" == server.server_text
        assert "4 GiB of memory" == server.size_text
        assert "4 GiB-hours of memory per hour" == server.per_hour_text
        assert "lasts until about" in server.lasts_text
        assert answer.summary.startswith(
            "58.9 GiB-hours of memory left; with what runs now it lasts for about 14 h 44 min"
        )

    async def test_how_long_each_size_would_run(self, world):
        """From the admin's list, in its order."""
        ann = await world.person("ann", "regular")

        small, gpu = (await me(ann)).sizes

        assert ("Small", True, "2 days 12 h") == (small.name, small.allowed, small.text)
        assert ("GPU", False, "not at all: your GPU quota is 0") == (gpu.name, gpu.allowed, gpu.text)

    async def test_used_up(self, world):
        """Over the limit looks and reads different, and says from when it works again."""
        await world.used("ann", 70)
        ann = await world.person("ann", "regular")

        answer = await me(ann)
        memory = answer.quotas[0]

        assert ("over", "used up", "Nothing left", 1.0) == (
            memory.state,
            memory.state_text,
            memory.heading,
            memory.share,
        )
        assert "No server that reserves memory can start now." == memory.runs_text
        assert memory.refill_sentence.startswith("A server with 4 GiB can start again: ")
        assert answer.sizes[0].text.startswith("not now: your memory quota is used up; again on ")

    async def test_nothing_is_left(self, world):
        """What, from when it works again, and whom to ask, within 25 words."""
        await world.used("ann", 70)
        ann = await world.person("ann", "regular")

        summary = (await me(ann)).summary

        words = r"Nothing is left of your memory quota\. A server with 4 GiB can start again .+\. Ask for more"
        assert re.match(words, " ".join(summary.split()[:25]))

    async def test_who_is_exempt(self, world):
        """Everything is shown, and nothing limits."""
        (world.folder / "policy.yaml").write_text(POLICY + "exempt: {users: [ann]}\n", encoding="utf-8")
        world.service.rooms.policies._looked = 0
        await world.used("ann", 70, running=4)
        ann = await world.person("ann", "regular")

        answer = await me(ann)

        assert answer.summary.startswith("You are exempt from quotas: your servers can run for as long as you like.")
        assert {"as long as you like"} == {size.text for size in answer.sizes}
        assert "can go on for as long as you like" == answer.running[0].lasts_text
        assert all("cannot start" not in f"{quota.sentence} {quota.runs_text}" for quota in answer.quotas)

    async def test_the_admins_own_words(self, world):
        """What the hub says at a launch stands beside the size; no reference, since nothing was launched."""
        own = 'messages: {refused: "{user}, of {groups}: {sentence} See the wiki."}'
        (world.folder / "policy.yaml").write_text(POLICY + own, encoding="utf-8")
        world.service.rooms.policies._looked = 0
        ann = await world.person("ann", "regular")

        small, gpu = (await me(ann)).sizes
        page = (await ann.get("")).text

        assert not small.message
        assert re.fullmatch(r"ann, of regular: Your GPU quota is 0.+ See the wiki\.", gpu.message)
        assert gpu.message in html.unescape(page)

    async def test_the_admins_own_words_where_usage_is_not_known(self, start):
        """They stand around what the page says."""
        world = await start(ledger_url="http://127.0.0.1:9", timeout_seconds=1.0)
        (world.folder / "policy.yaml").write_text(POLICY + 'messages: {unknown: "{sentence} Call 555."}')
        world.service.rooms.policies._looked = 0
        ann = await world.person("ann", "regular")

        told = "How much you have used is not known at the moment. Please try again in a few minutes. Call 555."
        assert told == (await me(ann)).problem

    async def test_a_quota_of_0_for_what_every_server_needs(self, world):
        """No server can start, and that is said first."""
        policy = "groups: {regular: {memory: 0}}\ndefault: {memory: 1 GiB-hour}\ncontact: Ask us."
        (world.folder / "policy.yaml").write_text(policy, encoding="utf-8")
        world.service.rooms.policies._looked = 0
        ann = await world.person("ann", "regular")

        assert "Nothing is left: your memory quota is 0. Ask us." == (await me(ann)).summary

    async def test_the_first_words_say_it_all(self, world):
        """What is left, for how long that lasts, and the next step in 25 words."""
        await world.used("ann", 50)
        ann = await world.person("ann", "regular")

        first = " ".join((await me(ann)).summary.split()[:25])

        assert "10 GiB-hours of memory left, enough for about 2 h 30 min with 4 GiB. You can start a server." == first

    async def test_every_number_can_be_traced(self, world):
        """Days and sessions each add up to what the quota counts."""
        await world.used("ann", 30)
        await world.used("ann", 20, server="big")
        ann = await world.person("ann", "regular")

        memory = (await me(ann)).quotas[0]
        days = (await ann.get("api/me/days")).json()["resources"][0]
        sessions = (await ann.get("api/me/sessions")).json()["sessions"]

        assert pytest.approx(memory.used) == sum(day["amount"] for day in days["days"])
        assert pytest.approx(memory.used) == days["days"][-1]["total"]
        counted = [each["amount"] for line in sessions for each in line["counted"] if each["resource"] == "memory"]
        assert pytest.approx(memory.used) == sum(counted)
        assert {"", "big"} == {part["server"] for day in days["days"] for part in day["parts"]}

    async def test_lists_come_as_spreadsheets(self, world):
        """A name that looks like a formula is text."""
        await world.used("ann", 10, server="=1+1")
        ann = await world.person("ann", "regular")

        days = await ann.get("api/me/days", params={"format": "csv"})
        sessions = await ann.get("api/me/sessions", params={"format": "csv"})

        assert "text/csv; charset=utf-8" == days.headers["Content-Type"]
        assert '"date","resource","window_days","used","unit"' == days.text.splitlines()[0]
        assert '"\'=1+1"' in sessions.text


class TestThePage:
    """Numbers and sentences are there without a script."""

    async def test_the_server_writes_them(self, world):
        """Also the data that the script begins with, which cannot end its element."""
        await world.used("ann", 50, server="</script><b>")
        ann = await world.person("ann", "regular")

        page = (await ann.get("")).text

        assert "You have used 50 of 60 GiB-hours of memory in the last 30 days." in page
        assert "<b>" not in page
        found = re.search(r'<script id="me" type="application/json">(.*?)</script>', page)
        assert "ann" == json.loads(found[1])["user"]
        assert 1 == page.count("<script")

    async def test_the_built_page_is_used(self, start, tmp_path):
        """Its files stand in the manifest; they may be kept for ever."""
        (tmp_path / "static" / "assets").mkdir(parents=True)
        (tmp_path / "static" / "assets" / "main-1.js").write_text("1")
        entry = {"file": "assets/main-1.js", "isEntry": True, "css": ["assets/main-2.css"], "name": "main"}
        (tmp_path / "static" / "manifest.json").write_text(json.dumps({"src/main.tsx": entry}))
        world = await start(static=tmp_path / "static")
        ann = await world.person("ann")

        page = (await ann.get("")).text
        script = await ann.get("static/assets/main-1.js")

        assert '<script type="module" src="/services/quota/static/assets/main-1.js"></script>' in page
        assert '<link rel="stylesheet" href="/services/quota/static/assets/main-2.css">' in page
        assert "immutable" in script.headers["Cache-Control"]

    async def test_its_files_come_packed(self, start, tmp_path):
        """To who takes that; the names of packs themselves are no way to anything else."""
        folder = tmp_path / "static" / "assets"
        folder.mkdir(parents=True)
        (folder / "main-1.js").write_text("plain")
        (folder / "main-1.js.gz").write_bytes(gzip.compress(b"packed"))
        world = await start(static=tmp_path / "static")
        client = world.client()

        packed = await client.get("static/assets/main-1.js")
        plain = await client.get("static/assets/main-1.js", headers={"Accept-Encoding": "identity"})

        assert ("packed", "plain") == (packed.text, plain.text)
        assert {"text/javascript"} == {packed.headers["Content-Type"], plain.headers["Content-Type"]}
        assert "Accept-Encoding" == packed.headers["Vary"]


class TestGroups:
    """They come from the hub, with the user."""

    async def test_the_most_generous_counts(self, world):
        """240 for who is in power, too."""
        ann = await world.person("ann", "regular", "power")

        answer = await me(ann)

        assert ("power", "regular") == answer.groups
        assert {"memory": "240 GiB-hours left", "gpu": "10 GPU-hours left"} == {
            quota.resource: quota.heading for quota in answer.quotas
        }

    async def test_none_is_the_default(self, world):
        """20 GiB-hours for who is in no group."""
        ann = await world.person("ann")

        memory = (await me(ann)).quotas[0]

        assert ("20 GiB-hours left", None, "the default") == (memory.heading, memory.group, memory.group_text)

    async def test_membership_counts_soon(self, start):
        """What the hub said is kept for seconds only."""
        world = await start(cache_seconds=1)
        ann = await world.person("ann", "regular")
        await me(ann)
        await world.join("ann", "power")
        await __import__("asyncio").sleep(1.1)

        assert "power" == (await me(ann)).quotas[0].group
