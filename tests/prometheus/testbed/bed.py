"""The test bed: a scripted cluster, kube-state-metrics, Prometheus, and the truth to compare with."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from programs import program
from testbed.cluster import Cluster
from testbed.process import Process, free_port
from testbed.queries import query, seen
from testbed.shipped import kube_state_metrics_arguments, write_configuration

if TYPE_CHECKING:
    from testbed.reading import Reading

Answer = TypeVar("Answer")


class Bed(Cluster):
    """
    A scripted cluster with the programs, from entering the context to leaving it.

    Args:
        folder: for data and logs, empty.
        namespaces: those of the hub; others exist and are not its business.
        watched: the namespaces that kube-state-metrics shows, where it shows more than the hub's.
        interval: how often Prometheus scrapes and evaluates; None as shipped.
        without: flags that kube-state-metrics is started without, for a cluster that is wired wrongly.
        port: of Prometheus, 0 for a free one.
        remote_write: where Prometheus writes the ledger to as well.
    """

    def __init__(
        self,
        folder: Path,
        *,
        namespaces: tuple[str, ...] = ("hub",),
        watched: tuple[str, ...] = (),
        interval: str | None = "1s",
        without: tuple[str, ...] = (),
        port: int = 0,
        remote_write: str | None = None,
    ) -> None:
        super().__init__(namespaces)
        self.folder = folder
        self._watched = watched or namespaces
        self._interval = interval
        self._without = without
        self._port = port
        self._remote_write = remote_write
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.api)
            self.kube_state_metrics = self._kube_state_metrics("kube-state-metrics")
            self.second_kube_state_metrics = self._kube_state_metrics("second-kube-state-metrics")
            self.prometheus = self._prometheus()
            for process in (self.kube_state_metrics, self.second_kube_state_metrics, self.prometheus):
                stack.callback(process.stop)
            self.add_hub()
            started = [self.kube_state_metrics.start(), self.prometheus.start()]
            for process in started:
                process.wait_until_ready()
            self.wait_until_scraped()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def read(self, user: str | None = None, **options: Any) -> "Reading":
        """Return what our ledger says of *user*, or of everybody."""
        from testbed.reading import read  # noqa: PLC0415 - the rest of the test bed does without what must be installed

        return read(self.url, user, **options)

    def query(self, promql: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        return query(self.url, promql)

    def wait_until_scraped(self, seconds: float = 30) -> None:
        """Wait until Prometheus sees a kube-state-metrics, which takes it some seconds after a start."""
        _until(
            lambda: query(self.url, 'up{job="kube-state-metrics"} == 1'),
            seconds,
            "Prometheus saw no kube-state-metrics",
        )

    def settle(self, seconds: float = 30) -> float:
        """Wait until the ledger knows what is now; return as of when it does."""
        asked = time.time()

        def known() -> float | None:
            as_of = seen(self.url)
            return as_of if as_of is not None and as_of >= asked else None

        return _until(known, seconds, "the ledger did not reach the present")

    # The programs.

    def _kube_state_metrics(self, name: str) -> Process:
        port, telemetry = free_port(), free_port()
        command = [
            str(program("kube-state-metrics")),
            *(each for each in kube_state_metrics_arguments(self._watched) if each.split("=")[0] not in self._without),
            f"--apiserver={self.api.url}",
            "--host=127.0.0.1",
            f"--port={port}",
            "--telemetry-host=127.0.0.1",
            f"--telemetry-port={telemetry}",
        ]
        process = Process(name, command, f"http://127.0.0.1:{port}/livez", self.folder / f"{name}.log")
        self._targets = (*getattr(self, "_targets", ()), (f"127.0.0.1:{port}", f"127.0.0.1:{telemetry}"))
        return process

    def _prometheus(self) -> Process:
        address = f"127.0.0.1:{self._port or free_port()}"
        self.url = f"http://{address}"
        configuration = write_configuration(
            self.folder,
            prometheus=address,
            kube_state_metrics=tuple(target for target, _ in self._targets),
            telemetry=tuple(telemetry for _, telemetry in self._targets),
            namespaces=self.namespaces,
            interval=self._interval,
            remote_write=self._remote_write,
        )
        command = [
            str(program("prometheus")),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={address}",
            "--log.level=warn",
        ]
        return Process("prometheus", command, f"{self.url}/-/ready", self.folder / "prometheus.log")


def _until(question: Callable[[], Answer | None], seconds: float, failure: str) -> Answer:
    """Ask again and again until there is an answer; *failure* if there is none within *seconds*."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):  # not there yet
            if answer := question():
                return answer
        time.sleep(0.1)
    raise TimeoutError(f"{failure} within {seconds:.0f} s")
