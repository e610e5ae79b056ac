"""The cluster, through the programs that an admin has: kubectl and helm."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml


class CommandError(Exception):
    """A command of ours failed; what it said is in the text."""


def run(*command: str | Path, given: str | None = None, minutes: float = 5) -> str:
    """
    Run a program and return what it printed.

    Raises:
        CommandError: it ended with another exit code than 0, or did not end.
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=60 * minutes,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{command[0]} did not end within {minutes:g} minutes: {command}") from error
    if done.returncode:
        raise CommandError(f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


class Namespace:
    """One namespace of the cluster, and what is in it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def kubectl(self, *arguments: str | Path, given: str | None = None, minutes: float = 5) -> str:
        """Run kubectl in this namespace."""
        return run("kubectl", "--namespace", self.name, *arguments, given=given, minutes=minutes)

    def get(self, kind: str, *arguments: str) -> Any:
        """Return an object, or the objects of a kind, as the API has them."""
        found = json.loads(self.kubectl("get", kind, *arguments, "--output", "json"))
        return found.get("items", found)

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create or change *objects*."""
        self.kubectl("apply", "--filename", "-", given=yaml.safe_dump_all(objects))

    def apply_file(self, path: Path, **names: str) -> None:
        """Create or change the objects in a file, in which `${name}` stands for one of *names*."""
        text = path.read_text()
        for name, value in names.items():
            text = text.replace(f"${{{name}}}", value)
        self.kubectl("apply", "--filename", "-", given=text)

    def pods(self, selector: str) -> list[dict[str, Any]]:
        """Return the pods with these labels."""
        found: list[dict[str, Any]] = self.get("pods", "--selector", selector)
        return found

    def helm(self, *arguments: str | Path, values: dict[str, Any] | None = None, minutes: float = 10) -> str:
        """Run helm in this namespace, *values* given as a file."""
        if values is None:
            return run("helm", *arguments, "--namespace", self.name, minutes=minutes)
        given = yaml.safe_dump(values)
        return run("helm", *arguments, "--namespace", self.name, "--values", "-", given=given, minutes=minutes)

    def rolled_out(self, *workloads: str, minutes: float = 8) -> None:
        """Wait until *workloads* ("deployment/hub") run as they should."""
        for workload in workloads:
            self.kubectl("rollout", "status", workload, f"--timeout={60 * minutes:.0f}s", minutes=minutes + 1)

    def report(self) -> str:
        """Return what helps to understand a failure: states, events and the last lines of every log."""
        parts = [
            self._told("get", "pods,jobs,pvc", "--output", "wide"),
            self._told("get", "events", "--sort-by", ".lastTimestamp"),
        ]
        for pod in json.loads(self._told("get", "pods", "--output", "json") or "{}").get("items", []):
            name = pod["metadata"]["name"]
            parts.append(f"--- {name}\n" + self._told("logs", name, "--all-containers", "--tail", "60"))
            if any(status.get("restartCount") for status in pod.get("status", {}).get("containerStatuses", [])):
                parts.append(f"--- {name}, before\n" + self._told("logs", name, "--previous", "--tail", "30"))
        return "\n".join(parts)

    def _told(self, *arguments: str) -> str:
        try:
            return self.kubectl(*arguments, minutes=1)
        except CommandError as error:
            return "" if "json" in arguments else str(error)


def node_address() -> str:
    """Return an address at which the cluster's node ports answer."""
    nodes = json.loads(run("kubectl", "get", "nodes", "--output", "json"))["items"]
    found = (
        entry["address"] for node in nodes for entry in node["status"]["addresses"] if entry["type"] == "InternalIP"
    )
    return next(found)


def missing() -> str:
    """Return what is missing for these tests, in a sentence, or nothing."""
    absent = [name for name in ("KUBECONFIG", "LOAD_IMAGES") if not os.environ.get(name)]
    if absent:
        return f"There is no cluster for these tests: set {' and '.join(absent)}; docs/end-to-end.md says how."
    for command in (("kubectl", "get", "nodes"), ("helm", "version"), ("docker", "version")):
        try:
            run(*command, minutes=0.5)
        except (CommandError, OSError) as error:
            return f"'{' '.join(command)}' fails, and these tests need it: {error}"
    return ""
