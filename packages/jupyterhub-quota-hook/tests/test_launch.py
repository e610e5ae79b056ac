"""A launch, allowed or refused, in a real hub."""

import asyncio
import json
import logging
import sqlite3
from io import StringIO

import jupyterhub
import pytest

from jupyterhub_quota import DECISION_SCHEMA

GIB = 2**30
USED_UP = "You have used all of your memory quota (60 GiB-hours in 30 days), so this server cannot start."


def waiting(c):
    """Let the hub wait for a start before it answers, as without Zero to JupyterHub."""
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 10}


class TestAllowed:
    async def test_the_server_starts_and_the_progress_says_what_is_left(self, hub, used):
        """50 of 60 used, 4 GiB asked for."""
        await used("ann", 50)
        ann = await hub.person("ann", "regular")

        await ann.start(memory=4)
        said = [event["message"] for event in await ann.progress()]

        assert any("You have used 50 of 60 GiB-hours of memory in the last 30 days." in text for text in said)
        assert any("reserves 4 GiB and can run for about 2 h 30 min" in text for text in said)
        assert "" in await ann.servers()

    async def test_the_groups_of_the_owner_count(self, hub, used):
        """An admin who starts a server for ann uses ann's quota."""
        await used("ann", 100)
        ann = await hub.person("ann", "regular", "power")

        await ann.start(memory=4)

        assert "100 of 240 GiB-hours" in str(await ann.progress())

    async def test_a_launch_without_a_size_is_counted_as_unmetered(self, hub):
        """Memory is limited for ann, and a server that reserves none would never be charged."""
        before = (await hub.metrics())['jupyterhub_quota_unmetered_launches_total{resource="memory"}']
        ann = await hub.person("ann", "regular")

        await ann.start()
        await ann.progress()

        assert before + 1 == (await hub.metrics())['jupyterhub_quota_unmetered_launches_total{resource="memory"}']
        assert "reserves no memory" in hub.said()


