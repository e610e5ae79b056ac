"""The alerts as they are shipped, with their words replaced as the chart does it."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "helm-chart" / "jupyterhub-quota" / "files"
LEDGER = FILES / "rules" / "ledger.yaml"
QUOTA = FILES / "rules" / "alerts.yaml"
MAIN = FILES / "rules" / "alerts-main.yaml"
RUNBOOKS = "https://docs.example.org/runbooks.html"

WORDS = {
    "__NAMESPACE__": "hub",
    "__NAME__": "jupyterhub-quota",
    "__PODS_JOB__": "kube-state-metrics",
    "__WINDOW_SECONDS__": "3600",
    "__SCRAPE_SECONDS__": "30",
    "__RULE_SECONDS__": "60",
    "__DISK_BYTES__": "1000",
    "__ALERTMANAGERS__": "2",
    "__RUNBOOKS__": RUNBOOKS,
}


def shipped(path: Path) -> str:
    """Return the text of a file of rules with its words replaced."""
    text = path.read_text()
    for word, value in WORDS.items():
        text = text.replace(word, value)
    return text


def alerts() -> dict[str, dict[str, Any]]:
    """Return every alert by its name."""
    found: dict[str, dict[str, Any]] = {}
    for path in (QUOTA, MAIN):
        for group in yaml.safe_load(shipped(path))["groups"]:
            for rule in group["rules"]:
                if rule["alert"] in found:
                    raise ValueError(f"two alerts are called {rule['alert']}")
                found[rule["alert"]] = rule
    return found
