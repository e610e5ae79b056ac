"""`check` and `status`, and what all commands have in common: exit codes, errors, quiet ends."""

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from jupyterhub_quota.cli import main

POLICY = """
groups:
  regular: {memory: 60 GiB-hours, gpu: 0}
  power: {memory: 240 GiB-hours, gpu: 10 GPU-hours}
default: {memory: 20 GiB-hours, gpu: 0}
exempt: {groups: [staff]}
timezone: Europe/Berlin
"""
SESSIONS = """
{"id": "1", "user": "ann", "server": "", "start": "2026-04-20T08:00:00Z", "end": "2026-04-20T18:00:00Z", \
"request": {"memory": 4294967296, "cpu": 2, "gpu": 0}}
{"id": "2", "user": "ann", "server": "big", "start": "2026-05-01T08:00:00Z", "end": null, \
"request": {"memory": 2147483648, "cpu": 1, "gpu": 0}}
"""
ANN = ("--policy", "policy.yaml", "--ledger", "sqlite:///quota.sqlite", "--user", "ann", "--at", "2026-05-01T12:00Z")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, capsys):
    """A folder with a policy and a ledger, as the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "sessions.jsonl").write_text(SESSIONS)
    assert 0 == main(["sessions", "import", "--ledger", "sqlite:///quota.sqlite", "sessions.jsonl"])
    capsys.readouterr()
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run a command and return its exit code, what it printed and what it complained."""

    def command(*arguments):
        try:
            code = main(arguments)
        except SystemExit as stopped:  # argparse's way to say what is wrong
            code = stopped.code
        return code, *capsys.readouterr()

    return command


class TestCheck:
    def test_yes_is_0(self, run):
        sentence = (
            "You have used 48 of 60 GiB-hours of memory in the last 30 days. This server reserves 4 GiB and can run "
            "for about 2 hours beside your other server, then no new server starts.\n"
        )

        assert (0, sentence, "") == run("check", *ANN, "--group", "regular", "--memory", "4GiB")

    def test_no_is_1(self, run):
        code, told, _ = run("check", *ANN, "--group", "regular", "--memory", "100GiB")

        assert 1 == code
        assert told.startswith("You have used 48 of 60 GiB-hours of memory in the last 30 days: too little is left")

    @pytest.mark.parametrize("when_unknown", ["refuse", "allow"])
    def test_not_known_is_3_whatever_follows_from_it(self, run, folder, when_unknown):
        """The sentence is what the hub would say; the problem is for the admin who asks."""
        (folder / "policy.yaml").write_text(f"{POLICY}when_unknown: {when_unknown}\n")
        code, told, problem = run("check", *ANN, "--memory", "4GiB", "--ledger", "sqlite:///away.sqlite")

        assert 3 == code
        assert told.startswith("How much you have used is not known at the moment")
        assert problem.startswith("Not known: The ledger ")

    def test_the_most_generous_group_counts(self, run):
        code, told, _ = run("check", *ANN, "--group", "regular", "--group", "power", "--memory", "4GiB")

        assert 0 == code
        assert "240 GiB-hours" in told

    def test_without_a_group_the_default_counts(self, run):
        code, told, _ = run("check", *ANN, "--memory", "4GiB")

        assert 1 == code
        assert "20 GiB-hours" in told

    def test_the_server_itself_is_not_in_its_own_way(self, run):
        """A server that is to start has ended before, whatever the ledger still shows."""
        _, told, _ = run("check", *ANN, "--group", "regular", "--memory", "4GiB", "--server", "big")

        assert "beside" not in told

    def test_all_sizes_are_asked_for(self, run):
        _, told, _ = run("check", *ANN, "--group", "power", "--memory", "1GiB", "--cpu", "2", "--gpu", "1", "--json")

        assert ["memory", "cpu", "gpu"] == [quota["resource"] for quota in json.loads(told)["quotas"]]
        assert 36000 == json.loads(told)["runtime_seconds"]

    def test_the_time_is_iso_or_seconds(self, run):
        """Without a zone it is UTC."""
        asked = [run("check", *ANN[:-1], at, "--memory", "4GiB") for at in ("2026-05-01T12:00", "1777636800")]

        assert asked[0] == asked[1] == run("check", *ANN, "--memory", "4GiB")

    def test_what_is_reserved_by_nothing_is_noted(self, run):
        code, told, note = run("check", *ANN, "--group", "regular", "--cpu", "1")

        assert (0, "Your quota does not limit this server.\n") == (code, told)
        assert "Note: this server reserves no memory, so its use of memory would not be charged.\n" == note

    def test_json_has_the_documented_fields(self, run):
        code, told, _ = run("check", *ANN, "--memory", "100GiB", "--json")
        answer = json.loads(told)

        assert 1 == code
        fields = "allowed outcome reason sentence reference runtime_seconds refills at as_of complete_since quotas"
        assert fields == " ".join(answer)
        assert "resource window_seconds limit used remaining group blocking" == " ".join(answer["quotas"][0])


