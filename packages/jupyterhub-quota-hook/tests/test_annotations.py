"""A KubeSpawner pod says which profile and which groups it was launched with."""

import json

from kubespawner import KubeSpawner

from jupyterhub_quota import Subject, parse_policy
from jupyterhub_quota_hook.annotations import annotate

POLICY = parse_policy("""
groups: {regular: {memory: 1 GiB-hour}, "a{b}": {memory: 0}}
default: unlimited
exempt: {groups: [staff]}
""")


def spawner(**traits):
    """Return a KubeSpawner outside a hub."""
    return KubeSpawner(_mock=True, **traits)


def expanded(spawner):
    """Return the annotations as KubeSpawner puts them on the pod."""
    return spawner._expand_all(spawner.extra_annotations)


async def test_the_groups_that_the_policy_names():
    """In order, and none else; exempt ones too."""
    here = spawner()

    annotate(here, POLICY, Subject("ann", frozenset({"staff", "regular", "chess-club"})))

    assert ["regular", "staff"] == json.loads(expanded(here)["jupyterhub-quota/groups"])


async def test_braces_stay_braces():
    """KubeSpawner fills in what stands in braces."""
    here = spawner()

    annotate(here, POLICY, Subject("ann", frozenset({"a{b}"})))

    assert ["a{b}"] == json.loads(expanded(here)["jupyterhub-quota/groups"])


async def test_the_chosen_profile():
    """Its slug."""
    here = spawner(user_options={"profile": "large"})

    annotate(here, POLICY, Subject("ann"))

    assert "large" == expanded(here)["jupyterhub-quota/profile"]


async def test_annotations_that_are_there_stay():
    """Those of the deployment, and even one of ours."""
    here = spawner(extra_annotations={"example.org/a": "{unescaped_username}", "jupyterhub-quota/groups": "theirs"})
    configured = here.extra_annotations

    annotate(here, POLICY, Subject("ann", frozenset({"regular"})))

    assert "theirs" == expanded(here)["jupyterhub-quota/groups"]
    assert {"example.org/a", "jupyterhub-quota/groups"} == set(configured)
