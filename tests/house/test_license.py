"""Every package carries the license, as the license itself asks for."""


def test_it_is_the_same_everywhere(package, root):
    """A copy, since a link would lead out of an archive; builds take it into wheel and archive by its name."""
    assert (root / "LICENSE").read_text() == (package.folder / "LICENSE").read_text()
