"""A recorded start, printed as a user would read it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jupyterhub_spawn_progress.__main__ import main

RECORDED = Path(__file__).parent / "recorded"
NOT_FOUND = """\
A machine has been found for your server.
Your environment is being downloaded. The first time on a machine this usually takes 1 to 5 minutes.
Your environment cannot be downloaded. Trying again.
would end after 15 s: Your server cannot start, because no environment of that name can be found. If you typed the \
name yourself, check it; otherwise tell your hub's admins that the name is wrong.
"""
UNREADABLE = (
    'This is not a recorded start: give what "kubectl get events -o json" prints, events as JSON Lines, or an object '
    'with "pod" and "events".\n'
)


@pytest.fixture
def recording():
    return json.loads((RECORDED / "c2-image-not-found.json").read_text())


def test_pod_and_events(capsys):
    """One message a line, the verdict last."""
    assert 0 == main([str(RECORDED / "c2-image-not-found.json")])

    assert NOT_FOUND == capsys.readouterr().out


def test_what_kubectl_prints(capsys, recording, tmp_path):
    """A list of events."""
    file = tmp_path / "events.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": recording["events"]}))

    assert 0 == main([str(file)])
    assert NOT_FOUND == capsys.readouterr().out


def test_pods_and_events_of_kubectl(capsys, recording, tmp_path):
    """With the pod among them, its status counts."""
    pod = {"kind": "Pod", **recording["pod"]}
    file = tmp_path / "both.json"
    file.write_text(json.dumps({"kind": "List", "items": [pod, *recording["events"]]}))

    assert 0 == main([str(file)])
    assert NOT_FOUND == capsys.readouterr().out


def test_json_lines(capsys, recording, tmp_path):
    """One event a line."""
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(json.dumps(event) for event in recording["events"]))

    assert 0 == main([str(file)])
    assert NOT_FOUND == capsys.readouterr().out


def test_standard_input(recording):
    """Nothing else is needed for it than the package."""
    command = [sys.executable, "-m", "jupyterhub_spawn_progress"]

    done = subprocess.run(command, input=json.dumps(recording), capture_output=True, text=True, check=True)

    assert NOT_FOUND == done.stdout


def test_details(capsys):
    """The technical text behind each line."""
    main(["--details", str(RECORDED / "a-normal.json")])

    expected = (
        "A machine has been found for your server. "
        "[default-scheduler Scheduled: Successfully assigned ev/a-normal to node-1]"
    )
    assert expected == capsys.readouterr().out.splitlines()[0]


def test_several_pods(capsys, tmp_path):
    """Each under its name."""
    names = ("a-normal", "zd-with-pvc")
    events = [event for name in names for event in json.loads((RECORDED / f"{name}.json").read_text())["events"]]
    file = tmp_path / "events.json"
    file.write_text(json.dumps({"items": events}))

    main([str(file)])

    assert ["a-normal:", "zd-with-pvc:"] == [
        line for line in capsys.readouterr().out.splitlines() if line.endswith(":")
    ]


def test_own_rules(capsys, tmp_path):
    """For admins who write some."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [{name: scheduled, text: Off we go.}]")

    main(["--rules", str(rules), str(RECORDED / "a-normal.json")])

    assert "Off we go." == capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize("text", ["", "hello", "[1, 2]", "{}", '{"items": {}}', '{"events": [5]}', '{"kind": "Node"}'])
def test_other_input(capsys, tmp_path, text):
    """One clear sentence."""
    file = tmp_path / "file"
    file.write_text(text)

    assert 2 == main([str(file)])
    assert UNREADABLE == capsys.readouterr().err


def test_no_such_file(capsys):
    """Another one."""
    assert 2 == main(["no-such-file"])
    assert "no-such-file cannot be read: No such file or directory.\n" == capsys.readouterr().err


def test_not_a_text(capsys, tmp_path):
    """And for what is no text at all."""
    file = tmp_path / "file"
    file.write_bytes(b"\xff\xfe\x00")

    assert 2 == main([str(file)])
    assert f"{file} is not a text.\n" == capsys.readouterr().err
