"""What an admin sets: `c.JupyterHubQuota`."""

from pathlib import Path

from traitlets import Dict, Float, List, Unicode
from traitlets.config import Configurable


class JupyterHubQuota(Configurable):
    """Quotas of resource and time, checked when a server is about to start."""

    policy_file = Unicode(
        help="Path of the policy, a YAML file. It is read again when it changes. Set this or `policy`."
    ).tag(config=True)

    policy = Dict(help="The policy itself: the same document as in `policy_file`, as Python data.").tag(config=True)

    ledger_url = Unicode(
        "sqlite:///jupyterhub-quota.sqlite",
        help="""
        Where the record of sessions is. `sqlite:///PATH` is written by the hub itself; a relative path is relative to
        the folder in which the hub runs.
        """,
    ).tag(config=True)

    timeout_seconds = Float(
        5.0, help="How long a launch waits for its decision. Then the policy's `when_unknown` counts."
    ).tag(config=True)

    gpu_resources = List(
        Unicode(),
        default_value=["nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/*"],
        help="""
        Names of the resources that are GPUs, as they stand in `KubeSpawner.extra_resource_limits`; `*` stands for any
        text.
        """,
    ).tag(config=True)

    def last_valid_policy(self, db_url: str) -> Path:
        """Return where the last valid policy is kept: beside the hub's database, if that is a file."""
        path = db_url.removeprefix("sqlite:///") if db_url.startswith("sqlite:///") else ""
        folder = Path(path.partition("?")[0]).parent if path and ":memory:" not in path else Path()
        return folder / "jupyterhub-quota-policy.last-valid.yaml"
