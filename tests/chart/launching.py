"""
A hub's configuration with our last piece, and one launch: run as a program, since what is imported stays so.

    python launching.py FOLDER      FOLDER has what the chart mounts, and `code` in place of the init container's folder

Prints as JSON what came of it.
"""

import asyncio
import json
import logging
import sys
from pathlib import Path

from jupyterhub import orm
from jupyterhub.spawner import SimpleLocalProcessSpawner
from jupyterhub.user import User
from prometheus_client import REGISTRY
from tornado.web import HTTPError
from traitlets.config import Config


def main(folder: Path) -> dict[str, object]:
    """Return what the hub says of one launch by ann, who is in the group staff."""
    logging.basicConfig()
    c = Config()
    c.JupyterHub.spawner_class = SimpleLocalProcessSpawner
    ran = []
    c.Spawner.pre_spawn_hook = lambda spawner: ran.append(spawner.user.name)
    c.JupyterHubQuota.timeout_seconds = 2.5
    text = (folder / "hub" / "jupyterhub_config.py").read_text()
    for inside, here in (("/etc/jupyterhub-quota", folder), ("/opt/jupyterhub-quota", folder / "code")):
        text = text.replace(f'"{inside}"', f'"{here}"')
    exec(text, {"c": c})  # noqa: S102 - as the hub does it
    told = {
        "loaded": REGISTRY.get_sample_value("jupyterhub_quota_hook_loaded"),
        "settings": {key: str(value) for key, value in c.JupyterHubQuota.items()},
        "path": sys.path[-1],
    }
    if told["loaded"]:
        return told | {"section": sorted(name for name in c if "pre_spawn_hook" in c[name])}
    session = orm.new_session_factory("sqlite://")()
    ann = orm.User(name="ann")
    ann.groups = [orm.Group(name="staff")]
    session.add(ann)
    session.commit()
    user = User(ann, {"config": c, "spawner_class": SimpleLocalProcessSpawner})
    try:
        asyncio.run(user.spawner.run_pre_spawn_hook())
        refused = None
    except HTTPError as error:
        refused = {
            "status": error.status_code,
            "log": error.log_message,
            "text": error.jupyterhub_message,
            "html": error.jupyterhub_html_message,
        }
    counts = {
        outcome: REGISTRY.get_sample_value("jupyterhub_quota_unchecked_launches_total", {"outcome": outcome})
        for outcome in ("allowed", "refused")
    }
    return told | {"refused": refused, "counts": counts, "earlier": ran}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
