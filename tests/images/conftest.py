"""Where the tests of the images find what they need, and when they cannot run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "ci"))


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def docker():
    """Run `docker` with arguments; skip where it reaches no engine."""
    if not shutil.which("docker") or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no engine answers `docker version`; set DOCKER_HOST")

    def run(*arguments: str) -> str:
        done = subprocess.run(["docker", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        assert 0 == done.returncode, f"{done.stdout}\n{done.stderr}"[-4000:]
        return done.stdout

    return run


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the hub's image copies, collected as its Dockerfile does it but with the Python that runs here."""
    folder = tmp_path_factory.mktemp("collect")
    environment = folder / "environment"
    subprocess.run(["uv", "venv", "--quiet", "--seed", "--python", sys.executable, environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run(
        ["uv", "pip", "install", "--quiet", "--python", python, "-r", ROOT / "images/wheels.txt"], check=True
    )
    packages = [ROOT / "packages" / name for name in OURS]
    command = [
        python,
        ROOT / "images/hub/collect",
        "--pins",
        ROOT / "images/hub/packages.txt",
        "--into",
        folder / "all",
    ]
    done = subprocess.run([*command, *packages], capture_output=True, text=True, check=False, env=dict(os.environ))
    assert 0 == done.returncode, done.stdout + done.stderr
    return folder / "all"


OURS = ("jupyterhub-quota", "jupyterhub-quota-hook", "jupyterhub-spawn-progress")