class TestStatus:
    def test_says_a_sentence_for_each_resource_and_server(self, run):
        code, told, _ = run("status", *ANN, "--group", "regular")

        assert 0 == code
        assert [
            "You have used 48 of 60 GiB-hours of memory in the last 30 days.",
            "Your use of CPU is not limited. You have used 24 core-hours in the last 30 days.",
            "Your GPU quota is 0: servers that reserve GPUs cannot start.",
            "Running: the server 'big' with 2 GiB of memory and 1 core, started today at 10:00 CEST.",
        ] == told.splitlines()

    def test_says_last_of_the_quotas_who_is_exempt(self, run):
        """It takes back that servers which reserve GPUs cannot start."""
        told = run("status", *ANN, "--group", "staff")[1].splitlines()

        assert [
            "Your GPU quota is 0: servers that reserve GPUs cannot start.",
            "You are exempt from quotas, so none of this stops you.",
        ] == told[2:4]
        assert told[4].startswith("Running: ")
        assert json.loads(run("status", *ANN, "--group", "staff", "--json")[1])["exempt"]

    def test_json_has_the_documented_fields(self, run):
        answer = json.loads(run("status", *ANN, "--json")[1])

        assert "user groups at as_of complete_since quotas running exempt" == " ".join(answer)
        assert not answer["exempt"]
        assert "resource window_seconds limit used remaining group sentence" == " ".join(answer["quotas"][0])

    def test_not_known_is_3_and_says_nothing_else(self, run):
        code, told, problem = run("status", *ANN, "--ledger", "sqlite:///away.sqlite")

        assert (3, "") == (code, told)
        assert problem.startswith("Not known: The ledger ")


class TestGroupsFromTheHub:
    @pytest.fixture
    def hub(self):
        """A hub that knows ann, and shows her groups to one token."""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                known = self.headers["Authorization"] == "token s3cret" and self.path == "/hub/api/users/ann"
                self.send_response(200 if known else 403)
                self.end_headers()
                self.wfile.write(b'{"name": "ann", "groups": ["regular"]}')

            def log_message(self, format, *args):  # noqa: A002 - as http.server has it
                """Say nothing."""

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}/hub/api"
            server.shutdown()
            thread.join()

    def test_count_as_given_ones_do(self, run, hub, monkeypatch):
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "s3cret")

        assert run("status", *ANN, "--group", "regular") == run("status", *ANN, "--hub-api", hub)

    def test_take_the_token_from_a_file(self, run, hub, folder):
        (folder / "token").write_text("s3cret\n")

        code, told, _ = run("check", *ANN, "--hub-api", hub, "--hub-token-file", "token", "--memory", "4GiB")

        assert 0 == code
        assert "60 GiB-hours" in told

    def test_that_the_hub_does_not_tell_are_not_known(self, run, hub, monkeypatch):
        """Never "no groups". The token is in no message."""
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "wr0ng")

        code, told, problem = run("check", *ANN, "--hub-api", hub, "--memory", "4GiB")

        assert 3 == code
        assert told.startswith("How much you have used is not known at the moment")
        assert "Not known: the hub refused the token: it is not valid, or has no scope for this\n" == problem

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (["--hub-api", "http://hub/hub/api"], "--hub-api needs a token: set the variable JUPYTERHUB_API_TOKEN"),
            (["--hub-token-file", "token"], "--hub-token-file says how to ask a hub, but not which; add --hub-api URL"),
            (["--hub-api", "http://hub/", "--hub-token-file", "no"], "the file of the hub's token cannot be read: no"),
            (["--hub-api", "http://hub/", "--group", "regular"], "not allowed with argument"),
            (["--hub-api", "http://hub/", "--timeout", "0"], "'0' is no number of seconds above 0"),
        ],
    )
    def test_need_options_that_fit(self, run, options, told):
        code, _, complaint = run("status", *ANN, *options)

        assert 2 == code
        assert told in complaint


