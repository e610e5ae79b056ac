"""`sessions export` and `sessions import`."""

import json
import stat

import pytest

from jupyterhub_quota.cli import main

LEDGER = ("--ledger", "sqlite:///quota.sqlite")


def line(id_, user="ann", start=1_777_600_000, end=1_777_603_600, **more):
    request = {"memory": 4294967296, "cpu": 2, "gpu": 0}
    return json.dumps({"id": id_, "user": user, "server": "", "start": start, "end": end, "request": request} | more)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        return main(["sessions", *arguments]), *capsys.readouterr()

    return command


@pytest.fixture
def write(tmp_path):
    def file(*lines):
        (tmp_path / "sessions.jsonl").write_text("\n".join(lines) + "\n")
        return "sessions.jsonl"

    return file


class TestImport:
    def test_makes_the_ledger(self, run, write, tmp_path):
        """Nobody else may read it."""
        assert (0, "2 sessions read, 2 new.\n", "") == run("import", *LEDGER, write(line("1"), line("2")))
        assert 0o600 == stat.S_IMODE((tmp_path / "quota.sqlite").stat().st_mode)

    def test_twice_changes_nothing(self, run, write):
        run("import", *LEDGER, write(line("1")))
        before = run("export", *LEDGER)

        assert (0, "1 session read, 0 new.\n", "") == run("import", *LEDGER, write(line("1")))
        assert before == run("export", *LEDGER)

    def test_of_a_bad_line_names_it_and_takes_nothing(self, run, write):
        run("import", *LEDGER, write(line("0")))

        code, told, complaint = run("import", *LEDGER, write(line("1"), "", line("2", end="yesterday")))

        assert (2, "") == (code, told)
        assert complaint.startswith("sessions.jsonl, line 3: 'end' is \"yesterday\", but must be a time")
        assert 1 == len(run("export", *LEDGER)[1].splitlines())

    def test_of_another_session_under_a_known_id_is_refused(self, run, write):
        run("import", *LEDGER, write(line("1")))

        code, _, complaint = run("import", *LEDGER, write(line("2"), line("1", user="bob")))

        assert 2 == code
        assert "is in the ledger with other values; nothing was imported" in complaint

    def test_reads_standard_input(self, run, tmp_path, monkeypatch):
        (tmp_path / "in").write_text(line("1"))
        with (tmp_path / "in").open() as stdin:
            # A real file stands where a shell would put it; pytest keeps standard input for itself.
            monkeypatch.setattr("sys.stdin", stdin)

            assert (0, "1 session read, 1 new.\n", "") == run("import", *LEDGER, "-")

    def test_counts_in_json(self, run, write):
        assert {"read": 1, "new": 1} == json.loads(run("import", *LEDGER, "--json", write(line("1")))[1])

    @pytest.mark.parametrize(
        ("file", "told"),
        [("none", "none cannot be read: No such file"), (".", ". cannot be read: Is a directory")],
    )
    def test_of_no_file_is_wrong_input(self, run, file, told):
        code, _, complaint = run("import", *LEDGER, file)

        assert 2 == code
        assert complaint.startswith(told)

    def test_of_other_text_than_utf_8_is_wrong_input(self, run, tmp_path):
        (tmp_path / "latin").write_bytes(line("1").encode() + b'\n{"id": "\xe9"}\n')

        code, _, complaint = run("import", *LEDGER, "latin")

        assert 2 == code
        assert "UTF-8" in complaint


class TestExport:
    @pytest.fixture(autouse=True)
    def ledger(self, run, write):
        lines = [
            line("2", start=1_777_700_000, end=None, seen=1_777_700_060),
            line("1"),
            line("3", user="anna\n\u2028ü"),
        ]
        run("import", *LEDGER, write(*lines))

    def test_writes_one_line_per_session_the_earliest_first(self, run):
        code, told, _ = run("export", *LEDGER)

        assert 0 == code
        assert ["1", "3", "2"] == [json.loads(text)["id"] for text in told.splitlines()]

    def test_comes_back_as_it_was(self, run, tmp_path):
        _, told, _ = run("export", *LEDGER)
        (tmp_path / "again.jsonl").write_text(told)

        run("import", "--ledger", "sqlite:///again.sqlite", "again.jsonl")

        assert told == run("export", "--ledger", "sqlite:///again.sqlite")[1]

    def test_of_one_user_leaves_out_the_others(self, run):
        """A name that begins with another name is another person."""
        assert ["1", "2"] == [
            json.loads(text)["id"] for text in run("export", *LEDGER, "--user", "ann")[1].splitlines()
        ]

    def test_since_a_time_leaves_out_what_had_ended(self, run):
        _, told, _ = run("export", *LEDGER, "--since", "2026-05-02")

        assert ["2"] == [json.loads(text)["id"] for text in told.splitlines()]

    def test_of_no_ledger_is_not_known(self, run):
        """And makes none."""
        code, told, _ = run("export", "--ledger", "sqlite:///none.sqlite")

        assert (3, "") == (code, told)
