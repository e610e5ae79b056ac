"""The local Prometheus of contributors, in one command."""

import re
import signal
import subprocess
import sys
from pathlib import Path

from testbed.reading import read

COMMAND = Path(__file__).resolve().parents[2] / "ci" / "prometheus"


def test_it_starts_answers_and_ends():
    """An hour of history and servers that run; Ctrl-C ends it in order."""
    with subprocess.Popen(
        [sys.executable, COMMAND, "--port", "0"], stdout=subprocess.PIPE, text=True, process_group=0
    ) as running:
        said = "".join(iter(running.stdout.readline, "Ctrl-C ends it.\n"))
        url = re.search(r"--ledger (\S+)", said)[1]
        everybody = read(url, window="2h")
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=30)

    assert 0 == running.returncode
    assert {"ann", "bob", "cid", "maria@example.org"} == {row.user for row in everybody.rows}
    assert {"ann", "cid"} == {row.user for row in everybody.alive()}
    assert 3600 < everybody.as_of - everybody.complete_since < 4000
