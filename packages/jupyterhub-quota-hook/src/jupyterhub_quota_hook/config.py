"""What an admin sets: `c.JupyterHubQuota`."""

from pathlib import Path

from traitlets import Dict, Float, List, Unicode
from traitlets.config import Configurable

from jupyterhub_quota import Access, CachedLedger, Ledger, SqliteLedger, open_ledger


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
        the folder in which the hub runs. `http://…` and `https://…` are addresses of Prometheus.
        """,
    ).tag(config=True)

    ledger_username = Unicode(help="User name for Prometheus, if it asks for one.").tag(config=True)

    ledger_username_file = Unicode(
        help="Instead: file that holds the user name, so that it can be changed together with the password."
    ).tag(config=True)

    ledger_password_file = Unicode(
        help="File that holds the password for Prometheus. Like all of these files it is read again when it changes."
    ).tag(config=True)

    ledger_token_file = Unicode(help="File that holds a bearer token for Prometheus.").tag(config=True)

    ledger_ca_file = Unicode(help="File with the certificates to trust when Prometheus is asked over https.").tag(
        config=True
    )

    ledger_namespace = Unicode(
        help="Namespace of this hub's pods, needed only where one Prometheus serves several hubs."
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

    def ledger(self) -> Ledger:
        """
        Return the ledger. Prometheus is asked for news only, and answers well before a launch stops waiting.

        Raises:
            InputError: a setting cannot be used.
        """
        access = Access(
            username=self.ledger_username,
            password_file=_path(self.ledger_password_file),
            token_file=_path(self.ledger_token_file),
            ca_file=_path(self.ledger_ca_file),
            username_file=_path(self.ledger_username_file),
        )
        ledger = open_ledger(
            self.ledger_url,
            create=True,
            access=access,
            namespace=self.ledger_namespace,
            gpu_resources=self.gpu_resources,
            timeout_seconds=0.7 * self.timeout_seconds,
            history=False,
        )
        return ledger if isinstance(ledger, SqliteLedger) else CachedLedger(ledger, tolerate=0.0)

    def last_valid_policy(self, db_url: str) -> Path:
        """Return where the last valid policy is kept: beside the hub's database, if that is a file."""
        path = db_url.removeprefix("sqlite:///") if db_url.startswith("sqlite:///") else ""
        folder = Path(path.partition("?")[0]).parent if path and ":memory:" not in path else Path()
        return folder / "jupyterhub-quota-policy.last-valid.yaml"


def _path(text: str) -> Path | None:
    return Path(text) if text else None
