"""The values that the documentation tells people to write."""

import re
from typing import Any

import pytest
import yaml

from rendering import CHART, ROOT

PAGES = ("chart", "rollout", "operations")
KEYS = set(yaml.safe_load((CHART / "values.schema.yaml").read_text())["properties"])


def blocks() -> list[Any]:
    """Return the values files that the pages show: blocks of YAML with nothing but keys of ours."""
    found = []
    for page in PAGES:
        text = (ROOT / "docs" / f"{page}.md").read_text()
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE), 1):
            values = yaml.safe_load(block)
            if set(values) <= KEYS - {"hub"}:
                found.append(pytest.param(values, id=f"{page}-{number}"))
    return found
