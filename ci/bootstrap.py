"""
What the scripts in `ci/` need before they can do anything: a new enough Python and a few pinned tools.

Standard library only. This file and the scripts that import it must still be read by Python 3.6, so that an old Python
ends in a sentence and not in a traceback: hence the quoted annotations and the plain syntax.
"""

import glob
import os
import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

NEEDED = (3, 11)
MINORS = (11, 12, 13, 14)  # what is tested; newer ones may work
ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
PINS = ("uv==0.13.9", "tox==4.67.15", "tox-uv-bare==1.37.1")


def require_python(version: "tuple[int, ...]" = tuple(sys.version_info[:3])) -> None:
    """
    Go on with a Python that is new enough, or end with one sentence.

    Called by a script before anything else. An older Python than needed starts the script again with the first newer
    one that it finds on PATH or among pyenv's, and does not return.

    Args:
        version: what runs now; an argument so that a test can pretend.
    """
    if version[:2] >= NEEDED:
        return
    for minor in MINORS:
        newer = find_python(minor)
        if newer is not None:
            os.execv(newer, [newer] + sys.argv)  # noqa: S606, RUF005 - no shell is wanted; Python 3.6 reads this
    needed, found = (".".join(str(part) for part in numbers) for numbers in (NEEDED, version))
    sys.exit(f"Python {needed} or newer is needed; this is {found}, and neither PATH nor pyenv has a newer one.")


def find_python(minor: int) -> "str | None":
    """Return the path of a Python 3.*minor* that starts, or None."""
    for folder in search_path():
        candidate = os.path.join(folder, f"python3.{minor}")
        # A pyenv shim is there and executable, yet may end with "command not found".
        if os.access(candidate, os.X_OK) and runs(candidate):
            return candidate
    return None


def runs(python: str) -> bool:
    """Whether *python* is one: it starts and says so."""
    try:
        subprocess.check_output([python, "-c", "pass"], stderr=subprocess.DEVNULL)  # noqa: S603 - found by us
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def search_path() -> "list[str]":
    """Return the folders of PATH, then those of pyenv's Pythons."""
    pyenv = os.environ.get("PYENV_ROOT") or os.path.join(os.path.expanduser("~"), ".pyenv")
    versions = glob.glob(os.path.join(pyenv, "versions", "3.*", "bin"))
    versions.sort(key=lambda folder: [int(number) for number in re.findall(r"\d+", folder)])
    return [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder] + versions


def environment() -> "dict[str, str]":
    """Return the environment for what we start: the tools and every Python on PATH, nothing of another venv."""
    others = {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"}
    store = ssl.get_default_verify_paths()
    return {
        # uv brings certificates of its own; a machine may sit behind a proxy that only its own store knows.
        "UV_SYSTEM_CERTS": "1" if store.cafile or store.capath else "0",
        **{name: value for name, value in os.environ.items() if name not in others},
        "PATH": os.pathsep.join([str(tool("uv").parent), *search_path()]),
        # Pythons are the machine's: a download of a whole Python would come from a host that may not be reachable.
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
    }


def tool(name: str) -> Path:
    """Return the path of a pinned tool; `install_tools` puts it there."""
    return CACHE / "bootstrap" / "bin" / name


def install_tools() -> None:
    """
    Install the pinned tools into `.cache/bootstrap`, unless they are there.

    Ends the process with one sentence if that cannot be done.
    """
    folder = CACHE / "bootstrap"
    receipt = folder / "receipt"
    wanted = "\n".join([*PINS, sys.executable, sys.version])
    if receipt.is_file() and receipt.read_text() == wanted and runs(str(folder / "bin" / "python")):
        return
    print(f"Installing {', '.join(PINS)} into {folder.relative_to(ROOT)}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    done = quietly([sys.executable, "-m", "venv", str(folder)])
    if done.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        sys.exit(
            f"{sys.executable} cannot make virtual environments: install its venv module "
            f"(Debian and Ubuntu: apt install python3-venv) or use another Python.\nIt said: {last_line(done.stdout)}"
        )
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    done = quietly([*pip, "install", "--quiet", "--no-input", *PINS])
    if done.returncode != 0:
        sys.exit(
            f"{', '.join(PINS)} could not be installed: is the Python package index reachable?\n"
            f"pip said: {last_line(done.stdout)}"
        )
    receipt.write_text(wanted)


def quietly(command: "list[str]") -> "subprocess.CompletedProcess[str]":
    """Run *command* with its output kept for later."""
    return subprocess.run(  # noqa: S603 - our own commands
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, check=False
    )


def last_line(text: str) -> str:
    """Return the last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "nothing")
