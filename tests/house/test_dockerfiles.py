"""Dockerfiles build everywhere: with BuildKit, and with an older Buildah; and what they make runs as nobody."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "ci"))

from released.version import semantic

# Each a pattern in a line of a Dockerfile, and why it must not be there.
FORBIDDEN = {
    r"<<-?['\"]?\w+": "Buildah before 1.33 knows no heredocs",
    r"^RUN .*--network": "Buildah before 1.33 knows no RUN --network",
    r"^(COPY|ADD) .*--link": "Buildah does not know COPY --link",
    r"^(HEALTHCHECK|SHELL)\b": "images in OCI format have neither",
    r"^FROM .*@sha256:": "a look-alike of the base has another digest; put the base into an ARG",
    r"^FROM .*:latest\b": "what was built cannot be built again",
    r"^ADD\b": "COPY does not download or unpack anything",
    r"^USER (?!\d+(:\d+)?$)": "runAsNonRoot can check numbers only",
}


def instructions(text: str) -> list[str]:
    """Return the instructions of a Dockerfile, each in one line."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    return [line.strip() for line in joined.splitlines() if line.strip()]


def faults(text: str) -> list[str]:
    """Return what is wrong with the Dockerfile *text*."""
    lines = instructions(text)
    found = [f"{line}: {why}" for line in lines for pattern, why in FORBIDDEN.items() if re.search(pattern, line)]
    stages: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("FROM "):
            stages.append([])
        stages[-1].append(line)
    names = {name for line in stages[0] for name in re.findall(r"^ARG (\w+)", line)}
    for stage in stages[1:]:
        # An ARG of a parent stage, or from before the first one, is empty here, and says nothing about it.
        here = {name for line in stage for name in re.findall(r"^(?:ARG|ENV) (\w+)", line)} | {"PATH"}
        base, *rest = stage
        used = {name for line in rest for name in re.findall(r"\$\{?(\w+)", line)}
        found += [f"{base}: ${name} is not declared in this stage" for name in sorted(used - here)]
        known = names | {"BUILDPLATFORM", "TARGETPLATFORM"}
        found += [
            f"{base}: ${name} is not declared before the first stage"
            for name in re.findall(r"\$\{?(\w+)", base)
            if name not in known
        ]
    if not any(line.startswith("USER ") for line in stages[-1]) or re.search(
        r"^USER 0\b", "\n".join(stages[-1]), re.MULTILINE
    ):
        found.append("the last stage runs as root")
    return found


@pytest.fixture
def dockerfiles(texts):
    return {path: text for path, text in texts.items() if path.name.startswith("Dockerfile")}


def test_they_build_everywhere_and_run_as_nobody(dockerfiles):
    """Those of the images that are published, and those of the tests."""
    assert {Path("images/hub/Dockerfile"), Path("images/service/Dockerfile")} <= set(dockerfiles)
    assert {} == {str(path): faults(text) for path, text in dockerfiles.items() if faults(text)}


@pytest.mark.parametrize(
    "text",
    [
        "FROM python:3.13\nRUN <<EOF\necho\nEOF\nUSER 1",
        "FROM python:3.13\nRUN --network=none true\nUSER 1",
        "FROM python:3.13\nCOPY --link a b\nUSER 1",
        "FROM python:3.13\nUSER nobody",
        "FROM python:3.13\nUSER 0",
        "FROM python:3.13",
        "FROM python@sha256:00\nUSER 1",
        "FROM python:latest\nUSER 1",
        "ARG ID=1\nFROM python:3.13\nRUN adduser ${ID}\nUSER 1",
        "FROM python:3.13 AS a\nARG ID=1\nFROM a\nRUN adduser $ID\nUSER 1",
        "FROM ${BASE}\nUSER 1",
    ],
)
def test_the_rules_have_teeth(text):
    """Each of these would be found."""
    assert faults(text)


def test_nothing_but_what_is_needed_reaches_the_builder(root):
    """What is not named is left out: history, caches, what was built here."""
    lines = [line for line in (root / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]

    assert "*" == lines[0]
    assert {"**/node_modules", "**/__pycache__", "**/.*"} <= set(lines)


class TestChartpress:
    """What builds and tags them."""

    def test_it_says_the_version_of_the_packages(self, root):
        """VERSION, written as Helm writes versions."""
        version = (root / "VERSION").read_text().strip()
        told = re.search(r"^ *baseVersion: (.*)$", (root / "chartpress.yaml").read_text(), re.MULTILINE)[1]

        assert semantic(version) == told.strip('"')

    @pytest.mark.parametrize(
        ("version", "expected"),
        [("0.1.0.dev0", "0.1.0-0.dev"), ("1.2.3", "1.2.3"), ("1.2.3b1", "1.2.3-beta.1"), ("1.2.3rc2", "1.2.3-rc.2")],
    )
    def test_versions_are_translated(self, version, expected):
        """From Python's to Helm's."""
        assert expected == semantic(version)

    def test_the_tree_holds_the_words_of_a_reset(self, root):
        """A version that somebody built with is not committed."""
        told = (root / "chartpress.yaml").read_text()
        chart = root / "helm-chart" / "jupyterhub-quota"
        version = re.search(r"^ *resetVersion: (.*)$", told, re.MULTILINE)[1]
        tag = re.search(r"^ *resetTag: (.*)$", told, re.MULTILINE)[1]

        assert [version] == re.findall(r"^version: (.*)$", (chart / "Chart.yaml").read_text(), re.MULTILINE)
        assert 2 == (chart / "values.yaml").read_text().count(f"tag: {tag}")
