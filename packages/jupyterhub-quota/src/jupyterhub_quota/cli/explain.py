"""`explain`: how a decision came about, from the hub's log of events."""

import argparse
import json
import sys
from collections.abc import Iterator

from jupyterhub_quota.cli.options import Commands, add_command, named, print_json, reading
from jupyterhub_quota.errors import InputError
from jupyterhub_quota.event import DECISION_SCHEMA
from jupyterhub_quota.explanation import explain
from jupyterhub_quota.running import RUNNING_SCHEMA, explain_running


def add_to(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "explain",
        run,
        "say how a decision came about",
        "Say in sentences how a decision came about, from its event: one JSON object, or a log of events, of the hub "
        "about launches or of the service about servers that were warned or stopped. Other events in the log are "
        "passed over. Exit code 1: there is no such decision.",
    )
    command.add_argument("file", nargs="?", default="-", metavar="FILE", help="the file (default: -, standard input)")
    command.add_argument("--reference", metavar="REF", help="only the decision of this reference")


def run(options: argparse.Namespace) -> int:
    """Carry out `explain`."""
    with reading(options.file) as file:
        text = file.read()
    told = []
    for place, event in _events(text, named(options.file)):
        if options.reference in {None, event.get("reference")}:
            try:
                told.append((event.get("reference"), _explained(event)))
            except InputError as error:
                print(f"{place}: {error}", file=sys.stderr)
    if options.json:
        print_json([{"reference": reference, "sentences": lines.splitlines()} for reference, lines in told])
    elif told:
        print("\n\n".join(lines for _, lines in told))
    if not told:
        which = "decision" if options.reference is None else f"decision {options.reference}"
        print(f"{named(options.file)}: there is no {which} here that can be explained", file=sys.stderr)
    return 0 if told else 1


def _events(text: str, source: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the decisions in *text*, each with its place; what cannot be read is named and passed over."""
    try:
        found = [(source, json.loads(text))]
    except (ValueError, RecursionError):
        found = list(_lines(text, source))
    for place, event in found:
        if not isinstance(event, dict):
            print(f"{place}: not a JSON object", file=sys.stderr)
        elif event.get("__schema__", DECISION_SCHEMA["$id"]) in {DECISION_SCHEMA["$id"], RUNNING_SCHEMA["$id"]}:
            yield place, event


def _explained(event: dict[str, object]) -> str:
    """What happened at a launch, or to a server that ran."""
    return explain_running(event) if "action" in event else explain(event)


def _lines(text: str, source: str) -> Iterator[tuple[str, object]]:
    # Not splitlines(): a name may hold other characters that end lines.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield f"{source}, line {number}", json.loads(line)
            except (ValueError, RecursionError):
                print(f"{source}, line {number}: not JSON", file=sys.stderr)
