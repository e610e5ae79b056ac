"""Images for the tests: built under names that change with what is in them, then copied into the cluster."""

import hashlib
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

import yaml

from .cluster import CommandError, run

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "tests" / "e2e" / "images"
CHART = ROOT / "helm-chart" / "jupyterhub-quota"
PROXY = "5.2.0"


@dataclass(frozen=True)
class Versions:
    """What a hub of one generation consists of: the newest, and what the chart of Zero to JupyterHub has now."""

    hub: str
    kubespawner: str
    python: str


VERSIONS = {"5": Versions("5.5.0", "7.0.0", "3.12"), "6": Versions("6.1.1", "7.1.0", "3.12")}


@dataclass(frozen=True)
class Image:
    """An image in the cluster."""

    name: str
    tag: str

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}"


def hub_images(versions: Versions) -> dict[str, Image]:
    """Build what a hub consists of and copy it into the cluster."""
    hub = {"HUB": versions.hub, "PYTHON": versions.python}
    images = {
        "hub": built("hub", hub | {"KUBESPAWNER": versions.kubespawner}),
        "proxy": built("proxy", {"PROXY": PROXY}),
        "user": built("user", hub),
    }
    load(*images.values())
    return images


def our_image(part: str) -> Image:
    """
    Return one of the images of our chart: what chartpress has built and written into the chart's values.

    Where it has not, as in a tree that someone works in, it is built from what is there and copied into the cluster.
    """
    config = yaml.safe_load((ROOT / "chartpress.yaml").read_text())["charts"][0]
    settings = config["images"][part]
    values = yaml.safe_load((CHART / "values.yaml").read_text())["images"][part]
    if values["tag"] != config["resetTag"]:
        return Image(values["name"], values["tag"])
    content = [path for name in settings["paths"] for path in tracked(name)]
    image = made(
        Image(f"jupyterhub-quota-e2e/our-{part}", digest(content)),
        ROOT / settings["contextPath"],
        f"--file={ROOT / settings['dockerfilePath']}",
    )
    load(image)
    return image


def built(part: str, arguments: dict[str, str]) -> Image:
    """Build the image of a folder of `tests/e2e/images`, unless one of the same content is there."""
    folder = FOLDER / part
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    content = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return made(Image(f"jupyterhub-quota-e2e/{part}", digest(content, *given)), folder, *given)


def made(image: Image, context: Path, *arguments: str) -> Image:
    """Build *image*, unless it is there. What a build downloads may fail once; then it is tried again."""
    try:
        run("docker", "image", "inspect", str(image))
    except CommandError:
        build = ("docker", "build", *arguments, "--tag", str(image), context)
        try:
            run(*build, minutes=15)
        except CommandError:
            run(*build, minutes=15)
    return image


def digest(paths: list[Path], *more: str) -> str:
    """Return a short name of what is in *paths*."""
    content = hashlib.sha256(repr(more).encode())
    for path in paths:
        content.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return content.hexdigest()[:12]


def tracked(name: str) -> list[Path]:
    """Return the files below *name* that git knows, or would: nothing that a build or a test left behind."""
    listed = run("git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "--", name)
    return [path for path in (ROOT / line for line in listed.splitlines()) if path.is_file()]


def load(*images: Image) -> None:
    """Copy *images* into the cluster, by the command that `LOAD_IMAGES` names."""
    run(*shlex.split(os.environ["LOAD_IMAGES"]), *map(str, images), minutes=10)
