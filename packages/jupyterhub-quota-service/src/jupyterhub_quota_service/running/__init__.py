"""What goes on beside the pages: servers that run while a quota is used up are warned, and stopped."""

from jupyterhub_quota_service.running.rounds import Rounds

__all__ = ["Rounds"]
