"""How the real programs are got."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from programs import PROGRAMS, fits, program, version_of

CI = Path(__file__).resolve().parents[2] / "ci"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the scripts in a tree of its own, with nothing built yet."""
    (tmp_path / "ci").mkdir()
    for name in ("bootstrap.py", "programs.py", "tools"):
        shutil.copy(CI / name, tmp_path / "ci" / name)
    return tmp_path


def tools(tree: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ci/tools of *tree*."""
    return subprocess.run(
        [sys.executable, tree / "ci" / "tools", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def script(folder: Path, name: str, text: str) -> str:
    """Write a shell script called *name* and return a PATH on which it comes first."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


class TestVersions:
    """What is on PATH is taken if its version fits: the same minor release, at least as new."""

    @pytest.mark.parametrize(
        ("found", "expected"),
        [("3.13.2", True), ("3.13.9", True), ("3.13.1", False), ("3.14.0", False), ("2.42.0", False), (None, False)],
    )
    def test_what_fits(self, found: str | None, expected: bool):
        """3.13.2 is wanted."""
        assert expected == fits(found, "3.13.2")

    @pytest.mark.parametrize("name", ["prometheus", "promtool", "kube-state-metrics"])
    def test_what_is_got_is_what_was_wanted(self, name: str):
        """The programs tell a version that fits."""
        wanted = PROGRAMS[name]

        assert fits(version_of(program(name), wanted.version_arguments), wanted.version)

    def test_one_on_path_is_taken(self, tree: Path):
        """Without building anything."""
        path = script(tree / "bin", "promtool", "echo promtool, version 3.13.7")

        assert f"{tree}/bin/promtool" in tools(tree, "promtool", PATH=path).stdout

    def test_one_on_path_that_is_too_old_is_not(self, tree: Path):
        """It is as if it were not there."""
        path = script(tree / "bin", "promtool", "echo promtool, version 2.42.0")

        assert "not there yet" in tools(tree, "--list", "promtool", PATH=path).stdout


class TestFailures:
    """What cannot be got is told in one sentence, and leaves nothing that looks like a program."""

    def test_a_download_that_fails(self, tree: Path):
        """No proxy is asked and nothing is in the cache."""
        told = tools(tree, "promtool", GOPROXY="off", GOMODCACHE=str(tree / "modules"), GOFLAGS="")

        assert 1 == told.returncode
        assert told.stderr.splitlines()[-1].startswith("ci/tools: promtool could not be downloaded: ")
        assert "Traceback" not in told.stderr

    def test_a_build_that_is_interrupted(self, tree: Path):
        """Killed in the middle; the next run does not take what it finds for a program."""
        source = tree / "module"
        source.mkdir()
        path = script(
            tree / "bin",
            "go",
            f"""case "$1" in
                version) echo go version go9.9.9 ;;
                mod) echo '{{"Dir": "{source}"}}' ;;
                build) touch {tree}/begun; sleep 30 ;;
            esac""",
        )
        running = subprocess.Popen(
            [sys.executable, tree / "ci" / "tools", "promtool"],
            env=os.environ | {"PATH": path},
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        deadline = time.monotonic() + 20
        while not (tree / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()

        assert (tree / "begun").exists()
        assert "not there yet" in tools(tree, "--list", "promtool", PATH="/usr/bin:/bin").stdout

    def test_a_name_that_is_none(self, tree: Path):
        """The names that there are are told."""
        told = tools(tree, "grafana")

        assert 2 == told.returncode
        assert "no program is called grafana; there are prometheus" in told.stderr