class TestWrongInput:
    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            ([], "the following arguments are required: COMMAND"),
            (["chek"], "invalid choice: 'chek'"),
            (["check"], "the following arguments are required: --policy, --ledger, --user"),
            (["check", *ANN, "--memory", "4"], "argument --memory: '4' has no unit; write for example '4 GiB'"),
            (["check", *ANN, "--gpu", "0.5"], "argument --gpu: '0.5' is not a whole number"),
            (["check", *ANN, "--mem", "4GiB"], "unrecognized arguments: --mem 4GiB"),
            (
                ["check", *ANN, "--at", "tomorrow"],
                "argument --at: 'tomorrow' is no time between the years 1970 and 9000",
            ),
            (["check", *ANN, "--at", "99999-01-01"], "write for example '2026-05-03T14:00+02:00' or '1777809600'"),
            (["status", *ANN, "--user", ""], "--user is empty; write the name of a user"),
            (["status", *ANN, "--user", "\udc80"], "has a character that is not Unicode"),
            (["status", *ANN, "--policy", "none.yaml"], "none.yaml: there is no such file"),
            (
                ["status", *ANN, "--ledger", "postgresql://ann:s3cret@db"],
                "ledger: 'postgresql://' is no kind of ledger",
            ),
            (["status", *ANN, "--ledger", "sqlite:///policy.yaml"], "is not a database"),
        ],
    )
    def test_is_2_with_one_sentence(self, run, arguments, told):
        """On stderr, and with no password that was in it."""
        code, printed, complaint = run(*arguments)

        assert (2, "") == (code, printed)
        assert told in complaint
        assert 1 == complaint.count("\n")
        assert "s3cret" not in complaint

    @pytest.mark.parametrize("size", ["--memory=1e9GiB", "--cpu=-1", "--gpu=many", "--memory=9" + "0" * 400 + "GiB"])
    def test_absurd_sizes_are_refused(self, run, size):
        assert 2 == run("check", *ANN, size)[0]

    def test_a_very_large_size_is_only_too_large(self, run):
        code, told, _ = run("check", *ANN, f"--memory=9{'0' * 290}GiB", "--json")

        assert (1, "too-large") == (code, json.loads(told)["reason"])


class TestAnEndThatIsNobodysFault:
    @staticmethod
    def start(*arguments, **options):
        # Who runs the tests in the background may have them ignore Ctrl-C.
        program = (
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "from jupyterhub_quota.cli import main; sys.exit(main())"
        )
        return subprocess.Popen([sys.executable, "-c", program, *arguments], stderr=subprocess.PIPE, **options)

    def test_a_reader_that_goes_away(self):
        reading, writing = os.pipe()
        os.close(reading)
        with self.start("policy", "schema", stdout=writing) as process:
            os.close(writing)

            assert (None, b"") == process.communicate(timeout=30)
            assert 141 == process.returncode

    def test_ctrl_c(self):
        with self.start("explain", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            # More than a pipe holds: when that is written, the command has read of it and waits for more.
            os.write(process.stdin.fileno(), b"x" * 100_000)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)

            assert 130 == process.wait(timeout=30)
            assert b"" == process.stderr.read()

    def test_a_full_disk_is_said(self):
        with open("/dev/full", "w") as full, self.start("policy", "schema", stdout=full) as process:
            _, complaint = process.communicate(timeout=30)

        assert (2, b"The output could not be written: No space left on device\n") == (process.returncode, complaint)
