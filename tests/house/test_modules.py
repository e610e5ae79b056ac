"""A module says what it is for, then does only that."""

import ast

LONGEST = 250
# Modules that may be longer, each with its reason.
LONGER: dict[str, str] = {}
SAYS_NOTHING = {"utils", "util", "common", "helpers", "helper", "constants", "misc"}


def test_modules_are_short(package, root):
    """Under 250 lines, or listed above with a reason."""
    lines = {str(path.relative_to(root)): len(path.read_text().splitlines()) for path in package.sources}

    assert {} == {path: count for path, count in lines.items() if count >= LONGEST and path not in LONGER}


def test_every_exception_is_still_needed(root):
    """A module that became short again leaves the list."""
    assert [] == [path for path in LONGER if len((root / path).read_text().splitlines()) < LONGEST]


def test_names_are_nouns(package):
    """No drawer for everything: a name says what is inside."""
    assert [] == [path.name for path in package.sources if path.stem.strip("_") in SAYS_NOTHING]


def test_every_module_says_what_it_is_for(package):
    """The first statement is a docstring."""
    assert [] == [path.name for path in package.sources if not ast.get_docstring(ast.parse(path.read_text()))]