class TestRefused:
    """A refusal reads well wherever it is read."""

    async def test_on_the_page_of_a_server_that_is_not_running(self, hub, used):
        """Where Zero to JupyterHub leads people."""
        await used("ann", 60)
        ann = await hub.person("ann", "regular")

        await ann.start(memory=4)
        page = await ann.page("user/ann/lab")
        if USED_UP not in page.text:
            page = await ann.page("spawn-pending/ann")

        assert USED_UP in page.text
        assert "Ask for more at help@example.org." in page.text

    async def test_in_the_progress_of_the_start(self, hub, used):
        """As the last word of the stream."""
        await used("ann", 60)
        ann = await hub.person("ann", "regular")

        await ann.start(memory=4)
        last = (await ann.progress())[-1]

        assert last["failed"]
        assert USED_UP in last["message"]
        assert USED_UP in last["html_message"]

    async def test_on_the_error_page(self, start_hub, used):
        """A hub that waits for the start answers with a page."""
        await used("ann", 60)
        hub = await start_hub(waiting)
        ann = await hub.person("ann", "regular")

        page = await ann.page("spawn/ann", **{"opt-memory" if jupyterhub.version_info >= (6,) else "memory": 4})

        assert 403 == page.status_code
        assert USED_UP in page.text

    async def test_in_the_form(self, start_hub, used):
        """Where the size was chosen."""

        def with_form(c):
            waiting(c)
            c.Spawner.options_form = '<input name="memory">'
            c.Spawner.options_from_form = lambda form: {"memory": form["memory"][0]}

        await used("ann", 60)
        hub = await start_hub(with_form)
        ann = await hub.person("ann", "regular")
        await ann.page("spawn/ann")

        page = await ann.browser.post("spawn/ann", data={"memory": "4", "_xsrf": ann.xsrf()})

        assert USED_UP in page.text

    async def test_by_the_api(self, start_hub, used):
        """A client gets a 403 with the sentence."""
        await used("ann", 60)
        hub = await start_hub(waiting)
        (ann,) = await hub.accounts("ann")
        await ann.api.post("groups/regular")
        await ann.api.post("groups/regular/users", json={"users": ["ann"]})

        answer = await ann.start(memory=4)

        assert 403 == answer.status_code
        assert USED_UP in answer.json()["message"]

    async def test_text_from_others_is_escaped(self, start_hub, folder):
        """A group called `<script>` stands in the policy and in the refusal."""
        policy = "groups: {'<script>alert(1)</script>': {memory: 0}}\ndefault: unlimited\n"
        (folder / "policy.yaml").write_text(policy)
        hub = await start_hub()
        ann = await hub.person("ann", "<script>alert(1)</script>")

        await ann.start(memory=4)
        last = (await ann.progress())[-1]
        page = await ann.page("spawn-pending/ann")

        assert "<script>" not in last["html_message"]
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in last["html_message"]
        assert "<script>alert(1)" not in page.text

    async def test_a_percent_sign_is_text(self, start_hub, folder):
        """Messages pass through loggers that fill in `%s`."""
        policy = "default: {memory: 0}\ncontact: 'Up to 100 %s more at 50 %d.'\n"
        (folder / "policy.yaml").write_text(policy)
        hub = await start_hub(waiting)
        (ann,) = await hub.accounts("ann")

        answer = await ann.start(memory=4)

        assert "Up to 100 %" in answer.json()["message"]

    async def test_it_is_no_failure_of_the_hub(self, start_hub, used):
        """Six in a row where five failures end the hub: it stays up, and counts none of them."""
        await used("ann", 60)
        hub = await start_hub(lambda c: setattr(c.Spawner, "consecutive_failure_limit", 5))
        ann = await hub.person("ann", "regular")

        for _ in range(6):
            await ann.start(memory=4)
            await ann.progress()
        await asyncio.sleep(2.5)

        assert 200 == (await ann.page("home")).status_code
        assert 0 == hub.app.tornado_settings.get("failure_count", 0)
        assert "Aborting" not in hub.said()

    async def test_a_smaller_server_may_still_start(self, hub, used):
        """A refusal leaves nothing behind."""
        await used("ann", 59.5)
        ann = await hub.person("ann", "regular")

        await ann.start(memory=16)
        refused = await ann.progress()
        await ann.start(memory=1)
        started = await ann.progress()

        assert "One of up to 3 GiB can start now." in refused[-1]["message"]
        assert started[-1]["ready"]


class TestTold:
    """Metrics, log and events, each once."""

    async def test_every_pair_of_labels_is_there_from_the_start(self, hub):
        """A counter that is born at 1 has never increased."""
        metrics = await hub.metrics()

        assert 'jupyterhub_quota_decisions_total{outcome="refused",reason="used-up"}' in metrics
        assert 'jupyterhub_quota_decisions_total{outcome="allowed",reason="not-known"}' in metrics
        assert 18 == sum(name.startswith("jupyterhub_quota_decisions_total") for name in metrics)

    async def test_a_refusal_is_counted_and_logged_once(self, hub, used):
        """One line, one count."""
        name = 'jupyterhub_quota_decisions_total{outcome="refused",reason="used-up"}'
        before = (await hub.metrics())[name]
        await used("ann", 60)
        ann = await hub.person("ann", "regular")

        await ann.start(memory=4)
        await ann.progress()

        assert before + 1 == (await hub.metrics())[name]
        assert 1 == hub.said().count("Quota: refused a server of 'ann': used-up")

    async def test_a_decision_is_emitted_once_as_an_event(self, start_hub, used):
        """With the reference that the user reads, and all it looked at."""
        written = StringIO()
        hub = await start_hub(lambda c: setattr(c.EventLogger, "handlers", [logging.StreamHandler(written)]))
        await used("ann", 60)
        ann = await hub.person("ann", "regular")

        await ann.start(memory=4)
        said = (await ann.progress())[-1]["message"]

        events = [json.loads(line) for line in written.getvalue().splitlines()]
        ours = [event for event in events if event["__schema__"] == DECISION_SCHEMA["$id"]]
        assert 1 == len(ours)
        assert f"(reference {ours[0]['reference']})" in said
        assert ["regular"] == ours[0]["groups"]


