"""
The values that travel: who asks, for what, and what was held when.

All amounts are base units: bytes, cores, devices; times are seconds since the epoch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class Resource(StrEnum):
    """What is counted."""

    MEMORY = "memory"
    CPU = "cpu"
    GPU = "gpu"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a question is about."""

    name: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Request:
    """What one server asks for: bytes of *memory*, cores of *cpu*, devices of *gpu*; never negative."""

    memory: float = 0.0
    cpu: float = 0.0
    gpu: float = 0.0

    def of(self, resource: Resource) -> float:
        """Return how much of *resource* is asked for, in its base unit."""
        if resource is Resource.MEMORY:
            return self.memory
        return self.cpu if resource is Resource.CPU else self.gpu

    def as_mapping(self) -> Mapping[str, float]:
        """Return the amounts by the name of their resource, as they stand in JSON."""
        return {resource.value: self.of(resource) for resource in Resource}


@dataclass(frozen=True, slots=True)
class Session:
    """
    One server from the moment it holds resources until it lets go.

    A server that was resized has a session for each size, with the same *id* and another *start*.

    Attributes:
        id: what makes it one and the same session in its ledger.
        user: whose it is.
        server: name of the server; empty for the default server and for what is no server of the hub.
        start: when it began to hold *request*.
        end: when it let go; where it is *alive*, the last time it was seen.
        request: what it holds all that time.
        alive: still held when the ledger last looked.
        pod: name of the pod, where there is one.
        component: what kind of pod, where that is known; servers of the hub are "singleuser-server".
    """

    id: str
    user: str
    server: str
    start: float
    end: float
    request: Request
    alive: bool = False
    pod: str = ""
    component: str = ""


def held_between(sessions: Iterable[Session], since: float, at: float) -> tuple[Session, ...]:
    """Return those of *sessions* that held something after *since*, as of *at*: what ended later was alive."""
    return tuple(
        replace(each, end=at, alive=True) if each.end > at else each
        for each in sessions
        if each.start <= at and (each.end > since or each.alive)
    )
