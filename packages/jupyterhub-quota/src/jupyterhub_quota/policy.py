"""
What the admin decided: which groups get which quotas, and what follows.

Values only. `document/` reads them from what people write.
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from zoneinfo import ZoneInfo

from jupyterhub_quota.amounts import DAY, HOUR, MINUTE, quoted
from jupyterhub_quota.errors import InputError
from jupyterhub_quota.session import Resource, Subject


class AtLaunch(StrEnum):
    """What happens to a launch that the quotas do not allow."""

    REFUSE = "refuse"
    WARN = "warn"
    IGNORE = "ignore"


class WhileRunning(StrEnum):
    """What happens to servers that already run when a quota is used up."""

    STOP = "stop"
    WARN = "warn"
    IGNORE = "ignore"


class WhenUnknown(StrEnum):
    """What happens to a launch while usage cannot be known."""

    REFUSE = "refuse"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Quota:
    """At most *limit* of *resource* within any *window* that ends now."""

    resource: Resource
    limit: float  # resource-seconds, finite: without a limit there is no quota
    window: float


@dataclass(frozen=True, slots=True)
class Offer:
    """
    What one group allows of one resource: all its *quotas* must hold.

    Attributes:
        group: whose offer it is; None for the default.
        quotas: at least one.
    """

    group: str | None
    quotas: tuple[Quota, ...]


@dataclass(frozen=True, slots=True)
class Messages:
    """The admin's own words, with placeholders; None where there are none. See :func:`render`."""

    allowed: str | None = None
    refused: str | None = None
    warned: str | None = None
    unknown: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """
    The admin's whole document.

    In *groups* and *default* an empty tuple means unlimited. A group that does not name a resource says nothing
    about it; a resource that the default does not name is unlimited there.

    Attributes:
        groups: quotas by group and resource.
        default: quotas for each resource that none of a user's groups names.
        window: length of windows for which nothing else is written.
        exempt_users: users who are never refused and never stopped; still counted.
        exempt_groups: groups whose members are never refused and never stopped.
        at_launch: what happens to a launch that the quotas do not allow.
        while_running: what happens to servers that run when a quota is used up.
        when_unknown: what happens to a launch while usage is unknown for longer than *tolerate*.
        tolerate: how long decisions may go on from what was last known.
        minimum_runtime: how long a launch must at least be able to run.
        session: how long people like to work.
        warn_before: how long before the end a running server is warned, the longest first.
        grace: how long a server may run on when a quota is used up.
        brake: the part of all running servers, from 0 to 1, beyond which stopping them waits for an admin.
        timezone: of times in sentences.
        contact: what to do to get more; a sentence, may be empty.
        messages: the admin's own words.
        digest: SHA-256 in hex of what the policy means: the same however it is written down.
        text: what was read.
    """

    groups: Mapping[str, Mapping[Resource, tuple[Quota, ...]]] = field(default_factory=dict)
    default: Mapping[Resource, tuple[Quota, ...]] = field(default_factory=dict)
    window: float = 30.0 * DAY
    exempt_users: frozenset[str] = frozenset()
    exempt_groups: frozenset[str] = frozenset()
    at_launch: AtLaunch = AtLaunch.REFUSE
    while_running: WhileRunning = WhileRunning.WARN
    when_unknown: WhenUnknown = WhenUnknown.REFUSE
    tolerate: float = 15.0 * MINUTE
    minimum_runtime: float = 10.0 * MINUTE
    session: float = 2.0 * HOUR
    warn_before: tuple[float, ...] = (1.0 * HOUR, 10.0 * MINUTE)
    grace: float = 15.0 * MINUTE
    brake: float = 0.2
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    contact: str = ""
    messages: Messages = Messages()
    digest: str = ""
    text: str = ""

    def offers(self, subject: Subject, resource: Resource) -> tuple[Offer, ...]:
        """
        Return what each of *subject*'s groups allows of *resource*.

        A launch passes if one offer allows it. Where none of the groups names the resource, the default counts.

        Returns:
            One offer per group that names the resource, sorted by group; empty means unlimited.
        """
        named = {
            group: self.groups[group][resource]
            for group in sorted(subject.groups)
            if resource in self.groups.get(group, {})
        }
        if not all(named.values()):
            return ()
        if named:
            return tuple(Offer(group, quotas) for group, quotas in named.items())
        default = self.default.get(resource, ())
        return (Offer(None, default),) if default else ()

    def exempts(self, subject: Subject) -> bool:
        """Return whether *subject* is never refused and never stopped."""
        return subject.name in self.exempt_users or not self.exempt_groups.isdisjoint(subject.groups)

    def quotas(self) -> tuple[Quota, ...]:
        """Return every quota of the policy, those of the default last."""
        return tuple(
            quota
            for by_resource in (*self.groups.values(), self.default)
            for quotas in by_resource.values()
            for quota in quotas
        )

    def limits(self, resource: Resource) -> bool:
        """Return whether *resource* is limited for anybody."""
        return any(quota.resource is resource for quota in self.quotas())

    @property
    def longest_window(self) -> float:
        """How far back usage counts for anybody; at least *window*, which also holds where nothing is limited."""
        return max([self.window, *(quota.window for quota in self.quotas())])


# Each is filled in for every message; one that does not apply is empty.
PLACEHOLDERS = ("sentence", "user", "groups", "contact", "reference")


def render(template: str, **values: str) -> str:
    """
    Return *template* with its placeholders filled in; a name without a value is left empty.

    Only plain names stand in braces, so a template cannot reach into what it is given. "{{" is a brace.

    Raises:
        InputError: if the template has anything else in braces; says what to write.
    """
    filled = []
    try:
        for literal, name, form, conversion in string.Formatter().parse(template):
            filled.append(literal)
            if name is None:
                continue
            if name not in PLACEHOLDERS:
                raise InputError(_not_a_placeholder(name))
            if form or conversion:
                raise InputError(f"'{{{name}' is followed by more than '}}'; write only '{{{name}}}'")
            filled.append(values.get(name, ""))
    except ValueError as error:
        raise InputError("has a brace that does not belong to a placeholder; write '{{' or '}}' for a brace") from error
    return "".join(filled)


def _not_a_placeholder(name: str) -> str:
    """Return the sentence about a *name* in braces that nothing can be filled in for."""
    near = get_close_matches(name.lower(), PLACEHOLDERS, n=1)
    listed = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
    what = f"{quoted(f'{{{name}}}')} is not a placeholder"
    return f"{what}; did you mean '{{{near[0]}}}'?" if near else f"{what}; placeholders are {listed}"
