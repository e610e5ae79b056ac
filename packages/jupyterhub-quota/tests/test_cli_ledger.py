"""The options that say how Prometheus lets us in; the same for every command that reads a ledger."""

import base64
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs

import pytest

from jupyterhub_quota.cli import main

COMMANDS = {
    "check": ["check", "--policy", "policy.yaml", "--user", "ann", "--memory", "1GiB"],
    "status": ["status", "--policy", "policy.yaml", "--user", "ann"],
    "everybody": ["status", "--policy", "policy.yaml", "--everybody"],
    "export": ["sessions", "export"],
    "doctor": ["doctor"],
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a policy and credentials, as the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text("window: 1d\ndefault: {memory: 20 GiB-hours}\n")
    (tmp_path / "username").write_text("hub\n")
    (tmp_path / "password").write_text("s3cret\n")
    (tmp_path / "token").write_text("t0ken\n")
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run a command and return its exit code, what it printed and what it complained."""

    def command(*arguments):
        try:
            code = main(arguments)
        except SystemExit as stopped:
            code = stopped.code
        return code, *capsys.readouterr()

    return command


@pytest.fixture
def asked():
    """What a Prometheus without data was asked: the header Authorization and the query."""
    found = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            found.append((self.headers["Authorization"], form["query"][0]))
            body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": []}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):  # noqa: A002 - as http.server has it
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        found.append(f"http://127.0.0.1:{server.server_port}")
        yield found
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("command", COMMANDS)
class TestEachCommand:
    def test_shows_a_password(self, run, asked, command):
        url = asked.pop()
        code, *_ = run(
            *COMMANDS[command], "--ledger", url, "--ledger-username", "hub", "--ledger-password-file", "password"
        )

        assert {f"Basic {base64.b64encode(b'hub:s3cret').decode()}"} == {header for header, _ in asked}
        # Nothing in it: nobody watches there.
        assert (1 if command == "doctor" else 3) == code

    def test_shows_a_user_name_that_stands_in_a_file(self, run, asked, command):
        url = asked.pop()
        files = ("--ledger-username-file", "username", "--ledger-password-file", "password")
        run(*COMMANDS[command], "--ledger", url, *files)

        assert {f"Basic {base64.b64encode(b'hub:s3cret').decode()}"} == {header for header, _ in asked}

    def test_shows_a_token_and_asks_for_one_namespace(self, run, asked, command):
        url = asked.pop()
        run(*COMMANDS[command], "--ledger", url, "--ledger-token-file", "token", "--namespace", "jhub")

        assert {"Bearer t0ken"} == {header for header, _ in asked}
        assert 'namespace="jhub"' in asked[0][1]

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (["--ledger-username", "hub"], "--ledger-username and --ledger-password-file belong together"),
            (["--ledger-password-file", "password"], "--ledger-username and --ledger-password-file belong together"),
            (
                ["--ledger-username-file", "username"],
                "--ledger-username-file and --ledger-password-file belong together",
            ),
            (
                ["--ledger-username", "a", "--ledger-username-file", "b", "--ledger-password-file", "c"],
                "--ledger-username and --ledger-username-file do not go together",
            ),
            (
                [
                    *("--ledger", "sqlite:///q"),
                    *("--ledger-username-file", "username", "--ledger-password-file", "password"),
                ],
                "--ledger-username-file is about a ledger in Prometheus",
            ),
            (
                ["--ledger-username", "a", "--ledger-password-file", "b", "--ledger-token-file", "c"],
                "--ledger-password-file and --ledger-token-file do not go together",
            ),
            (["--timeout", "0"], "'0' is no number of seconds above 0"),
            (["--ledger", "sqlite:///q", "--namespace", "jhub"], "--namespace is about a ledger in Prometheus"),
            (["--ledger", "sqlite:///q", "--gpu-resource", "x"], "--gpu-resource is about a ledger in Prometheus"),
            (["--ledger", "http://hub:s3cret@prometheus"], "the address holds a user or a password"),
        ],
    )
    def test_needs_options_that_fit(self, run, command, options, told):
        code, printed, complaint = run(*COMMANDS[command], "--ledger", "http://127.0.0.1:9", *options)

        assert (2, "") == (code, printed)
        assert told in complaint
        assert "s3cret" not in complaint

    def test_waits_no_longer_than_it_is_told(self, run, command):
        code, _, complaint = run(*COMMANDS[command], "--ledger", "http://127.0.0.1:9", "--timeout", "2")

        assert (1 if command == "doctor" else 3) == code
        assert "doctor" == command or "Prometheus cannot be reached" in complaint
