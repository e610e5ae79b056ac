"""The local Prometheus of contributors, in one command."""

import re
import signal
import subprocess
import sys
import time
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
        everybody = read(url, since=time.time() - 7200)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=30)

    assert 0 == running.returncode
    assert {"ann", "bob", "cid", "maria@example.org"} == {session.user for session in everybody.sessions}
    assert {"ann", "cid"} == {session.user for session in everybody.alive()}
    assert 3600 < everybody.as_of - everybody.complete_since < 4000
