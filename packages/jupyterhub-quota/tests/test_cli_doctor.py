"""`doctor` on the command line: one line for each finding, and whether anything is wrong."""

import asyncio
import json
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from jupyterhub_quota import SqliteLedger
from jupyterhub_quota.cli import main

POLICY = """
groups:
  regular: {memory: 60 GiB-hours}
default: {memory: 20 GiB-hours}
"""
LEDGER = ("--ledger", "sqlite:///quota.sqlite")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a policy and the ledger of a hub that watches, as the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    (tmp_path / "policy.yaml").write_text(POLICY)
    asyncio.run(SqliteLedger(tmp_path / "quota.sqlite", create=True).beat([], time.time() - 100 * 86400))
    asyncio.run(SqliteLedger(tmp_path / "quota.sqlite").beat([], time.time()))
    return tmp_path


@pytest.fixture
def doctor(capsys):
    """Run the command and return its exit code, what it printed and what it complained."""

    def command(*arguments):
        try:
            code = main(["doctor", *arguments])
        except SystemExit as stopped:
            code = stopped.code
        return code, *capsys.readouterr()

    return command


@pytest.fixture
def hub(monkeypatch):
    """A hub with one user."""
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "s3cret")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.headers["Authorization"] == "token s3cret"
            page = {"offset": 0, "limit": 200, "total": 1, "next": None}
            self.send_response(200 if known else 403)
            self.end_headers()
            self.wfile.write(json.dumps({"items": [{"name": "ann", "groups": ["x"]}], "_pagination": page}).encode())

        def log_message(self, format, *args):  # noqa: A002 - as http.server has it
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield ("--hub-api", f"http://127.0.0.1:{server.server_port}/hub/api")
        server.shutdown()
        thread.join()


def test_nothing_wrong_is_0(doctor):
    code, told, complaint = doctor(*LEDGER, "--policy", "policy.yaml")

    assert (0, "") == (code, complaint)
    assert told.startswith("No problem was found. Usage is known up to 0 s ago.")


def test_a_problem_is_1(doctor):
    """Never 3: that nothing is known is what was found."""
    code, told, complaint = doctor("--ledger", "sqlite:///away.sqlite")

    assert (1, "", 1) == (code, complaint, told.count("\n"))
    assert told.startswith("Problem: The ledger ")
    assert told.endswith(" See that --ledger names the file that the hub writes.\n")


def test_a_warning_alone_is_0(doctor, folder):
    (folder / "policy.yaml").write_text(f"{POLICY}window: 200d\n")

    code, told, _ = doctor(*LEDGER, "--policy", "policy.yaml")

    assert 0 == code
    assert told.startswith("Warning: The record begins ")
    assert "\nNo problem was found." in told


def test_the_hub_is_asked_for_groups(doctor, hub):
    """What its API does not tell is said."""
    code, told, _ = doctor(*LEDGER, "--policy", "policy.yaml", *hub)

    problem, warning, note = told.splitlines()
    assert 1 == code
    assert problem.startswith("Problem: No user of the hub is in the group 'regular' of the policy.")
    assert warning.startswith("Warning: 1 of 1 user is in none of the policy's groups ('ann').")
    assert note.startswith("Not looked at: whether the authenticator keeps groups up to date: the hub's API does not")


def test_a_hub_that_refuses_is_found(doctor, hub, monkeypatch):
    """And the token is in no message."""
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "wr0ng")

    code, told, _ = doctor(*LEDGER, *hub)

    assert 1 == code
    assert "The hub refused the token: it is not valid, or has no scope for this." in told
    assert "Give a token with the scopes list:users and read:users:groups." in told
    assert "wr0ng" not in told


def test_json_has_the_documented_fields(doctor):
    code, told, _ = doctor("--ledger", "sqlite:///away.sqlite", "--json")
    answer = json.loads(told)

    assert 1 == code
    assert "healthy as_of findings not_looked_at" == " ".join(answer)
    assert "finding problem seen advice" == " ".join(answer["findings"][0])
    assert (False, None, "unreachable") == (answer["healthy"], answer["as_of"], answer["findings"][0]["finding"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--policy", "none.yaml"], "none.yaml: there is no such file"),
        (["--hub-api", "http://hub/"], "--hub-api needs a token"),
        (["--ledger", "postgresql://ann:s3cret@db"], "ledger: 'postgresql://' is no kind of ledger"),
    ],
)
def test_wrong_input_is_2(doctor, options, told):
    code, printed, complaint = doctor(*LEDGER, *options)

    assert (2, "") == (code, printed)
    assert told in complaint
    assert "s3cret" not in complaint
