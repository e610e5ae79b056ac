"""The documentation quotes what people really read."""

import re
from pathlib import Path

import pytest

from jupyterhub_spawn_progress import default_table
from jupyterhub_spawn_progress.narrator import Narrator
from jupyterhub_spawn_progress.translate import Message

PAGE = Path(__file__).parents[3] / "docs" / "spawn-progress.md"
TABLE = default_table()
FULL = "pod didn't trigger scale-up: 1 max node group size reached"


@pytest.fixture
def page():
    if not PAGE.exists():
        pytest.skip("the package is tested by itself")
    return PAGE.read_text()


def test_every_sentence_is_ours(page):
    """Word by word."""
    narrator = Narrator(TABLE, began=0, patience_seconds=0)
    full = next(rule.text for rule in TABLE.rules if rule.name == "full")
    narrator.look(
        [{"reportingComponent": "cluster-autoscaler", "reason": "NotTriggerScaleUp", "message": FULL}], None, 0
    )
    known = {
        *(rule.text for rule in TABLE.rules),
        *(failure.text for failure in TABLE.failures.values()),
        *(phase.patience.replace("{waited}", "5 minutes") for phase in TABLE.phases.values()),
        narrator.gave_up(300),
        "Your server is running. You are being connected to it.",
    }
    quoted = [line for block in re.findall(r"```text after\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]

    assert full in quoted
    assert [] == [line for line in quoted if line not in known]


def test_every_grace_is_told(page):
    """The table names each failure with its grace."""
    told = {}
    for names, grace in re.findall(r"^\| (`.*?) \| (\d+ s|never) \|", page, re.MULTILINE):
        told |= dict.fromkeys(re.findall(r"`(.*?)`", names), grace)

    graces = {
        name: "never" if one.after == float("inf") else f"{one.after:g} s" for name, one in TABLE.failures.items()
    }
    assert graces == told


def test_rules_of_the_page(page):
    """What it shows as rules of one's own can be used."""
    (document,) = re.findall(r"```yaml\n(rules:.*?)```", page, re.DOTALL)

    table = TABLE.extended(document)

    assert Message("All licences are in use. Waiting for one.").text == table.rule(table.rules[0].examples[0]).text
