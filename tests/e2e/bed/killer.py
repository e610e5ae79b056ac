"""`kill -9` for a process in a pod, from the node: the first process of a container cannot be killed from inside."""

import json
import secrets

from .cluster import Namespace
from .images import Image
from .waiting import until

# The files that the kubelet mounts into every container tell whose process it is.
SCRIPT = """
import os, pathlib, sys
uid, name = sys.argv[1:]


def wanted(process):
    try:
        named = (process / "comm").read_text().strip() == name
        return named and f"/pods/{uid}/" in (process / "mountinfo").read_text()
    except OSError:
        return False  # It has ended meanwhile: a machine has many short ones.


found = [int(process.name) for process in pathlib.Path("/proc").glob("[0-9]*") if wanted(process)]
for process in found:
    os.kill(process, 9)
sys.exit(not found)
"""


def kill(namespace: Namespace, pod: str, process: str, image: Image) -> None:
    """End *process* (its name, of at most 15 letters) in *pod*; *image* has a Python to do it with."""
    uid = namespace.get("pod", pod)["metadata"]["uid"]
    name = f"killer-{secrets.token_hex(3)}"
    container = {
        "name": "killer",
        "image": str(image),
        "command": ["python", "-c", SCRIPT, uid, process[:15]],
        "securityContext": {"privileged": True, "runAsUser": 0},
    }
    spec = {"hostPID": True, "restartPolicy": "Never", "containers": [container], "terminationGracePeriodSeconds": 0}
    namespace.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})

    def phase() -> str:
        found = str(namespace.get("pod", name)["status"]["phase"])
        return found if found in ("Succeeded", "Failed") else ""

    ended = until(phase, f"{process} to be killed")
    log = namespace.kubectl("logs", name)
    namespace.kubectl("delete", "pod", name, "--wait=false")
    assert "Succeeded" == ended, json.dumps(log)
