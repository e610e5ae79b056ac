"""One version, written in VERSION, carried by every package and every archive."""

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

    def test_the_wheel_holds_every_file(self, package, archives, tracked, root):
        """Data such as rules.yaml and py.typed too."""
        _, wheel = archives(package)
        below = (package.folder / "src").relative_to(root)
        expected = {str(path.relative_to(below)) for path in tracked if path.is_relative_to(below)}

        with zipfile.ZipFile(wheel) as opened:
            names = set(opened.namelist())

        assert f"{package.module}/py.typed" in expected
        assert set() == expected - names
