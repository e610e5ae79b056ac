"""What the API answers to admins, about everybody. See `models.py` for what holds for all."""

from typing import Literal

from jupyterhub_quota_service.models import Known, Model, ResourceName, State
from jupyterhub_quota_service.models_history import DaysOfResource


class UserQuota(Model):
    """One quota of one user, in the table of everybody."""

    resource: ResourceName
    """What is counted."""
    title: str
    """"Memory, last 30 days"."""
    window_seconds: float
    """How far back use counts."""
    limit: float | None
    """`null` is unlimited, or not known: then `state` is `unlimited` and `UserLine.groups` is `null`."""
    used: float
    """What was used in the window."""
    share: float | None
    """used / limit, more than 1 where more was used; `null` without a limit, or with one of 0."""
    state: State
    """As in `Quota`."""
    state_text: str
    """As in `Quota`."""
    text: str
    """"50 of 60 GiB-hours"."""


class UserLine(Model):
    """One user, in the table of everybody."""

    name: str
    """The user's name."""
    href: str
    """The path of this user's figures in the API."""
    groups: tuple[str, ...] | None
    """Sorted; `null` where the hub does not show this user, so that limits are not known."""
    exempt: bool
    """Whether no quota stops this user."""
    quotas: tuple[UserQuota, ...]
    """One for each quota that counts."""
    share: float | None
    """The largest of the shares; `null` where there is none."""
    share_text: str
    """"83 %"; empty where there is none."""
    running: int
    """How many servers run now."""
    running_text: str
    """What they reserve together: "4 GiB of memory"; empty where nothing runs."""


class Everybody(Known):
    """What all answers about everybody have in common."""

    groups_as_of: float | None
    """When the hub was last asked who is in which group; `null` where that is not known."""
    groups_text: str
    """The same in a sentence, or why groups are not known."""


class Users(Everybody):
    """`/api/users`: one page of the table of everybody."""

    total: int
    """How many users there are."""
    matching: int
    """How many of them pass the filters."""
    offset: int
    """Which of these the page begins with, from 0."""
    limit: int
    """How many a page holds at most."""
    sort: str
    """What they are sorted by: one of the values of the parameter `sort`."""
    order: Literal["asc", "desc"]
    """In which direction."""
    users: tuple[UserLine, ...]
    """The page."""


class Total(Model):
    """What several people used together of one resource."""

    resource: ResourceName
    """What was used."""
    window_seconds: float
    """In how long a time until now."""
    used: float
    """Resource-seconds."""
    text: str
    """"1200 GiB-hours of memory in the last 30 days"."""


class GroupQuota(Model):
    """What who is in this group alone gets of one resource."""

    resource: ResourceName
    """What is counted."""
    limit: float | None
    """`null` is unlimited."""
    window_seconds: float
    """How far back use counts."""
    text: str
    """"60 GiB-hours of memory in 30 days"."""
    over: int
    """How many of the members have used so much or more."""


class Group(Model):
    """A group that the policy names, or that the hub has."""

    name: str | None
    """`null`: those who are in no group that the policy names."""
    title: str
    """The name, or "In no group of the policy"."""
    in_policy: bool
    """Whether the policy says something about it."""
    exempt: bool
    """Whether its members are exempt."""
    members: int
    """How many users are in it; who they are, `/api/users?group=` says."""
    quotas: tuple[GroupQuota, ...]
    """What it gives."""
    totals: tuple[Total, ...]
    """What its members used together, whatever group their quota came from. Who is in two groups counts in both."""


class Groups(Everybody):
    """`/api/groups`: who gets what, and uses how much of it."""

    groups: tuple[Group, ...]
    """By name; at the end those in no group of the policy."""


class Totals(Everybody):
    """`/api/totals`: what everybody used together."""

    totals: tuple[Total, ...]
    """In the policy's longest window, for each resource."""
    resources: tuple[DaysOfResource, ...]
    """The same day by day, without limits."""
    top: tuple[UserLine, ...]
    """The ten users with the largest shares."""


class Rule(Model):
    """One of the policy's rules."""

    name: str
    """As it stands in the policy file: `minimum_runtime`."""
    text: str
    """Its value as people write it: "10 minutes"."""


class PolicyGroup(Model):
    """What the policy says about a group, or by default."""

    name: str | None
    """`null` is the default."""
    lines: tuple[str, ...]
    """One for each resource: "60 GiB-hours of memory in 30 days"."""


class PolicyInForce(Model):
    """`/api/policy`: the policy as it is in force."""

    digest: str
    """Names what it means, however it is written."""
    in_force_since: float
    """When this service took it up."""
    in_force_text: str
    """The same in words."""
    valid: bool
    """Whether the newest file is what is in force."""
    problems: tuple[str, ...]
    """What is wrong with the newest file, one sentence each; then an older version counts."""
    warnings: tuple[str, ...]
    """What looks like an accident in the policy that is in force."""
    groups: tuple[PolicyGroup, ...]
    """Who gets what, by name, the default last."""
    exempt: tuple[str, ...]
    """Who is exempt: "user ann", "group staff"."""
    rules: tuple[Rule, ...]
    """How it is enforced."""
    text: str
    """The document itself, as it was read."""
