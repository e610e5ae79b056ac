"""The hub's image holds all that a hub lacks to load the hook, and nothing that fits one Python only."""

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
COPY = "images/hub/copy-packages"
# The oldest that the packages allow, and the newest that is tested.
HUBS = ("jupyterhub==5.4.*", "jupyterhub==6.1.*")


def wheels(folder: Path) -> dict[str, metadata.Distribution]:
    """Return the packages in *folder* by their names."""
    return {canonicalize_name(each.name): each for each in metadata.distributions(path=[str(folder)])}


def needed(distribution: metadata.Distribution, version: str) -> set[str]:
    """Return what *distribution* needs on Python *version*."""
    environment = {"python_version": version, "python_full_version": f"{version}.0", "extra": ""}
    requirements = map(Requirement, distribution.requires or ())
    return {
        canonicalize_name(each.name) for each in requirements if not each.marker or each.marker.evaluate(environment)
    }


@pytest.fixture(scope="module", params=HUBS)
def of_the_hub(request, tmp_path_factory) -> set[str]:
    """The packages that a JupyterHub brings."""
    wanted = tmp_path_factory.mktemp("hub") / "in"
    wanted.write_text(request.param)
    done = subprocess.run(
        ["uv", "pip", "compile", "--quiet", "--no-annotate", "--no-header", "--python-version", "3.11", wanted],
        capture_output=True,
        text=True,
        check=True,
    )
    return {canonicalize_name(line.partition("==")[0]) for line in done.stdout.splitlines()}


@pytest.mark.parametrize("version", VERSIONS)
class TestWhatIsCollected:
    """One folder for each Python."""

    def test_nothing_is_compiled(self, collected, version):
        """One image serves every Python and every processor."""
        for name, wheel in wheels(collected / version).items():
            told = wheel.read_text("WHEEL") or ""
            assert "Root-Is-Purelib: true" in told, name
            assert re.search(r"^Tag: .*-none-any$", told, re.MULTILINE), name
        files = [path for path in (collected / version).rglob("*") if path.is_file()]
        assert [] == [path for path in files if path.suffix in {".so", ".pyd", ".pyc"} or _is_a_program(path)]

    def test_nothing_is_missing(self, collected, version, of_the_hub):
        """What a package here needs is here, or comes with JupyterHub."""
        here = wheels(collected / version)
        missing = {name: needed(each, version) - set(here) - of_the_hub for name, each in here.items()}

        assert {"jupyterhub-quota", "jupyterhub-quota-hook", "jupyterhub-spawn-progress", "httpx"} <= set(here)
        assert {} == {name: what for name, what in missing.items() if what}

    def test_nothing_can_take_the_place_of_the_hubs_own(self, collected, version):
        """Compiled packages of the hub, such as pydantic and yaml, are not shadowed."""
        names = {path.name for path in (collected / version).iterdir()}
        assert set() == names & {"pydantic", "pydantic_core", "yaml", "tornado", "traitlets", "jupyterhub"}


def test_a_hub_loads_the_hook_from_there(collected, tmp_path):
    """With nothing but JupyterHub installed, from a folder that is appended to the path."""
    python = tmp_path / "hub" / "bin" / "python"
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, tmp_path / "hub"], check=True)
    subprocess.run(["uv", "pip", "install", "--quiet", "--python", python, HUBS[1]], check=True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    code = (
        "import sys; sys.path.append(sys.argv[1]); import httpx, jupyterhub_quota_hook, pydantic;"
        "print(httpx.__file__); print(jupyterhub_quota_hook.__file__); print(pydantic.__file__)"
    )
    told = subprocess.run(
        [python, "-I", "-c", code, collected / version], capture_output=True, text=True, check=True
    ).stdout.splitlines()

    assert [True, True, False] == [line.startswith(str(collected)) for line in told]


class TestCopying:
    """The init container."""

    @pytest.fixture
    def copy(self, collected, root):
        def run(target):
            variables = {"PATH": os.defpath, "JUPYTERHUB_QUOTA_PACKAGES": str(collected)}
            return subprocess.run(
                ["sh", root / COPY, target], env=variables, capture_output=True, text=True, check=False
            )

        return run

    def test_it_copies_every_folder(self, copy, collected, tmp_path):
        """And says what, for whoever reads its log."""
        done = copy(tmp_path)

        assert (0, "") == (done.returncode, done.stderr)
        assert list(VERSIONS) == sorted(path.name for path in tmp_path.iterdir())
        assert "for Python 3.11 3.12 3.13 3.14 is in" in done.stdout
        for version in VERSIONS:
            assert _files(collected / version) == _files(tmp_path / version)

    def test_it_leaves_nothing_of_an_earlier_one(self, copy, tmp_path):
        """The container may run again in the same volume."""
        (tmp_path / "3.11").mkdir()
        (tmp_path / "3.11" / "old.py").touch()
        (tmp_path / ".3.11").mkdir()

        assert 0 == copy(tmp_path).returncode
        assert not (tmp_path / "3.11" / "old.py").exists()
        assert not (tmp_path / ".3.11").exists()

    def test_it_says_what_to_mount(self, copy, tmp_path):
        """Where there is no folder."""
        done = copy(tmp_path / "missing")

        assert 1 == done.returncode
        assert "mount an emptyDir there" in done.stderr


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _is_a_program(path: Path) -> bool:
    return path.read_bytes()[:4] == b"\x7fELF"
