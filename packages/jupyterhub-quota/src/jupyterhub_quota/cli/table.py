"""Columns for a terminal."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; each column is as wide as its widest cell."""
    lines = [heads, *rows]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        yield "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()


def _width(text: str) -> int:
    """How many columns of a terminal *text* takes."""
    return sum(
        2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1
        for letter in text
        if not unicodedata.combining(letter)
    )
