"""
An exception that reads well on every page of the hub, and is no failure to it.

Which attribute is read where differs by page and version, so every one of them is set.
"""

import re
from html import escape
from typing import Any

import jupyterhub
from tornado import web

_SENTENCE_ENDS = re.compile(r"(?<=[.!?]) (?=[A-Z(])")

IS_6 = jupyterhub.version_info >= (6,)

if IS_6:
    from jupyterhub.spawner import SpawnException as _Base
else:
    _Base = web.HTTPError


class LaunchRefusedError(_Base):  # type: ignore[misc]  # the base depends on JupyterHub's version, which ships no types
    """
    A launch that the quotas do not allow: always a 403, with a sentence for the user.

    Args:
        sentence: plain text; it is escaped where a page shows HTML.
    """

    def __init__(self, sentence: str) -> None:
        if IS_6:
            super().__init__(sentence, reason="quota", status_code=403)
        else:
            # The log message is what API clients read.
            super().__init__(403, sentence, reason="quota")
        self.jupyterhub_message = sentence
        # What happened stands by itself; what to do about it follows.
        what, *then = _SENTENCE_ENDS.split(sentence, maxsplit=1)
        self.jupyterhub_html_message = "".join(f"<p>{escape(part)}</p>" for part in (what, *then))


def is_no_failure(spawner: Any) -> None:
    """
    Keep JupyterHub 5 from counting the refusal that follows as a failed start.

    It counts every exception, and ends the hub after `Spawner.consecutive_failure_limit` in a row; 6 counts no 4xx. The
    count is only lowered by what is about to be added, so real failures before and after still count.
    """
    if IS_6:
        return
    # This object serves this one start; the next has a new one with the configured limit.
    spawner.consecutive_failure_limit = 0
    if spawner.handler is not None:
        settings = spawner.handler.settings
        settings["failure_count"] = settings.get("failure_count", 0) - 1
