"""What the documentation tells people to write works."""

import re
from pathlib import Path
from typing import Any

import pytest

from documentation import PAGES, blocks
from rendering import ROOT, rendered


@pytest.mark.parametrize("values", blocks())
def test_it_can_be_installed(values: dict[str, Any]):
    """As it stands, with a Secret for those who do not see the cluster."""
    assert rendered(values)


def test_there_are_blocks():
    """Else the test above would be about nothing."""
    assert 8 <= len(blocks())


@pytest.mark.parametrize("page", PAGES)
def test_objects_that_commands_name_are_there(page: str):
    """Deployments, claims, jobs and the like."""
    text = (ROOT / "docs" / f"{page}.md").read_text()
    kinds = {
        "deployment": "Deployment",
        "statefulset": "StatefulSet",
        "job": "Job",
        "persistentvolumeclaim": "PersistentVolumeClaim",
    }
    made = {(each["kind"], each["metadata"]["name"]) for each in rendered()}
    named = {
        (kinds[kind], name) for kind, name in re.findall(rf"\b({'|'.join(kinds)})/([\w-]+)", text) if kind in kinds
    }

    assert set() == named - made


def test_runbooks_that_pages_link_exist():
    """By their heading."""
    headings = {
        line[3:].lower() for line in Path(ROOT / "docs" / "runbooks.md").read_text().splitlines() if line[:3] == "## "
    }
    linked = {
        anchor
        for page in PAGES
        for anchor in re.findall(r"runbooks\.md#([\w-]+)", (ROOT / "docs" / f"{page}.md").read_text())
    }

    assert linked
    assert set() == linked - headings
