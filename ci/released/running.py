"""Where a release is built, and how its programs are run."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import bootstrap

CACHE = bootstrap.CACHE / "release"
CLONE = CACHE / "tree"
DIST = CACHE / "dist"


class ReleaseError(Exception):
    """Something is wrong with what would be released; the message says what."""


def run(command: Sequence[str], *, folder: Path = CLONE, environment: Mapping[str, str] | None = None) -> str:
    """
    Return what *command* prints.

    Raises:
        ReleaseError: it failed; the message has the end of what it said.
    """
    done = subprocess.run(  # noqa: S603 - our own commands
        list(command),
        cwd=folder if folder.exists() else bootstrap.ROOT,
        env={**bootstrap.environment(), "PATH": os.environ["PATH"], **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise ReleaseError(f"{' '.join(command[:6])} failed:\n{said}")
    return done.stdout


def say(text: str) -> None:
    """Print what is being done."""
    print(text, flush=True)
