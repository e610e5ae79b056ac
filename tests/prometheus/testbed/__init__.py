"""
A scripted cluster under the real kube-state-metrics and the real Prometheus, with the files that the chart ships.

    with Bed(folder) as bed:
        pod = bed.start_pod(user="ann", memory=4 * GIB)
        bed.prometheus.kill()
        ...
        bed.delete(pod)
        bed.settle()
        assert bed.truth("ann").memory == ...
"""

from testbed.bed import Bed
from testbed.pods import GIB, Held, Pod
from testbed.process import Process, free_port
from testbed.victoria import victoria_metrics

__all__ = [
    "GIB",
    "Bed",
    "Held",
    "Pod",
    "Process",
    "free_port",
    "victoria_metrics",
]
