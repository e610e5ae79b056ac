"""What a cache keeps of one subject's sessions, and how news are added to it. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from jupyterhub_quota.amounts import MINUTE
from jupyterhub_quota.past import Past, Use
from jupyterhub_quota.session import Resource, Session, held_between

# An answer so old is still new: the rules behind it are evaluated less often.
FRESH_SECONDS = 10.0
# What was late in coming is read again. A first read reaches back so much further, for askers whose clocks differ.
OVERLAP_SECONDS = 5.0 * MINUTE
# A pod may have been done a little before it was last seen to run. Of an end that moves back further the ledger lost
# what it knew.
SETTLING_SECONDS = 2.0 * MINUTE

Parts = tuple[Session, ...]  # one session, in its order: one that was resized has several parts


@dataclass(slots=True, eq=False)
class Kept:
    """
    What is kept of one subject.

    Attributes:
        since: what ended earlier was not read, or is dropped.
        as_of: the time of which this is.
        complete_since: as it was at the first reading.
        read, asked: when the ledger behind was last asked, and when we were.
        sessions: by id.
        alive: the ids of those that are.
        uses: what they used, as far as somebody asked for that.
        flat: all that was held after the time that was last asked about, if that is known.
        flat_since, flat_end: that time, and when the first of them ended that is not alive.
        first_end: nothing that is not alive ended before.
        newest: nothing began or was seen later.
    """

    since: float
    as_of: float
    complete_since: float | None
    read: float
    asked: float
    sessions: dict[str, Parts] = field(default_factory=dict)
    alive: set[str] = field(default_factory=set)
    uses: dict[Resource, Use] = field(default_factory=dict)
    flat: list[Session] | None = None
    flat_since: float = math.inf
    flat_end: float = math.inf
    first_end: float = math.inf
    newest: float = -math.inf

    def empty(self) -> "Kept":
        """Return the same for another subject, without sessions."""
        return Kept(self.since, self.as_of, self.complete_since, self.read, self.asked)

    def fresh(self, at: float) -> bool:
        """Return whether nothing newer can be known. A clock that was ahead when this was read proves nothing."""
        return at <= self.as_of or (abs(at - self.read) < FRESH_SECONDS and at - self.as_of < OVERLAP_SECONDS)

    def put(self, id_: str, parts: Parts) -> None:
        """Keep *parts* of a session, instead of what was kept of it."""
        old = self.sessions.get(id_)
        if old is not None and _went_on(old, parts):
            self._replace(old[-1], parts[-1])
        else:
            self.uses, self.flat = {}, None
        self.sessions[id_] = parts
        (self.alive.add if parts[-1].alive else self.alive.discard)(id_)
        for part in parts:
            if part.end < self.first_end and not part.alive:
                self.first_end = part.end
            self.newest = max(self.newest, part.start, part.end)

    def merge(self, news: dict[str, Parts], since: float, as_of: float) -> None:
        """Add what a look at the time from *since* to *as_of* showed. What the ledger knew better before stays."""
        newer, self.as_of = as_of >= self.as_of, max(self.as_of, as_of)
        if not news and not self.alive:
            return
        for id_, parts in news.items():
            old = self.sessions.get(id_)
            if old is None:
                self.put(id_, parts)
            elif parts[-1].end > old[-1].end or (parts[-1].end > old[-1].end - SETTLING_SECONDS and newer):
                self.put(id_, _joined(old, parts, since))
        for id_ in self.alive - {id_ for id_, parts in news.items() if parts[-1].alive}:
            *before, last = self.sessions[id_]
            if last.end <= as_of:
                self.put(id_, (*before, replace(last, alive=False)))

    def drop_before(self, since: float) -> None:
        """Drop what ended before *since*."""
        if since > self.since:
            self.since = since
            if self.first_end <= since:  # as of when they were last asked for
                kept = {i: each for i, each in self.sessions.items() if each[-1].end > since or i in self.alive}
                self.sessions, self.flat = kept, None
                self.first_end = min((each[0].end for each in kept.values() if not each[0].alive), default=math.inf)

    def between(self, since: float, at: float) -> Sequence[Session]:
        """Return what was held after *since*, as it was at *at*. To be read at once: the next news may change it."""
        if since < self.flat_since:
            self.uses, self.flat = {}, None
        if self.flat is None:
            self.flat = list(chain.from_iterable(self.sessions.values()))
            self.flat_since, self.flat_end = since, self.first_end
        if self.newest > at:
            return held_between(self.flat, since, at)
        if since >= self.flat_end:
            self.flat = list(held_between(self.flat, since, at))
            self.flat_since = since
            self.flat_end = min((each.end for each in self.flat if not each.alive), default=math.inf)
        return self.flat

    def past(self, since: float, at: float) -> tuple[Session, ...]:
        """Return the same, where it is about this subject alone: what they used is kept as well."""
        found = self.between(since, at)
        return Past.of(found, self.uses) if found is self.flat else tuple(found)

    def _replace(self, old: Session, new: Session) -> None:
        """Put *new* where *old* is, which is near the end: it is alive."""
        if self.flat is None:
            return
        for i in range(len(self.flat) - 1, -1, -1):
            if self.flat[i] is old:
                self.flat[i] = new
                return
        self.flat = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was kept when news were asked for, by user; None stands for everybody. Implements `Asker`."""

    kept: Mapping[str | None, Kept]

    def wants(self, user: str) -> bool:
        """See `Asker.wants`."""
        return user in self.kept or None in self.kept

    def last(self, user: str, session: str) -> Session | None:
        """See `Asker.last`."""
        kept = self.kept.get(user)
        parts = kept.sessions.get(session) if kept else None
        return parts[-1] if parts else None

    def covers(self, user: str | None, kept: Kept) -> bool:
        """Return whether news are about *kept*, and not about what was kept of *user* before it was read anew."""
        return kept is self.kept.get(user) or (user not in self.kept and None in self.kept)


def by_user(sessions: Iterable[Session]) -> dict[str | None, dict[str, Parts]]:
    """Return the parts of each session of each user, in their order."""
    found: dict[str | None, dict[str, Parts]] = {}
    for part in sorted(sessions, key=lambda part: part.start):
        own = found.setdefault(part.user, {})
        own[part.id] = (*own.get(part.id, ()), part)
    return found


def _went_on(old: Parts, new: Parts) -> bool:
    """Whether *new* is *old*, alive and seen again."""
    return (
        len(old) == len(new)
        and old[-1].alive
        and new[-1].alive
        and (old[-1].start, old[-1].request, *old[:-1]) == (new[-1].start, new[-1].request, *new[:-1])
    )


def _joined(old: Parts, new: Parts, since: float) -> Parts:
    """*old* up to *since*, *new* from then on."""
    if len(new) == 1 and (new[0].start, new[0].request) == (old[-1].start, old[-1].request):
        return (*old[:-1], new[0])  # it went on
    since = min(since, old[-1].end)
    early = [replace(part, end=min(part.end, since), alive=False) for part in old if part.start < since]
    late = [replace(part, start=max(part.start, since)) for part in new if part.end > since or part.alive]
    if early and late and early[-1].request == late[0].request:
        late[0] = replace(late[0], start=early.pop().start)
    return (*early, *late) or new
