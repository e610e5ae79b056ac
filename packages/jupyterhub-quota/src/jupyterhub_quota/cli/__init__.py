"""The command line: the hub's own answers, without a hub."""

from jupyterhub_quota.cli.program import main

__all__ = ["main"]
