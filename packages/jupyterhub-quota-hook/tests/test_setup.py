"""`setup(c)` fits into what is there, whatever comes before it."""

import os
import subprocess
import sys

import pytest
from traitlets.config import Config

from jupyterhub_quota_hook import setup

from .conftest import POLICY, SizedSpawner


def remembering(calls, name):
    """Return a hook that remembers that it was called."""

    async def hook(spawner):
        calls.append(name)

    return hook


class TestHooks:
    @pytest.mark.parametrize("section", ["Spawner", "SizedSpawner"])
    async def test_a_hook_that_is_there_runs_too_and_first(self, start_hub, section):
        """Whatever section it is set on; here it says which size starts."""
        calls = []

        async def sized(spawner):
            calls.append(section)
            spawner.mem_guarantee = "400G"

        hub = await start_hub(lambda c: c[section].update(pre_spawn_hook=sized))
        ann = await hub.person("ann", "regular")

        await ann.start()

        assert "reserves 400 GiB" in (await ann.progress())[-1]["message"]
        assert [section] == calls

    async def test_a_plain_function_is_a_hook_too(self, start_hub):
        """JupyterHub takes both kinds."""
        calls = []
        hub = await start_hub(lambda c: c.Spawner.update(pre_spawn_hook=lambda spawner: calls.append(spawner.name)))
        ann = await hub.person("ann", "regular")

        await ann.start(memory=4)
        await ann.progress()

        assert [""] == calls

    async def test_a_stop_hook_that_is_there_runs_too(self, start_hub):
        """Once for each stop."""
        calls = []
        hub = await start_hub(lambda c: c.Spawner.update(post_stop_hook=remembering(calls, "stopped")))
        ann = await hub.person("ann", "regular")
        await ann.start(memory=4)
        await ann.progress()

        await ann.stop()

        assert ["stopped"] == calls

    async def test_setup_twice_asks_once(self, start_hub):
        """One log line for one launch."""
        calls = []

        def twice(c):
            c.Spawner.pre_spawn_hook = remembering(calls, "theirs")
            setup(c)

        hub = await start_hub(twice)
        ann = await hub.person("ann", "regular")

        await ann.start(memory=4)
        await ann.progress()

        assert ["theirs"] == calls
        assert 1 == hub.said().count("Quota: allowed")

    @pytest.mark.parametrize("how", ["class", "entry point", "path", "default"])
    def test_the_spawner_may_be_named_in_any_way(self, how):
        """A class, the name of an entry point, a dotted path, nothing at all."""
        c = Config()
        if how != "default":
            c.JupyterHub.spawner_class = {
                "class": SizedSpawner,
                "entry point": "simple",
                "path": "jupyterhub.spawner.SimpleLocalProcessSpawner",
            }[how]

        setup(c)

        assert c.JupyterHub.spawner_class.__name__ in c
        assert "pre_spawn_hook" in c[c.JupyterHub.spawner_class.__name__]


def run_hub(folder, config):
    """Run `jupyterhub` with this configuration until it ends by itself; return how, and its last words."""
    (folder / "jupyterhub_config.py").write_text(
        f"""
c = get_config()
c.JupyterHub.hub_bind_url = "http://127.0.0.1:0"
c.JupyterHub.authenticator_class = "dummy"
{config}
"""
    )
    done = subprocess.run(
        [sys.executable, "-m", "jupyterhub"],
        cwd=folder,
        env={**os.environ, "CONFIGPROXY_AUTH_TOKEN": "x"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.strip().splitlines()


class TestRefusesToStart:
    """A hub whose quotas cannot be checked must not start."""

    def test_with_a_broken_policy(self, tmp_path):
        """The policy's error is the last line."""
        (tmp_path / "policy.yaml").write_text("default: {memory: 20 GiB-hour, gpu: 1 TiB}\n")

        code, words = run_hub(
            tmp_path,
            "from jupyterhub_quota_hook import setup\nsetup(c)\nc.JupyterHubQuota.policy_file = 'policy.yaml'",
        )

        assert 1 == code
        assert "default.gpu: '1 TiB'" in words[-1]

    def test_without_any_policy(self, tmp_path):
        """Says what to set."""
        code, words = run_hub(tmp_path, "from jupyterhub_quota_hook import setup\nsetup(c)")

        assert 1 == code
        assert "set either policy_file (a path) or policy (the document itself)" in words[-1]

    def test_with_a_hook_that_replaces_ours(self, tmp_path):
        """Nothing would be checked, and nobody would notice."""
        (tmp_path / "policy.yaml").write_text(POLICY)
        code, words = run_hub(
            tmp_path,
            """
from jupyterhub_quota_hook import setup
setup(c)
c.JupyterHubQuota.policy_file = 'policy.yaml'
c[c.JupyterHub.spawner_class.__name__].pre_spawn_hook = lambda spawner: None
""",
        )

        assert 1 == code
        assert "Call setup(c) at the end of the configuration." in words[-1]

    def test_with_the_database_of_another_program_as_its_ledger(self, tmp_path):
        """Nothing is overwritten."""
        (tmp_path / "policy.yaml").write_text(POLICY)
        (tmp_path / "mine.sqlite").write_text("my notes")
        code, words = run_hub(
            tmp_path,
            """
from jupyterhub_quota_hook import setup
setup(c)
c.JupyterHubQuota.policy_file = 'policy.yaml'
c.JupyterHubQuota.ledger_url = 'sqlite:///mine.sqlite'
""",
        )

        assert 1 == code
        assert "is not a database; name another file" in words[-1]
        assert "my notes" == (tmp_path / "mine.sqlite").read_text()
