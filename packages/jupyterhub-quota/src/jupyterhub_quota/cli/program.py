"""
Run a command: from arguments to an exit code.

0 is yes, 1 is no, 2 is wrong input, 3 is not known. Whatever goes wrong on purpose is said on stderr, without a
traceback.
"""

import os
import sys
from collections.abc import Sequence

from jupyterhub_quota.cli import brake, check, doctor, explain, policy, running, sessions, status
from jupyterhub_quota.cli.options import Parser
from jupyterhub_quota.errors import PolicyError, QuotaError, UnavailableError

WRONG_INPUT = 2
NOT_KNOWN = 3
# As a shell counts what a signal ended.
INTERRUPTED = 130
PIPE_CLOSED = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the command that *arguments* name, those of the process where none are given.

    Returns:
        The exit code.
    """
    try:
        try:
            # A name that the terminal's encoding lacks is shown escaped; it is no reason to fail.
            for stream in (sys.stdout, sys.stderr):
                if hasattr(stream, "reconfigure"):
                    stream.reconfigure(errors="backslashreplace")
            options = parser().parse_args(arguments)
            code: int = options.run(options)
            return code
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return PIPE_CLOSED
    except PolicyError as error:
        return _failed(*error.problems, code=WRONG_INPUT)
    except UnavailableError as error:
        return _failed(f"Not known: {error}", code=NOT_KNOWN)
    except QuotaError as error:
        return _failed(str(error), code=WRONG_INPUT)
    except OSError as error:
        _drop_output()
        return _failed(f"The output could not be written: {error.strerror}", code=WRONG_INPUT)


def parser() -> Parser:
    """Return the parser of all commands; what it returns has the function `run`."""
    program = Parser(
        prog="jupyterhub-quota",
        description="Who may start which server, who has used what, and why: the hub's own answers.",
        epilog="Exit codes: 0 yes, 1 no, 2 wrong input, 3 not known.",
    )
    commands = program.add_subparsers(metavar="COMMAND", required=True)
    for part in (check, status, sessions, policy, running, brake, doctor, explain):
        part.add_to(commands)
    return program


def _failed(*sentences: str, code: int) -> int:
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return code


def _drop_output() -> None:
    """Send what is still to be written nowhere, or Python tries again at its end and complains."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
