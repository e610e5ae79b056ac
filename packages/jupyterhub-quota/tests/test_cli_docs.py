"""The terminals in the documentation show what the commands really print."""

import asyncio
import json
import re
import shlex
from pathlib import Path

import pytest

from jupyterhub_quota import QuotaEngine, Request, Subject, decision_event, load_policy, open_ledger
from jupyterhub_quota.cli import main

ROOT = Path(__file__).parents[3]
CLI = ROOT / "docs" / "cli.md"
PAGES = [CLI, ROOT / "docs" / "json.md", Path(__file__).parents[1] / "README.md"]


def terminals(page):
    """Yield each command that *page* shows, with the output below it."""
    for block in re.findall(r"^```console\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.replace("\\\n", "").partition("\n")
            yield command, output


def without_digest(text):
    """Leave out what changes with every key that a policy may have."""
    return re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text)


def write_events():
    """Log what the hub decides about a launch, as it would."""
    engine = QuotaEngine(load_policy(Path("policy.yaml")), open_ledger("sqlite:///quota.sqlite"))
    ann, request = Subject("ann", frozenset({"regular"})), Request(memory=80 * 2**30, cpu=2)
    decision = asyncio.run(engine.decide(ann, request, at=1_777_636_800))
    event = {"__schema__": "urn:jupyterhub-quota:decision", **decision_event(decision, engine.policy)}
    Path("events.log").write_text(json.dumps(event) + "\n")


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    """Run a command as a terminal would; the first `cat` of a file makes it, of what is shown below."""
    monkeypatch.chdir(tmp_path)
    codes = [0]

    def run(command, shown):
        if command == "echo $?":
            return f"{codes[-1]}\n"
        program, *arguments = shlex.split(command)
        if program == "cat":
            file = Path(arguments[0])
            if not file.exists():
                file.write_text(shown)
            return file.read_text()
        assert "jupyterhub-quota" == program
        if arguments[0] == "explain":
            write_events()
        codes.append(main(arguments))
        printed = capsys.readouterr()
        return without_digest(printed.out + printed.err)

    return run


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_prints_what_is_shown(page, shell):
    """A line with nothing but "…" stands for the rest."""
    if page.parent == CLI.parent and page != CLI:
        for command, shown in terminals(CLI):
            if command.startswith(("cat ", "jupyterhub-quota sessions import")):
                shell(command, shown)

    for command, shown in terminals(page):
        printed = shell(command, shown)
        head, more, _ = without_digest(shown).partition("…\n")
        assert head == (printed[: len(head)] if more else printed), command


def test_the_library_example_runs(shell, capsys):
    """The readme's Python, with the readme's files."""
    readme = PAGES[2]
    for command, shown in terminals(readme):
        shell(command, shown)
    (code,) = re.findall(r"^```python\n(.*?)^```$", readme.read_text(), re.DOTALL | re.MULTILINE)
    capsys.readouterr()

    exec(compile(code, str(readme), "exec"), {})  # noqa: S102 - our own example

    assert "True You have used 48 of 60 GiB-hours of memory" in capsys.readouterr().out
