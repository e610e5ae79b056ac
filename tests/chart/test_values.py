"""Every value does something, and what templates read can be set."""

import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from rendering import CHART, ROOT, VALUES_FILES, helm, merged, template

SCHEMA = yaml.safe_load((CHART / "values.schema.yaml").read_text())
FULL = yaml.safe_load((CHART / "ci" / "full-values.yaml").read_text())
EXTERNAL = yaml.safe_load((CHART / "ci" / "open-external-values.yaml").read_text())
TEMPLATES = {path: path.read_text() for path in (CHART / "templates").rglob("*.*")}
# Read by charts that contain this one.
FOR_OTHERS = {"enabled", "global"}
# Where leaving a value out of full-values.yaml changes nothing: what changes something, and what must be set for it.
OTHERWISE: dict[str, tuple[Any, dict[str, Any]]] = {
    "policyCheck.enabled": (False, {}),
    "prometheus.mode": ("external", {"prometheus": {"external": {"url": "http://prometheus:9090"}}}),
    "prometheus.persistence.enabled": (False, {}),
    "prometheus.persistence.existingClaim": ("old", {}),
    "prometheus.auth.rotation": ("today", {}),  # refused beside a Secret of one's own, so it is read
    "prometheus.external.url": ("http://elsewhere:9090", {}),
    "prometheus.external.ca": ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", {}),
    "prometheus.external.rules.configMap.enabled": (False, {}),
    "prometheus.external.rules.configMap.labels": ({"rules": "quota"}, {}),
    "prometheus.external.rules.prometheusRule.enabled": (False, {}),
    "prometheus.external.rules.prometheusRule.labels": ({"release": "other"}, {}),
    "kubeStateMetrics.mode": (
        "existing",
        {"kubeStateMetrics": {"existing": {"target": "a:1", "telemetryTarget": "a:2"}}},
    ),
    "kubeStateMetrics.image.tag": ("v2.21.0", {"kubeStateMetrics": {"image": {"digest": ""}}}),
    "kubeStateMetrics.existing.target": ("a:1", {}),  # refused with mode managed, so it is read
    "kubeStateMetrics.existing.telemetryTarget": ("a:2", {}),
    "service.enabled": (False, {}),
    "metrics.enabled": (False, {}),
    "alerts.enabled": (False, {}),
    "networkPolicy.enabled": (False, {}),
    "images.hub.pullPolicy": ("Never", {}),
    **{
        f"{image}.tag": ("9.9", {part: {kind: {"digest": ""}}})
        for image, part, kind in (
            ("images.hub", "images", "hub"),
            ("images.service", "images", "service"),
            ("prometheus.image", "prometheus", "image"),
        )
    },
}


