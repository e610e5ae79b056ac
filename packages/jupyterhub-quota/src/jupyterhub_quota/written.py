"""
What people wrote, as mappings, lists and text, and where each part of it stands.

YAML is read without its guesses: `no`, `1_000`, `12:30:00` and dates stay the text that they are.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from jupyterhub_quota.amounts import quoted
from jupyterhub_quota.errors import PolicyError

Tree: TypeAlias = "str | list[Tree] | dict[str, Tree]"
Path: TypeAlias = tuple[str | int, ...]

DEEPEST = 32
# Far more than any policy needs, and little enough to read in a moment.
MOST = 10_000
MOST_SHOWN = 100

_PLAIN_KEY = re.compile(r"[\w-]+")
# What no YAML file can hold as it is: control characters and halves of characters.
_NOT_SHOWN = yaml.reader.Reader.NON_PRINTABLE
_DEFAULT_TAGS = {
    yaml.ScalarNode: "tag:yaml.org,2002:str",
    yaml.SequenceNode: "tag:yaml.org,2002:seq",
    yaml.MappingNode: "tag:yaml.org,2002:map",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at *path*; *line* only where it is not that of the path."""

    path: Path
    text: str
    line: int | None = None


@dataclass(slots=True)
class Written:
    """
    What people wrote.

    Attributes:
        source: name of the file, or of what it was read from.
        data: mappings, lists and text.
        lines: line of each path, in the order of the file; None where there are no lines.
        problems: what could not be read as written. The rest was read all the same.
    """

    source: str
    data: Tree = ""
    lines: dict[Path, int | None] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def messages(self, problems: list[Problem]) -> tuple[str, ...]:
        """Return one sentence for each of *problems*, in the order of the file."""
        order = {path: position for position, path in enumerate(self.lines)}
        placed = []
        for problem in problems:
            known = next((path for path in _upwards(problem.path) if path in order), ())
            line = problem.line or self.lines.get(known)
            where = self.source if line is None else f"{self.source}, line {line}"
            key = f"{path_text(problem.path)}: " if problem.path else ""
            placed.append((line or 0, order.get(known, -1), f"{where}: {key}{problem.text}"))
        # A file may say the same wrong thing in two places, but nobody needs to read it twice, nor thousands of them.
        found = tuple(dict.fromkeys(message for _, _, message in sorted(placed, key=lambda place: place[:2])))
        more = len(found) - MOST_SHOWN
        return (*found[:MOST_SHOWN], f"{self.source}: has {more} more problems") if more > 0 else found


