"""Our chart and the hub on a cluster, brought there as an admin does it."""

import base64
import time
from pathlib import Path
from typing import Any

import yaml

from .cluster import Namespace, node_address
from .images import CHART, Image, our_image
from .person import Hub
from .waiting import until

HERE = Path(__file__).resolve().parent.parent
QUOTA = "quota"
WORKLOADS = (
    "statefulset/jupyterhub-quota-prometheus",
    "deployment/jupyterhub-quota-kube-state-metrics",
    "deployment/jupyterhub-quota-service",
)


class Deployment:
    """The two releases in one namespace."""

    def __init__(
        self, namespace: Namespace, images: dict[str, Image], ours: dict[str, Image], z2jh: str | None = None
    ) -> None:
        self.namespace = namespace
        self.z2jh = z2jh
        self.images = images
        self.ours = ours

    def quota(self, values: dict[str, Any] | None = None) -> str:
        """Install or upgrade our chart, with *values* besides those of the tests; return what Helm prints."""
        given = {"images": {part: named(image) for part, image in self.ours.items()}} | (values or {})
        return self.namespace.helm(
            *("upgrade", "--install", QUOTA, CHART, "--values", HERE / "values" / "quota.yaml"), values=given
        )

    def hub(self, block: dict[str, Any]) -> Hub:
        """Install or upgrade the hub with the *block* of values that our chart asks for; return it when it answers."""
        self.namespace.apply_file(HERE / "manifests" / "registry.yaml", image=str(self.images["hub"]), port="15000")
        given = ["upgrade", "--install", "jhub", *self._chart(), "--values", HERE / "values" / "hub.yaml"]
        images = {"singleuser": {"image": named(self.images["user"])}}
        if self.z2jh:
            given += ["--values", HERE / "values" / "z2jh.yaml"]
        else:
            images["proxy"] = {"chp": {"image": named(self.images["proxy"])}}
            block["hub"]["image"] = named(self.images["hub"])
        self.namespace.helm(*given, values=block | images)
        self.namespace.rolled_out("deployment/hub", "deployment/proxy", "deployment/registry")
        port = self.namespace.get("service", "proxy-public")["spec"]["ports"][0]["nodePort"]
        token = self.namespace.get("secret", "hub")["data"]["hub.services.tests.apiToken"]
        hub = Hub(f"http://{node_address()}:{port}", base64.b64decode(token).decode())
        until(lambda: hub.api.get("").is_success, "the hub behind its proxy")
        return hub

    def _chart(self) -> tuple[str | Path, ...]:
        """The hub's chart: the published one, or the small one of these tests, which needs no registry."""
        if self.z2jh:
            return "jupyterhub", "--repo", "https://hub.jupyter.org/helm-chart/", "--version", self.z2jh
        return (HERE / "hub",)

    def all_up(self) -> None:
        """Wait until every part of our chart runs."""
        self.namespace.rolled_out(*WORKLOADS)

    def look_often(self) -> None:
        """Let the usage page judge servers every five seconds; by itself it does once a minute."""
        page = "deployment/jupyterhub-quota-service"
        self.namespace.kubectl("set", "env", page, "JUPYTERHUB_QUOTA_ROUND_SECONDS=5")

    def hurry(self) -> None:
        """Let the kubelet look at what pods have mounted now; by itself it looks once a minute."""
        for selector in ("component=hub", "app.kubernetes.io/component=service"):
            note = f"tests/hurry={time.monotonic_ns()}"
            self.namespace.kubectl("annotate", "pod", "--selector", selector, "--overwrite", note)

    def in_force(self, line: str) -> None:
        """Wait until hub and page see *line* in the policy that is mounted."""
        for workload in ("deployment/hub", "deployment/jupyterhub-quota-service"):
            show = ("exec", workload, "--", "cat", "/etc/jupyterhub-quota/policy/policy.yaml")
            until(lambda show=show: line in self.namespace.kubectl(*show), f"{workload} to see '{line}'", every=2)

    def service(self, *command: str) -> str:
        """Run a command where the usage page runs."""
        return self.namespace.kubectl("exec", "deployment/jupyterhub-quota-service", "--", *command)


def block_in(notes: str) -> dict[str, Any]:
    """Return the values for the hub that our chart's notes print."""
    start = notes.index("\n# What the jupyterhub chart needs")
    end = notes.index("\nWhere jupyterhub and this chart are parts", start)
    found: dict[str, Any] = yaml.safe_load(notes[start:end])
    return found


def named(image: Image) -> dict[str, str]:
    """Return *image* as values write it."""
    return {"name": image.name, "tag": image.tag}


def our_images() -> dict[str, Image]:
    """Return the images of our chart."""
    return {part: our_image(part) for part in ("hub", "service")}
