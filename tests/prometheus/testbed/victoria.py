"""VictoriaMetrics, which a Prometheus can write the ledger to."""

from pathlib import Path

from programs import program
from testbed.process import Process, free_port


def victoria_metrics(folder: Path) -> tuple[Process, str]:
    """Return VictoriaMetrics with its data in *folder*, not started yet, and its address."""
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(program("victoria-metrics")),
        f"-httpListenAddr={address}",
        f"-storageDataPath={folder / 'victoria-metrics'}",
        "-retentionPeriod=400d",
    ]
    process = Process("victoria-metrics", command, f"http://{address}/health", folder / "victoria-metrics.log")
    return process, f"http://{address}"
