"""One version, written in two ways."""

import re

_KINDS = {"a": "alpha", "b": "beta", "rc": "rc"}


def semantic(version: str) -> str:
    """
    Return *version*, written as Python does, as Helm and tags write it: `0.1.0b1` becomes `0.1.0-beta.1`.

    Raises:
        ValueError: it is written in another way; says what to write.
    """
    found = re.fullmatch(r"(\d+\.\d+\.\d+)(?:(a|b|rc|\.dev)(\d+))?", version)
    if found is None:
        raise ValueError(f"'{version}' is no version; write for example 1.2.3, 1.2.3b1 or 1.2.3.dev0")
    release, kind, number = found.groups()
    if kind == ".dev":
        return f"{release}-0.dev"
    return f"{release}-{_KINDS[kind]}.{number}" if kind else release
