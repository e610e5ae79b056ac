"""A real hub with a real Prometheus: the hub of the hook's own tests, the test bed of the ledger's."""

import importlib.util
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "prometheus"), str(ROOT / "ci")]

from testbed import GIB, Bed  # noqa: E402 - found only now

HOUR = 3600

_found = importlib.util.spec_from_file_location(
    "hub_in_process", ROOT / "packages" / "jupyterhub-quota-hook" / "tests" / "conftest.py"
)
_hub = importlib.util.module_from_spec(_found)
sys.modules[_found.name] = _hub
_found.loader.exec_module(_hub)

pytest_configure = _hub.pytest_configure
folder = _hub.folder
start_hub = _hub.start_hub


@pytest.fixture(scope="module")
def bed(tmp_path_factory):
    """Return a cluster in which ann has used 60 GiB-hours and bob 10, both in sessions that go on."""
    with Bed(tmp_path_factory.mktemp("bed")) as bed:
        now = int(time.time())
        bed.start_pod("ann", server="other", memory=10 * GIB, scheduled=now - 6 * HOUR)
        bed.start_pod("bob", server="other", memory=1 * GIB, scheduled=now - 10 * HOUR)
        bed.settle()
        yield bed
