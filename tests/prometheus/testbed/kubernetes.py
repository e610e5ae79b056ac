"""A small stand-in for Kubernetes' API: pods can be listed and watched, as kube-state-metrics does."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from testbed.pods import Pod

BOOKMARK_SECONDS = 1.0


@dataclass(slots=True)
class PodsAPI:
    """
    Serves pods by list and watch, on a free port.

    Every event is kept, so that a watch can begin at any version that was ever told.
    """

    pods: dict[str, Pod] = field(default_factory=dict)  # by uid
    events: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    version: int = 1
    closing: bool = False
    server: ThreadingHTTPServer = field(init=False)

    def __enter__(self) -> Self:
        api: PodsAPI = self

        class Handler(_Handler):
            pods_api = api

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self.changed:
            self.closing = True
            self.changed.notify_all()
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def put(self, pod: Pod) -> None:
        """Show *pod*, or what has changed of it."""
        with self.changed:
            self.version += 1
            kind = "MODIFIED" if pod.uid in self.pods else "ADDED"
            self.pods[pod.uid] = pod
            self.events.append((self.version, kind, pod.document(self.version)))
            self.changed.notify_all()

    def remove(self, pod: Pod) -> None:
        """Show *pod* no more."""
        with self.changed:
            self.version += 1
            del self.pods[pod.uid]
            self.events.append((self.version, "DELETED", pod.document(self.version)))
            self.changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pods_api: PodsAPI

    def do_GET(self) -> None:
        """Answer the few questions that kube-state-metrics has."""
        address = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(address.query).items()}
        match address.path.strip("/").split("/"):
            case ["version" | "livez"]:
                self._answer({"major": "1", "minor": "35", "gitVersion": "v1.35.0"})
            case ["api", "v1", "namespaces", namespace, "pods"]:
                self._pods(namespace, asked)
            case ["api", "v1", "pods"]:
                self._pods(None, asked)
            case _:
                self._answer({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404}, 404)

    def _pods(self, namespace: str | None, asked: dict[str, str]) -> None:
        if asked.get("watch") in {"true", "1"}:
            self._watch(namespace, asked)
            return
        with self.pods_api.changed:
            version, items = self._now(namespace)
        self._answer(
            {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": str(version)}, "items": items}
        )

    def _now(self, namespace: str | None) -> tuple[int, list[dict[str, Any]]]:
        api = self.pods_api
        shown = [pod for pod in api.pods.values() if namespace in {None, pod.namespace}]
        return api.version, [pod.document(api.version) for pod in shown]

    def _watch(self, namespace: str | None, asked: dict[str, str]) -> None:
        """Stream events, each a line in a chunk of its own; the stream ends with the server or the client."""
        api = self.pods_api
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        told = int(asked.get("resourceVersion") or 0)
        try:
            if asked.get("sendInitialEvents") == "true":
                with api.changed:
                    told, items = self._now(namespace)
                for item in items:
                    self._event("ADDED", item)
                self._bookmark(told, {"k8s.io/initial-events-end": "true"})
            while True:
                with api.changed:
                    if not api.closing and api.version <= told:
                        api.changed.wait(BOOKMARK_SECONDS)
                    if api.closing:
                        return
                    news = [event for event in api.events[-100 - (api.version - told) :] if event[0] > told]
                    told = api.version
                for _, kind, item in news:
                    if namespace in {None, item["metadata"]["namespace"]}:
                        self._event(kind, item)
                if not news:
                    self._bookmark(told, {})
        except OSError:
            self.close_connection = True  # the client went away

    def _bookmark(self, version: int, annotations: dict[str, str]) -> None:
        metadata = {"resourceVersion": str(version), "annotations": annotations}
        self._event("BOOKMARK", {"kind": "Pod", "apiVersion": "v1", "metadata": metadata})

    def _event(self, kind: str, item: dict[str, Any]) -> None:
        line = json.dumps({"type": kind, "object": item}).encode() + b"\n"
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()

    def _answer(self, document: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
