"""What the tests of the Prometheus side share: where they find their modules, and a test bed that runs."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "ci")]

from testbed import Bed  # noqa: E402 - found only now


@pytest.fixture(scope="session")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """A cluster with the namespaces `hub`, which is the hub's, and `other`, which kube-state-metrics shows as well."""
    with Bed(tmp_path_factory.mktemp("bed"), watched=("hub", "other")) as bed:
        bed.settle()
        yield bed
