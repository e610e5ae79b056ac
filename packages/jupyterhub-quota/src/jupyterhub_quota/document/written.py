"""What people wrote, as mappings, lists and text, and where each part of it stands."""

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from jupyterhub_quota.amounts import quoted

Tree: TypeAlias = "str | list[Tree] | dict[str, Tree]"
Path: TypeAlias = tuple[str | int, ...]

_MOST_SHOWN = 100
_PLAIN_KEY = re.compile(r"[\w-]+")


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

    def place(self, line: int | None) -> str:
        """Return the source, and the *line* where there is one."""
        return self.source if line is None else f"{self.source}, line {line}"

    def messages(self, problems: list[Problem]) -> tuple[str, ...]:
        """Return one sentence for each of *problems*, in the order of the file."""
        order = {path: position for position, path in enumerate(self.lines)}
        placed = []
        for problem in problems:
            known = problem.path
            while known and known not in order:
                known = known[:-1]
            line = problem.line or self.lines.get(known)
            key = f"{path_text(problem.path)}: " if problem.path else ""
            placed.append((line or 0, order.get(known, -1), f"{self.place(line)}: {key}{problem.text}"))
        # A file may say the same wrong thing in two places, but nobody needs to read it twice, nor thousands of them.
        found = tuple(dict.fromkeys(message for _, _, message in sorted(placed, key=lambda place: place[:2])))
        more = len(found) - _MOST_SHOWN
        return (*found[:_MOST_SHOWN], f"{self.source}: has {more} more problems") if more > 0 else found


def path_text(path: Path) -> str:
    """Return *path* as people write it: ``groups.power.memory[0]``; unusual keys are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _PLAIN_KEY.fullmatch(part) else quoted(part))
    return text
