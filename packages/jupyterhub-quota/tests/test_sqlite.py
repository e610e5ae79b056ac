"""The embedded ledger, on real files, with real processes that are really killed."""

import asyncio
import math
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_quota.errors import InputError, LedgerError, Unavailable, UnavailableError
from jupyterhub_quota.ledger.sqlite import AT_ONCE, STALE_SECONDS, SqliteLedger
from jupyterhub_quota.session import Request, Session

FOREVER = {"since": -math.inf, "at": math.inf}


def session(id_="1", user="ann", *, start=100.0, end=None, request=None, server=""):
    """Return an open session, or one that has ended."""
    request = request or Request(memory=4.0)
    return Session(id_, user, server, start, start if end is None else end, request, alive=end is None)


@pytest.fixture
def path(tmp_path):
    """Return where a ledger may be."""
    return tmp_path / "quota.sqlite"


@pytest.fixture
def ledger(path):
    """Return a ledger whose file is made when it is used."""
    return SqliteLedger(path, create=True)


def child(code, *arguments, command=()):
    """Start a Python process whose ledger is at its first argument, maybe below another *command*."""
    prelude = """
        import asyncio, os, sys, time
        from jupyterhub_quota.errors import QuotaError
        from jupyterhub_quota.ledger.sqlite import SqliteLedger
        from jupyterhub_quota.session import Request, Session
        path = sys.argv[1]
        def session(id_):
            return Session(id_, "ann", "", 100.0, 100.0, Request(memory=4.0), alive=True)
    """
    words = [*command, sys.executable, "-c", dedent(prelude) + dedent(code), *map(str, arguments)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def ids(reading):
    """Return which sessions were read."""
    return sorted(session.id for session in reading.sessions)


def listing(folder):
    """Return all that is in a folder, with its content."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


class TestReading:
    """Which sessions were held, and as of when is that known."""

    async def test_a_new_ledger_is_empty(self, ledger):
        """Nobody has used anything, and that is known up to now."""
        reading = await ledger.read(since=0, at=500)

        assert ((), 500, None) == (reading.sessions, reading.as_of, reading.complete_since)

    async def test_a_closed_session_is_what_was_recorded(self, ledger):
        """From its start to its end, not alive."""
        await ledger.start(session())
        await ledger.end("1", 160)

        assert (session(end=160),) == (await ledger.read(since=0, at=500)).sessions

    async def test_an_open_session_that_was_just_seen_is_alive(self, ledger):
        """It ends, so far, when it was last seen."""
        await ledger.start(session())
        await ledger.beat(["1"], 130)

        (found,) = (await ledger.read(since=0, at=140)).sessions

        assert (True, 130) == (found.alive, found.end)

    @pytest.mark.parametrize(("later", "alive"), [(STALE_SECONDS, True), (STALE_SECONDS + 1, False)])
    async def test_a_session_that_is_no_longer_seen_has_ended(self, ledger, later, alive):
        """It ended when it was last seen, once the recorder has missed it for too long."""
        await ledger.start(session())
        await ledger.beat(["1"], 130)
        await ledger.beat([], 130 + later)

        (found,) = (await ledger.read(since=0, at=500)).sessions

        assert (alive, 130) == (found.alive, found.end)

    async def test_of_some_users(self, ledger):
        """As of each alone, in one answer, however many they are; of nobody there is nothing."""
        users = [f"user {number}" for number in range(2 * AT_ONCE + 1)]
        await ledger.add(session(user, user, end=160) for user in users)

        reading = await ledger.read_some(since=0, at=500, users=set(users[1:]))

        assert set(users[1:]) == {found.user for found in reading.sessions}
        assert len(users) - 1 == len(reading.sessions)
        assert () == (await ledger.read_some(since=0, at=500, users=())).sessions

    async def test_known_as_of_the_last_heartbeat(self, ledger):
        """Something is open, and may have grown or ended since."""
        await ledger.start(session())
        await ledger.beat(["1"], 130)

        assert 130 == (await ledger.read(since=0, at=500)).as_of

    async def test_somebody_elses_open_session_counts_for_as_of(self, ledger):
        """One user is read no fresher than everybody."""
        await ledger.start(session())
        await ledger.beat(["1"], 130)

        assert 130 == (await ledger.read(since=0, at=500, user="bob")).as_of

    async def test_known_up_to_now_when_nothing_is_open(self, ledger):
        """A hub that sleeps starts no servers."""
        await ledger.start(session())
        await ledger.beat(["1"], 130)
        await ledger.end("1", 140)

        assert 500 == (await ledger.read(since=0, at=500)).as_of

    async def test_complete_since_the_first_heartbeat(self, ledger):
        """Nobody looked before."""
        await ledger.beat([], 90)
        await ledger.beat([], 120)

        assert 90 == (await ledger.read(since=0, at=500)).complete_since

    async def test_complete_since_the_first_start(self, ledger):
        """When that is what comes first; it was seen then, however long it had been running."""
        await ledger.start(Session("1", "ann", "", 10.0, 100.0, Request(), alive=True))
        await ledger.beat(["1"], 120)

        assert 100 == (await ledger.read(since=0, at=500)).complete_since

    async def test_past_state_is_what_was_so_then(self, ledger):
        """What ended later was alive, what started later was not there."""
        await ledger.start(session("before", start=100))
        await ledger.end("before", 120)
        await ledger.start(session("during", start=100))
        await ledger.end("during", 300)
        await ledger.start(session("open", start=100))
        await ledger.start(session("after", start=201))
        await ledger.beat(["open", "after"], 400)

        reading = await ledger.read(since=0, at=200)

        assert 200 == reading.as_of
        assert {("before", 120, False), ("during", 200, True), ("open", 200, True)} == {
            (found.id, found.end, found.alive) for found in reading.sessions
        }

    @pytest.mark.parametrize(("since", "expected"), [(159, ["1"]), (160, []), (161, [])])
    async def test_what_ended_before_is_left_out(self, ledger, since, expected):
        """Ended exactly then: nothing was held after it."""
        await ledger.add([session(end=160)])

        assert expected == ids(await ledger.read(since=since, at=500))

    async def test_an_open_session_that_is_not_alive_ended_when_it_was_seen(self, ledger):
        """It is left out like any other that ended."""
        await ledger.start(session())
        await ledger.beat([], 500)

        assert [] == ids(await ledger.read(since=100, at=500))

    async def test_an_alive_session_is_never_left_out(self, ledger):
        """Though it was last seen before the time that is asked for."""
        await ledger.start(session())
        await ledger.beat(["1"], 130)

        assert ["1"] == ids(await ledger.read(since=135, at=140))

    async def test_nor_is_one_that_was_alive_then(self, ledger):
        """A past moment may be asked about by somebody who has read further."""
        await ledger.add([session(end=160)])

        assert ["1"] == ids(await ledger.read(since=300, at=140))

    async def test_a_session_of_the_future_is_kept(self, ledger):
        """It is read when its time has come."""
        await ledger.add([session(start=900, end=950)])

        assert [] == ids(await ledger.read(since=0, at=500))
        assert ["1"] == ids(await ledger.read(since=0, at=1000))

    @pytest.mark.parametrize("at", [{"since": math.nan, "at": 0}, {"since": 0, "at": math.nan}])
    async def test_a_time_that_is_no_number_is_refused(self, ledger, at):
        """Comparing with it would find nothing, which would read as unused."""
        with pytest.raises(InputError, match="must be numbers"):
            await ledger.read(**at)

    @pytest.mark.parametrize(
        ("condition", "index"), [("AND user = 'ann'", "sessions_by_user"), ("", "sessions_by_end")]
    )
    async def test_reading_does_not_look_at_everything(self, ledger, path, condition, index):
        """One user of many, or the newest sessions of everybody: SQLite says that it goes by an index."""
        await ledger.add(session(str(n), f"user-{n % 50}", end=160) for n in range(500))
        asked = f"SELECT * FROM sessions WHERE (ended IS NULL OR ended > 1) AND start <= 2 {condition}"  # noqa: S608 - ours

        with closing(sqlite3.connect(path)) as connection:
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {asked}")]

        assert any(f"USING INDEX {index}" in step for step in plan)
        assert not any(step.startswith("SCAN") for step in plan)


class TestNames:
    """People are who they are, byte for byte."""

    NAMES = (
        "ann",
        "anna",
        "Ann",
        "a.b",
        "a-b",
        "a_b",
        "a%",
        "google-oauth2|117",
        "it's",
        'say "hi"',
        "back\\slash",
        "new\nline",
        "nul\x00",
        "nul\x00l",
        "\u00e9",
        "e\u0301",
        "<script>",
        "😀",
        " ",
        "x" * 255,
        "'; DROP TABLE sessions; --",
    )

    async def test_every_name_is_somebody_else(self, ledger):
        """Nobody is charged for anybody else."""
        await ledger.add(session(name, name, end=160, server=name) for name in self.NAMES)

        found = {name: (await ledger.read(since=0, at=500, user=name)).sessions for name in self.NAMES}

        assert {name: (session(name, name, end=160, server=name),) for name in self.NAMES} == found

    @pytest.mark.parametrize(
        "attempt",
        [
            lambda ledger: ledger.start(session(user="\ud800")),
            lambda ledger: ledger.start(session("\ud800")),
            lambda ledger: ledger.start(session(server="\ud800")),
            lambda ledger: ledger.beat(["\ud800"], 100),
            lambda ledger: ledger.end("\ud800", 100),
            lambda ledger: ledger.read(since=0, at=500, user="\ud800"),
        ],
    )
    async def test_half_a_character_is_refused(self, ledger, attempt):
        """No encoding can write it, so nothing could be found again."""
        with pytest.raises(InputError, match="not Unicode"):
            await attempt(ledger)


class TestWriting:
    """What the recorder in the hub tells."""

    async def test_start_again_changes_nothing(self, ledger):
        """A restarted hub may say it twice."""
        await ledger.start(session())
        await ledger.beat(["1"], 130)
        await ledger.start(session())

        (found,) = (await ledger.read(since=0, at=140)).sessions

        assert 130 == found.end

    async def test_start_again_corrects_what_is_open(self, ledger):
        """The hub may learn only later how large the server became."""
        await ledger.start(session())
        await ledger.start(session(request=Request(memory=8.0)))

        (found,) = (await ledger.read(since=0, at=140)).sessions

        assert Request(memory=8.0) == found.request

    async def test_what_has_ended_is_never_changed(self, ledger):
        """Neither started, seen nor ended again."""
        await ledger.start(session())
        await ledger.end("1", 160)
        await ledger.start(session(user="bob"))
        await ledger.beat(["1"], 300)
        await ledger.end("1", 400)

        assert (session(end=160),) == (await ledger.read(since=0, at=500)).sessions

    async def test_an_end_before_the_start_is_no_time(self, ledger):
        """Clocks are set back; nobody is charged less than nothing."""
        await ledger.start(session())
        await ledger.end("1", 50)

        (found,) = (await ledger.read(since=0, at=500)).sessions

        assert (100, 100) == (found.start, found.end)

    async def test_nothing_is_seen_before_it_starts(self, ledger):
        """However the clocks went: no less than nothing here either."""
        await ledger.start(Session("1", "ann", "", 100.0, 50.0, Request(), alive=True))

        assert [100] == [found.end for found in await ledger.open_sessions()]

    async def test_what_nobody_started_is_not_ended_or_seen(self, ledger):
        """A refused launch leaves nothing."""
        await ledger.beat(["1"], 100)
        await ledger.end("1", 160)

        assert [] == ids(await ledger.read(**FOREVER))

    async def test_a_late_heartbeat_moves_nothing_back(self, ledger):
        """Two may overtake each other."""
        await ledger.start(session())
        await ledger.beat(["1"], 160)
        await ledger.beat(["1"], 130)

        reading = await ledger.read(since=0, at=500)

        assert (160, 160) == (reading.as_of, reading.sessions[0].end)

    async def test_a_clock_that_is_set_right_is_believed(self, ledger):
        """One heartbeat from next year does not make all servers look dead until then."""
        await ledger.beat([], 1_000_000)
        await ledger.start(session())
        await ledger.beat(["1"], 130)

        reading = await ledger.read(since=0, at=140)

        assert (130, True) == (reading.as_of, reading.sessions[0].alive)

    async def test_open_sessions_are_what_a_restarted_hub_looks_after(self, ledger):
        """However long ago they were seen; their end is when that was."""
        await ledger.start(session("closed"))
        await ledger.end("closed", 160)
        await ledger.start(session("gone"))
        await ledger.start(session("there"))
        await ledger.beat(["there"], 500)

        assert {("gone", 100), ("there", 500)} == {(found.id, found.end) for found in await ledger.open_sessions()}

    @pytest.mark.parametrize("when", [math.nan, math.inf, -math.inf, 1e12, -1e12])
    async def test_absurd_times_are_refused(self, ledger, when):
        """Nothing is written of them."""
        for attempt in (
            ledger.start(session(start=when)),
            ledger.start(Session("1", "ann", "", 0.0, when, Request())),
            ledger.beat([], when),
            ledger.end("1", when),
            ledger.add([session(end=when)]),
        ):
            with pytest.raises(InputError, match="no time between the years 1 and 9999"):
                await attempt

        assert None is (await ledger.read(**FOREVER)).complete_since

    @pytest.mark.parametrize("amount", [-1.0, math.nan, math.inf, 10**400])
    async def test_absurd_amounts_are_refused(self, ledger, amount):
        """A negative one would give hours back."""
        with pytest.raises(InputError, match="session '1' asks for an amount"):
            await ledger.start(session(request=Request(gpu=amount)))

    async def test_a_large_amount_is_kept(self, ledger):
        """Larger than any integer of a database."""
        await ledger.add([session(end=160, request=Request(memory=10**30))])

        assert 1e30 == (await ledger.read(**FOREVER)).sessions[0].request.memory


class TestImport:
    """All or nothing, and twice is once."""

    async def test_twice_changes_nothing(self, ledger):
        """The second time nothing is new."""
        some = [session("1", end=160), session("2")]
        assert 2 == await ledger.add(some)
        before = await ledger.read(**FOREVER)

        assert 0 == await ledger.add(some)
        assert before == await ledger.read(**FOREVER)

    async def test_what_the_ledger_says_itself_changes_nothing(self, ledger):
        """Neither the sessions nor since when they are complete."""
        await ledger.beat([], 90)
        await ledger.start(session(start=50))
        await ledger.beat(["1"], 130)
        before = await ledger.read(**FOREVER)

        assert 0 == await ledger.add(before.sessions)
        assert before == await ledger.read(**FOREVER)

    @pytest.mark.parametrize(
        "other",
        [session(user="bob", end=160), session(start=101, end=160), session(end=161), session(server="x", end=160)],
    )
    async def test_a_contradiction_imports_nothing(self, ledger, other):
        """It is named, and what stood before it is not there either."""
        await ledger.add([session(end=160)])

        with pytest.raises(InputError, match="session '1' is in the ledger with other values"):
            await ledger.add([session("new", end=160), other])
        assert ["1"] == ids(await ledger.read(**FOREVER))

    async def test_the_end_of_an_open_session_closes_it(self, ledger):
        """An export from later knows more."""
        await ledger.start(session())

        assert 0 == await ledger.add([session(end=160)])
        assert (session(end=160),) == (await ledger.read(**FOREVER)).sessions

    async def test_an_open_session_was_seen_when_the_later_export_saw_it(self, ledger):
        """What is not over may have gone on."""
        await ledger.start(session())
        await ledger.add([Session("1", "ann", "", 100.0, 130.0, Request(memory=4.0), alive=True)])

        assert [130] == [found.end for found in await ledger.open_sessions()]

    async def test_an_older_export_does_not_open_it_again(self, ledger):
        """It only knew less."""
        await ledger.add([session(end=160)])
        await ledger.add([session()])

        assert (session(end=160),) == (await ledger.read(**FOREVER)).sessions

    async def test_an_end_before_the_start_is_refused(self, ledger):
        """Somebody wrote it, and can correct it."""
        with pytest.raises(InputError, match="session '1' ends before it starts"):
            await ledger.add([session(end=99)])

    async def test_open_sessions_are_alive_where_nobody_watches(self, ledger):
        """A file that was only imported says so; it is known at any time, and nothing is known to be missing."""
        await ledger.add([session()])

        reading = await ledger.read(since=0, at=9_000)

        assert (True, 9_000, None) == (reading.sessions[0].alive, reading.as_of, reading.complete_since)

    @pytest.mark.parametrize("recorded_first", [True, False])
    async def test_history_before_recording_makes_it_complete_for_longer(self, ledger, recorded_first):
        """Since its earliest session, whichever came into the file first."""
        if recorded_first:
            await ledger.beat([], 1_000)
        await ledger.add([session("1", start=20, end=30), session("2", start=10, end=40)])
        if not recorded_first:
            await ledger.beat([], 1_000)

        assert 10 == (await ledger.read(since=0, at=2_000)).complete_since


TIMES = st.integers(0, 30).map(lambda tens: tens * 10.0)
IDS = st.sampled_from("abc")
SESSIONS = st.builds(
    lambda id_, user, start, length, alive: Session(id_, user, "", start, start + length, Request(1.0), alive),
    *(IDS, st.sampled_from(["ann", "bob"]), TIMES, TIMES, st.booleans()),
)
STEPS = st.one_of(
    st.tuples(st.just("start"), SESSIONS),
    st.tuples(st.just("beat"), st.sets(IDS), TIMES),
    st.tuples(st.just("end"), IDS, TIMES),
    st.tuples(st.just("add"), st.lists(SESSIONS, max_size=2)),
)


class Model:
    """What a ledger should say, with nothing but a dictionary."""

    def __init__(self):
        self.known = {}  # by id: the session as it was told last, when it was seen, and its end or None
        self.heartbeat = self.began = self.imported = None

    def start(self, told):
        """Open it, or correct what is open."""
        _, seen, ended = self.known.get(told.id, (None, 0.0, None))
        if ended is None:
            self.known[told.id] = told, max(seen, told.end), None
        self.began = told.end if self.began is None else self.began

    def beat(self, some, at):
        """Remember who was seen."""
        for id_ in some & self.known.keys():
            told, seen, ended = self.known[id_]
            self.known[id_] = told, max(seen, at) if ended is None else seen, ended
        put_back = self.heartbeat is not None and at < self.heartbeat - STALE_SECONDS
        self.heartbeat = at if put_back or self.heartbeat is None else max(at, self.heartbeat)
        self.began = at if self.began is None else self.began

    def end(self, id_, at):
        """Close what is open."""
        if id_ in self.known and self.known[id_][2] is None:
            told, seen, _ = self.known[id_]
            self.known[id_] = told, seen, max(told.start, at)

    def add(self, some):
        """Take over what does not contradict."""
        before = dict(self.known), self.imported
        for new in some:
            if new.id not in self.known:
                self.known[new.id] = new, new.end, None if new.alive else new.end
                self.imported = new.start if self.imported is None else min(self.imported, new.start)
                continue
            told, seen, ended = self.known[new.id]
            contradicts = not new.alive and ended not in (None, new.end)
            if contradicts or (told.user, told.start) != (new.user, new.start):
                self.known, self.imported = before
                raise InputError
            if ended is None:
                self.known[new.id] = told, max(seen, new.end), None if new.alive else new.end

    def read(self, since, at, user):
        """Return sessions as (id, user, start, end, alive), as_of and complete_since."""
        found = set()
        for told, seen, ended in self.known.values():
            stale = self.heartbeat is not None and seen < self.heartbeat - STALE_SECONDS
            end = seen if ended is None and stale else ended
            alive = end is None or end > at
            last = min(seen if end is None else end, at)
            if told.start <= at and user in (None, told.user) and (alive or last > since):
                found.add((told.id, told.user, told.start, last, alive))
        open_ = any(ended is None for _, _, ended in self.known.values())
        as_of = min(at, self.heartbeat) if open_ and self.heartbeat is not None else at
        known = [when for when in (self.began, self.imported) if when is not None]
        return found, as_of, None if self.began is None else min(known)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=12), TIMES, TIMES, st.sampled_from([None, "ann"]))
def test_any_order_of_steps_is_what_a_dictionary_says(steps, since, at, user):
    """Whatever is told again, too late or too early."""

    async def replay(path):
        ledger, model = SqliteLedger(path, create=True), Model()
        for name, *arguments in steps:
            try:
                getattr(model, name)(*arguments)
            except InputError:
                with pytest.raises(InputError):
                    await getattr(ledger, name)(*arguments)
            else:
                await getattr(ledger, name)(*arguments)
        reading = await ledger.read(since=since, at=at, user=user)
        found = {(some.id, some.user, some.start, some.end, some.alive) for some in reading.sessions}
        assert model.read(since, at, user) == (found, reading.as_of, reading.complete_since)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(replay(Path(folder, "quota.sqlite")))


class TestFile:
    """One that only the hub can read, and never anybody else's."""

    async def test_only_its_owner_may_read_it(self, ledger, path):
        """Nor what SQLite puts beside it, whatever the process makes other files like."""
        before = os.umask(0)
        try:
            await ledger.beat([], 100)
            holder = sqlite3.connect(path)
            holder.execute("SELECT * FROM sessions").fetchall()
            await ledger.beat([], 130)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
            holder.close()
        finally:
            os.umask(before)

        assert {path.name: 0o600, f"{path.name}-wal": 0o600, f"{path.name}-shm": 0o600} == modes

    async def test_nothing_is_touched_before_it_is_used(self, path):
        """Making the object makes no file."""
        SqliteLedger(path, create=True)

        assert not path.exists()

    async def test_an_address_may_have_any_characters(self, tmp_path):
        """None of them means anything to SQLite."""
        path = tmp_path / "a b#c?mode=ro%41ä.sqlite"

        await SqliteLedger(str(path), create=True).beat([], 100)

        assert [path] == list(tmp_path.iterdir())

    async def test_it_stays_where_it_is(self, path, monkeypatch):
        """Though the process goes to another folder."""
        monkeypatch.chdir(path.parent)
        ledger = SqliteLedger(path.name, create=True)
        monkeypatch.chdir("/")

        await ledger.beat([], 100)

        assert path.exists()

    async def test_an_empty_file_is_set_up(self, path):
        """There is nothing in it to lose."""
        path.touch()

        await SqliteLedger(path, create=True).start(session())

        assert ["1"] == ids(await SqliteLedger(path).read(**FOREVER))

    @pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files cannot be counted here")
    async def test_no_file_is_left_open(self, ledger):
        """After as many operations as you like."""
        await ledger.start(session())
        before = len(os.listdir("/proc/self/fd"))
        for at in range(100, 150):
            await ledger.beat(["1"], at)
            await ledger.read(**FOREVER)

        assert before == len(os.listdir("/proc/self/fd"))

    async def test_it_may_be_read_after_closing(self, ledger):
        """Closing lets go, it ends nothing."""
        await ledger.start(session())
        await ledger.close()

        assert ["1"] == ids(await ledger.read(**FOREVER))


class TestNotThere:
    """A file that is not there is not an empty one."""

    @pytest.mark.parametrize(
        "prepare", [lambda path: None, lambda path: path.touch(), lambda path: path.symlink_to("x")]
    )
    async def test_a_reader_makes_none(self, path, prepare):
        """Usage is not known until the hub has made it."""
        prepare(path)
        before = sorted(path.parent.iterdir())

        with pytest.raises(UnavailableError, match=r"quota.sqlite is (not there|empty); the hub") as error:
            await SqliteLedger(path).read(**FOREVER)

        assert Unavailable.UNREACHABLE is error.value.reason
        assert before == sorted(path.parent.iterdir())

    async def test_nor_does_a_writer_that_may_not(self, path):
        """An import with a wrong path would look as if it had worked."""
        with pytest.raises(LedgerError, match=r"quota.sqlite is not there"):
            await SqliteLedger(path).add([session()])

    @pytest.mark.parametrize("lose", [Path.unlink, lambda path: path.write_bytes(b"")])
    async def test_it_does_not_come_back_empty(self, ledger, path, lose):
        """When it goes while the hub runs, usage is not known; it is not forgotten."""
        await ledger.start(session())
        lose(path)
        before = listing(path.parent)

        with pytest.raises(UnavailableError) as error:
            await ledger.read(**FOREVER)
        with pytest.raises(LedgerError):
            await ledger.beat([], 130)
        assert Unavailable.UNREACHABLE is error.value.reason
        assert before == listing(path.parent)

    async def test_it_is_read_again_when_it_is_back(self, ledger, path):
        """Nothing is remembered of the trouble."""
        await ledger.start(session())
        moved = path.rename(path.with_name("moved"))
        with pytest.raises(UnavailableError):
            await ledger.read(**FOREVER)
        moved.rename(path)

        assert ["1"] == ids(await ledger.read(**FOREVER))


def foreign(statements):
    """Return what makes another program's database."""

    def make(path):
        connection = sqlite3.connect(path)
        connection.executescript(statements)
        connection.close()

    return make


def no_file(path):
    """Make a socket, which is neither a file nor a folder."""
    with socket.socket(socket.AF_UNIX) as some:
        some.bind(os.path.relpath(path))


class TestNotOurs:
    """Whatever else is there stays as it is, and an admin reads what to do."""

    @pytest.mark.parametrize("create", [True, False])
    @pytest.mark.parametrize(
        ("make", "says"),
        [
            (foreign("CREATE TABLE users (name TEXT)"), "is a database of another program"),
            (foreign("PRAGMA journal_mode = WAL; CREATE TABLE users (name TEXT)"), "is a database of another program"),
            (foreign("CREATE TABLE sessions (id TEXT); DROP TABLE sessions"), "is a database of another program"),
            (foreign("PRAGMA application_id = 1; VACUUM"), "is a database of another program"),
            (foreign(f"PRAGMA application_id = {0x4A485155}; PRAGMA user_version = 2"), "by a newer version"),
            (lambda path: path.write_text("hello"), "is not a database; name another file"),
            (lambda path: path.write_bytes(bytes(8192)), "is not a database; name another file"),
            (Path.mkdir, "is a folder; name a file"),
            (os.mkfifo, "is no file; name a file"),
            (no_file, "is no file; name a file"),
            (lambda path: path.symlink_to(path), "cannot be opened"),
        ],
    )
    async def test_it_is_refused_and_left_alone(self, path, monkeypatch, make, says, create):
        """For reading as for writing."""
        monkeypatch.chdir(path.parent)
        make(path)
        before = listing(path.parent) if path.is_file() else None
        ledger = SqliteLedger(path, create=create)

        for attempt in (ledger.read(**FOREVER), ledger.open_sessions(), ledger.beat([], 100), ledger.add([session()])):
            with pytest.raises(LedgerError, match=rf"The ledger {path} .*{says}"):
                await attempt
        if before is not None:
            assert before == listing(path.parent)

    @pytest.mark.parametrize("name", ["missing/quota.sqlite", "file/quota.sqlite", "x" * 300, "nul\x00"])
    async def test_a_path_that_cannot_be(self, tmp_path, name):
        """No folder is made, since it is likely a mistake."""
        (tmp_path / "file").touch()

        with pytest.raises(LedgerError, match=r"folder that is not there|cannot be opened"):
            await SqliteLedger(tmp_path / name, create=True).beat([], 100)
        assert ["file"] == [file.name for file in tmp_path.iterdir()]

    async def test_while_running_it_is_not_known(self, ledger, path):
        """What once worked is no mistake of the set-up: the policy says what to do until it is mended."""
        await ledger.start(session())
        path.write_text("hello")

        with pytest.raises(UnavailableError) as error:
            await ledger.read(**FOREVER)
        assert Unavailable.MALFORMED is error.value.reason

    async def test_damage_is_not_known(self, ledger, path):
        """The header is ours, the rest cannot be read."""
        await ledger.add(session(str(n), end=160) for n in range(1000))
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (size - 4096))

        with pytest.raises(UnavailableError, match="is damaged; put a backup") as error:
            await SqliteLedger(path).read(**FOREVER)
        with pytest.raises(LedgerError, match="is damaged; put a backup"):
            await SqliteLedger(path).add([session()])
        assert Unavailable.MALFORMED is error.value.reason


