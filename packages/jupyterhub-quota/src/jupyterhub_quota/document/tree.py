"""
Read YAML or Python data as mappings, lists and text.

YAML is read without its guesses: `no`, `1_000`, `12:30:00` and dates stay the text that they are.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from jupyterhub_quota.amounts import quoted
from jupyterhub_quota.document.written import Path, Problem, Tree, Written
from jupyterhub_quota.errors import PolicyError

_DEEPEST = 32
# Far more than any policy needs, and little enough to read in a moment.
_MOST = 10_000

_TOO_DEEP = f"is nested more than {_DEEPEST} levels deep; a policy needs no more than six"
_TOO_MANY = f"has more than {_MOST} keys and values, counting what aliases (*name) repeat; write a shorter policy"
_RECURSIVE = "has a part that contains itself; write the values out"

# What to do about the usual mistakes, by what PyYAML says of them.
_ADVICE = {
    "'\\t'": "has a tab; indent with spaces",
    "but found another document": "begins a second document with '---'; write one policy in one document",
    "mapping values are not allowed": (
        "has a ':' where none can stand; put text with ': ' in quotes, and check the indentation"
    ),
    "second occurrence": "gives an anchor (&name) a second time; choose another name",
}

# What no YAML file can hold as it is: control characters and halves of characters.
_NOT_SHOWN = yaml.reader.Reader.NON_PRINTABLE
_DEFAULT_TAGS = {
    yaml.ScalarNode: "tag:yaml.org,2002:str",
    yaml.SequenceNode: "tag:yaml.org,2002:seq",
    yaml.MappingNode: "tag:yaml.org,2002:map",
}


def read_yaml(text: str, source: str) -> Written:
    """
    Return what the YAML *text* says.

    Raises:
        PolicyError: if it cannot be read at all.
    """
    written = Written(source)
    try:
        node = _Composer(text, written).get_single_node()
    except yaml.reader.ReaderError as error:
        place = written.place(text.count("\n", 0, error.position) + 1)
        raise PolicyError(f"{place}: has a character that cannot be shown ({error.character:#x}); remove it") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PolicyError(f"{written.place(mark.line + 1 if mark else None)}: {_not_yaml(error)}") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise PolicyError(
            f"{source}: cannot be read as YAML: an escape such as \\U or a directive has a number out of range"
        ) from error
    if node is not None:
        written.data = _Expansion(written).of_node(node, ())
    return written


def read_mapping(document: Mapping[Any, Any], source: str) -> Written:
    """
    Return what the Python data *document* says; numbers become the text of themselves.

    Raises:
        PolicyError: if it cannot be read at all.
    """
    written = Written(source)
    written.data = _Expansion(written).of_value(document, ())
    return written


class _Composer(yaml.BaseLoader):
    """Composes nodes, but not endlessly. BaseLoader takes every scalar for text."""

    def __init__(self, text: str, written: Written) -> None:
        super().__init__(text)
        self.written = written
        self.depth = 0
        self.nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        self.nodes += 1
        if self.depth > _DEEPEST or self.nodes > _MOST:
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call] # its stubs forgot it
            text = _TOO_DEEP if self.depth > _DEEPEST else _TOO_MANY
            raise PolicyError(f"{self.written.place(line)}: {text}")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


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
        self._enter(value)
        self.written.lines[path] = None
        tree: Tree = ""
        if isinstance(value, Mapping):
            tree = {}
            for key, below in value.items():
                if isinstance(key, str):
                    # Enumerations are text too, but not for everyone who looks at them.
                    name = str.__str__(key)
                    self._text(name, (*path, name))
                    tree[name] = self.of_value(below, (*path, name))
                else:
                    self._note(path, f"the key {_not_text(key, 'is not text')}")
        elif isinstance(value, list | tuple):
            tree = [self.of_value(item, (*path, position)) for position, item in enumerate(value)]
        elif isinstance(value, str):
            tree = self._text(str.__str__(value), path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            tree = _number_text(value)
        elif value is not None:
            self._note(path, _not_text(value, "is neither text nor a number"))
        self.within.pop()
        return tree

    def _enter(self, part: object, line: int | None = None) -> None:
        self.count += 1
        place = self.written.place(line)
        if self.count > _MOST:
            raise PolicyError(f"{place}: {_TOO_MANY}")
        if not isinstance(part, str) and any(part is outer for outer in self.within):
            raise PolicyError(f"{place}: {_RECURSIVE}")
        if len(self.within) >= _DEEPEST:
            raise PolicyError(f"{place}: {_TOO_DEEP}")
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


def _number_text(number: float) -> str:
    """Return *number* as people write it: without an exponent, and without decimals that say nothing."""
    if isinstance(number, int):
        # Python refuses to write very long ones.
        return str(number) if abs(number) < 10**100 else "inf"
    return str(int(number)) if number.is_integer() else str(number)


def _not_text(value: object, what: str) -> str:
    """Return the sentence about a *value* of Python that is not written as text."""
    guessed = " (YAML may have read no, off, on or yes as true or false)" if isinstance(value, bool) else ""
    return f"{quoted(repr(value))[1:-1]} {what}; write it in quotes{guessed}"


def _not_yaml(error: yaml.MarkedYAMLError) -> str:
    """Return the sentence about text that is no YAML, with the help that the usual mistakes need."""
    problem = error.problem or error.context or "unknown"
    for sign, advice in _ADVICE.items():
        if sign in problem:
            return advice
    hint = "; check the indentation, and put text that begins with { or [ in quotes" if "<block end>" in problem else ""
    return f"cannot be read as YAML: {problem}{hint}"
