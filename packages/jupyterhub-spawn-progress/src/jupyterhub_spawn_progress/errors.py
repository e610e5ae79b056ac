"""
How a start that is given up reads, on every page and in the API of both versions of JupyterHub.

JupyterHub shows `jupyterhub_message` as text and `jupyterhub_html_message` as HTML, so both are always set.
"""

from html import escape
from typing import Any

from tornado.web import HTTPError

from .failure import Verdict

try:
    from jupyterhub.spawner import SpawnException
except ImportError:  # JupyterHub 5
    SpawnException = None


if SpawnException is not None:

    class StartFailedError(SpawnException):  # type: ignore[misc]  # JupyterHub ships no types
        """A start that could not succeed, ended early. Attributes as JupyterHub reads them."""

        def __init__(self, text: str, reason: str) -> None:
            super().__init__(text, reason=reason, message_html=escape(text))
            self.jupyterhub_message = text
            self.jupyterhub_html_message = escape(text)

else:

    class StartFailedError(HTTPError):  # type: ignore[no-redef]
        """A start that could not succeed, ended early. Attributes as JupyterHub reads them."""

        def __init__(self, text: str, reason: str) -> None:
            # JupyterHub 5 answers API requests with the log message, and tornado formats it.
            super().__init__(400, text.replace("%", "%%"), reason=reason)
            self.jupyterhub_message = text
            self.jupyterhub_html_message = escape(text)


class StartTimeoutError(TimeoutError):
    """A start that took longer than the hub waits, with what it was waiting for last."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.jupyterhub_message = text
        self.jupyterhub_html_message = escape(text)


def start_failed(verdict: Verdict, spawner: Any) -> StartFailedError:
    """
    Return the exception that ends the start of *spawner* for *verdict*.

    JupyterHub 5 counts every failed start and shuts the hub down after a few in a row. A start that is known to be
    hopeless says nothing against the hub, so it is taken out of the count, as JupyterHub 6 does by itself.
    """
    if SpawnException is None:
        _take_out_of_count(spawner)
    return StartFailedError(verdict.text, verdict.name)


def _take_out_of_count(spawner: Any) -> None:
    spawner.consecutive_failure_limit = 0
    handler = getattr(spawner, "handler", None)
    if handler is not None:
        handler.settings["failure_count"] = handler.settings.get("failure_count", 0) - 1
