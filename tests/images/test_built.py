"""The images as an engine builds them."""

import json
import tarfile
from pathlib import Path

import pytest

PARTS = ("hub", "service")


@pytest.fixture(scope="module", params=PARTS)
def image(request, docker):
    """Each image, built from the tree."""
    name = f"jupyterhub-quota-{request.param}:test"
    docker("build", "-t", name, "-f", f"images/{request.param}/Dockerfile", ".")
    yield request.param, name
    docker("rmi", name)


@pytest.fixture
def files(image, docker, tmp_path):
    """The paths in the image, whichever layer has them."""
    part, name = image
    docker("save", "-o", str(tmp_path / "image.tar"), name)
    found: set[str] = set()
    with tarfile.open(tmp_path / "image.tar") as archive:
        manifest = json.load(archive.extractfile("manifest.json"))
        for layer in manifest[0]["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(layer)) as opened:
                for member in opened.getmembers():
                    path = Path(member.name)
                    if path.name.startswith(".wh."):
                        gone = f"{path.parent / path.name.removeprefix('.wh.')}"
                        found = {each for each in found if each != gone and not each.startswith(f"{gone}/")}
                    else:
                        found.add(str(path))
    return part, found


def test_it_runs_as_nobody_and_knows_what_to_do(image, docker):
    """The number is what Kubernetes can check."""
    part, name = image
    told = json.loads(docker("image", "inspect", name))[0]["Config"]

    assert "65534" == told["User"]
    assert {"hub": ["copy-packages"], "service": ["jupyterhub-quota-service"]}[part] == told["Entrypoint"]


def test_it_has_what_it_is_for_and_nothing_to_build_with(files):
    """The page in the service, a folder for each Python in the hub's."""
    part, found = files
    programs = {Path(path).name for path in found if "/bin/" in f"/{path}"}
    packages = "opt/quota/lib/python3.13/site-packages"

    assert set() == programs & {"pip", "pip3", "npm", "node", "gcc", "cc", "make", "git", "curl", "hatchling"}
    assert [] == [path for path in found if "node_modules" in path or "jupyterhub_quota/tests" in path]
    if part == "service":
        assert f"{packages}/jupyterhub_quota_service/static/manifest.json" in found
        assert {"opt/quota/bin/jupyterhub-quota", "opt/quota/bin/jupyterhub-quota-service"} <= found
        assert not [path for path in found if path.startswith("opt/quota/share/jupyterhub/static/")]
    else:
        assert {
            f"usr/share/jupyterhub-quota/3.{minor}/jupyterhub_quota_hook/hook.py" for minor in (11, 12, 13, 14)
        } <= found
