"""How the documentation is built: Sphinx, Markdown by MyST, any warning is an error."""

from pathlib import Path

from sphinx.application import Sphinx

project = "jupyterhub-quota"
author = "jupyterhub-quota contributors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx reads this name
release = version = (Path(__file__).parent.parent / "VERSION").read_text().strip()

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3  # so that [text](page.md#heading) is checked too

html_theme = "pydata_sphinx_theme"
html_title = project
html_show_sourcelink = False
html_theme_options = {"show_prev_next": False, "secondary_sidebar_items": ["page-toc"]}


def leave_out_what_is_not_written(_app: Sphinx, docname: str, source: list[str]) -> None:
    """
    Drop those lines of the table of contents that no page fits.

    It lists pages by the beginning of their names, `policy*`, and may name a page before it is written. A page that no
    line fits is an error all the same.
    """
    if docname == "index":
        lines = source[0].splitlines()
        written = [line for line in lines if not line.endswith("*") or any(Path(__file__).parent.glob(f"{line}.md"))]
        source[0] = "\n".join(written)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", leave_out_what_is_not_written)
