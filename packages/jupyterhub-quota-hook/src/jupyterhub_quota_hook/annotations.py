"""What a pod says of its launch: history cannot be relabelled later, so reports need it from the start."""

import json
from typing import Any

from jupyterhub_quota import Policy, Subject

PROFILE = "jupyterhub-quota/profile"
GROUPS = "jupyterhub-quota/groups"


def annotate(spawner: Any, policy: Policy, subject: Subject) -> None:
    """
    Write profile and groups at launch on the pod that *spawner* is about to start, if it starts one.

    Of the subject's groups only those stand there that the policy names. Annotations that are there stay as they are.

    Args:
        spawner: any JupyterHub spawner; only KubeSpawner has annotations.
        policy: the one in force.
        subject: whose server it is.
    """
    if not hasattr(spawner, "extra_annotations"):
        return
    named = subject.groups & (policy.groups.keys() | policy.exempt_groups)
    ours = {GROUPS: json.dumps(sorted(named))}
    if isinstance(profile := spawner.user_options.get("profile"), str):
        ours[PROFILE] = profile
    # KubeSpawner fills in what stands in braces, and fails on a name that it does not know.
    escaped = {key: value.replace("{", "{{").replace("}", "}}") for key, value in ours.items()}
    spawner.extra_annotations = {**escaped, **spawner.extra_annotations}