class TestPermissions:
    """What this process may not do, it says. Root may do all, so it becomes somebody else first."""

    CODE = """
        asyncio.run(asyncio.to_thread(int))  # imports what nobody else may import
        if os.getuid() == 0:
            try:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            except PermissionError:
                pass  # a root that may not even do this has no power over permissions either
        ledger = SqliteLedger(path, create=True)
        for attempt in (ledger.read(since=0, at=500), ledger.add([session("1")])):
            try:
                asyncio.run(attempt)
            except QuotaError as error:
                print(type(error).__name__, error)
    """

    @pytest.fixture
    def folder(self):
        """Return a folder that everybody can get at."""
        folder = Path(tempfile.mkdtemp())
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)
        shutil.rmtree(folder)

    def attempt(self, path):
        """Return what reading and writing said."""
        output, _ = child(self.CODE, path).communicate()
        return [line.split(" (")[0] for line in output.splitlines()]

    def test_a_folder_without_write_access(self, folder):
        """No file can be made in it."""
        folder.chmod(0o555)
        path = folder / "quota.sqlite"

        words = f"LedgerError The ledger {path} may not be used: this process must be allowed to write the file and its"
        assert [True, True] == [line.startswith(words) for line in self.attempt(path)]
        assert [] == list(folder.iterdir())

    @pytest.mark.parametrize("mode", [0o444, 0o000])
    async def test_a_file_without_write_access(self, folder, mode):
        """It can be read by nobody either where SQLite has no place for its locks."""
        path = folder / "quota.sqlite"
        await SqliteLedger(path, create=True).beat([], 100)
        path.chmod(mode)
        folder.chmod(0o555)

        assert ["LedgerError", "LedgerError"] == [line.split()[0] for line in self.attempt(path)]


