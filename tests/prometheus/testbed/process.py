"""A program that is started, watched, paused, killed and started again."""

import contextlib
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

READY_SECONDS = 60
STOP_SECONDS = 20


def free_port() -> int:
    """Return a port on which nothing listens, outside the range that outgoing connections take theirs from."""
    while True:
        port = random.randrange(20000, 32000)  # noqa: S311 - any will do
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port


@dataclass(slots=True)
class Process:
    """A program with an address that answers once it is ready."""

    name: str
    command: list[str]
    ready_url: str
    log: Path
    running: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> Self:
        """Start it; `wait_until_ready` waits for it."""
        # In a group of its own: Ctrl-C is for us, who then end it.
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, process_group=0
            )
        return self

    def wait_until_ready(self) -> Self:
        """Wait until it answers; it says why in its log where it does not."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.running and self.running.poll() is None:
            try:
                with urllib.request.urlopen(self.ready_url, timeout=2):  # noqa: S310 - on this machine
                    return self
            except (OSError, urllib.error.URLError):
                time.sleep(0.05)
        raise RuntimeError(f"{self.name} did not become ready:\n{self.log.read_text()[-2000:]}")

    def pause(self) -> None:
        """Stop it where it is: whoever asks it waits in vain."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a warning."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order, or without a warning if that takes too long."""
        if self.running and self.running.poll() is None:
            self.resume()
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """End it in order and wait until it is ready again."""
        self.stop()
        self.start().wait_until_ready()

    def _signal(self, number: signal.Signals) -> None:
        assert self.running, f"{self.name} was not started"
        self.running.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self.running is None:
            return
        self._signal(number)
        try:
            self.running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
        self.running = None