class TestPolicySays:
    async def test_warn_tells_and_never_refuses(self, start_hub, folder, used):
        """The progress says what a stricter policy would have done."""
        policy = folder / "policy.yaml"
        policy.write_text(policy.read_text() + "at_launch: warn\n")
        hub = await start_hub()
        await used("ann", 60)
        ann = await hub.person("ann", "regular")

        await ann.start(memory=4)
        events = await ann.progress()

        assert "You have used all of your memory quota" in str(events)
        assert events[-1]["ready"]

    async def test_ignore_does_not_ask(self, start_hub, folder):
        """Not even a ledger that is away matters."""
        policy = folder / "policy.yaml"
        policy.write_text(policy.read_text() + "at_launch: ignore\n")
        hub = await start_hub()
        (folder / "jupyterhub-quota.sqlite").unlink()
        ann = await hub.person("ann", "regular")

        await ann.start(memory=400)

        assert (await ann.progress())[-1]["ready"]

    async def test_exempt_groups_are_never_refused(self, start_hub, folder, used):
        """Staff."""
        policy = folder / "policy.yaml"
        policy.write_text(policy.read_text() + "exempt: {groups: [staff]}\n")
        hub = await start_hub()
        await used("ann", 60)
        ann = await hub.person("ann", "regular", "staff")

        await ann.start(memory=4)

        assert (await ann.progress())[-1]["ready"]


class TestNotKnown:
    """Usage that cannot be known is never zero."""

    async def test_refuses_with_a_sentence(self, hub, folder):
        """The ledger has gone; by default nobody starts."""
        (folder / "jupyterhub-quota.sqlite").unlink()
        ann = await hub.person("ann", "regular")

        await ann.start(memory=4)
        last = (await ann.progress())[-1]

        assert "How much you have used is not known at the moment" in last["message"]
        assert str(folder) not in last["message"]

    async def test_allows_where_the_policy_says_so(self, start_hub, folder):
        """And says that it does not know, to the user and to the admin."""
        policy = folder / "policy.yaml"
        policy.write_text(policy.read_text() + "when_unknown: allow\n")
        hub = await start_hub()
        (folder / "jupyterhub-quota.sqlite").unlink()
        ann = await hub.person("ann", "regular")

        await ann.start(memory=4)
        events = await ann.progress()

        assert "is not known at the moment" in str(events)
        assert events[-1]["ready"]
        assert "jupyterhub-quota.sqlite is not there" in hub.said()

    @pytest.mark.parametrize("keys", ["", "at_launch: warn\n"])
    async def test_a_ledger_that_hangs_ends_at_the_deadline(self, start_hub, folder, keys):
        """Another process holds the file for itself."""
        policy = folder / "policy.yaml"
        policy.write_text(policy.read_text() + keys)
        hub = await start_hub(lambda c: setattr(c.JupyterHubQuota, "timeout_seconds", 0.5))
        ann = await hub.person("ann", "regular")
        greedy = sqlite3.connect(folder / "jupyterhub-quota.sqlite", isolation_level=None)
        greedy.execute("PRAGMA locking_mode = EXCLUSIVE")
        greedy.execute("BEGIN EXCLUSIVE")

        await ann.start(memory=4)
        events = await ann.progress()
        greedy.close()

        assert "is not known at the moment" in str(events)
        assert bool(keys) == events[-1].get("ready", False)
        assert "no answer within 0.5 s" in hub.said()

    @pytest.mark.parametrize("keys", ["", "at_launch: warn\n"])
    async def test_a_fault_in_the_check_harms_nobody_else(self, start_hub, folder, keys):
        """A GPU count that is none: refused, or told where the policy only warns, with a traceback for the admin."""
        policy = folder / "policy.yaml"
        policy.write_text(policy.read_text() + keys)
        hub = await start_hub()
        ann, bob = [await hub.person(name, "regular") for name in ("ann", "bob")]

        await ann.start(memory=4, gpu="many")
        events = await ann.progress()
        await bob.start(memory=4)

        assert "could not be checked because of a fault" in str(events)
        assert bool(keys) == events[-1].get("ready", False)
        assert any(record.exc_info for record in hub.log if "could not be checked" in record.getMessage())
        assert (await bob.progress())[-1]["ready"]
