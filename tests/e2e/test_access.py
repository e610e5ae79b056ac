"""Who may ask the quota Prometheus and the usage page, on a network that enforces its policies."""

import base64
import concurrent.futures
import threading

import pytest

from bed.cluster import CommandError
from bed.waiting import until

PROMETHEUS = "http://jupyterhub-quota-prometheus:9090/api/v1/query?query=up"
ASK = """
import sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[1])
for header in sys.argv[2:]:
    request.add_header(*header.split(": ", 1))
try:
    # Long enough for a busy machine to answer, and for one that does not to be sure.
    print(urllib.request.urlopen(request, timeout=10).status)
except urllib.error.HTTPError as error:
    print(error.code)
except OSError as error:
    print("unreachable")
"""


@pytest.fixture(scope="module")
def inside(hub, namespace):
    """Ask from a pod: return the status of the answer, or "unreachable"."""

    def ask(workload, url, *headers, python="python"):
        return namespace.kubectl("exec", workload, "--", python, "-c", ASK, url, *headers).strip()

    return ask


@pytest.fixture(scope="module")
def mallory(hub):
    """The pod of a user's server."""
    said = hub.start("mallory", "normal")
    assert "Server ready at /user/mallory/" == said[-1], said
    return "pod/jupyter-mallory"


class TestPrometheus:
    """Only the hub and the usage page, and only with the credential."""

    def test_hub_without_credential(self, inside):
        """The network lets it in, Prometheus does not."""
        assert "401" == inside("deployment/hub", PROMETHEUS)

    def test_hub_with_a_wrong_one(self, inside):
        """quota:wrong."""
        assert "401" == inside("deployment/hub", PROMETHEUS, "Authorization: Basic cXVvdGE6d3Jvbmc=")

    def test_pod_of_a_user(self, mallory, inside):
        """The network does not let it in, and not out."""
        assert "unreachable" == inside(mallory, PROMETHEUS)

    def test_proxy(self, inside, namespace):
        """Who has nothing to do with it."""
        script = (
            f"fetch('{PROMETHEUS}', {{signal: AbortSignal.timeout(5000)}})"
            ".then(answer => console.log(answer.status), () => console.log('unreachable'))"
        )

        assert "unreachable" == namespace.kubectl("exec", "deployment/proxy", "--", "node", "-e", script).strip()


class TestPage:
    """Everybody sees their own use."""

    def test_not_signed_in(self, hub):
        """A stranger is sent to the hub."""
        answer = hub.api.get(f"{hub.url}/services/quota/api/me", headers={"Authorization": ""})

        assert 401 == answer.status_code

    def test_token_of_another_service(self, hub):
        """A token of the hub that has no access to the page."""
        assert 403 == hub.api.get(f"{hub.url}/services/quota/api/users").status_code

    def test_user_about_another(self, hub):
        """No user asks about somebody else."""
        with hub.browser("mallory") as browser:
            browser.get("/services/quota/").raise_for_status()

            assert [403, 403] == [
                browser.get(f"/services/quota/api/{path}").status_code for path in ("users", "users/ann")
            ]

    def test_pod_of_a_user_past_the_proxy(self, mallory, inside):
        """Not by the network either."""
        assert "unreachable" == inside(mallory, "http://jupyterhub-quota-service/services/quota/healthz")


class TestRotation:
    """The credential is changed by one value, under load."""

    def test_no_decision_fails(self, hub, deployment, namespace):
        """Launches go on while the old and the new one are about, until every part has the new one."""
        hub.add("rita", "regular")
        before = password(namespace)
        lines = []
        done = threading.Event()

        def launches():
            while not done.is_set():
                lines.append(hub.start("rita", "normal")[1])
                hub.stop("rita")

        with concurrent.futures.ThreadPoolExecutor(1) as people:
            load = people.submit(launches)
            try:
                deployment.quota({"prometheus": {"auth": {"rotation": "once"}}})
                after = password(namespace)
                for workload in ("deployment/hub", "deployment/jupyterhub-quota-service"):
                    until(lambda where=workload: after == mounted(namespace, where), f"{workload} to know")
                known = len(lines)
                until(lambda: len(lines) > known + 1, "launches with the new credential")
            finally:
                done.set()
            load.result()

        assert before != after
        assert [] == [line for line in lines if not line.startswith("You have used")]


def password(namespace):
    """Return what the chart's Secret holds."""
    held = namespace.get("secret", "jupyterhub-quota-prometheus")["data"]["password"]
    return base64.b64decode(held).decode()


def mounted(namespace, workload):
    """Return what a pod sees of it."""
    return namespace.kubectl("exec", workload, "--", "cat", "/etc/jupyterhub-quota/prometheus/password").strip()


def test_helm_test(hub, namespace):
    """What an admin runs after an installation, as the notes print it."""
    try:
        namespace.helm("test", "quota", "--logs")
    except CommandError as error:
        pytest.fail(str(error))
