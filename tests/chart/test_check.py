"""What `helm test` says from outside, where nothing of ours should answer. What it says from inside takes a cluster."""

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from rendering import CHART, pods, rendered


@pytest.fixture(params=[200, 401], ids=["open", "asks for a credential"])
def prometheus(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """Something that answers, and how."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(request.param)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server has it
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", request.param
        server.shutdown()
        thread.join()


def outside(**environment: str) -> tuple[int, str]:
    """Return the exit code and what is printed."""
    done = subprocess.run(
        [sys.executable, CHART / "files" / "tests" / "check.py", "outside"],
        env=os.environ | {"PATIENCE_SECONDS": "0"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_one_that_should_refuse_and_does_not_is_told(prometheus: tuple[str, int]):
    """Ours, or an external one to which we have a credential."""
    url, status = prometheus
    told = {
        200: (1, "FAILED  Prometheus answers any pod with 200\n"),
        401: (0, "ok      Prometheus refuses other pods\n"),
    }

    assert told[status] == outside(PROMETHEUS_URL=url, HAS_CREDENTIAL="yes")


def test_an_external_one_may_be_open_to_all(prometheus: tuple[str, int]):
    """That is not ours to judge."""
    url, _ = prometheus

    assert (0, "ok      Prometheus asks for no credential, as configured\n") == outside(PROMETHEUS_URL=url)


def test_kube_state_metrics_answers_nobody_else(prometheus: tuple[str, int]):
    """Whatever it answers: the network should let no other pod through."""
    url, _ = prometheus
    code, told = outside(PROMETHEUS_URL=url, KUBE_STATE_METRICS_URL=url)

    assert 1 == code
    assert told.startswith("FAILED  Any pod reaches kube-state-metrics")


@pytest.mark.parametrize("mode", ["managed", "external"])
def test_what_values_say_is_what_is_looked_at(mode: str):
    """Kube-state-metrics is ours in both; whether there is a credential is known to both pods."""
    door = [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]
    values = {"networkPolicy": {"kubeStateMetricsFrom": door}, "prometheus": {"mode": mode}}
    if mode == "external":
        values["prometheus"] |= {"external": {"url": "http://prometheus:9090"}, "auth": {"existingSecret": ""}}
    given = {
        name: {each["name"] for each in pod["spec"]["containers"][0]["env"]}
        for name, pod in pods(rendered(values))
        if "-test-" in name
    }

    assert 2 == len(given)
    assert "KUBE_STATE_METRICS_URL" in given["jupyterhub-quota-test-outside"]
    assert {mode == "managed"} == {"HAS_CREDENTIAL" in names for names in given.values()}
