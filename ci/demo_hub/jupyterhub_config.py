"""
Configuration of the demo's hub.

`ci/demo` starts the hub in a folder of its own, which all paths here are relative to, and gives the addresses to listen
on, all on 127.0.0.1, on the command line.
"""

import logging
import os
from pathlib import Path

from demo_hub.spawner import SIZES, SizedSpawner, in_base_units
from jupyterhub_quota_hook import setup
from jupyterhub_quota_service import service

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - JupyterHub puts it there

# Who there is. Nobody can sign in from another machine; the password keeps out other users of this one.
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ["DEMO_PASSWORD"]
c.Authenticator.allowed_users = {"ann", "bob", "eve"}
c.Authenticator.admin_users = {"carl"}
c.JupyterHub.load_groups = {"regular": {"users": ["ann"]}, "power": {"users": ["bob"]}}

# What they can start: JupyterLab as a process of this machine, in a size that they choose.
c.JupyterHub.spawner_class = SizedSpawner
c.SizedSpawner.home_dir_template = str(Path("home", "{username}").absolute())
c.Spawner.default_url = "/lab"
c.Spawner.http_timeout = 60
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
c.Spawner.env_keep = ["PATH", "LANG", "LC_ALL"]
c.Spawner.environment = {"JUPYTERHUB_QUOTA_DEMO": os.environ["JUPYTERHUB_QUOTA_DEMO"]}

# A proxy that needs no Node, and that asks nobody for its newest version.
c.JupyterHub.proxy_class = "traefik_file"
c.TraefikProxy.traefik_api_password = os.environ["DEMO_PASSWORD"]
c.TraefikProxy.extra_static_config = {"global": {"checkNewVersion": False, "sendAnonymousUsage": False}}

# Show the progress of a start from its first moment, as hubs on Kubernetes do, not only after ten seconds.
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}

# Where decisions are written for later; `jupyterhub-quota explain` reads them.
c.EventLogger.handlers = [logging.FileHandler("events.log")]

# The quotas. On a hub of your own, these lines are all there is to add.
c.JupyterHubQuota.policy_file = "policy.yaml"
c.JupyterHubQuota.ledger_url = "sqlite:///quota.sqlite"
setup(c)

# The usage page, in the hub's menu "Services".
sizes = [in_base_units(size) for size in SIZES.values()]
# Quotas of minutes need more than one look a minute at what runs. The check begins with a policy that stops nothing.
service(c, url=os.environ["DEMO_SERVICE_URL"], sizes=sizes, round_seconds=1, stops=True)
# One click away, on every page of the hub.
c.JupyterHub.template_vars = {"announcement": '<a href="/services/quota/">Your quota</a>: what is left of it.'}
# So that the demo finds the process when it ends.
c.JupyterHub.services[-1]["environment"]["JUPYTERHUB_QUOTA_DEMO"] = os.environ["JUPYTERHUB_QUOTA_DEMO"]
