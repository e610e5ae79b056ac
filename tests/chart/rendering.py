"""The chart, rendered by the real Helm; what it makes for Prometheus, read by the real promtool."""

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from programs import program

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm-chart" / "jupyterhub-quota"
NAMESPACE = "jhub"
Object = dict[str, Any]

# As little as there can be where Helm does not see a cluster.
MINIMAL: Mapping[str, Any] = {
    "policy": {"default": {"memory": "20 GiB-hours", "gpu": 0}},
    "prometheus": {"auth": {"existingSecret": "jupyterhub-quota-prometheus"}},
}


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as Helm lays one file over the other."""
    found: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = found.get(key)
            found[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return found


def helm(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Helm, away from any cluster."""
    return subprocess.run(
        [program("helm"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": tempfile.gettempdir(), "KUBECONFIG": "/nonexistent"},
    )


def promtool(*arguments: object) -> str:
    """Return what promtool prints, or fail with it."""
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def template(
    values: Mapping[str, Any], *arguments: object, command: tuple[str, ...] = ("template",)
) -> subprocess.CompletedProcess[str]:
    """Render the chart with *values* as they stand."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(values, file)  # JSON is YAML
        file.flush()
        return helm(*command, "quota", CHART, "--namespace", NAMESPACE, "--values", file.name, *arguments)


def rendered(values: Mapping[str, Any] | None = None, *arguments: object) -> list[Object]:
    """Return the objects that the chart makes of *values* over the least that it needs."""
    return list(_rendered(json.dumps(merged(MINIMAL, values or {})), *arguments))


@cache
def _rendered(values: str, *arguments: object) -> tuple[Object, ...]:
    done = template(json.loads(values), *arguments)
    assert 0 == done.returncode, done.stderr
    return tuple(each for each in yaml.safe_load_all(done.stdout) if each)


def refusal(values: Mapping[str, Any]) -> str:
    """Return what Helm says when it refuses *values*, as they stand."""
    done = template(values)
    assert 1 == done.returncode, "nothing was wrong with these values"
    return done.stderr[done.stderr.rindex("Error: ") :]


def named(objects: list[Object], kind: str, name: str) -> Object:
    """Return the object of this kind and name."""
    return next(each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name))


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    """Return the objects of these kinds."""
    return [each for each in objects if each["kind"] in kinds]


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Yield what each object makes of pods: its name and the pod, with labels and specification."""
    for each in objects:
        if each["kind"] == "Pod":
            yield each["metadata"]["name"], each
        elif "template" in each.get("spec", {}):
            yield each["metadata"]["name"], each["spec"]["template"]


def write_prometheus_files(objects: list[Object], folder: Path) -> Path:
    """Write what Prometheus finds at /etc/prometheus/config into *folder*; return the path of its configuration."""
    data = named(objects, "ConfigMap", "jupyterhub-quota-prometheus")["data"]
    pod = named(objects, "StatefulSet", "jupyterhub-quota-prometheus")["spec"]["template"]
    volume = next(each for each in pod["spec"]["volumes"] if each["name"] == "config")
    for item in volume["configMap"]["items"]:
        path = folder / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data[item["key"]])
    return folder / "prometheus.yaml"


VALUES_FILES = sorted((CHART / "ci").glob("*-values.yaml"))
