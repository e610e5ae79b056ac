"""Putting the log on whatever spawner class a hub uses."""

import subprocess
import sys

import pytest
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner
from traitlets.config import Config

from jupyterhub_spawn_progress import RulesError, SpawnProgress, setup, with_progress


class OwnSpawner(SimpleLocalProcessSpawner):
    """A deployment's own."""


@pytest.mark.parametrize(
    ("chosen", "behind"),
    [
        (None, LocalProcessSpawner),
        ("simple", SimpleLocalProcessSpawner),
        ("jupyterhub.spawner.SimpleLocalProcessSpawner", SimpleLocalProcessSpawner),
        (OwnSpawner, OwnSpawner),
    ],
)
def test_any_spawner_class(chosen, behind):
    """None, an entry point, a dotted path, a class."""
    c = Config()
    if chosen:
        c.JupyterHub.spawner_class = chosen

    setup(c)

    assert issubclass(c.JupyterHub.spawner_class, behind)
    assert behind is not c.JupyterHub.spawner_class


def test_once():
    """A class that has the log is left alone."""
    wrapped = with_progress(OwnSpawner)

    assert wrapped is with_progress(wrapped)


def test_settings_stay_in_force():
    """Sections of the class and of its parents."""
    c = Config()
    c.SimpleLocalProcessSpawner.start_timeout = 77
    c.OwnSpawner.http_timeout = 7

    spawner = with_progress(OwnSpawner)(config=c)

    assert (77, 7) == (spawner.start_timeout, spawner.http_timeout)


@pytest.mark.parametrize("own", [None, ["/srv/templates"]])
def test_templates_of_the_admin_come_first(own):
    """Ours step back; without any, they come before JupyterHub's."""
    c = Config()
    if own:
        c.JupyterHub.template_paths = list(own)

    setup(c)
    setup(c)

    paths = c.JupyterHub.template_paths
    found = paths if isinstance(paths, list) else paths.get_value(["/usr/share/jupyterhub/templates"])
    assert 2 == len(found)
    assert own is None or own[0] == found[0]


def test_mistakes_in_rules_show_when_the_hub_starts():
    """And not when a user starts a server."""
    c = Config()
    c.SpawnProgress.graces = {"chrash": 5}

    with pytest.raises(RulesError, match="there is no failure 'chrash'"):
        setup(c)


def test_mistakes_that_come_later_cost_the_own_rules_only():
    """A file that is broken while the hub runs does not stop starts."""
    settings = SpawnProgress(rules="/no/such/file.yaml")

    assert settings.table_in_use().rules


def test_rules_from_a_file(tmp_path):
    """Read again for every start."""
    file = tmp_path / "rules.yaml"
    settings = SpawnProgress(rules=str(file), graces={"full": 5})
    file.write_text("failures: {crash: {after: 60}}")
    assert 60 == settings.table().failures["crash"].after

    file.write_text("failures: {crash: {after: 90}}")

    assert (90, 5) == (settings.table().failures["crash"].after, settings.table().failures["full"].after)


def test_stands_alone():
    """Neither the quota packages nor KubeSpawner are needed."""
    code = "import sys, jupyterhub_spawn_progress; print([m for m in sys.modules if 'quota' in m or 'kube' in m])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]\n" == done.stdout
