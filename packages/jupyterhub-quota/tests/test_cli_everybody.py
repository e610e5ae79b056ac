"""`status --everybody`: a table, CSV and JSON of who used what, and of who would be refused."""

import csv
import io
import json
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from jupyterhub_quota.cli import main
from jupyterhub_quota.spreadsheet import safe_cell

POLICY = """
groups:
  regular: {memory: 60 GiB-hours, gpu: 0}
  power: {memory: [240 GiB-hours, {limit: 60 GiB-hours, window: 1d}], gpu: 10 GPU-hours}
default: {memory: 20 GiB-hours, gpu: 0}
exempt: {groups: [staff]}
timezone: Europe/Berlin
"""
GROUPS = {"ann": ["regular"], "bob": ["power", "x"], "=1+1": ["regular"], "eve": ["staff"], "zoe": []}
EVERYBODY = (
    "--policy",
    "policy.yaml",
    "--ledger",
    "sqlite:///quota.sqlite",
    "--everybody",
    "--at",
    "2026-05-01T12:00Z",
)


def session(number, user, hours, gib, gpu=0):
    """A session that ended on the day before."""
    end = 1_777_550_400
    request = {"memory": gib * 2**30, "cpu": 1, "gpu": gpu}
    return {"id": str(number), "user": user, "server": "", "start": end - hours * 3600, "end": end, "request": request}


