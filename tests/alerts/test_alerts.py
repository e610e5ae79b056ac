"""Each alert fires when it should, is quiet when it should, and says in plain words what is wrong."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts import MAIN, QUOTA, ROOT, RUNBOOKS, WORDS, alerts, shipped
from programs import program

CASES: dict[str, dict[str, Any]] = {
    name: case
    for path in sorted(Path(__file__).parent.glob("cases/*.yaml"))
    for name, case in yaml.safe_load(path.read_text()).items()
}
ALERTS = alerts()


def promtool(*arguments: object) -> str:
    """Return what promtool prints, or fail with it."""
    told = subprocess.run(
        [program("promtool"), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert 0 == told.returncode, told.stdout + told.stderr
    return told.stdout


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The files of rules, as the chart writes them."""
    folder = tmp_path_factory.mktemp("rules")
    for path in (QUOTA, MAIN):
        (folder / path.name).write_text(shipped(path))
    return [str(folder / path.name) for path in (QUOTA, MAIN)]


def scenes(kind: str) -> list[Any]:
    """Return the scenes of all alerts that are of this *kind*."""
    return [
        pytest.param(name, scene, id=f"{name}: {scene['why']}") for name, case in CASES.items() for scene in case[kind]
    ]


def look(rules: list[str], folder: Path, alert: str, scene: dict[str, Any], expected: list[dict[str, Any]]) -> None:
    """Let promtool play *scene* and hold what *alert* does against what is *expected*."""
    test = {
        "rule_files": rules,
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": CASES[alert].get("interval", "1m"),
                "input_series": [{"series": name, "values": values} for name, values in scene["series"].items()],
                "alert_rule_test": [{"eval_time": scene["at"], "alertname": alert, "exp_alerts": expected}],
            }
        ],
    }
    path = folder / "test.yaml"
    path.write_text(yaml.safe_dump(test))
    promtool("test", "rules", path)


@pytest.mark.parametrize(("alert", "scene"), scenes("fires"))
def test_it_fires(rules, tmp_path, alert, scene):
    """With its labels and the sentences that people read."""
    rule = ALERTS[alert]
    annotations = rule["annotations"] | {key: scene[key] for key in ("summary", "description") if key in scene}
    look(
        rules,
        tmp_path,
        alert,
        scene,
        [{"exp_labels": rule["labels"] | scene["labels"], "exp_annotations": annotations}],
    )


@pytest.mark.parametrize(("alert", "scene"), scenes("quiet"))
def test_it_is_quiet(rules, tmp_path, alert, scene):
    """Something is there to be looked at, but nothing is wrong with it."""
    look(rules, tmp_path, alert, scene, [])


class TestTheFiles:
    """What holds for all of them."""

    def test_promtool_accepts_them(self, rules):
        """Its linter included."""
        told = promtool("check", "rules", "--lint=all", "--lint-fatal", *rules)

        assert len(ALERTS) == sum(map(int, re.findall(r"(\d+) rules found", told)))

    def test_every_alert_has_a_scene_in_which_it_fires_and_one_in_which_it_is_quiet(self):
        """Only the watchdog is never quiet."""
        assert set(ALERTS) == set(CASES)
        assert [] == [name for name, case in CASES.items() if not case["fires"]]
        assert ["JupyterHubQuotaWatchdog"] == [name for name, case in CASES.items() if not case["quiet"]]

    def test_every_word_of_the_chart_is_known(self):
        """The table of words is in the README of the files."""
        used = set(re.findall(r"__[A-Z_]+__", QUOTA.read_text() + MAIN.read_text()))
        told = set(re.findall(r"`(__[A-Z_]+__)`", (QUOTA.parents[1] / "README.md").read_text()))

        assert set(WORDS) == used
        assert set() == used - told

    @pytest.mark.parametrize("name", ALERTS)
    def test_it_says_how_bad_it_is_what_it_means_and_what_to_do(self, name):
        """In sentences, for somebody who is woken by it."""
        rule = ALERTS[name]

        assert re.fullmatch(r"JupyterHubQuota[A-Z][A-Za-z]+", name)
        assert {"severity"} == set(rule["labels"])
        assert rule["labels"]["severity"] in {"critical", "warning", "info", "none"}
        assert {"summary", "description", "runbook_url"} == set(rule["annotations"])
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"].endswith(".")

    @pytest.mark.parametrize("name", ALERTS)
    def test_its_runbook_exists(self, name):
        """A heading of its name, which becomes the anchor, with all three parts below it."""
        page, _, anchor = ALERTS[name]["annotations"]["runbook_url"].partition("#")
        sections = dict(
            re.findall(r"^## (\w+)$(.*?)(?=^## |\Z)", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE | re.DOTALL)
        )

        assert (RUNBOOKS, name.lower()) == (page, anchor)
        assert ["Means", "Look at", "Do"] == re.findall(r"^\*\*(.+?)\.\*\* \S", sections[name], re.MULTILINE)

    def test_no_runbook_is_about_an_alert_that_is_gone(self):
        """Headings and alerts are the same set."""
        assert set(ALERTS) == set(
            re.findall(r"^## (JupyterHubQuota\w+)$", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE)
        )
