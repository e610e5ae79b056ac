"""A real hub with a real Prometheus: the hub of the hook's own tests, the test bed of the ledger's."""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "prometheus"), str(ROOT / "ci")]

_found = importlib.util.spec_from_file_location(
    "hub_in_process", ROOT / "packages" / "jupyterhub-quota-hook" / "tests" / "conftest.py"
)
_hub = importlib.util.module_from_spec(_found)
sys.modules[_found.name] = _hub
_found.loader.exec_module(_hub)

pytest_configure = _hub.pytest_configure
folder = _hub.folder
start_hub = _hub.start_hub