SESSIONS = [
    session(1, "ann", 10, 7),
    session(2, "bob", 5, 4, gpu=1),
    session(3, "=1+1", 3, 4),
    session(4, "eve", 30, 4, gpu=1),
    session(5, "gone\x1b[31m", 1, 1),
]
TABLE = r"""
User          Groups     Memory (30 days)           Memory (24 hours)  GPU (30 days)
eve           staff      120 of 20 GiB-hours, over                     30 of 0 GPU-hours, over  exempt
ann           regular    70 of 60 GiB-hours, over                      0 of 0 GPU-hours         refused
bob           power, x   20 of 240 GiB-hours        0 of 60 GiB-hours  5 of 10 GPU-hours
=1+1          regular    12 of 60 GiB-hours                            0 of 0 GPU-hours
gone\x1b[31m  not known  1 GiB-hour                 0 GiB-hours        0 GPU-hours
zoe                      0 of 20 GiB-hours                             0 of 0 GPU-hours
""".lstrip()
FIGURES = """\
Group power: 1 user, of whom 0 would be refused today.
- Memory, last 30 days: median 20 GiB-hours, 95 % up to 20 GiB-hours, most 20 GiB-hours; 0 reached the limit of 240 \
GiB-hours.
- Memory, last 24 hours: median 0 GiB-hours, 95 % up to 0 GiB-hours, most 0 GiB-hours; 0 reached the limit of 60 \
GiB-hours.
- GPU, last 30 days: median 5 GPU-hours, 95 % up to 5 GPU-hours, most 5 GPU-hours; 0 reached the limit of 10 \
GPU-hours.

Group regular: 2 users, of whom 1 would be refused today.
- Memory, last 30 days: median 41 GiB-hours, 95 % up to 70 GiB-hours, most 70 GiB-hours; 1 reached the limit of 60 \
GiB-hours.
- GPU, last 30 days: median 0 GPU-hours, 95 % up to 0 GPU-hours, most 0 GPU-hours; 0 reached the limit of 0 GPU-hours.

In none of the policy's groups: 1 user, of whom 0 would be refused today.
- Memory, last 30 days: median 0 GiB-hours, 95 % up to 0 GiB-hours, most 0 GiB-hours; 0 reached the limit of 20 \
GiB-hours.
- GPU, last 30 days: median 0 GPU-hours, 95 % up to 0 GPU-hours, most 0 GPU-hours; 0 reached the limit of 0 GPU-hours.

1 of 5 users would be refused today: the server that they started last, of the size it had, could not run for 10 \
minutes (minimum_runtime).
1 user of the ledger is not shown by the hub, so the groups are not known.
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, capsys):
    """A folder with a policy and a ledger, as the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "sessions.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in SESSIONS))
    assert 0 == main(["sessions", "import", "--ledger", "sqlite:///quota.sqlite", "sessions.jsonl"])
    capsys.readouterr()
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run the command and return its exit code, what it printed and what it complained."""

    def command(*arguments):
        try:
            code = main(["status", *EVERYBODY, *arguments])
        except SystemExit as stopped:
            code = stopped.code
        return code, *capsys.readouterr()

    return command


@pytest.fixture
def hub(monkeypatch):
    """A hub that lists its users on one page."""
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "s3cret")
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            items = [{"name": name, "groups": groups} for name, groups in GROUPS.items()]
            page = {"offset": 0, "limit": 200, "total": len(items), "next": None}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"items": items, "_pagination": page}).encode())

        def log_message(self, format, *args):  # noqa: A002 - as http.server has it
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield ("--hub-api", f"http://127.0.0.1:{server.server_port}/hub/api")
        server.shutdown()
        thread.join()
    assert 1 >= len(asked), "the hub is asked once, whatever the number of users"


def test_the_table(run, hub):
    """Whoever used the largest part of a limit comes first; a name does nothing to the terminal."""
    code, told, complaint = run(*hub)

    assert (0, "") == (code, complaint)
    assert TABLE.splitlines() == told.partition("\n\n")[0].splitlines()


def test_the_groups(run, hub):
    """What their members used, and how many would be refused."""
    told = run(*hub)[1].partition("\n\n")[2]

    assert FIGURES == told


def test_without_a_hub_only_usage_is_shown(run):
    """Nobody is judged by groups that are not known."""
    code, told, _ = run()

    assert 0 == code
    assert "over" not in told
    assert "refused" not in told
    assert (
        "Whose group is which is not known without --hub-api, so there are no limits and nothing about groups." in told
    )
    assert {None} == {each["refused"] for each in json.loads(run("--json")[1])["users"]}


def test_csv_is_read_back(run, hub):
    """In the units of quotas, with what looks like a formula as text."""
    code, told, notes = run(*hub, "--csv")
    lines = list(csv.DictReader(io.StringIO(told)))

    assert 0 == code
    assert "user groups exempt resource window_days used limit unit over refused" == " ".join(lines[0])
    (ann, *_) = [line for line in lines if line["user"] == "ann"]
    assert ["regular", "no", "memory", "30.0", "70.0", "60.0", "GiB-hours", "yes", "yes"] == list(ann.values())[1:]
    assert {"'=1+1", "ann", "bob", "eve", "zoe", "gone\x1b[31m"} == {line["user"] for line in lines}
    (gone, *_) = [line for line in lines if line["user"].startswith("gone")]
    assert ["", "", "", ""] == [gone[column] for column in ("groups", "exempt", "limit", "refused")]
    assert notes.startswith("1 user of the ledger is not shown by the hub, so the groups are not known.")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "\n=1", "\uff1d1"])
def test_no_cell_is_a_formula(name):
    assert f"'{name}" == safe_cell(name)


@pytest.mark.parametrize("value", ["ann", "a=1", "o'neill", "1+1", -1.5, ""])
def test_other_cells_stay_as_they_are(value):
    assert value == safe_cell(value)


def test_json_has_the_documented_fields(run, hub):
    code, told, _ = run(*hub, "--json")
    answer = json.loads(told)

    assert 0 == code
    assert "at as_of complete_since users groups known refused" == " ".join(answer)
    user, group = answer["users"][1], answer["groups"][1]
    assert "user groups exempt refused latest quotas" == " ".join(user)
    assert "resource window_seconds limit used remaining group over" == " ".join(user["quotas"][0])
    assert "group members refused quotas" == " ".join(group)
    assert "resource window_seconds limit median percentile_95 maximum over" == " ".join(group["quotas"][0])
    assert ("ann", True, 7 * 2**30) == (user["user"], user["refused"], user["latest"]["request"]["memory"])
    assert (5, 1) == (answer["known"], answer["refused"])


def test_nobody(run, folder):
    (folder / "nobody.jsonl").write_text("")
    main(["sessions", "import", "--ledger", "sqlite:///empty.sqlite", "nobody.jsonl"])

    assert "Nobody used anything." in run("--ledger", "sqlite:///empty.sqlite")[1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--user", "ann"], "not allowed with argument"),
        (["--group", "regular"], "--group is about one user; with --everybody the groups come from --hub-api"),
        (["--csv", "--json"], "--csv goes with --everybody, and not with --json"),
        (["--hub-api", "http://hub/"], "--hub-api needs a token"),
    ],
)
def test_options_that_do_not_fit(run, options, told):
    code, printed, complaint = run(*options)

    assert (2, "") == (code, printed)
    assert told in complaint


def test_not_known_is_3(run):
    """Of a ledger that is away, and of a hub that is away: nobody is then in no group."""
    assert 3 == run("--ledger", "sqlite:///away.sqlite")[0]


def test_a_hub_that_is_away_is_3(run, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "s3cret")

    assert (3, "", "Not known: the hub cannot be reached\n") == run("--hub-api", "http://127.0.0.1:9/hub/api")


def test_a_large_hub_does_not_take_long(run, folder):
    """Sessions are put to their users once, not looked through for each of them."""
    lines = (
        {**session(0, f"user{user}", 2, 1), "id": f"{user}/{number}", "start": 1_777_550_400 - 7200 - number * 9000}
        for user in range(500)
        for number in range(20)
    )
    (folder / "many.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    main(["sessions", "import", "--ledger", "sqlite:///many.sqlite", "many.jsonl"])
    start = time.monotonic()

    assert 501 < len(run("--ledger", "sqlite:///many.sqlite")[1].splitlines())
    assert 10 > time.monotonic() - start
