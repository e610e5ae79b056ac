"""What the house consists of."""

import re
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))


@dataclass(frozen=True, slots=True)
class Package:
    """One folder of packages/."""

    folder: Path

    @property
    def name(self) -> str:
        return str(tomllib.loads((self.folder / "pyproject.toml").read_text())["project"]["name"])

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    @property
    def sources(self) -> list[Path]:
        return sorted((self.folder / "src").rglob("*.py"))


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def packages():
    return [Package(folder) for folder in PACKAGES]


@pytest.fixture(params=PACKAGES, ids=lambda folder: folder.name)
def package(request):
    """Each package in turn."""
    return Package(request.param)


@pytest.fixture(scope="session")
def tracked():
    """The files that git keeps, or will once they are added, as paths from the root."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return sorted(Path(line) for line in done.stdout.splitlines() if (ROOT / line).exists())


@pytest.fixture(scope="session")
def texts(tracked):
    """Those of them that are text, with their text."""
    found = {}
    for path in tracked:
        content = (ROOT / path).read_bytes()
        if not re.search(rb"\0", content):
            found[path] = content.decode("utf-8")
    return found
