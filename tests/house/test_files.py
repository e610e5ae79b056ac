"""What lies in the tree, and what must not."""

import ast
import re
from pathlib import Path

import pytest

FRAGMENT = re.compile(r"[a-z0-9][a-z0-9.-]*\.(added|changed|fixed|removed|security)\.md")
# Someone's own folders. What images call home is a fact about them, not about a machine of ours.
MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:work|root|Users|home/(?!jovyan\b)\w+)/")


def test_every_package_says_what_it_is(package):
    """A README that is more than a heading."""
    lines = (package.folder / "README.md").read_text().splitlines()

    assert len([line for line in lines if line.strip()]) > 1


def test_fragments_say_what_kind_of_change_they_are(tracked):
    """changelog.d/NAME.(added|changed|fixed|removed|security).md."""
    fragments = [path.name for path in tracked if path.parent == Path("changelog.d") and path.name != "README.md"]

    assert [] == [name for name in fragments if not FRAGMENT.fullmatch(name)]


@pytest.mark.parametrize("name", ["quota.feature.md", "Quota.added.md", "quota.md", "quota.added.txt"])
def test_other_names_are_no_fragments(name):
    """The rule has teeth."""
    assert not FRAGMENT.fullmatch(name)


def test_no_machine_is_named(texts):
    """A path of someone's machine helps nobody else."""
    found = {str(path): MACHINE_PATH.findall(text) for path, text in texts.items()}

    assert {} == {path: matches for path, matches in found.items() if matches}


def test_a_mock_explains_itself(texts):
    """If you need a mock, the seam is in the wrong place; the line says why it is needed all the same."""
    found = []
    for path, text in texts.items():
        if path.suffix != ".py":
            continue
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text, filename=str(path))):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            line = lines[node.lineno - 1]
            if re.search(r"\bmock\b", ast.unparse(node)) and "#" not in line:
                found.append(f"{path}:{node.lineno}")

    assert [] == found


def test_links_between_files_lead_somewhere(texts, root):
    """Relative links in Markdown, outside code."""
    broken = []
    for path, text in texts.items():
        if path.suffix != ".md":
            continue
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", prose):
            # The documentation may link a page without its suffix; its build looks at those.
            there = (root / path.parent / target).exists() or (root / path.parent / f"{target}.md").exists()
            if not re.match(r"[a-z]+:", target) and not there:
                broken.append(f"{path}: {target}")

    assert [] == broken


def test_text_ends_with_a_line_end_and_has_no_tabs_or_trailing_blanks(texts):
    """Otherwise the next change shows lines that it did not touch."""
    found = [str(path) for path, text in texts.items() if text and not text.endswith("\n")]
    found += [f"{path}: blanks" for path, text in texts.items() if re.search(r"[ \t]+$", text, flags=re.MULTILINE)]

    assert [] == found