class TestFullDisk:
    """What does not fit is not there at all, what was there stays."""

    CODE = """
        ledger = SqliteLedger(path, create=True)
        asyncio.run(ledger.start(session("first")))
        if len(sys.argv) > 2:
            import resource
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            asyncio.run(ledger.add(session(str(n)) for n in range(10_000)))
        except QuotaError as error:
            print(type(error).__name__, error)
        asyncio.run(ledger.beat(["first"], 130))
        print([(found.id, found.end) for found in asyncio.run(ledger.read(since=0, at=140)).sessions])
    """

    def test_a_file_that_may_not_grow(self, path):
        """A quota on the disk, for example."""
        error, sessions = child(self.CODE, path, "limit").communicate()[0].splitlines()

        assert error.startswith(f"LedgerError The ledger {path} could not be read or written; is its disk full")
        assert "[('first', 130.0)]" == sessions

    def test_a_disk_that_is_full(self, tmp_path):
        """A small one, in memory, that only the child sees."""
        mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
        try:
            subprocess.run([*mount, 'mount -t tmpfs -o size=512k none "$0"', tmp_path], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this machine does not let us mount anything")
        path = tmp_path / "quota.sqlite"
        script = 'mount -t tmpfs -o size=512k none "$0" && exec "$@"'
        process = child(self.CODE, path, command=[*mount, script, str(tmp_path)])

        error, sessions = process.communicate()[0].splitlines()

        assert error.startswith(f"LedgerError The ledger {path} does not fit on its disk; free some space")
        assert "[('first', 130.0)]" == sessions


class TestSeveralAtOnce:
    """Threads and processes share the file."""

    async def test_many_at_once(self, ledger):
        """Each waits for its turn."""
        await asyncio.gather(*(ledger.start(session(str(n))) for n in range(50)))

        assert 50 == len((await ledger.read(**FOREVER)).sessions)

    @pytest.mark.parametrize("attempt", range(10))
    async def test_many_make_the_file_at_once(self, path, attempt):
        """One of them does, the others find it; none of them knows another."""
        await asyncio.gather(*(SqliteLedger(path, create=True).start(session(str(n))) for n in range(30)))

        assert 30 == len((await SqliteLedger(path).read(**FOREVER)).sessions)

    async def test_many_import_at_once(self, ledger, path):
        """Each looks at what is there before it writes, and what it saw must still be so."""
        await ledger.beat([], 100)
        some = [session(str(n), end=160) for n in range(200)]

        new = await asyncio.gather(*(SqliteLedger(path).add(some) for _ in range(20)))

        assert 200 == sum(new)

    async def test_several_processes_write_while_we_read(self, path):
        """None loses anything, though all of them begin with no file."""
        code = """
            async def main():
                ledger = SqliteLedger(path, create=True)
                for n in range(25):
                    name = f"{sys.argv[2]}-{n}"
                    await ledger.start(session(name))
                    await ledger.beat([name], 130)
                    await ledger.end(name, 160)
            asyncio.run(main())
        """
        writers = [child(code, path, n) for n in range(4)]
        ledger = SqliteLedger(path)
        counts = [0]
        while any(writer.poll() is None for writer in writers):
            try:
                counts.append(len((await ledger.read(**FOREVER)).sessions))
            except UnavailableError as error:
                assert Unavailable.UNREACHABLE is error.reason  # noqa: PT017 - only so long as nothing is there
                assert [0] == counts

        assert [0] * 4 == [writer.wait() for writer in writers]
        assert sorted(counts) == counts
        assert {160.0} == {found.end for found in (await ledger.read(**FOREVER)).sessions}
        assert 100 == len((await ledger.read(**FOREVER)).sessions)
        for writer in writers:
            writer.stdout.close()

    async def test_a_writer_does_not_hold_up_readers(self, ledger, path):
        """They see what was committed before."""
        await ledger.start(session())
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM sessions")

        assert ["1"] == ids(await ledger.read(**FOREVER))
        writer.close()

    async def test_a_lock_that_is_never_given_up(self, ledger, path):
        """Reading and writing say so in the end, and the event loop has gone on meanwhile."""
        await ledger.start(session())
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.05)
                ticks += 1

        ticking = asyncio.create_task(tick())
        read, written = await asyncio.gather(ledger.read(**FOREVER), ledger.beat([], 130), return_exceptions=True)
        ticking.cancel()
        holder.close()

        assert (UnavailableError, Unavailable.SLOW, LedgerError) == (type(read), read.reason, type(written))
        assert "was locked by another process for more than 3 s" in str(written)
        assert ticks > 20


