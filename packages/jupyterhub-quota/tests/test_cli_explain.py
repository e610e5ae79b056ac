"""`explain`, on events as a hub logs them."""

import asyncio
import json

import pytest

from jupyterhub_quota import QuotaEngine, Reading, Request, Subject, decision_event, explain, parse_policy
from jupyterhub_quota.cli import main

POLICY = parse_policy("default: {memory: 1 GiB-hours}")
ALIEN = json.dumps({"__schema__": "https://schema.jupyter.org/jupyterhub/events/server-action", "action": "start"})


class Empty:
    """A ledger without sessions."""

    async def read(self, *, since, at, user=None):
        return Reading((), at)

    async def close(self):
        """Nothing is open."""


def event(user):
    engine = QuotaEngine(POLICY, Empty())
    return decision_event(asyncio.run(engine.decide(Subject(user), Request(2**30), at=1e9)), POLICY)


ANN, BOB = event("ann"), event("bob")
LOGGED = {
    "__timestamp__": "2001-09-09T01:46:40Z",
    "__schema__": "urn:jupyterhub-quota:decision",
    "__schema_version__": "1",
}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Explain what is in a file of these lines."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments, lines=()):
        (tmp_path / "events.log").write_text("\n".join(lines) + "\n")
        return main(["explain", *arguments]), *capsys.readouterr()

    return command


def test_one_event_may_go_over_several_lines(run):
    assert (0, explain(ANN) + "\n", "") == run("events.log", lines=[json.dumps(ANN, indent=2)])


def test_a_log_holds_several(run):
    """Events of others are passed over."""
    lines = [json.dumps(LOGGED | ANN), ALIEN, "", json.dumps(LOGGED | BOB)]

    assert (0, f"{explain(ANN)}\n\n{explain(BOB)}\n", "") == run("events.log", lines=lines)


def test_a_reference_picks_one(run):
    lines = [json.dumps(LOGGED | ANN), json.dumps(LOGGED | BOB)]

    assert (0, explain(BOB) + "\n", "") == run("events.log", "--reference", BOB["reference"], lines=lines)


def test_standard_input_is_read_where_no_file_is_named(run, tmp_path, monkeypatch):
    (tmp_path / "in").write_text(json.dumps(ANN))
    with (tmp_path / "in").open() as stdin:
        # A real file stands where a shell would put it; pytest keeps standard input for itself.
        monkeypatch.setattr("sys.stdin", stdin)

        assert (0, explain(ANN) + "\n", "") == run()


def test_what_cannot_be_read_is_named_and_passed_over(run):
    """The last line of a log may be half written."""
    lines = [json.dumps(LOGGED | ANN), "[1]", json.dumps(LOGGED | BOB | {"version": 2}), json.dumps(BOB)[:100]]

    code, told, complaint = run("events.log", lines=lines)

    assert (0, explain(ANN) + "\n") == (code, told)
    assert [
        "events.log, line 4: not JSON",
        "events.log, line 2: not a JSON object",
        "events.log, line 3: not a decision event of version 1: version: input should be 1",
    ] == complaint.splitlines()


def test_a_reference_that_is_not_there_is_1(run):
    told = "events.log: there is no decision nope here that can be explained\n"

    assert (1, "", told) == run("events.log", "--reference", "nope", lines=[json.dumps(ANN)])


def test_json_has_the_sentences(run):
    answer = json.loads(run("events.log", "--json", lines=[json.dumps(ANN)])[1])

    assert [{"reference": ANN["reference"], "sentences": explain(ANN).splitlines()}] == answer


def test_no_file_is_wrong_input(run):
    assert (2, "", "none cannot be read: No such file or directory\n") == run("none")
