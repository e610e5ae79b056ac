"""One version, written in VERSION, carried by every package and every archive."""

import json
import shutil
import subprocess
import tarfile
import zipfile
from importlib import metadata

import pytest


@pytest.fixture(scope="session")
def version(root):
    return (root / "VERSION").read_text().strip()


@pytest.fixture(scope="session")
def archives(tmp_path_factory):
    """Build a package as a release would: the archive of the sources first, the wheel from it."""
    built = {}

    def build(package):
        if package.name not in built:
            folder = tmp_path_factory.mktemp(package.name)
            subprocess.run(["uv", "build", "--quiet", "--out-dir", folder, package.folder], check=True)
            built[package.name] = (next(folder.glob("*.tar.gz")), next(folder.glob("*.whl")))
        return built[package.name]

    return build


class TestTheTree:
    """VERSION in the root is the only place."""

    def test_packages_link_to_it(self, package, root):
        """A link, so that no release forgets one."""
        link = package.folder / "VERSION"

        assert link.is_symlink()
        assert "../../VERSION" == str(link.readlink())

    def test_installed_packages_say_it(self, package, version):
        """The metadata is what pip, a hub's log and bug reports show."""
        assert version == metadata.version(package.name)


class TestTheArchives:
    """What a release would upload."""

    def test_both_carry_the_version(self, package, archives, version):
        """In the name and in the metadata."""
        sources, wheel = archives(package)

        assert f"{package.module}-{version}.tar.gz" == sources.name
        assert wheel.name.startswith(f"{package.module}-{version}-")
        with zipfile.ZipFile(wheel) as opened:
            content = opened.read(f"{package.module}-{version}.dist-info/METADATA").decode()
        assert f"Version: {version}" in content.splitlines()

    def test_the_sources_hold_the_version_itself(self, package, archives, version):
        """A link would lead out of the archive, and no wheel could be built from it."""
        sources, _ = archives(package)

        with tarfile.open(sources) as opened:
            member = opened.getmember(f"{package.module}-{version}/VERSION")
            assert member.isfile()
            assert version == opened.extractfile(member).read().decode().strip()

    def test_both_archives_of_the_service_hold_the_built_page(self, packages, archives):
        """Each file that its manifest names, so that who installs it needs no Node; and nothing to build it with."""
        sources, wheel = archives(next(package for package in packages if package.name == "jupyterhub-quota-service"))
        folder = "jupyterhub_quota_service/static/"
        with zipfile.ZipFile(wheel) as opened:
            in_wheel = set(opened.namelist())
            manifest = json.loads(opened.read(f"{folder}manifest.json"))
        with tarfile.open(sources) as opened:
            in_sources = opened.getnames()

        built = {f"{folder}{chunk['file']}" for chunk in manifest.values()}

        assert any(name.endswith(".js") for name in built)
        assert set() == built - in_wheel
        assert all(any(name.endswith(f"/src/{file}") for name in in_sources) for file in built)
        assert [] == [name for name in in_sources if "node_modules" in name]

    def test_no_archive_without_it(self, root, tmp_path):
        """Where it was not built and cannot be, the build ends with a sentence."""
        folder = tmp_path / "packages" / "jupyterhub-quota-service"
        ignore = shutil.ignore_patterns("node_modules", "static", "page", "tests")
        shutil.copytree(root / "packages" / "jupyterhub-quota-service", folder, ignore=ignore)

        done = subprocess.run(
            ["uv", "build", "--wheel", "--out-dir", tmp_path, folder], capture_output=True, text=True, check=False
        )

        assert 0 != done.returncode
        assert "the usage page was not built. Run ci/page in the tree first." in done.stderr + done.stdout

    def test_the_wheel_holds_every_file(self, package, archives, tracked, root):
        """Data such as rules.yaml and py.typed too."""
        _, wheel = archives(package)
        below = (package.folder / "src").relative_to(root)
        expected = {str(path.relative_to(below)) for path in tracked if path.is_relative_to(below)}

        with zipfile.ZipFile(wheel) as opened:
            names = set(opened.namelist())

        assert f"{package.module}/py.typed" in expected
        assert set() == expected - names
