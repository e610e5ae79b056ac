"""The policy that is in force: read again when its file changes, never lost when a new version is broken."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyterhub_quota import Policy, PolicyError, load_policy, policy_from_mapping, policy_warnings

log = logging.getLogger(__name__)

# So often the file is looked at.
LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Effective:
    """
    The policy in force, and what is wrong with the newest file.

    Attributes:
        policy: the last valid one.
        since: when it was taken up.
        problems: of the newest file; empty where that is what is in force.
        warnings: what looks like an accident in it.
    """

    policy: Policy
    since: float
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


class Policies:
    """
    Where the policy comes from.

    Args:
        path: the file; None where *document* is the policy itself.
        document: the policy as Python data.
    """

    def __init__(self, path: Path | None, document: Mapping[str, object] | None = None) -> None:
        self._path = path
        self._document = document
        self._in_force: Effective | None = None
        self._seen: object = None
        self._looked = 0.0

    async def current(self) -> Effective:
        """
        Return what is in force.

        Raises:
            PolicyError: there never was a valid one.
        """
        now = time.monotonic()
        if self._in_force is None or now - self._looked >= LOOK_SECONDS:
            self._looked = now
            await asyncio.to_thread(self._look)
        if self._in_force is None:
            raise PolicyError("there is no policy")
        return self._in_force

    def _look(self) -> None:
        """Read the file if it is another than before."""
        version = _version(self._path)
        if self._in_force is not None and version == self._seen:
            return
        try:
            policy = policy_from_mapping(self._document or {}) if self._path is None else load_policy(self._path)
        except PolicyError as error:
            if self._in_force is None:
                raise
            log.error("The quota policy is broken, so the last valid one stays in force:\n%s", error)
            found = self._in_force
            self._in_force = Effective(found.policy, found.since, error.problems, found.warnings)
        else:
            same = self._in_force is not None and self._in_force.policy.digest == policy.digest
            since = self._in_force.since if self._in_force is not None and same else time.time()
            self._in_force = Effective(policy, since, (), tuple(policy_warnings(policy)))
        self._seen = version


def _version(path: Path | None) -> object:
    """What tells one version of a file from the next, also behind a link that was set anew."""
    if path is None:
        return True
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
