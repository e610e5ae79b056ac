"""What the API answers about the past: `/api/me/days`, `/api/me/sessions`. See `models.py` for what holds for all."""

from jupyterhub_quota_service.models import Known, Model, ResourceName


class Part(Model):
    """What one server used on a day."""

    server: str
    """Its name; empty for the default server."""
    server_text: str
    """How to speak of it."""
    amount: float
    """Resource-seconds."""
    text: str
    """In words."""


class Day(Model):
    """What was used on one calendar day in the policy's time zone; the first begins with the window."""

    date: str
    """The day, as 2026-05-03."""
    date_text: str
    """"3 May"."""
    amount: float
    """Resource-seconds used on this day. All days together are what the quota counts as used."""
    text: str
    """The amount in words."""
    total: float
    """What was used from the beginning of the window to the end of this day; to be compared with the limit."""
    total_text: str
    """The total in words: "50 of 60 GiB-hours"."""
    parts: tuple[Part, ...]
    """The amount by server, the largest first; empty where nothing was used, or where this is about everybody."""


class DaysOfResource(Model):
    """The history of one quota, day by day."""

    resource: ResourceName
    """What is counted."""
    title: str
    """"Memory, last 30 days"."""
    window_seconds: float
    """How far back."""
    unit: str
    """What `amount` is counted in: "byte-seconds", "core-seconds", "device-seconds"."""
    limit: float | None
    """The limit for all days together; `null` is unlimited."""
    limit_text: str
    """The limit in words: "60 GiB-hours", "unlimited"."""
    days: tuple[Day, ...]
    """From the day on which the window began to today, days without use included."""


class Days(Known):
    """`/api/me/days`: what was used on which day."""

    resources: tuple[DaysOfResource, ...]
    """One for each quota, in the order of `Me.quotas`."""


class Counted(Model):
    """How much of a session counts for one quota."""

    resource: ResourceName
    """What is counted."""
    window_seconds: float
    """For the quota with this window."""
    amount: float
    """Resource-seconds; over all sessions they are what the quota shows as used."""
    text: str
    """In words: "12 GiB-hours"."""


class SessionLine(Model):
    """One server from the moment it holds resources until it lets go; one that was resized has a line for each size."""

    server: str
    """Its name; empty for the default server."""
    server_text: str
    """How to speak of it."""
    start: float
    """When it began to hold what it holds."""
    start_text: str
    """"3 May 9:12 CEST"."""
    end: float | None
    """When it let go; `null` where it still runs."""
    end_text: str
    """"3 May 11:40 CEST", or "still running"."""
    size_text: str
    """What it reserved: "4 GiB of memory and 2 cores"."""
    amounts: dict[ResourceName, float]
    """What it used in all, of each resource, in resource-seconds; also before a window began."""
    counted: tuple[Counted, ...]
    """What of it counts now, for each quota."""
    text: str
    """The line in a sentence."""


class Sessions(Known):
    """`/api/me/sessions`: the servers from which every number comes, the latest first."""

    sessions: tuple[SessionLine, ...]
    """All that held something in the longest window."""