class TestKilled:
    """Kill -9 of the writer loses nothing that was committed."""

    async def test_what_was_committed_is_there(self, path):
        """To the last session of which the writer could tell anybody."""
        code = """
            async def main():
                ledger = SqliteLedger(path, create=True)
                for n in range(100_000):
                    await ledger.start(session(str(n)))
                    print(n, flush=True)
            asyncio.run(main())
        """
        writer = child(code, path)
        for _ in range(20):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        last = (["19", *writer.communicate()[0].split()])[-1]

        found = ids(await SqliteLedger(path).read(**FOREVER))

        assert -signal.SIGKILL == writer.returncode
        assert {str(n) for n in range(int(last))} <= set(found)

    @pytest.mark.parametrize("delay", [0, 0.001, 0.002, 0.004, 0.008, 0.016])
    async def test_killed_while_the_file_is_made(self, path, delay):
        """The next one finds it in order, or makes it."""
        code = """
            asyncio.run(asyncio.to_thread(int))
            print(flush=True)
            asyncio.run(SqliteLedger(path, create=True).start(session("1")))
        """
        writer = child(code, path)
        writer.stdout.readline()
        time.sleep(delay)  # noqa: ASYNC251 - nothing else is going on
        writer.kill()
        writer.communicate()

        await SqliteLedger(path, create=True).start(session("1"))

        assert ["1"] == ids(await SqliteLedger(path).read(**FOREVER))
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)

    async def test_killed_in_the_middle_of_a_transaction(self, path):
        """Nothing of it is there, and nobody is held up by it."""
        code = """
            ledger = SqliteLedger(path, create=True)
            asyncio.run(ledger.start(session("first")))
            print(flush=True)
            asyncio.run(ledger.add([session(str(n)) for n in range(300_000)]))
            print("too late", flush=True)
        """
        writer = child(code, path)
        writer.stdout.readline()
        wal = path.with_name(f"{path.name}-wal")
        while not wal.exists() or wal.stat().st_size < 100_000:
            time.sleep(0.001)  # noqa: ASYNC251 - nothing else is going on
        writer.kill()

        assert "" == writer.communicate()[0]
        await SqliteLedger(path).beat(["first"], 130)
        assert ["first"] == ids(await SqliteLedger(path).read(**FOREVER))
