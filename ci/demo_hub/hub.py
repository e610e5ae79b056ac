"""The demo's processes: the hub, its proxy and single-user servers are started, found and ended together."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent

# Each process of a demo carries it in its environment, with the demo's folder: so all of them can be found.
MARK = "JUPYTERHUB_QUOTA_DEMO"
START_SECONDS = 60
END_SECONDS = 20


class DemoError(Exception):
    """The demo cannot go on; the message is for whoever started it."""


class Hub:
    """
    A hub that lives in *folder*, with all that it writes.

    Args:
        folder: is there, and belongs to this hub alone.
        port: where browsers reach it.
        settings: more arguments for JupyterHub.
    """

    def __init__(self, folder: Path, port: int, *settings: str) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.password = secrets.token_hex(4)
        self.policy = folder / "policy.yaml"
        self.ledger = f"sqlite:///{folder / 'quota.sqlite'}"
        self.events = folder / "events.log"
        self.log = folder / "hub.log"
        self._command = [
            str(BIN / "jupyterhub"),
            f"--config={HERE / 'jupyterhub_config.py'}",
            f"--JupyterHub.bind_url={self.url}",
            f"--JupyterHub.hub_bind_url=http://127.0.0.1:{free_port()}",
            f"--TraefikProxy.traefik_api_url=http://127.0.0.1:{free_port()}",
            *settings,
        ]
        self._service_url = f"http://127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """
        Start the hub and wait until it answers.

        Raises:
            DemoError: it does not.
        """
        with self.log.open("ab") as log:
            # In a session of its own, so that Ctrl-C reaches the demo alone, which then ends everything in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self._command,
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None:
                raise DemoError(f"The hub did not start. Its last word: {self._last_word()}\nIts log: {self.log}")
            if time.monotonic() > deadline:
                raise DemoError(f"The hub did not answer within {START_SECONDS} s. Its log: {self.log}")
            time.sleep(0.2)

    def wait(self) -> None:
        """
        Wait until the hub ends, which it does not do by itself.

        Raises:
            DemoError: it did.
        """
        if self._process is not None:
            self._process.wait()
        raise DemoError(f"The hub ended by itself. Its last word: {self._last_word()}\nIts log: {self.log}")

    def kill(self) -> None:
        """End hub and proxy as a crash would; the servers of its users go on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        for process in processes(self.folder):
            if process.name() == "traefik":
                process.kill()
                process.wait(5)

    def end(self) -> None:
        """End everything."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_SECONDS)
        end_processes(self.folder)

    def _answers(self) -> bool:
        try:
            # Through the proxy, as browsers do.
            return httpx.get(f"{self.url}/hub/health", trust_env=False).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def _environment(self) -> dict[str, str]:
        # The terminal that this runs in may be one of a JupyterHub itself.
        foreign = ("JUPYTER", "TRAEFIK")
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(foreign)},
            "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)]),
            "DEMO_PASSWORD": self.password,
            "DEMO_SERVICE_URL": self._service_url,
            MARK: str(self.folder),
        }

    def _last_word(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.is_file() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")


def processes(folder: Path) -> list[psutil.Process]:
    """Return what runs of the demo that lives in *folder*."""
    found = []
    for process in psutil.process_iter():
        # Those of others do not tell, and some have just ended.
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def end_processes(folder: Path) -> None:
    """End what runs of the demo that lives in *folder*, if need be by force."""
    for end in (psutil.Process.terminate, psutil.Process.kill):
        running = processes(folder)
        for process in running:
            with suppress(psutil.Error):
                end(process)
        psutil.wait_procs(running, timeout=5)


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether something can listen on *port*."""
    with socket.socket() as listener:
        # As servers do: a connection that has just ended is no hindrance.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
