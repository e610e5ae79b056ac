"""The scripted cluster: pods that come, change and go, and what they truly held."""

import time
import uuid

from testbed.kubernetes import PodsAPI
from testbed.pods import Held, Pod, Requests

GRACE_SECONDS = 30


class Cluster:
    """
    Pods of several users, shown by a stand-in for Kubernetes' API.

    Args:
        namespaces: those of the hub; pods start in the first unless told otherwise.
    """

    def __init__(self, namespaces: tuple[str, ...]) -> None:
        self.api = PodsAPI()
        self.pods: list[Pod] = []
        self.namespaces = namespaces

    def start_pod(
        self,
        user: str | None,
        *,
        server: str = "",
        name: str = "",
        namespace: str = "",
        memory: float = 0,
        cpu: float = 0,
        gpu: float = 0,
        containers: tuple[Requests, ...] = (),
        init: tuple[Requests, ...] = (),
        sidecars: tuple[Requests, ...] = (),
        annotations: dict[str, str] | None = None,
        component: str = "singleuser-server",
        application: str = "jupyterhub",
        waits: bool = False,
        scheduled: int | None = None,
    ) -> Pod:
        """
        Start a pod as KubeSpawner does.

        Args:
            user: whose; None for a pod that belongs to nobody.
            server: its name, if it has one.
            name: of the pod.
            namespace: the hub's first one unless told otherwise.
            memory: bytes of the first container.
            cpu: its cores.
            gpu: its devices (of NVIDIA).
            containers: what others beside the first request.
            init: what init containers request.
            sidecars: what init containers that restart always request.
            annotations: more of them.
            component: label of the pod.
            application: label of the pod.
            waits: it has no node yet; `schedule` gives it one.
            scheduled: when it got its node, for one that ran before the test began.
        """
        first = {"memory": memory, "cpu": cpu, "nvidia.com/gpu": gpu}
        names = ({"hub.jupyter.org/username": user} if user else {}) | (
            {"hub.jupyter.org/servername": server} if server else {}
        )
        uid = str(uuid.uuid4())
        pod = Pod(
            name=name or f"jupyter-{uid[:8]}",
            uid=uid,
            namespace=namespace or self.namespaces[0],
            annotations=names | (annotations or {}),
            labels={
                "component": component,
                "app.kubernetes.io/component": component,
                "app.kubernetes.io/name": application,
            },
            containers=[{key: value for key, value in first.items() if value}, *containers],
            init=list(init),
            sidecars=list(sidecars),
        )
        self.pods.append(pod)
        if waits:
            self.api.put(pod)
        else:
            self.schedule(pod, at=scheduled)
        return pod

    def add_hub(self) -> Pod:
        """Start the hub's own pod, which belongs to nobody."""
        return self.start_pod(None, name="hub", component="hub")

    def schedule(self, pod: Pod, at: int | None = None) -> None:
        """Give *pod* a node and let it run."""
        pod.scheduled = int(time.time()) if at is None else at
        pod.phase = "Running"
        pod.sizes = [(pod.scheduled, pod.request())]
        self.api.put(pod)

    def resize(self, pod: Pod, **requests: float) -> None:
        """Change what the first container of *pod* requests, while it runs."""
        pod.containers[0] = pod.containers[0] | requests
        pod.sizes.append((time.time(), pod.request()))
        self.api.put(pod)

    def annotate(self, pod: Pod, annotations: dict[str, str | None]) -> None:
        """Change annotations of *pod*; None takes one away."""
        changed = pod.annotations | annotations
        pod.annotations = {key: value for key, value in changed.items() if value is not None}
        self.api.put(pod)

    def finish(self, pod: Pod, phase: str = "Succeeded", at: int | None = None) -> None:
        """Let *pod* be done; its object stays."""
        pod.finished = int(time.time()) if at is None else at
        pod.ended = pod.finished
        pod.phase = phase
        self.api.put(pod)

    def mark_deleted(self, pod: Pod, grace: int = GRACE_SECONDS) -> None:
        """Ask for the deletion of *pod*, which nobody carries out: its node is dead. It ends when its grace does."""
        pod.deletion = int(time.time()) + grace
        pod.ended = pod.deletion
        self.api.put(pod)

    def delete(self, pod: Pod) -> None:
        """Remove *pod*, running or done."""
        pod.ended = time.time() if pod.ended is None else min(pod.ended, time.time())
        self.api.remove(pod)

    def truth(self, user: str, resource: str = "memory", at: float | None = None) -> Held:
        """Return what *user* truly held of *resource* by the time *at*, now if not given."""
        until = time.time() if at is None else at
        mine = [pod.held(resource, until) for pod in self.pods if pod.user == user and pod.namespace in self.namespaces]
        return Held(sum(held.amount for held in mine), sum(held.seconds for held in mine))
