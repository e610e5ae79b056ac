"""What Prometheus knows decides about launches in a hub, and an outage is neither zero nor a wall."""

import asyncio
import time

import pytest

POLICY = """
groups:
  regular: {memory: 60 GiB-hours, gpu: 0}
default: {memory: 20 GiB-hours, gpu: 0}
"""
# A launch waits for its decision no longer than this, and a little for the hub itself.
DEADLINE_SECONDS = 2.0
SLACK_SECONDS = 2.0


@pytest.fixture
def hub_with(start_hub, folder, bed):
    """Return what starts a hub whose ledger is Prometheus, with these lines at the end of its policy."""

    async def start(*lines):
        (folder / "policy.yaml").write_text(POLICY + "\n".join(lines))

        def configure(c):
            c.JupyterHubQuota.ledger_url = bed.url
            c.JupyterHubQuota.timeout_seconds = DEADLINE_SECONDS

        return await start_hub(configure)

    return start


async def launch(person, server=""):
    """Start 1 GiB; return the last word of the progress, and how long it took."""
    began = time.monotonic()
    await person.start(server, memory=1)
    last = (await person.progress(server))[-1]
    return last, time.monotonic() - began


async def test_a_launch_is_refused_for_what_prometheus_knows(hub_with):
    """60 of 60 GiB-hours, and who has used 10 starts."""
    hub = await hub_with()
    ann, bob = [await hub.person(name, "regular") for name in ("ann", "bob")]

    refused, _ = await launch(ann)
    allowed, _ = await launch(bob)

    assert "You have used all of your memory quota (60 GiB-hours in 30 days)" in refused["message"]
    assert allowed["ready"]


async def test_names_that_begin_alike_are_different_people(hub_with):
    """Anna is not charged for ann."""
    hub = await hub_with()
    anna = await hub.person("anna", "regular")

    last, _ = await launch(anna)

    assert last["ready"]


@pytest.mark.parametrize("how", ["SIGSTOP", "SIGTERM"])
class TestOutage:
    async def test_a_short_one_changes_nothing(self, hub_with, bed, how):
        """Decisions go on from what was read, each within the deadline."""
        hub = await hub_with("tolerate: 15m")
        ann, bob = [await hub.person(name, "regular") for name in ("ann", "bob")]
        await launch(ann)
        await launch(bob, "before")
        await asyncio.sleep(10)  # until what was read is no longer fresh

        with Away(bed, how):
            refused, refused_seconds = await launch(ann)
            allowed, allowed_seconds = await launch(bob, "during")

        assert "You have used all of your memory quota" in refused["message"]
        assert allowed["ready"]
        assert max(refused_seconds, allowed_seconds) < DEADLINE_SECONDS + SLACK_SECONDS

    @pytest.mark.parametrize("answer", ["refuse", "allow"])
    async def test_after_a_long_one_the_policy_decides(self, hub_with, bed, how, answer):
        """Usage has not been known for longer than `tolerate`."""
        hub = await hub_with("tolerate: 1s", f"when_unknown: {answer}")
        bob = await hub.person("bob", "regular")
        await launch(bob, "before")
        await asyncio.sleep(10)

        with Away(bed, how):
            last, seconds = await launch(bob, "during")

        assert ("allow" == answer) == last.get("ready", False)
        assert seconds < DEADLINE_SECONDS + SLACK_SECONDS
        assert "Prometheus" in hub.said()
        assert "Prometheus" not in last["message"]


class Away:
    """Prometheus is away while this context lasts."""

    def __init__(self, bed, how):
        self.bed = bed
        self.how = how

    def __enter__(self):
        if self.how == "SIGSTOP":
            self.bed.prometheus.pause()
        else:
            self.bed.prometheus.stop()

    def __exit__(self, *_):
        if self.how == "SIGSTOP":
            self.bed.prometheus.resume()
        else:
            self.bed.prometheus.start().wait_until_ready()
        self.bed.settle()
