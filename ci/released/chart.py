"""The chart: its images by digest, checked and packaged by Helm, pushed where a release is published."""

import re
import tarfile
from pathlib import Path

from released import images
from released.running import CLONE, DIST, ReleaseError, run, say
from released.version import semantic

FOLDER = CLONE / "helm-chart" / "jupyterhub-quota"
NEEDED = ("Chart.yaml", "values.yaml", "values.schema.json", "files/rules/ledger.yaml", "files/rules/alerts.yaml")
# What only they need who change the chart.
UNWANTED = re.compile(r"(^|/)(ci/|values\.schema\.yaml$)|\.py[co]$")


def build_and_check(version: str, registry: str | None) -> None:
    """
    Package the chart into DIST/chart.

    Raises:
        ReleaseError: Helm refuses it, a file is missing or too much, or its version is not *version*.
    """
    prefix = ["--image-prefix", f"{registry}/jupyterhub-quota-"] if registry else []
    say("Packaging the chart")
    run(["chartpress", "--skip-build", *prefix])
    if registry:
        values = FOLDER / "values.yaml"
        for part, digest in images.digests(registry).items():
            values.write_text(pinned(values.read_text(), part, digest))
    for path in sorted(map(str, (FOLDER / "ci").glob("*.yaml"))):
        run(["helm", "lint", "--strict", str(FOLDER), "--values", path])
    folder = DIST / "chart"
    run(["helm", "package", str(FOLDER), "--destination", str(folder), "--app-version", version])
    package = next(folder.glob("jupyterhub-quota-*.tgz"))
    look_into(package.name, contents(package), version, released=bool(registry))
    run(["chartpress", "--reset"])
    left = run(["git", "status", "--porcelain"]).strip() if not registry else ""
    if left:
        raise ReleaseError(f"chartpress --reset leaves changes behind:\n{left}\n{run(['git', 'diff'])[:2000]}")
    if registry:
        say("Pushing the chart")
        run(["helm", "push", str(package), f"oci://{registry}/charts"])


def pinned(text: str, part: str, digest: str) -> str:
    """Return the values *text* with *digest* for *part*'s image, so that nobody can put another one in its place."""
    pattern = rf'(\nimages:\n(?:.*\n)*?  {part}:\n(?:    .*\n)*?    digest: )""'
    result, count = re.subn(pattern, rf'\g<1>"{digest}"', text, count=1)
    if count != 1:
        raise ReleaseError(f"values.yaml has no empty images.{part}.digest")
    return result


def contents(package: Path) -> list[str]:
    """Return the paths in *package*, below the chart's folder."""
    with tarfile.open(package) as opened:
        return [name.partition("/")[2] for name in opened.getnames()]


def look_into(name: str, files: list[str], version: str, *, released: bool) -> None:
    """Hold what is in the package against what should be."""
    missing = sorted(set(NEEDED) - set(files))
    unwanted = sorted(path for path in files if UNWANTED.search(path))
    if missing or unwanted:
        raise ReleaseError(f"{name} lacks {missing} and has {unwanted}, which only developers need")
    if released and name != f"jupyterhub-quota-{semantic(version)}.tgz":
        raise ReleaseError(f"{name} should be version {semantic(version)}")
