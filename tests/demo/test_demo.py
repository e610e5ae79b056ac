"""The demo as a person starts it: whatever ends it ends all of it, and what is in the way is said in a sentence."""

import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "ci"))

from demo_hub.browser import Browser  # noqa: E402 - found only now
from demo_hub.hub import free_port, processes  # noqa: E402

# A demo of its own, beside one that somebody may be looking at.
NAME = "test"
FOLDER = ROOT / ".cache" / "demo" / "hubs" / NAME


class Demo:
    """A demo in a terminal."""

    def __init__(self, port):
        self.said = ""
        self.url = f"http://127.0.0.1:{port}"
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as in a shell, also where nohup started these tests
            os.execv(ROOT / "ci" / "demo", ["ci/demo", "--name", NAME, "--port", str(port)])  # noqa: S606 - as a shell
        while "Ctrl-C ends all of it" not in self.said:
            self.said += os.read(self.terminal, 10_000).decode()

    def launch(self):
        """Start a server as ann and wait until it is ready."""
        with closing(Browser(self.url, "ann", re.search(r"password\s+(\w+)", self.said)[1])) as ann:
            ann.choose("small")
            assert ann.progress()[-1]["ready"]

    def exit_code(self):
        """Wait until the demo itself has ended."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def demo():
    """Return a demo; what a test leaves of it is killed."""
    demo = Demo(free_port())
    yield demo
    for process in processes(FOLDER):
        process.kill()


def running():
    """Return the names of what runs."""
    return sorted(process.name() for process in processes(FOLDER))


def test_ctrl_c_ends_all_of_it(demo):
    """A key press, with a server running."""
    demo.launch()
    assert 3 <= len(running())

    os.write(demo.terminal, b"\x03")

    assert 0 == demo.exit_code()
    assert [] == running()


def test_sigterm_ends_all_of_it(demo):
    """As a supervisor would."""
    os.kill(demo.pid, signal.SIGTERM)

    assert 0 == demo.exit_code()
    assert [] == running()


def test_a_closed_terminal_ends_all_of_it(demo):
    """Nobody is there any more to read a last word."""
    os.close(demo.terminal)

    assert 0 == demo.exit_code()
    assert [] == running()


def test_what_a_killed_demo_left_ends_at_the_next_start(demo):
    """Nothing can be done at the time."""
    os.kill(demo.pid, signal.SIGKILL)
    demo.exit_code()
    left = {process.pid for process in processes(FOLDER)}
    assert left

    again = Demo(free_port())

    assert left.isdisjoint(process.pid for process in processes(FOLDER))
    os.kill(again.pid, signal.SIGINT)
    assert 0 == again.exit_code()


def test_a_hub_that_dies_is_told(demo):
    """With the path of its log, and the proxy ends too."""
    hub = next(process for process in processes(FOLDER) if process.ppid() == demo.pid)
    hub.kill()
    deadline = time.monotonic() + 20
    while "hub.log" not in demo.said.partition("Ctrl-C ends")[2] and time.monotonic() < deadline:
        demo.said += os.read(demo.terminal, 10_000).decode()

    assert 1 == demo.exit_code()
    assert "The hub ended by itself." in demo.said
    assert [] == running()


class TestWhatIsInTheWay:
    """One sentence says what to do."""

    def start(self, *arguments):
        return subprocess.run(
            [ROOT / "ci" / "demo", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    def test_a_port_that_is_in_use(self):
        """Somebody listens there."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]

            done = self.start("--name", NAME, "--port", str(port))

        assert 1 == done.returncode
        assert f"Port {port} is in use; choose another one, for example ./ci/demo --port {port + 1}\n" == done.stderr

    def test_a_demo_that_runs_already(self, demo):
        """In another terminal."""
        done = self.start("--name", NAME, "--port", str(free_port()))

        assert (1, "The demo runs already, in another terminal; end that one first.\n") == (
            done.returncode,
            done.stderr,
        )

    def test_a_download_that_fails(self, tmp_path):
        """Nothing listens at that index; nothing half installed is taken for the whole later."""
        shutil.copytree(ROOT / "ci", tmp_path / "ci")
        for project in ROOT.glob("packages/*/pyproject.toml"):
            (tmp_path / "packages" / project.parent.name).mkdir(parents=True)
            shutil.copy(project, tmp_path / "packages" / project.parent.name)
        (tmp_path / ".cache").mkdir()
        (tmp_path / ".cache" / "bootstrap").symlink_to(ROOT / ".cache" / "bootstrap")
        nowhere = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0", "UV_NO_CACHE": "1"}

        done = subprocess.run(
            [tmp_path / "ci" / "demo"], env=os.environ | nowhere, capture_output=True, text=True, check=False
        )

        assert 1 == done.returncode
        assert done.stderr.startswith(
            "The demo could not be installed: are the package registries reachable?\nuv said: "
        )
        assert not (tmp_path / ".cache" / "demo" / "env" / "receipt").exists()

    @pytest.mark.parametrize("port", ["80", "eight", "65536", ""])
    def test_no_port(self, port):
        """Exit code 2."""
        done = self.start("--port", port)

        assert 2 == done.returncode
        assert f"{port!r} is no port from 1024 to 65535" in done.stderr
