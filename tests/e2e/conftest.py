"""
A real hub on a real cluster, deployed once for all tests of a run into a namespace of its own.

Any cluster will do: `KUBECONFIG`, an engine for `docker build` (`DOCKER_HOST`), and `LOAD_IMAGES`, a command that
copies the images named after it into the cluster.
"""

import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from bed.cluster import Namespace, missing, run  # noqa: E402 - the folder is on the path only now
from bed.deployment import Deployment, block_in, our_images  # noqa: E402
from bed.images import VERSIONS, Image, hub_images  # noqa: E402
from bed.person import Hub  # noqa: E402
from bed.record import recorded  # noqa: E402
from bed.story import Story, left_running  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--jupyterhub", choices=sorted(VERSIONS), default="6", help="which JupyterHub to deploy")
    parser.addoption("--z2jh", metavar="VERSION", help="deploy the published chart of Zero to JupyterHub, with its hub")
    parser.addoption("--keep", action="store_true", help="leave the namespace there, to look at it")


def pytest_sessionstart() -> None:
    """Who asks for these tests wants them run: without a cluster they fail, with one sentence."""
    reason = missing()
    if reason:
        pytest.exit(reason, returncode=1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Show the state of the cluster with the first failure; later ones often have the same cause."""
    report = yield
    namespace = getattr(item.config, "e2e_namespace", None)
    if report.failed and namespace and not getattr(item.config, "e2e_reported", False):
        item.config.e2e_reported = True
        report.sections.append((f"namespace {namespace.name}", namespace.report()))
    return report


@pytest.fixture(scope="session")
def namespace(request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """A namespace of this run's own, which goes with it."""
    namespace = Namespace(f"e2e-{secrets.token_hex(3)}")
    run("kubectl", "create", "namespace", namespace.name)
    request.config.e2e_namespace = namespace
    yield namespace
    if not request.config.getoption("--keep"):
        run("kubectl", "delete", "namespace", namespace.name, "--wait=false")


@pytest.fixture(scope="session")
def images(request: pytest.FixtureRequest) -> dict[str, Image]:
    """The images of the hub, in the cluster."""
    return hub_images(VERSIONS[request.config.getoption("--jupyterhub")])


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest, namespace: Namespace, images: dict[str, Image]) -> Deployment:
    """Our chart and the hub, in the namespace of this run."""
    return Deployment(namespace, images, our_images(), request.config.getoption("--z2jh"))


@pytest.fixture(scope="session")
def sams_server(hub: Hub, namespace: Namespace) -> Iterator[Future[Story]]:
    """
    A server that goes on until it is stopped for its quota, which takes minutes.

    Tests that leave all parts alone run meanwhile: who asks for it first, after the faults, begins it.
    """
    with ThreadPoolExecutor(1) as person:
        yield person.submit(left_running, hub, namespace, "sam", "brief")


@pytest.fixture(scope="session")
def hub(deployment: Deployment) -> Iterator[Hub]:
    """The hub with our chart beside it: the chart first, then the hub with the values that it asks for."""
    notes = deployment.quota()
    deployment.look_often()
    hub = deployment.hub(block_in(notes))
    deployment.all_up()
    recorded(deployment, "nobody", "regular")  # Until there is a record usage is not known, and nothing starts.
    yield hub
    hub.api.close()