def leaves(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the path of each value that has no keys of its own in the schema."""
    for key, part in schema["properties"].items():
        if "properties" in part and "default" not in part:
            yield from leaves(part, (*path, key))
        else:
            yield ".".join((*path, key))


def without(values: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a copy of *values* in which *path* is not set."""
    first, _, rest = path.partition(".")
    return {
        key: without(value, rest) if key == first and rest else value
        for key, value in values.items()
        if key != first or rest
    }


def with_value(path: str, value: object) -> dict[str, Any]:
    """Return values in which only *path* is set."""
    for key in reversed(path.split(".")):
        value = {key: value}
    assert isinstance(value, dict)
    return value


@cache
def _outcome(values: str) -> str:
    done = template(yaml.safe_load(values), command=("install", "--dry-run=client"))
    return done.stdout.partition("HOOKS:")[2] + done.stderr


def outcome(values: dict[str, Any]) -> str:
    """Return what Helm makes of *values*: objects and notes, or why it refuses them."""
    return _outcome(yaml.safe_dump(values))


LEAVES = [path for path in leaves(SCHEMA) if path not in FOR_OTHERS]


@pytest.mark.parametrize("path", LEAVES)
def test_every_value_changes_something(path: str):
    """Set otherwise, other objects come out, or a message about it."""
    if path in OTHERWISE:
        value, needed = OTHERWISE[path]
        before = merged(EXTERNAL if path.startswith("prometheus.external") else FULL, needed)
        assert outcome(before) != outcome(merged(before, with_value(path, value)))
    else:
        assert outcome(FULL) != outcome(without(FULL, path))


def test_the_full_file_sets_every_value():
    """So that a value cannot be added without an example that is rendered and checked."""
    for path in leaves(SCHEMA):
        found: Any = FULL
        for key in path.split("."):
            assert key in found, f"full-values.yaml does not set {path}"
            found = found[key]


def test_what_templates_read_can_be_set():
    """Each path after `.Values` is in the schema."""
    unknown = []
    for path, text in TEMPLATES.items():
        for read in re.findall(r"\.Values((?:\.\w+)+)", text):
            schema: dict[str, Any] = SCHEMA
            for key in read.strip(".").split("."):
                if "properties" not in schema:
                    break
                if key not in schema["properties"]:
                    unknown.append(f"{path.name}: {read}")
                    break
                schema = schema["properties"][key]

    assert [] == unknown


def test_generated_files_are_up_to_date():
    """values.yaml, values.schema.json, files/checks.json and docs/chart-values.md come from one source."""
    done = subprocess.run(
        [sys.executable, ROOT / "ci" / "values", "--check"], capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stdout + done.stderr)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("tag: 0.1.0-0.dev.git.45.h06d3f8c", ""),
        ('tag: "1.0"', ""),
        ("tag: 0.1.0\n    size: 3", "helm-chart/jupyterhub-quota/values.yaml: is old; run ci/values\n"),
        ("label: 0.1.0", "helm-chart/jupyterhub-quota/values.yaml: is old; run ci/values\n"),
    ],
)
def test_tags_of_chartpress_are_no_change(tmp_path: Path, written: str, told: str):
    """Between `chartpress` and `chartpress --reset` other tags stand there; anything else is still found."""
    for name in ("ci", "docs"):
        (tmp_path / name).mkdir()
    shutil.copytree(CHART, tmp_path / CHART.relative_to(ROOT))
    for name in ("ci/values", "docs/chart-values.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    values = tmp_path / CHART.relative_to(ROOT) / "values.yaml"
    text, count = re.subn(r"(?<=name: ghcr\.io/)(.*\n.*\n +)tag: .*", rf"\1{written}", values.read_text())
    values.write_text(text)
    done = subprocess.run(
        [sys.executable, tmp_path / "ci" / "values", "--check"], capture_output=True, text=True, check=False
    )

    assert 2 == count
    assert (1 if told else 0, told) == (done.returncode, done.stdout + done.stderr)


def test_every_value_is_described():
    """By whole sentences, since they are comments and documentation alike."""
    lacking = []

    def look(schema: dict[str, Any], path: str) -> None:
        for key, part in schema["properties"].items():
            if not part.get("description", "").endswith("."):
                lacking.append(f"{path}{key}")
            if part.get("type") == "object" and "properties" in part:
                look(part, f"{path}{key}.")

    look(SCHEMA, "")

    assert [] == lacking


@pytest.mark.parametrize("path", VALUES_FILES, ids=lambda path: path.name)
def test_lint_has_no_objection(path):
    """Helm's own, where a warning is an error."""
    done = helm("lint", "--strict", CHART, "--values", path)

    assert 0 == done.returncode, done.stdout + done.stderr


def test_lint_has_no_objection_to_the_chart_alone():
    """Without any values: what is missing is told when it is rendered."""
    done = helm("lint", "--strict", CHART)

    assert 0 == done.returncode, done.stdout + done.stderr


def test_what_is_told_of_images_is_what_is_pulled():
    """Artifact Hub examines the images that it is told of: without a policy it cannot render the chart to find them."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    told = {each["name"]: each["image"] for each in yaml.safe_load(annotations["artifacthub.io/images"])}
    images = {"prometheus": values["prometheus"]["image"], "kube-state-metrics": values["kubeStateMetrics"]["image"]}

    assert {name: f"{image['name']}:{image['tag']}" for name, image in images.items()} == told


def test_the_package_holds_what_is_used_and_nothing_else(tmp_path):
    """No sources of generated files, no values of tests."""
    done = helm("package", CHART, "--destination", tmp_path)
    assert 0 == done.returncode, done.stderr
    (archive,) = tmp_path.iterdir()
    with tarfile.open(archive) as file:
        names = {name.removeprefix("jupyterhub-quota/") for name in file.getnames()}

    assert {"Chart.yaml", "values.yaml", "values.schema.json", "files/checks.json", "templates/NOTES.txt"} <= names
    assert set() == {name for name in names if name.startswith("ci/") or name == "values.schema.yaml"}
