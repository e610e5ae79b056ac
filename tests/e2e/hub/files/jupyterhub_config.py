"""
The configuration of the hub, from the values of the chart.

The order is that of Zero to JupyterHub: what the chart says, services and roles, `hub.config`, then `hub.extraConfig`
by the order of its keys.
"""

import os
from pathlib import Path

import yaml

c = get_config()  # noqa: F821 - JupyterHub puts it here
SECRET = Path("/usr/local/etc/jupyterhub/secret")
values = yaml.safe_load((SECRET / "values.yaml").read_text())
hub, singleuser = values["hub"], values["singleuser"]


def secret(key):
    """Return what the chart's Secret holds under *key*."""
    return (SECRET / key).read_text()


c.JupyterHub.update(
    allow_named_servers=hub["allowNamedServers"],
    cleanup_proxy=False,
    cleanup_servers=False,
    cookie_secret=bytes.fromhex(secret("hub.config.JupyterHub.cookie_secret")),
    db_url="sqlite:////srv/jupyterhub/jupyterhub.sqlite",
    hub_bind_url="http://:8081",
    hub_connect_url=f"http://{os.environ['HUB_SERVICE_HOST']}:8081",
    last_activity_interval=60,
    spawner_class="kubespawner.KubeSpawner",
    tornado_settings={"slow_spawn_timeout": 0},
)
c.ConfigurableHTTPProxy.update(
    api_url=f"http://{os.environ['PROXY_API_SERVICE_HOST']}:8001",
    auth_token=secret("hub.config.ConfigurableHTTPProxy.auth_token"),
    should_start=False,
)
c.Spawner.consecutive_failure_limit = hub["consecutiveFailureLimit"]
c.KubeSpawner.update(
    namespace=os.environ["POD_NAMESPACE"],
    start_timeout=singleuser["startTimeout"],
    http_timeout=60,
    image=f"{singleuser['image']['name']}:{singleuser['image']['tag']}",
    image_pull_policy="IfNotPresent",
    cmd=singleuser["cmd"],
    uid=1000,
    fs_gid=100,
    automount_service_account_token=False,
    common_labels={
        "app": "jupyterhub",
        "app.kubernetes.io/name": "jupyterhub",
        "app.kubernetes.io/managed-by": "kubespawner",
        "chart": "jupyterhub-4.4.0",
        "heritage": "jupyterhub",
        "release": values["release"],
    },
    extra_labels=singleuser["extraLabels"],
    profile_list=singleuser["profileList"],
)
for trait, value in (
    ("mem_guarantee", singleuser["memory"].get("guarantee")),
    ("mem_limit", singleuser["memory"].get("limit")),
    ("cpu_guarantee", singleuser["cpu"].get("guarantee")),
    ("cpu_limit", singleuser["cpu"].get("limit")),
    ("default_url", singleuser.get("defaultUrl")),
):
    if value is not None:
        setattr(c.KubeSpawner, trait, value)

c.JupyterHub.services = []
for name, service in hub["services"].items():
    renamed = {"api_token" if key == "apiToken" else key: value for key, value in service.items()}
    c.JupyterHub.services.append({"name": name, **renamed, "api_token": secret(f"hub.services.{name}.apiToken")})
c.JupyterHub.load_roles = [{"name": name, **role} for name, role in hub["loadRoles"].items()]

for section, traits in hub["config"].items():
    c[section].update(traits)
for key, code in sorted(hub["extraConfig"].items()):
    print(f"Loading extra config: {key}")
    exec(compile(code, key, "exec"))  # noqa: S102 - that is what the value is for
