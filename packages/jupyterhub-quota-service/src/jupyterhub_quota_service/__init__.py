"""JupyterHub service: users see what they have used and what is left, admins see everybody."""

from jupyterhub_quota_service.managed import service

__all__ = ["service"]
