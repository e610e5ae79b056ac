"""Imports run one way: hook -> {quota, spawn-progress}, service -> quota; the engine knows no hub."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MAY_IMPORT = {
    "jupyterhub_quota": set(),
    "jupyterhub_spawn_progress": set(),
    "jupyterhub_quota_hook": {"jupyterhub_quota", "jupyterhub_spawn_progress"},
    "jupyterhub_quota_service": {"jupyterhub_quota"},
}
NOT_IN_THE_ENGINE = {"jupyterhub", "kubernetes", "kubernetes_asyncio", "kubespawner", "tornado", "traitlets"}


def imports(source: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each module that *source* imports, wherever the line stands, with the names taken from it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ()
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or "", tuple(alias.name for alias in node.names)


def strangers(module: str, source: str) -> set[str]:
    """Return what *source*, a part of package *module*, must not import."""
    tops = {name.split(".")[0] for name, _ in imports(source)}
    forbidden = set(MAY_IMPORT) - MAY_IMPORT[module] - {module}
    if module == "jupyterhub_quota":
        forbidden |= NOT_IN_THE_ENGINE
    return tops & forbidden


def offered(init: Path) -> set[str]:
    """Return the names in `__all__` of an `__init__.py`."""
    for node in ast.parse(init.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


class TestTheDirection:
    """A package imports only the packages below it."""

    def test_every_package_has_a_place(self, packages):
        """A new package is added to the drawing first."""
        assert {package.module for package in packages} <= set(MAY_IMPORT)

    def test_no_package_imports_one_above_it(self, package):
        """Read from the sources, so that imports inside functions count too."""
        found = {path.name: strangers(package.module, path.read_text()) for path in package.sources}

        assert {} == {name: modules for name, modules in found.items() if modules}

    @pytest.mark.parametrize(
        ("module", "line"),
        [
            ("jupyterhub_quota", "from tornado import web"),
            ("jupyterhub_quota", "def late():\n    import jupyterhub.app"),
            ("jupyterhub_spawn_progress", "import jupyterhub_quota"),
            ("jupyterhub_quota_service", "from jupyterhub_quota_hook import setup"),
        ],
    )
    def test_the_rule_has_teeth(self, module, line):
        """Each of these lines would be found."""
        assert strangers(module, line)


class TestTheFrontDoor:
    """Other packages import from the package root only, and what it lists in `__all__`."""

    def test_nobody_reaches_into_another_package(self, package, packages, root):
        """`from jupyterhub_quota import QuotaEngine`, not `from jupyterhub_quota.engine import QuotaEngine`."""
        others = {other.module: other for other in packages if other.module != package.module}
        found = []
        for path in package.sources:
            for module, names in imports(path.read_text()):
                top, _, below = module.partition(".")
                if top not in others:
                    continue
                inits = others[top].folder / "src" / top / "__init__.py"
                if below or not names or not set(names) <= offered(inits):
                    found.append(f"{path.relative_to(root)}: {module} {' '.join(names)}")

        assert [] == found

    def test_a_package_root_only_imports_and_lists(self, package):
        """`__init__.py` runs nothing of its own."""
        init = package.folder / "src" / package.module / "__init__.py"
        body = ast.parse(init.read_text()).body
        allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)

        assert isinstance(body[0], ast.Expr), "the first line says what the package is for"
        assert [] == [ast.unparse(node) for node in body[1:] if not isinstance(node, allowed)]
        assert offered(init)
