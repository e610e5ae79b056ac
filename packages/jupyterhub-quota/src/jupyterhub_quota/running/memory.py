"""
What a process remembers from round to round.

Nothing of it is ever written down: a process that begins anew sees everything for the first time, which can only delay
a stop.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from jupyterhub_quota.policy import Policy
from jupyterhub_quota.running.held import Held
from jupyterhub_quota.running.server import Key
from jupyterhub_quota.session import Resource, Subject

# Clocks that are set right little by little differ less than this from one round to the next.
JUMP_SECONDS = 10.0

# Stands among the lengths of `warn_before` for "used up".
USED_UP = 0.0

SpellKey: TypeAlias = tuple[str, Resource]


@dataclass(frozen=True, slots=True)
class Spell:
    """
    A time in which a subject has used up what it holds, or hovers around the limit.

    Attributes:
        used_up: since when, as it was computed at first.
        said: when this process first saw it.
        seen: when it last did.
        policy: digest of the policy by which that is so.
        groups: the subject's groups by which that is so.
    """

    used_up: float
    said: float
    seen: float
    policy: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class Memory:
    """
    What was seen and said.

    Attributes:
        at: when the last round was; None before the first.
        ticks: the same by a clock that nobody sets.
        spells: who has used up what.
        told: of which ends each server was warned: lengths of the policy's `warn_before`, and USED_UP.
    """

    at: float | None = None
    ticks: float | None = None
    spells: Mapping[SpellKey, Spell] = field(default_factory=dict)
    told: Mapping[Key, frozenset[float]] = field(default_factory=dict)

    def jumped(self, at: float, ticks: float) -> bool:
        """Return whether the clock was set since the last round, so that times before and after do not fit."""
        if self.at is None or self.ticks is None:
            return False
        return abs((at - self.at) - (ticks - self.ticks)) > JUMP_SECONDS

    def after_jump(self, at: float, ticks: float) -> "Memory":
        """Return a memory that begins anew, but for what was told."""
        return Memory(at, ticks, {}, self.told)

    def moved(self, at: float, ticks: float) -> "Memory":
        """Return the same at a later moment."""
        return replace(self, at=at, ticks=ticks)


def only_relevant(policy: Policy, groups: frozenset[str]) -> frozenset[str]:
    """Return those of *groups* of which *policy* says something."""
    return groups & (policy.groups.keys() | policy.exempt_groups)


def spell_of(policy: Policy, subject: Subject, held: Held, old: Spell | None, at: float) -> Spell | None:
    """
    Return the spell that *held* is in, None where it is in none.

    It ends when what is left would carry what is held for the policy's `minimum_runtime`: who hovers around the limit
    is neither warned again nor given a new grace. Under another policy or in other groups it is another spell.

    Args:
        policy: the one in force.
        subject: who holds it.
        held: how it stands.
        old: the spell of the last round.
        at: the present.
    """
    groups = only_relevant(policy, subject.groups)
    if old is not None and (old.policy != policy.digest or old.groups != groups):
        old = None
    if held.since is None:
        goes_on = old is not None and held.lasts < policy.minimum_runtime
        return replace(old, seen=at) if old is not None and goes_on else None
    # After a long time without a look it may have ended and begun again.
    if old is not None and held.since > old.seen and at - old.seen >= policy.minimum_runtime:
        old = None
    if old is not None:
        return replace(old, seen=at)
    return Spell(held.since, at, at, policy.digest, groups)
