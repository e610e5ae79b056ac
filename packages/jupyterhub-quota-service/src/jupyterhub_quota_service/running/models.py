"""What the API answers to admins about running servers. See `models.py` for what holds for all."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from jupyterhub_quota_service.models import Model, ResourceName

MOST_SERVERS = 10_000


class Line(Model):
    """A server with an end, within what is warned of."""

    user: str
    """Whose it is."""
    server: str
    """Its name; empty for the default server."""
    started: float
    """When the hub began to start it. With user and name it says which server is meant."""
    resource: ResourceName
    """What runs out first."""
    used_up: bool
    """Whether it is used up already."""
    used_up_since: float | None
    """Since when."""
    used_text: str
    """"61 of 60 GiB-hours"."""
    group_text: str
    """Where the quota comes from: "from group power"."""
    stops: bool
    """Whether the policy stops it."""
    ends: float
    """When it is stopped; where nothing is stopped, when the quota is or was used up."""
    ends_text: str
    """The same in words."""
    late: bool
    """Whether the quota was used up long before that was first seen: what the brake counts."""
    held_back: str | None
    """Why it is not stopped although its time is up: "ledger", "hub", "policy", "clock", "at-launch", "brake" or
    "changed"; `null` where it is not held back."""
    held_back_text: str
    """The same in words; empty where it is not held back."""
    sentence: str
    """What its user reads."""


class Deed(Model):
    """A server that was warned or stopped."""

    action: Literal["warned", "stopped"]
    """What was done."""
    at: float
    """When."""
    at_text: str
    """The same in words."""
    user: str
    """Whose server."""
    server: str
    """Its name; empty for the default server."""
    reference: str
    """Short name; the log of events has the same."""
    explanation: tuple[str, ...]
    """How it came about, with the numbers, one sentence or more each."""


class RunningServers(Model):
    """`api/running`: which servers end when, and what was done."""

    mode: Literal["stop", "warn", "ignore"]
    """What the policy says of running servers."""
    at: float | None
    """When this process last looked; `null` before the first time, and where the policy says to ignore."""
    good: float | None
    """When it last judged on good data."""
    good_text: str
    """The same in words."""
    problem: str | None
    """Why nobody is judged now."""
    running: int
    """How many servers run."""
    unmatched: int
    """How many of them have no session on record that is certainly theirs, so that they are left alone."""
    brake: bool
    """Whether an admin is asked before those are stopped that were used up long ago."""
    brake_text: str
    """The same in a sentence; empty where the brake is off."""
    servers: tuple[Line, ...]
    """Those with something to warn of, the first end first."""
    deeds: tuple[Deed, ...]
    """What was done since this process began, the latest first; at most 100."""


class WhichServer(Model):
    """One server, as `api/running` names it."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    user: str
    """Whose it is."""
    server: str
    """Its name; empty for the default server."""
    started: float
    """When the hub began to start it, exactly as it was answered."""

    @property
    def key(self) -> tuple[str, str, float]:
        """What tells it from others."""
        return self.user, self.server, self.started


class Release(Model):
    """What is sent to `api/running/release`."""

    servers: Annotated[tuple[WhichServer, ...], Field(max_length=MOST_SERVERS)]
    """Those that are let go, of which each was seen by who sends it."""


class Released(Model):
    """`api/running/release`: what an admin let go from the brake."""

    released: int
    """How many servers are let go; those that the brake does not hold any more are not counted."""
    sentence: str
    """The same in words."""
