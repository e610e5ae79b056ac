"""
The files that the chart ships, with their words replaced and, for tests, shorter intervals.

They are changed as text, as the chart does it: standard library only.
"""

import re
import shutil
from pathlib import Path

FILES = Path(__file__).resolve().parents[3] / "helm-chart" / "jupyterhub-quota" / "files"


def kube_state_metrics_arguments(namespaces: tuple[str, ...]) -> list[str]:
    """Return the arguments of kube-state-metrics for *namespaces*."""
    text = (FILES / "kube-state-metrics.yaml").read_text().replace("__NAMESPACES__", ",".join(namespaces))
    return re.findall(r"^  - (--.*)$", text, re.MULTILINE)


def write_configuration(
    folder: Path,
    *,
    prometheus: str,
    kube_state_metrics: tuple[str, ...],
    telemetry: tuple[str, ...],
    namespaces: tuple[str, ...],
    interval: str | None = None,
    remote_write: str | None = None,
) -> Path:
    """
    Write the configuration of Prometheus and its rules into *folder*.

    Args:
        folder: where; rules lie in a folder below it, as in the chart.
        prometheus: host:port of Prometheus.
        kube_state_metrics: host:port of each kube-state-metrics.
        telemetry: host:port at which each tells of itself.
        namespaces: those of the hub.
        interval: how often to scrape and to evaluate, where it is not to be as shipped.
        remote_write: where the ledger is written to as well.

    Returns:
        The path of the configuration.
    """
    words = {
        "__PROMETHEUS__": prometheus,
        "__KUBE_STATE_METRICS__": '", "'.join(kube_state_metrics),
        "__KUBE_STATE_METRICS_TELEMETRY__": '", "'.join(telemetry),
        "__NAMESPACES__": "|".join(namespaces),
    }
    text = (FILES / "prometheus.yaml").read_text()
    for word, value in words.items():
        text = text.replace(word, value)
    if interval:
        text = re.sub(
            r"^(  (?:scrape|evaluation)_(?:interval|timeout)): .*$", rf"\1: {interval}", text, flags=re.MULTILINE
        )
    if remote_write:
        text += f"""
remote_write:
  - url: {remote_write}
    write_relabel_configs:
      - {{action: keep, source_labels: [__name__], regex: "jupyterhub_quota:.*"}}
"""
    # Alerts have words of their own, and tests of their own in tests/alerts.
    without_alerts = shutil.ignore_patterns("alerts*")
    shutil.copytree(FILES / "rules", folder / "rules", dirs_exist_ok=True, ignore=without_alerts)
    path = folder / "prometheus.yaml"
    path.write_text(text)
    return path
