"""The policy that is in force: read again when its file changes, never lost when a new version is broken."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from jupyterhub_quota import Policy, PolicyError, load_policy, policy_from_mapping, policy_warnings
from jupyterhub_quota_hook.metrics import POLICY_VALID

# What tells one version of a file from the next, also behind a link that was set anew.
_Version = tuple[int, int, int, int]


class PolicySource:
    """
    Where the policy comes from.

    Args:
        path: the policy file; None where *document* is the policy.
        document: the policy as Python data; never changes.
        last_valid: where the last valid version of the file is kept, for a hub that restarts while it is broken.
        log: who is told.
    """

    def __init__(
        self, path: Path | None, document: Mapping[str, object] | None, last_valid: Path, log: logging.Logger
    ) -> None:
        self.path = path
        self.document = document
        self.last_valid = last_valid
        self.log = log
        self._policy: Policy | None = None
        self._seen: _Version | None = None

    def current(self) -> Policy:
        """
        Return the policy in force. Reads files, so it is for a thread.

        Raises:
            PolicyError: there never was a valid one, and none is kept.
        """
        if self.path is None:
            if self._policy is None:
                self._accept(policy_from_mapping(self.document or {}))
            return self._in_force()
        version = self._version(self.path)
        if self._policy is None or version != self._seen:
            self._seen = version
            self._read(self.path)
        return self._in_force()

    @property
    def newest(self) -> Policy:
        """The policy in force, without a look at its file."""
        return self._in_force()

    def _in_force(self) -> Policy:
        if self._policy is None:
            raise PolicyError("there is no policy; set c.JupyterHubQuota.policy_file")
        return self._policy

    def _read(self, path: Path) -> None:
        try:
            policy = load_policy(path)
        except PolicyError as error:
            POLICY_VALID.set(0)
            if self._policy is None:
                self._policy = self._kept(error)
            self.log.error("The quota policy is broken, so the last valid one stays in force:\n%s", error)
            return
        if self._policy is None or self._policy.digest != policy.digest:
            self._accept(policy)
        POLICY_VALID.set(1)
        self._keep(policy)

    def _accept(self, policy: Policy) -> None:
        self._policy = policy
        POLICY_VALID.set(1)
        self.log.info("Quota policy %s is in force:\n%s", policy.digest[:12], policy.text)
        for warning in policy_warnings(policy):
            self.log.warning("Quota policy: %s", warning)

    def _kept(self, error: PolicyError) -> Policy:
        """The last valid policy of an earlier run; *error* where there is none."""
        try:
            policy = load_policy(self.last_valid)
        except PolicyError:
            raise error from None
        self.log.error("Quotas follow the policy that was valid when the hub last ran, kept in %s", self.last_valid)
        return policy

    def _keep(self, policy: Policy) -> None:
        draft = self.last_valid.with_suffix(".new")
        try:
            draft.write_text(policy.text, encoding="utf-8")
            os.replace(draft, self.last_valid)
        except OSError as error:
            self.log.warning(
                "The valid quota policy cannot be kept in %s (%s): the hub will not restart while the policy is broken",
                self.last_valid,
                error.strerror,
            )

    @staticmethod
    def _version(path: Path) -> _Version | None:
        try:
            found = path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
