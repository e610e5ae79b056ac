"""The scripts of `ci/` answer in sentences, whatever they are started with."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
OLD = sorted(PYENV.glob("versions/3.[6-9].*/bin/python")) + sorted(PYENV.glob("versions/3.10.*/bin/python"))
PRETEND = (
    "import sys; sys.path.insert(0, 'ci'); import bootstrap; bootstrap.require_python((3, 9, 18)); print('went on')"
)


@pytest.fixture
def run(root):
    """Start a command in the root as someone with only *path* and an empty home would."""

    def start(*command, path=os.defpath, folder=root, **variables):
        return subprocess.run(
            command,
            cwd=folder,
            env={"PATH": path, "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return start


class TestAnOldPython:
    """Where no newer one is to be found, one sentence says so."""

    def test_a_pretended_one_ends_in_a_sentence(self, run):
        """Works on machines without old Pythons too."""
        done = run(sys.executable, "-c", PRETEND, path="/nonexistent")

        assert (1, "") == (done.returncode, done.stdout)
        assert (
            "Python 3.11 or newer is needed; this is 3.9.18, and neither PATH nor pyenv has a newer one.\n"
            == done.stderr
        )

    @pytest.mark.skipif(not OLD, reason="this machine has no old Python")
    @pytest.mark.parametrize("script", ["ci/test", "ci/demo"])
    @pytest.mark.parametrize("python", OLD, ids=lambda python: python.parts[-3])
    def test_a_real_one_ends_in_a_sentence(self, run, python, script):
        """No SyntaxError: the script is read before it is refused."""
        done = run(python, script, path="/nonexistent")

        assert (1, "") == (done.returncode, done.stdout)
        assert 1 == len(done.stderr.splitlines())
        assert done.stderr.startswith("Python 3.11 or newer is needed; this is 3.")

    @pytest.mark.skipif(not OLD, reason="this machine has no old Python")
    def test_a_newer_one_on_path_takes_over(self, run, tmp_path):
        """Someone whose `python3` is old has a `python3.12` beside it."""
        (tmp_path / f"python3.{sys.version_info.minor}").symlink_to(sys.executable)

        done = run(OLD[0], "ci/test", "--list", path=str(tmp_path))

        assert (0, "") == (done.returncode, done.stderr)

    @pytest.mark.skipif(not OLD, reason="this machine has no old Python")
    def test_one_that_does_not_start_is_no_candidate(self, run, tmp_path):
        """A pyenv shim without a version behind it exists and fails."""
        shim = tmp_path / "python3.12"
        shim.write_text("#!/bin/sh\nexit 127\n")
        shim.chmod(0o755)

        assert "is needed" in run(OLD[0], "ci/test", path=str(tmp_path)).stderr


class TestStages:
    """`ci/test STAGE` runs one."""

    def test_a_list_shows_them(self, run):
        """With what each does."""
        done = run(sys.executable, "ci/test", "--list")

        assert 0 == done.returncode
        assert {"lint", "types", "house", "docs", "engine-py311", "clean"} <= {
            line.split()[0] for line in done.stdout.splitlines()
        }

    def test_a_misspelt_one_gets_a_suggestion(self, run):
        """Exit code 2 and nothing installed."""
        done = run(sys.executable, "ci/test", "hose")

        assert 2 == done.returncode
        assert "no stage is called 'hose'; did you mean 'house'?" in done.stderr

    def test_the_beginning_stands_for_several(self, run):
        """`engine` is every Python that the engine is tested on, `eng` is nothing."""
        listed = run(sys.executable, "ci/test", "--list", "engine").stdout.splitlines()

        assert 4 == len([line for line in listed if line.startswith("engine-py3")])
        assert 2 == run(sys.executable, "ci/test", "eng").returncode

    def test_each_is_run_for_a_pull_request_and_explained(self, run, root):
        """By a workflow, under its own name or the beginning of it, and in a line of CONTRIBUTING.md."""
        listed = [line.split()[0] for line in run(sys.executable, "ci/test", "--list").stdout.splitlines()]
        stages = {name.split("-")[0] for name in listed} - {"clean"}
        workflows = "".join((root / ".github" / "workflows" / name).read_text() for name in ("test.yaml", "e2e.yml"))
        lists = re.findall(r"(?:\./ci/test|stages:) (.*)", workflows)
        table = re.findall(r"^\| (`.*?) \|", (root / "CONTRIBUTING.md").read_text(), re.MULTILINE)

        assert set() == stages - set(re.findall(r"\w+", " ".join(lists)))
        assert set() == stages - set(re.findall(r"`(\w+)", " ".join(table)))


class TestWhatFails:
    """What plays with real programs gets a second look; tox is a stand-in here, which fails as often as it is told."""

    @pytest.fixture
    def stage(self, root, run, tmp_path):
        """Run a stage whose first runs say these things and fail; return it, and what tox was asked for."""
        shutil.copytree(root / "ci", tmp_path / "ci")
        tools = tmp_path / ".cache" / "bootstrap"
        (tools / "bin").mkdir(parents=True)
        (tools / "bin" / "python").symlink_to(sys.executable)
        receipt = "import bootstrap, sys; print(*bootstrap.PINS, sys.executable, sys.version, sep='\\n', end='')"
        (tools / "receipt").write_text(run(sys.executable, "-c", receipt, folder=tmp_path / "ci").stdout)

        def stage(name, *failures):
            lines = [f'[ "$(wc -l < calls)" -gt {count} ] || {{ echo "{said}"; exit 1; }}' for count, said in failures]
            (tools / "bin" / "tox").write_text("\n".join(["#!/bin/sh", 'echo "$*" >> calls', *lines, ""]))
            (tools / "bin" / "tox").chmod(0o755)
            return run(sys.executable, "ci/test", name, folder=tmp_path), (tmp_path / "calls").read_text().splitlines()

        return stage

    @pytest.mark.parametrize("said", ["1 failed", "dial tcp 127.0.0.1:80: connection refused", "Failed to fetch it"])
    def test_once_is_unsteady(self, stage, said):
        """The stage passes, and the summary names it. Only what failed is run again."""
        done, (first, second) = stage("hook-hub6", (1, said))

        assert 0 == done.returncode, done.stdout + done.stderr
        assert "UNSTEADY hook-hub6: " in done.stdout
        assert ("--last-failed" in first, "--last-failed" in second) == (False, True)

    @pytest.mark.parametrize(
        ("said", "why"),
        [
            ("dial tcp 127.0.0.1:80: connection refused", "see above"),
            ("go: example.org@v1: dial tcp: no such host", "a download failed: are the package registries reachable?"),
        ],
    )
    def test_twice_is_a_failure(self, stage, said, why):
        """It says whether something outside is to blame."""
        done, asked = stage("hook-hub6", (2, said))

        assert (1, 2) == (done.returncode, len(asked))
        assert f"FAILED   hook-hub6: {why}\n" in done.stdout

    def test_what_is_pure_gets_no_second_look(self, stage):
        """Where it fails once, it fails."""
        done, asked = stage("engine-py311", (1, "1 failed"))

        assert (1, 1) == (done.returncode, len(asked))


class TestWhatCannotBeInstalled:
    """It ends in a sentence that says what to look at, and the next start tries again."""

    @pytest.fixture
    def fresh(self, root, tmp_path):
        """A tree with nothing installed."""
        shutil.copytree(root / "ci", tmp_path / "ci")
        return tmp_path

    def test_no_package_index(self, run, fresh):
        """Nothing listens there."""
        done = run(
            sys.executable, "ci/test", "lint", folder=fresh, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0"
        )

        assert 1 == done.returncode
        assert "could not be installed: is the Python package index reachable?" in done.stderr
        assert "Traceback" not in done.stderr

    def test_no_venv(self, run, fresh):
        """Debian ships Python without what makes virtual environments."""
        (fresh / "without").mkdir()
        (fresh / "without" / "venv.py").write_text("raise SystemExit('ensurepip is not available')")

        done = run(sys.executable, "ci/test", "lint", folder=fresh, PYTHONPATH=str(fresh / "without"))

        assert 1 == done.returncode
        assert "apt install python3-venv" in done.stderr
        assert not (fresh / ".cache" / "bootstrap").exists()
