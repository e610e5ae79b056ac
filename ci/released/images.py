"""The two images: built by chartpress, looked into, pushed where a release is published."""

import json
import os
import re
import subprocess
from pathlib import Path

from released.running import CLONE, DIST, ReleaseError, run, say

LARGEST_MB = {"hub": 150, "service": 300}
PLATFORMS = ("linux/amd64", "linux/arm64")


def engine() -> bool:
    """Whether `docker` reaches something that builds."""
    try:
        done = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],  # noqa: S607 - where PATH says
            capture_output=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def build_and_check(registry: str | None) -> None:
    """
    Build the images for this machine and look at them; push them for all processors where there is a *registry*.

    Raises:
        ReleaseError: one cannot be built, or runs as root, or is too large, or cannot do what it is for.
    """
    prefix = ["--image-prefix", f"{registry}/jupyterhub-quota-"] if registry else []
    say("Building the images")
    run(["chartpress", *prefix])
    for part, image in names(registry).items():
        look_into(part, image)
        write_sbom(part)
    if registry:
        say("Pushing the images")
        platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
        run(["chartpress", *prefix, "--builder", "docker-buildx", *platforms, "--force-build", "--push"])
        tell_workflow(registry)


def names(registry: str | None) -> dict[str, str]:
    """Return the images' names and tags, by what they are for."""
    prefix = ["--image-prefix", f"{registry}/jupyterhub-quota-"] if registry else []
    listed = run(["chartpress", *prefix, "--list-images"]).split()
    return {re.sub(r"^.*jupyterhub-quota-(\w+):.*$", r"\1", image): image for image in listed}


def look_into(part: str, image: str) -> None:
    """See what *image* runs as, how large it is, and what is in it."""
    told = json.loads(run(["docker", "image", "inspect", image]))[0]
    user, size = told["Config"].get("User", ""), told["Size"] / 1e6
    say(f"{image}: {size:.0f} MB, user {user}")
    if not user.isdigit() or user == "0":
        raise ReleaseError(f"{image} runs as user '{user}'; it must be a number other than 0")
    if size > LARGEST_MB[part]:
        raise ReleaseError(f"{image} has {size:.0f} MB, more than {LARGEST_MB[part]} MB")


def write_sbom(part: str) -> None:
    """Write down which Python packages *part*'s image is made of, with their checksums."""
    pins = CLONE / "images" / part / "packages.txt"
    sbom = DIST / "sbom" / f"image-{part}.cdx.json"
    sbom.parent.mkdir(parents=True, exist_ok=True)
    run(["cyclonedx-py", "requirements", "--output-reproducible", "--output-file", str(sbom), str(pins)])


def digests(registry: str) -> dict[str, str]:
    """Return what the registry calls the pushed images, by what they are for."""
    found = {}
    for part, image in names(registry).items():
        told = run(["docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"]).strip()
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", told):
            raise ReleaseError(f"{image} has no digest in its registry, but '{told}'")
        found[part] = told
    return found


def tell_workflow(registry: str) -> None:
    """Tell the steps after this one in a workflow what was pushed, where `GITHUB_OUTPUT` says that there are some."""
    output = os.environ.get("GITHUB_OUTPUT")
    if not output:
        return
    tags = names(registry)
    with Path(output).open("a", encoding="utf-8") as file:
        for part, digest in digests(registry).items():
            name = tags[part].rpartition(":")[0]
            file.write(f"{part}={name}@{digest}\n{part}-name={name}\n{part}-digest={digest}\n")
