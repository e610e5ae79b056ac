"""Judge who is in which group of the policy. Pure."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from jupyterhub_quota.doctor.finding import Finding, Name, counted, examples
from jupyterhub_quota.errors import Unavailable, UnavailableError
from jupyterhub_quota.policy import Policy

# The hub's API tells who is in which group now, not how the authenticator finds out.
NOT_TOLD = (
    "whether the authenticator keeps groups up to date: the hub's API does not tell. Where groups come from a login, a "
    "change counts from the next one, unless the authenticator implements refresh_user and the hub sets "
    "refresh_pre_spawn (c.Authenticator.refresh_pre_spawn = True)."
)


def unanswered(error: UnavailableError) -> Finding:
    """Return the finding that the hub does not say who is in which group."""
    seen = f"{str(error)[0].upper()}{str(error)[1:]}."
    denied = error.reason in {Unavailable.DENIED, Unavailable.GROUPS_UNKNOWN}
    advice = "See that the hub runs and that --hub-api is the address of its API."
    if denied:
        advice = "Give a token with the scopes list:users and read:users:groups."
    return Finding(Name.HUB_NOT_KNOWN, seen, advice)


def membership(policy: Policy, users: Mapping[str, frozenset[str]]) -> Iterator[Finding]:
    """
    Yield what does not fit between the groups of the policy and those of the hub.

    Args:
        policy: names groups.
        users: the groups of every user that the hub shows.
    """
    if not users:
        return
    there = frozenset().union(*users.values())
    named = policy.groups.keys() | policy.exempt_groups
    for group in sorted(named - there):
        near = get_close_matches(group, sorted(there - named), n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        yield Finding(
            Name.GROUP_WITHOUT_MEMBERS,
            f"No user of the hub is in the group {group!r} of the policy.",
            f"{hint}See that it is spelt as in the hub, that somebody is to be in it, and that the hub lets the "
            "authenticator manage groups (c.Authenticator.manage_groups) where they come from there.",
        )
    without = [name for name, groups in users.items() if named.isdisjoint(groups)]
    if without:
        number = f"{len(without)} of {counted(len(users), 'user')} {'is' if len(without) == 1 else 'are'}"
        yield Finding(
            Name.USERS_WITHOUT_GROUP,
            f"{number} in none of the policy's groups{examples(without)}.",
            "The default of the policy counts for them; if that is not meant, add them to a group.",
            problem=False,
        )
