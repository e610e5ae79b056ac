"""
Print a recorded start as a user would read it: for admins who write rules, and for bug reports.

    kubectl get pods,events -o json | python -m jupyterhub_spawn_progress --details
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .recording import RecordingError, parse_recordings, tell
from .rules import RulesError, Table, default_table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code: 2 for input that cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m jupyterhub_spawn_progress", description="Print a recorded start as a user would read it."
    )
    parser.add_argument("--details", action="store_true", help="add the technical text behind each line")
    parser.add_argument("--rules", metavar="FILE", help="rules of your own, on top of those of the package (YAML)")
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default="-",
        help='what "kubectl get pods,events -o json" or "kubectl get events -o json" prints, events as JSON Lines, '
        'or an object with "pod" and "events"; standard input by default',
    )
    options = parser.parse_args(arguments)
    try:
        table = _table(options.rules)
        recordings = parse_recordings(_read(options.file))
    except (RecordingError, RulesError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for recording in recordings:
        if len(recordings) > 1:
            sys.stdout.write(f"{recording.name}:\n")
        for line in tell(recording, table, with_details=options.details):
            sys.stdout.write(f"{line}\n")
    return 0


def _table(path: str | None) -> Table:
    return default_table().extended(_read(path)) if path else default_table()


def _read(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path} is not a text.") from error


if __name__ == "__main__":
    sys.exit(main())
