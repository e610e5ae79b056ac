"""The demo for a person: start the hub, say what to try, end everything on Ctrl-C."""

import argparse
import fcntl
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from demo_hub.check import check
from demo_hub.hub import BIN, HERE, DemoError, Hub, end_processes, free_port, is_free

FOLDER = HERE.parent.parent / ".cache" / "demo" / "hubs"
PORT = 8765

WHAT_TO_TRY = """
A hub with quotas is at  {url}  (only this machine can reach it)

Sign in with the password  {password}  as
  ann   of the group regular        eve   of no group: the default quota
  bob   of the group power: more    carl  an admin, exempt from quotas

Try as ann:
  1. Start a Medium server, and read what you have used and how long it can run. (Starts take ten seconds for that.)
  2. In another terminal, see what it uses while it runs:
     {status}
  3. Stop it (in JupyterLab: File > Hub Control Panel > Stop My Server) and start a Large one: it is refused, and you
     read why, up to which size one can start now, and when a Large one can start again: in less than 5 minutes.
  4. A refusal ends with a reference; see how it came about:
     {explain}
  5. Choose quota in the hub's menu Services ({url}/services/quota/): what is left, for how long that lasts,
     what comes back when, and where every number comes from. As carl you see everybody.
  6. Start a server with a GPU; sign in as the others; change the quotas, the hub reads them again:
     {policy}

Ctrl-C ends all of it. Each start begins anew.
"""


class Ended(BaseException):
    """Somebody wants the demo to end."""


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="ci/demo")
    parser.add_argument("--port", type=port, help=f"where the hub listens (default: {PORT})")
    parser.add_argument("--name", type=name, default="demo", help="keep it apart from others (default: demo)")
    parser.add_argument("--check", action="store_true", help="try it without a person")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup wants it ignored
            signal.signal(number, end)
    try:
        return check_all(options.port) if options.check else show(options.name, options.port or PORT)
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    except Ended:
        say_goodbye()
        return 1 if options.check else 0


def say_goodbye() -> None:
    """Say that all has ended; a terminal that was closed takes no more words, neither now nor when Python ends."""
    try:
        print("\nThe demo has ended.", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show(name: str, number: int) -> int:
    """Run the hub for a person, until somebody ends it."""
    folder = FOLDER / name
    with only_one(name):
        end_processes(folder)  # of a demo that was killed
        if not is_free(number):
            raise DemoError(f"Port {number} is in use; choose another one, for example ./ci/demo --port {number + 1}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        hub = Hub(folder, number)
        hub.policy.write_text((HERE / "policy.yaml").read_text(encoding="utf-8") + f"timezone: {local_zone()}\n")
        command = str(BIN / "jupyterhub-quota")
        whose = ["--policy", str(hub.policy), "--ledger", hub.ledger, "--user", "ann", "--group", "regular"]
        with ended_afterwards(hub):
            print("Starting the hub", flush=True)
            hub.start()
            words = {
                "url": hub.url,
                "password": hub.password,
                "status": shlex.join([command, "status", *whose]),
                "explain": shlex.join([command, "explain", str(hub.events), "--reference", "REFERENCE"]),
                "policy": hub.policy,
            }
            print(WHAT_TO_TRY.format(**words), flush=True)
            hub.wait()
    return 0


def check_all(number: int | None) -> int:
    """Run the hub without a person, in a folder of its own that stays if something is wrong."""
    folder = Path(tempfile.mkdtemp(prefix="check-", dir=FOLDER))
    # A person has to read; this one does not.
    hub = Hub(folder, number or free_port(), "--SizedSpawner.delay=1")
    with ended_afterwards(hub):
        passed = check(hub)
    if passed:
        shutil.rmtree(folder)
    return 0 if passed else 1


@contextmanager
def ended_afterwards(hub: Hub) -> Iterator[None]:
    """End all processes of *hub* afterwards, whatever happens, and whoever is impatient meanwhile."""
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        hub.end()


@contextmanager
def only_one(name: str) -> Iterator[None]:
    """
    Keep others from starting a demo of the same name.

    Raises:
        DemoError: one runs.
    """
    with (FOLDER / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError("The demo runs already, in another terminal; end that one first.") from None
        yield


def local_zone() -> str:
    """Return the name of this machine's time zone, in which people read a clock; UTC if it has none."""
    name = os.environ.get("TZ") or os.path.realpath("/etc/localtime").partition("/zoneinfo/")[2]
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return "UTC"


def port(text: str) -> int:
    """Return *text* as a port that users may listen on."""
    number = int(text) if text.isdecimal() else 0
    if not 1024 <= number <= 65535:  # noqa: PLR2004 - what ports are
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 1024 to 65535")
    return number


def name(text: str) -> str:
    """Return *text* as a name that can be one of a folder."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name; take small letters, digits and hyphens")
    return text


def end(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Called when a signal arrives."""
    raise Ended


if __name__ == "__main__":
    sys.exit(main())
