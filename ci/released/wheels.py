"""The packages for PyPI: built, looked into, and each installed into an empty environment."""

import re
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import bootstrap
from released.running import CACHE, CLONE, DIST, ReleaseError, run, say

FIELDS = ("Summary", "License-Expression", "License-File", "Requires-Python", "Description-Content-Type")
PAGE = "jupyterhub_quota_service/static/manifest.json"


def build_and_check(version: str) -> None:
    """
    Build the archives of all packages into DIST/python and look at them.

    Raises:
        ReleaseError: one cannot be built, says something wrong, lacks something, or cannot be installed.
    """
    uv = str(bootstrap.tool("uv"))
    folder = DIST / "python"
    say("Building the page")
    run([sys.executable, "ci/page", "--force"])
    packages = sorted(path.parent for path in CLONE.glob("packages/*/pyproject.toml"))
    for package in packages:
        say(f"Building {package.name}")
        run([uv, "build", "--quiet", "--out-dir", str(folder), str(package)])
    (folder / ".gitignore").unlink(missing_ok=True)
    archives = sorted(map(str, folder.iterdir()))
    if len(archives) != 2 * len(packages):
        raise ReleaseError(f"there should be two archives of each package, and there are {', '.join(archives)}")
    run(["twine", "check", "--strict", *archives])
    for wheel in sorted(folder.glob("*.whl")):
        look_into(wheel, version)
    for package in packages:
        install(package, folder, version)


def look_into(wheel: Path, version: str) -> None:
    """Hold what *wheel* says and has against what it should."""
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        told = Parser().parsestr(opened.read(next(name for name in names if name.endswith("/METADATA"))).decode())
    problems = [f"no {field}" for field in FIELDS if not told[field]]
    if told["Version"] != version:
        problems.append(f"version {told['Version']} instead of {version}")
    if not str(told.get_payload()).strip():
        problems.append("no README")
    if any(re.search(r"(^|/)(tests?|node_modules|\.cache)/|\.pyc$", name) for name in names):
        problems.append("files that nobody needs")
    if not any(name.endswith("/py.typed") for name in names):
        problems.append("no py.typed")
    if wheel.name.startswith("jupyterhub_quota_service-") and PAGE not in names:
        problems.append("no built page")
    if problems:
        raise ReleaseError(f"{wheel.name} has {', '.join(problems)}")


def install(package: Path, folder: Path, version: str) -> None:
    """Install *package* as a user would, into an environment with nothing else, and start what it brings."""
    uv = str(bootstrap.tool("uv"))
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    say(f"Installing {project['name']} into an empty environment")
    environment = CACHE / "environments" / project["name"]
    python = str(environment / "bin" / "python")
    run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)])
    # The other packages of ours come from the folder, in this version; everything else as it is published.
    ours = CACHE / "constraints.txt"
    ours.write_text("".join(f"{path.parent.name}=={version}\n" for path in CLONE.glob("packages/*/pyproject.toml")))
    source = ["--find-links", str(folder), "--constraint", str(ours)]
    run([uv, "pip", "install", "--quiet", "--python", python, *source, f"{project['name']}=={version}"])
    run([uv, "pip", "check", "--quiet", "--python", python])
    module = project["name"].replace("-", "_")
    run([python, "-I", "-W", "error::SyntaxWarning", "-c", f"import {module}"])
    for command in project.get("scripts", {}):
        run([str(environment / "bin" / command), "--help"])
    sbom = DIST / "sbom" / f"{project['name']}.cdx.json"
    sbom.parent.mkdir(parents=True, exist_ok=True)
    run(["cyclonedx-py", "environment", "--output-reproducible", "--output-file", str(sbom), python])
