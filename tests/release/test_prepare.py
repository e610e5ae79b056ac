"""A release changes the version, collects the changelog, and nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path):
    """A tree with what a release changes."""
    shutil.copytree(ROOT / "ci", tmp_path / "ci", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "chartpress.yaml", tmp_path)
    (tmp_path / "VERSION").write_text("0.1.0.dev0\n")
    (tmp_path / "changelog.d").mkdir()
    (tmp_path / "changelog.d" / "README.md").write_text("How to write one.\n")
    (tmp_path / "changelog.d" / "page.added.md").write_text("There is a page.\nOpen it.\n")
    (tmp_path / "changelog.d" / "zero-limits.fixed.md").write_text("Zero is zero.\n")
    return tmp_path


def prepare(tree, version):
    return subprocess.run(
        [sys.executable, tree / "ci" / "prepare-release", version], capture_output=True, text=True, check=False
    )


def test_a_release_collects_the_changelog(tree):
    """By kind, and the fragments are gone."""
    assert 0 == prepare(tree, "0.1.0b1").returncode

    changelog = (tree / "CHANGELOG.md").read_text()
    assert changelog.startswith("# Changelog\n\n## 0.1.0b1 (")
    assert "### Added\n\n- There is a page.\n  Open it.\n\n### Fixed\n\n- Zero is zero.\n" in changelog
    assert ["README.md"] == [path.name for path in (tree / "changelog.d").iterdir()]


def test_both_versions_are_set(tree):
    """Of the packages as Python writes it, of the chart as Helm does."""
    prepare(tree, "0.1.0b1")

    assert "0.1.0b1\n" == (tree / "VERSION").read_text()
    assert "    baseVersion: 0.1.0-beta.1\n" in (tree / "chartpress.yaml").read_text()


def test_the_next_release_stands_above_the_last(tree):
    """What is there is kept."""
    prepare(tree, "0.1.0")
    (tree / "changelog.d" / "more.changed.md").write_text("More.\n")
    prepare(tree, "0.2.0")

    headings = [line.split()[1] for line in (tree / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert ["0.2.0", "0.1.0"] == headings


def test_the_time_after_a_release_collects_nothing(tree):
    """Fragments wait for the release."""
    assert 0 == prepare(tree, "0.2.0.dev0").returncode

    assert not (tree / "CHANGELOG.md").exists()
    assert (tree / "changelog.d" / "page.added.md").exists()
    assert "    baseVersion: 0.2.0-0.dev\n" in (tree / "chartpress.yaml").read_text()


@pytest.mark.parametrize("version", ["1.2", "v1.2.3", "1.2.3-beta.1", "1.2.3.post1"])
def test_a_version_that_one_of_the_two_cannot_write_is_refused(tree, version):
    """With what to write."""
    done = prepare(tree, version)

    assert 2 == done.returncode
    assert "write for example 1.2.3, 1.2.3b1 or 1.2.3.dev0" in done.stderr
    assert "0.1.0.dev0\n" == (tree / "VERSION").read_text()
