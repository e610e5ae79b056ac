"""The policy is read again when it changes, and a broken one changes nothing."""

import asyncio
import logging
import os

import pytest

from jupyterhub_quota import PolicyError
from jupyterhub_quota_hook.source import PolicySource

from .conftest import POLICY

LARGER = POLICY.replace("60 GiB-hours", "600 GiB-hours")
BROKEN = POLICY.replace("60 GiB-hours", "60 GiB")


async def end_of(person):
    """Start 4 GiB, and return the last word of the progress."""
    await person.start(memory=4)
    return (await person.progress())[-1]


async def test_a_new_version_counts_at_the_next_launch(hub, used, folder):
    """No restart."""
    await used("ann", 60)
    ann = await hub.person("ann", "regular")

    refused = await end_of(ann)
    (folder / "policy.yaml").write_text(LARGER)
    allowed = await end_of(ann)

    assert refused["failed"]
    assert allowed["ready"]


async def test_a_mounted_configmap_is_followed(start_hub, used, folder):
    """Kubernetes swaps a link to another folder; the file's own path never changes."""
    for name, text in (("..1", POLICY), ("..2", LARGER)):
        (folder / name).mkdir()
        (folder / name / "policy.yaml").write_text(text)
    (folder / "..data").symlink_to("..1")
    (folder / "policy.yaml").unlink()
    (folder / "policy.yaml").symlink_to("..data/policy.yaml")
    hub = await start_hub()
    await used("ann", 60)
    ann = await hub.person("ann", "regular")
    refused = await end_of(ann)

    (folder / "..new").symlink_to("..2")
    os.replace(folder / "..new", folder / "..data")

    assert refused["failed"]
    assert (await end_of(ann))["ready"]


async def test_a_broken_version_keeps_the_last_valid_one(hub, used, folder):
    """The log and a metric say so, until it is mended."""
    await used("ann", 50)
    ann = await hub.person("ann", "regular")
    (folder / "policy.yaml").write_text(BROKEN)

    allowed = await end_of(ann)
    broken = (await hub.metrics())["jupyterhub_quota_policy_valid"]
    await ann.stop()
    (folder / "policy.yaml").write_text(POLICY)
    await end_of(ann)

    assert allowed["ready"]
    assert (0, 1) == (broken, (await hub.metrics())["jupyterhub_quota_policy_valid"])
    assert "groups.regular.memory: '60 GiB' has no time unit" in hub.said()


async def test_a_file_that_vanishes_keeps_the_last_valid_one(hub, folder):
    """Between two versions there may be none."""
    ann = await hub.person("ann", "regular")
    (folder / "policy.yaml").unlink()

    assert (await end_of(ann))["ready"]


async def test_a_hub_restarts_while_its_policy_is_broken(start_hub, used, folder):
    """By the last valid one, which is kept beside its database; loudly."""
    hub = await start_hub()
    await used("ann", 60)
    await hub.stop()
    (folder / "policy.yaml").write_text(BROKEN)

    hub = await start_hub()
    ann = await hub.person("ann", "regular")

    assert (await end_of(ann))["failed"]
    assert 0 == (await hub.metrics())["jupyterhub_quota_policy_valid"]


async def test_the_policy_may_be_data(start_hub, folder):
    """The same document in the hub's own configuration."""

    def inline(c):
        c.JupyterHubQuota.policy_file = ""
        c.JupyterHubQuota.policy = {"default": {"memory": 0}}

    hub = await start_hub(inline)
    ann = await hub.person("ann")

    assert "Your memory quota is 0" in (await end_of(ann))["message"]


async def test_it_is_logged_once_when_it_comes_into_force(hub, folder):
    """With its text, so that an old decision can be understood."""
    ann = await hub.person("ann", "regular")
    (folder / "policy.yaml").write_text(LARGER)

    await end_of(ann)
    await ann.stop()
    await end_of(ann)
    await asyncio.sleep(0)

    assert 1 == hub.said().count("600 GiB-hours")


def test_a_first_version_that_is_broken_is_an_error(folder):
    """There is nothing to fall back to."""
    (folder / "policy.yaml").write_text(BROKEN)

    with pytest.raises(PolicyError, match="has no time unit"):
        PolicySource(folder / "policy.yaml", None, folder / "kept.yaml", logging.getLogger()).current()
