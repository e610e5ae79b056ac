"""Histories on disk, written once and kept in `.cache/bench`, and the Prometheus that serves one."""

import contextlib
import fcntl
import json
import shutil
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from programs import program
from series import heartbeat, joined, recorded, shown
from sessions import AGE, Session, sessions
from testbed.process import Process, free_port
from writing import Cadence, stream

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "bench"
# To be changed whenever other samples are written, so that what is kept is written anew.
EDITION = 1
LEDGER = Cadence(60, AGE, recorded)
# Which of the series that kube-state-metrics shows are there, too.
SHOWN = {
    "": (),  # none
    "joined": (Cadence(60, 0, joined),),  # what the published form reads, at the rules' pace
    "all": (Cadence(30, 0, shown),),  # everything, at the pace of the scrape as shipped
}
CONFIGURATION = "global: {}\n"
QUIET_SECONDS = 5
QUIET_SHARE = 0.1  # of one core


@dataclass(frozen=True, slots=True)
class History:
    """
    A history: of how many users, how long, and what it holds besides the ledger.

    Attributes:
        users: how many.
        days: how long.
        shown: a key of SHOWN.
    """

    users: int
    days: int
    shown: str = ""

    @property
    def key(self) -> str:
        """The name of its folder."""
        parts = [f"{self.users}-users", f"{self.days}-days", self.shown, f"edition-{EDITION}"]
        return "-".join(part for part in parts if part)

    @property
    def folder(self) -> Path:
        """Where it lies once it is written."""
        return CACHE / self.key

    def sessions(self) -> list[Session]:
        """Return the truth."""
        return sessions(self.users, self.days)

    def written(self) -> dict[str, float]:
        """Return what was noted when it was written: samples, seconds, bytes."""
        return dict(json.loads((self.folder / "written.json").read_text()))


def write(history: History, say: Callable[[str], None]) -> None:
    """Write *history* unless it is there."""
    if history.folder.exists():
        return
    folder = history.folder.with_suffix(".unfinished")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say(f"Writing {history.key}, once")
    began = time.monotonic()
    with _running(folder, history.days, "--web.enable-remote-write-receiver") as (url, _):
        address = url.removeprefix("http://")
        cadences = (LEDGER, *SHOWN[history.shown])
        samples = stream(address, history.sessions(), history.days, heartbeat(), cadences, say)
        _wait_until_quiet(url)
    blocks = [path for block in (folder / "data").glob("01*") for path in block.rglob("*") if path.is_file()]
    note = {
        "samples": samples,
        "seconds": round(time.monotonic() - began),
        "bytes": sum(path.stat().st_size for path in blocks),
    }
    (folder / "written.json").write_text(json.dumps(note))
    folder.rename(history.folder)
    say(f"  {samples / 1e6:.1f} million samples in {note['seconds']} s, {note['bytes'] / 1e6:.0f} MB of blocks")


@contextlib.contextmanager
def serve(history: History) -> Iterator[tuple[str, "Prometheus"]]:
    """Serve a written *history*: the address and the process. Nobody else may meanwhile."""
    with (CACHE / f".{history.key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _running(history.folder, history.days) as served:
            _wait_until_quiet(served[0], seconds=1)
            yield served


def metric(url: str, name: str) -> float:
    """Return what the Prometheus at *url* tells of itself, summed over labels."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:  # noqa: S310 - on this machine
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split(" ")[0] == name)


def questions(url: str) -> float:
    """Return how many queries the Prometheus at *url* has answered."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:  # noqa: S310 - on this machine
        lines = answer.read().decode().splitlines()
    counts = (line for line in lines if line.startswith("prometheus_http_requests_total{"))
    return sum(float(line.split()[-1]) for line in counts if 'handler="/api/v1/query"' in line)


def log_queries(url: str, process: "Prometheus", folder: Path, log: Path | None) -> None:
    """Let the Prometheus of *folder* write its queries, with the time they take, to *log*; None: no longer."""
    text = f"global: {{query_log_file: {json.dumps(str(log))}}}\n" if log else CONFIGURATION
    (folder / "prometheus.yaml").write_text(text)
    before = metric(url, "prometheus_config_last_reload_success_timestamp_seconds")
    time.sleep(1)  # the time of the last reload has whole seconds
    process.reload()
    while metric(url, "prometheus_config_last_reload_success_timestamp_seconds") == before:
        time.sleep(0.05)


@contextlib.contextmanager
def _running(folder: Path, days: int, *flags: str) -> Iterator[tuple[str, "Prometheus"]]:
    """Run Prometheus on the data in *folder*, with no rules and nothing to scrape."""
    address = f"127.0.0.1:{free_port()}"
    configuration = folder / "prometheus.yaml"
    configuration.write_text(CONFIGURATION)
    command = [
        str(program("prometheus")),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--storage.tsdb.retention.time={max(62, days + 2)}d",
        f"--web.listen-address={address}",
        "--log.level=warn",
        *flags,
    ]
    process = Prometheus("prometheus", command, f"http://{address}/-/ready", folder / "prometheus.log")
    process.start()
    try:
        process.wait_until_ready()
        yield f"http://{address}", process
    finally:
        process.stop()


class Prometheus(Process):
    """A Prometheus that can be told to read its configuration again."""

    def reload(self) -> None:
        """Read it again."""
        self._signal(signal.SIGHUP)


def _wait_until_quiet(url: str, seconds: float = QUIET_SECONDS) -> None:
    """Wait until it has nothing left to compact and does nothing."""
    while True:
        before, began = metric(url, "process_cpu_seconds_total"), time.monotonic()
        time.sleep(seconds)
        share = (metric(url, "process_cpu_seconds_total") - before) / (time.monotonic() - began)
        if share < QUIET_SHARE:
            return
