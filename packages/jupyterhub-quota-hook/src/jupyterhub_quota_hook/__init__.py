"""JupyterHub's door: asks jupyterhub-quota before a server starts."""

from jupyterhub_quota_hook.config import JupyterHubQuota
from jupyterhub_quota_hook.refusal import LaunchRefusedError
from jupyterhub_quota_hook.wiring import setup

__all__ = ["JupyterHubQuota", "LaunchRefusedError", "setup"]