def path_text(path: Path) -> str:
    """Return *path* as people write it: ``groups.power.memory[0]``; unusual keys are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _PLAIN_KEY.fullmatch(part) else quoted(part))
    return text


def read_yaml(text: str, source: str) -> Written:
    """
    Return what the YAML *text* says.

    Raises:
        PolicyError: if it cannot be read at all.
    """
    written = Written(source)
    try:
        node = _Composer(text).get_single_node()
    except _TooMuchError as error:
        raise PolicyError(f"{source}, line {error.line}: {error.text}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PolicyError(
            f"{source}, line {line}: has a character that cannot be shown ({error.character:#x}); remove it"
        ) from error
    except yaml.MarkedYAMLError as error:
        raise PolicyError(_not_yaml(source, error)) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise PolicyError(
            f"{source}: cannot be read as YAML: an escape such as \\U or a directive has a number out of range"
        ) from error
    if node is not None:
        expansion = _Expansion(written)
        try:
            written.data = expansion.of_node(node, ())
        except _TooMuchError as error:
            raise PolicyError(f"{source}, line {error.line}: {error.text}") from error
    return written


def read_mapping(document: Mapping[Any, Any], source: str) -> Written:
    """
    Return what the Python data *document* says; numbers become the text of themselves.

    Raises:
        PolicyError: if it cannot be read at all.
    """
    written = Written(source)
    expansion = _Expansion(written)
    try:
        written.data = expansion.of_value(document, ())
    except _TooMuchError as error:
        raise PolicyError(f"{source}: {error.text}") from error
    return written


class _TooMuchError(Exception):
    """The document is too large or too deep to go on reading."""

    def __init__(self, text: str, line: int | None = None) -> None:
        self.text = text
        self.line = line
        super().__init__(text)


class _Composer(yaml.BaseLoader):
    """Composes nodes, but not endlessly. BaseLoader takes every scalar for text."""

    depth = 0
    nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        self.nodes += 1
        line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call] # its stubs forgot it
        if self.depth > DEEPEST:
            raise _TooMuchError(_TOO_DEEP, line)
        if self.nodes > MOST:
            raise _TooMuchError(_TOO_MANY, line)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


_TOO_DEEP = f"is nested more than {DEEPEST} levels deep; a policy needs no more than six"
_TOO_MANY = f"has more than {MOST} keys and values, counting what aliases (*name) repeat; write a shorter policy"
_RECURSIVE = "has a part that contains itself; write the values out"


class _Expansion:
    """Turns nodes or Python data into a tree, and notes what it cannot."""

    def __init__(self, written: Written) -> None:
        self.written = written
        self.count = 0
        self.within: list[object] = []

    def of_node(self, node: yaml.Node, path: Path) -> Tree:
        """Return what the YAML *node* at *path* says."""
        line = node.start_mark.line + 1
        self._enter(node, line)
        if path not in self.written.lines:
            self.written.lines[path] = line if path else None
        self._check_tag(node, path)
        tree: Tree
        if isinstance(node, yaml.MappingNode):
            tree = self._of_pairs(node, path)
        elif isinstance(node, yaml.SequenceNode):
            tree = [self.of_node(item, (*path, position)) for position, item in enumerate(node.value)]
        else:
            tree = self._text(node.value, path)
        self.within.pop()
        return tree

    def _of_pairs(self, node: yaml.MappingNode, path: Path) -> Tree:
        tree: dict[str, Tree] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._note(path, "has a key that is a list or a mapping; keys are plain words", line)
                continue
            below = (*path, key.value)
            if key.value == "<<" and key.style is None:
                self._note(path, "'<<' merges keys from elsewhere, which policies do not; write the keys out", line)
            elif key.value in tree:
                first = self.written.lines[below]
                self._note(below, f"is written twice, first in line {first}; keep one of the two", line)
            else:
                self.written.lines[below] = line
                self._check_tag(key, below)
                self._text(key.value, below)
                tree[key.value] = self.of_node(value, below)
        return tree

    def of_value(self, value: object, path: Path) -> Tree:
        """Return what the Python *value* at *path* says."""
        self._enter(value, None)
        self.written.lines[path] = None
        tree: Tree = ""
        if isinstance(value, Mapping):
            tree = {}
            for key, below in value.items():
                if isinstance(key, str):
                    self._text(key, (*path, key))
                    # Enumerations are text too, but not for everyone who looks at them.
                    tree[str.__str__(key)] = self.of_value(below, (*path, str.__str__(key)))
                else:
                    self._note(path, f"the key {_shown(key)} is not text; write it in quotes{_guessed(key)}")
        elif isinstance(value, list | tuple):
            tree = [self.of_value(item, (*path, position)) for position, item in enumerate(value)]
        elif isinstance(value, str):
            tree = self._text(str.__str__(value), path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            tree = _number_text(value)
        elif value is not None:
            self._note(path, f"{_shown(value)} is neither text nor a number; write it in quotes{_guessed(value)}")
        self.within.pop()
        return tree

    def _enter(self, part: object, line: int | None) -> None:
        self.count += 1
        if self.count > MOST:
            raise _TooMuchError(_TOO_MANY, line)
        if not isinstance(part, str) and any(part is outer for outer in self.within):
            raise _TooMuchError(_RECURSIVE, line)
        if len(self.within) >= DEEPEST:
            raise _TooMuchError(_TOO_DEEP, line)
        self.within.append(part)

    def _check_tag(self, node: yaml.Node, path: Path) -> None:
        if node.tag not in (_DEFAULT_TAGS[type(node)], "!"):
            self._note(path, f"has the YAML tag {quoted(node.tag)}; write it without a tag")

    def _text(self, text: str, path: Path) -> str:
        if found := _NOT_SHOWN.search(text):
            self._note(path, f"{quoted(text)} has a character that cannot be shown ({ord(found[0]):#x}); remove it")
        return text

    def _note(self, path: Path, text: str, line: int | None = None) -> None:
        self.written.problems.append(Problem(path, text, line))


def _upwards(path: Path) -> Iterator[Path]:
    """Yield *path* and all that it lies in."""
    return (path[:length] for length in range(len(path), -1, -1))


def _number_text(number: float) -> str:
    """Return *number* as people write it: without an exponent, and without decimals that say nothing."""
    if isinstance(number, int):
        # Python refuses to write very long ones.
        return str(number) if abs(number) < 10**100 else "inf"
    if not math.isfinite(number):
        return str(number)
    return str(int(number)) if number == int(number) else str(number)


def _shown(value: object) -> str:
    """Return what Python says of *value*, on one line and not too long."""
    return quoted(repr(value))[1:-1]


def _guessed(value: object) -> str:
    return " (YAML may have read no, off, on or yes as true or false)" if isinstance(value, bool) else ""


def _not_yaml(source: str, error: yaml.MarkedYAMLError) -> str:
    """Return the sentence about text that is no YAML, with the help that the usual mistakes need."""
    mark = error.problem_mark or error.context_mark
    where = f"{source}, line {mark.line + 1}" if mark else source
    problem = error.problem or error.context or "unknown"
    if "'\\t'" in problem:
        return f"{where}: has a tab; indent with spaces"
    if "but found another document" in problem:
        return f"{where}: begins a second document with '---'; write one policy in one document"
    if "mapping values are not allowed" in problem:
        return f"{where}: has a ':' where none can stand; put text with ': ' in quotes, and check the indentation"
    if problem == "second occurrence":
        return f"{where}: gives an anchor (&name) a second time; choose another name"
    hint = "; check the indentation, and put text that begins with { or [ in quotes" if "<block end>" in problem else ""
    return f"{where}: cannot be read as YAML: {problem}{hint}"
