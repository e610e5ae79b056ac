"""The built page: which of its files a page needs, by Vite's manifest. Where it was not built, there are none."""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "static"
EARLY = "theme"


@dataclass(frozen=True, slots=True)
class Assets:
    """
    The *scripts* and *styles* of the page, as paths below `static/`; all empty where it was not built.

    Those in *early* set the theme, so they run before anything is shown.
    """

    early: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()

    @classmethod
    def of(cls, folder: Path) -> "Assets":
        """Return what the manifest in *folder* says."""
        manifest = folder / "manifest.json"
        if not manifest.exists():
            log.info("The page was not built, so it is shown as the server writes it, without a script")
            return cls()
        chunks: Mapping[str, Mapping[str, Any]] = json.loads(manifest.read_text(encoding="utf-8"))
        entries = [name for name, chunk in chunks.items() if chunk.get("isEntry")]
        early = [chunks[name]["file"] for name in entries if chunks[name].get("name") == EARLY]
        scripts = [chunks[name]["file"] for name in entries if chunks[name]["file"].endswith(".js")]
        styles = [chunks[name]["file"] for name in entries if chunks[name]["file"].endswith(".css")]
        styles += [style for name in entries for style in _styles(chunks, name, set())]
        later = [script for script in scripts if script not in early]
        return cls(tuple(early), tuple(dict.fromkeys(later)), tuple(dict.fromkeys(styles)))


def _styles(chunks: Mapping[str, Mapping[str, Any]], name: str, seen: set[str]) -> Iterator[str]:
    """The styles of a chunk and of all that it imports at once."""
    if name in seen:
        return
    seen.add(name)
    yield from chunks[name].get("css", ())
    for imported in chunks[name].get("imports", ()):
        yield from _styles(chunks, imported, seen)
