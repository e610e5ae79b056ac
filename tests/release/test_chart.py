"""What is put into the chart when it is published."""

import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "ci"))

from released.chart import look_into, pinned  # noqa: E402 - found only now
from released.running import ReleaseError  # noqa: E402

VALUES = (ROOT / "helm-chart" / "jupyterhub-quota" / "values.yaml").read_text()
DIGEST = f"sha256:{'0' * 64}"
FILES = ["Chart.yaml", "values.yaml", "values.schema.json", "files/rules/ledger.yaml", "files/rules/alerts.yaml"]


@pytest.mark.parametrize("part", ["hub", "service"])
def test_an_image_gets_its_digest_and_no_other(part):
    """Everything else in the values stays as it is."""
    expected = yaml.safe_load(VALUES)
    expected["images"][part]["digest"] = DIGEST

    assert expected == yaml.safe_load(pinned(VALUES, part, DIGEST))


def test_a_digest_that_is_there_is_not_replaced():
    """Somebody has pinned another image, which is a mistake."""
    with pytest.raises(ReleaseError, match=r"no empty images\.hub\.digest"):
        pinned(pinned(VALUES, "hub", DIGEST), "hub", DIGEST)


@pytest.mark.parametrize(
    ("name", "files", "problem"),
    [
        ("jupyterhub-quota-1.0.0.tgz", FILES[1:], r"lacks \['Chart.yaml'\]"),
        ("jupyterhub-quota-1.0.0.tgz", [*FILES, "values.schema.yaml"], "only developers need"),
        ("jupyterhub-quota-1.0.0.tgz", [*FILES, "ci/full-values.yaml"], "only developers need"),
        ("jupyterhub-quota-0.9.0.tgz", FILES, "should be version 1.0.0"),
    ],
)
def test_a_wrong_package_is_not_pushed(name, files, problem):
    """Too little, too much, or of another version."""
    with pytest.raises(ReleaseError, match=problem):
        look_into(name, files, "1.0.0", released=True)


def test_a_right_one_is():
    """All that is needed, and the version."""
    look_into("jupyterhub-quota-1.0.0.tgz", FILES, "1.0.0", released=True)
