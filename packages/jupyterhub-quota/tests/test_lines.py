"""Sessions as JSON Lines: what goes out comes back, and a bad line is named."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_quota.errors import InputError
from jupyterhub_quota.ledger.lines import dump, load
from jupyterhub_quota.session import Request, Session

GIB = 2**30
# 12:00 UTC on 3 May 2026.
NOON = 1777809600.0

ANN = Session("1", "ann", "lab", start=NOON, end=NOON + 60, request=Request(4 * GIB, 2, 1))


def line(**changes: object) -> str:
    """Return a good line with some keys changed; those set to `...` are left out."""
    fields = {
        "id": "1",
        "user": "ann",
        "server": "lab",
        "start": NOON,
        "end": NOON + 60,
        "request": {"memory": 4 * GIB, "cpu": 2, "gpu": 1},
    } | changes
    return json.dumps({key: value for key, value in fields.items() if value is not ...})


def request(**changes: object) -> str:
    """Return a good line with some amounts changed."""
    return line(request={"memory": 0, "cpu": 0, "gpu": 0} | changes)


@st.composite
def sessions(draw: st.DrawFn) -> list[Session]:
    """Any sessions that a ledger may hold."""
    times = st.floats(-62_135_596_800.0, 253_402_300_799.0)
    amounts = st.builds(Request, *3 * [st.floats(0, 1e300) | st.integers(0, 2**50)])
    text = st.text(st.characters(exclude_categories=["Cs"]))
    found = []
    for id_ in draw(st.sets(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=5)):
        start, end = sorted((draw(times), draw(times)))
        user = draw(text.filter(bool))
        found.append(Session(id_, user, draw(text), start, end, draw(amounts), draw(st.booleans()), draw(text)))
    return found


class TestRoundTrip:
    """What is dumped is loaded again, as it was."""

    @given(sessions())
    def test_every_session_comes_back(self, some):
        """Names, times and amounts are the same to the last bit."""
        assert tuple(some) == load(dump(some), "export")

    @pytest.mark.parametrize(
        "user",
        [
            "google-oauth2|117",
            'quote"',
            "back\\slash",
            "new\nline",
            "a" * 255,
            "Ann",
            "e\u0301",
            "\u2028",
            "\x00",
            "<script>",
            "😀",
        ],
    )
    def test_a_name_takes_one_line_of_ascii(self, user):
        """No name breaks a line, for whatever program reads it, or the encoding of a pipe."""
        (text,) = dump([Session("1", user, "", 0, 1, Request())])

        assert [text] == text.encode("ascii").decode().splitlines()

    def test_a_closed_session_looks_like_this(self):
        """The form that the documentation promises."""
        expected = (
            '{"id": "1", "user": "ann", "server": "lab", "start": 1777809600.0, "end": 1777809660.0,'
            ' "request": {"memory": 4294967296, "cpu": 2, "gpu": 1}}'
        )

        assert [expected] == list(dump([ANN]))

    def test_an_open_session_says_when_it_was_seen(self):
        """It has no end; the pod and what it is are there when they are known."""
        session = Session(
            "1", "ann", "", 10, 20, Request(), alive=True, pod="jupyter-ann", component="singleuser-server"
        )

        fields = json.loads(next(dump([session])))

        assert {
            "end": None,
            "seen": 20,
            "pod": "jupyter-ann",
            "component": "singleuser-server",
        }.items() <= fields.items()


class TestReading:
    """What people may write."""

    @pytest.mark.parametrize(
        "start",
        [
            1777809600,
            1777809600.0,
            "2026-05-03T12:00:00Z",
            "2026-05-03T14:00:00+02:00",
            "2026-05-03T12:00:00",
            "2026-05-03 12:00",
            "2026-05-03T12:00:00.000+00:00",
        ],
    )
    def test_times_are_seconds_or_iso_8601(self, start):
        """Without a zone they are in UTC, wherever the command runs."""
        (session,) = load([line(start=start)], "x")

        assert NOON == session.start

    def test_blank_lines_are_ignored(self):
        """But they count for the number of a line."""
        assert (ANN,) == load(["", line(), "  \n"], "x")

    def test_a_session_without_end_is_alive(self):
        """It was last seen when it started, unless the line says more."""
        (session,) = load([line(end=None)], "x")

        assert (True, NOON) == (session.alive, session.end)

    def test_an_open_session_was_last_seen_when_the_line_says(self):
        """As `sessions export` writes it."""
        (session,) = load([line(end=None, seen=NOON + 5)], "x")

        assert (True, NOON + 5) == (session.alive, session.end)

    def test_no_lines_are_no_sessions(self):
        """An empty file is a good file."""
        assert () == load([], "x")


class TestRefusing:
    """Whatever cannot be read is named by line and key, with what to write instead."""

    @pytest.mark.parametrize(
        ("bad", "says"),
        [
            ("{", "it is not JSON"),
            ("\ufeff" + line(), "it is not JSON"),
            ("[" * 100_000, "it is not JSON"),
            ("9" * 5_000, "it is not JSON"),
            ("[]", "it is a list, but must be an object"),
            ("null", "it is null, but must be an object"),
            (line(usr="ann"), 'unknown key "usr"; write only id, user,'),
            (line(user=...), "'user' is missing"),
            (line(server=...), "'server' is missing"),
            (line(end=...), "'end' is missing"),
            (line().replace('"id"', '"id": "2", "id"'), 'the key "id" is there twice'),
            (line(id=7), "'id' is 7, but must be a text"),
            (line(id=""), "'id' is empty"),
            (line(user=None), "'user' is null, but must be a text"),
            (line(user=""), "'user' is empty"),
            (line(user="\ud800"), "'user' has half a character"),
            (line(pod=1), "'pod' is 1, but must be a text"),
            (line(start=True), "'start' is true, but must be a time; write for example \"2026-"),
            (line(start="noon"), "'start' is \"noon\", but must be a time"),
            (line(start="17120101112"), "must be a time"),
            (line(start="2026-02-30"), "must be a time"),
            (line(start=None), "'start' is null, but must be a time"),
            (line(start=NOON * 1000), "write seconds, not milliseconds"),
            (line(start="0001-01-01T00:00:00+14:00"), "no time between the years 1 and 9999"),
            (line(start=-1e300), "no time between the years 1 and 9999"),
            (line(start=10**400), "no time between the years 1 and 9999"),
            (line(start=float("nan")), "NaN is no number"),
            (line(end=float("inf")), "Infinity is no number"),
            (line(end=NOON - 1), "'end' is before 'start'"),
            (line(end=None, seen=NOON - 1), "'seen' is before 'start'"),
            (line(seen=NOON), "'seen' is only for a session without an end"),
            (line(request=4), "'request' is 4, but must be an object"),
            (line(request={"memory": 1, "cpu": 1}), "'request.gpu' is missing"),
            (request(tpu=1), 'unknown key "request.tpu"'),
            (request(gpu="1"), "'request.gpu' is \"1\", but must be a number of devices"),
            (request(gpu=True), "'request.gpu' is true, but must be a number of devices"),
            (request(memory=-1), "'request.memory' is -1, but must be a number of bytes, 0 or more"),
            (request(cpu=None), "'request.cpu' is null"),
            (request(cpu=float("-inf")), "-Infinity is no number"),
            (request(memory=7).replace(": 7,", ": 1e999,"), "'request.memory' is Infinity"),
            (request(memory=10**400), "'request.memory' is 1000"),
        ],
    )
    def test_a_bad_line(self, bad, says):
        """The message begins with the file and the line."""
        with pytest.raises(InputError, match=re.escape(says)) as error:
            load(["", line(id="0"), bad], "sessions.jsonl")

        assert str(error.value).startswith("sessions.jsonl, line 3: ")

    def test_two_lines_with_one_id(self):
        """Which of them counts is not for us to guess."""
        with pytest.raises(InputError, match=r'x, line 3: id "1" is already in line 1'):
            load([line(), line(id="2"), line()], "x")

    def test_a_message_stays_short(self):
        """However much somebody pasted."""
        with pytest.raises(InputError) as error:
            load([line(start="x" * 100_000)], "x")

        assert len(str(error.value)) < 300

    def test_a_file_that_is_not_utf_8(self, tmp_path):
        """Lines come from a file that decodes while it is read."""
        file = tmp_path / "latin-1.jsonl"
        file.write_bytes(line(user="x").replace("x", "ä").encode("latin-1").replace(b"\\u00e4", b"\xe4"))

        with file.open(encoding="utf-8") as lines, pytest.raises(InputError, match="is not UTF-8"):
            load(lines, "latin-1.jsonl")
