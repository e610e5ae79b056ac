"""What can go wrong, by who must act."""

from enum import StrEnum


class QuotaError(Exception):
    """Base of all errors that this package raises on purpose."""


class InputError(QuotaError):
    """What somebody wrote cannot be read; the message names the place and what to write instead."""


class PolicyError(InputError):
    """
    The policy cannot be used.

    Attributes:
        problems: one sentence each, in the order of the file.
    """

    def __init__(self, problems: str | tuple[str, ...]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else problems
        super().__init__("\n".join(self.problems))


class LedgerError(QuotaError):
    """The ledger is not one that we may use: another program's file, a newer version, a folder without write access."""


class Unavailable(StrEnum):
    """Why usage or groups are not known: a small fixed set, fit for the label of a metric."""

    UNREACHABLE = "unreachable"
    SLOW = "slow"
    DENIED = "denied"
    FAILED = "failed"
    MALFORMED = "malformed"
    PARTIAL = "partial"
    TOO_LARGE = "too-large"
    STALE = "stale"
    NOT_WATCHING = "not-watching"
    GROUPS_UNKNOWN = "groups-unknown"


class UnavailableError(QuotaError):
    """Usage or groups cannot be known now. Never to be read as zero or as none."""

    def __init__(self, message: str, reason: Unavailable) -> None:
        self.reason = reason
        super().__init__(message)
