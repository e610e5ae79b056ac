"""`policy check`, `policy show` and `policy schema`."""

import json

import pytest

from jupyterhub_quota.cli import main

POLICY = """
groups:
  regular: {memory: 60 GiB-hours, gpu: 0}
  course:
    memory: [100 GiB-hours, {limit: 16 GiB-hours, window: 1d}]
    cpu: unlimited
default: {memory: 20 GiB-hours, gpu: 0}
exempt: {groups: [staff], users: [root]}
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command about a policy of this text."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments, text=POLICY):
        (tmp_path / "policy.yaml").write_text(text)
        return main(["policy", *arguments]), *capsys.readouterr()

    return command


class TestCheck:
    def test_of_a_good_policy(self, run):
        assert (0, "policy.yaml is a valid policy.\n", "") == run("check", "policy.yaml")

    def test_names_every_problem(self, run):
        code, told, complaint = run("check", "policy.yaml", text="widow: 30d\ndefault: {memory: 60 GB}\n")

        assert (2, "") == (code, told)
        assert ["policy.yaml, line 1: widow:", "policy.yaml, line 2: default.memory:"] == [
            problem[: problem.index(": ", 21) + 1] for problem in complaint.splitlines()
        ]

    def test_warns_of_what_looks_like_an_accident(self, run):
        """That is no reason to fail."""
        text = "groups: {regular: {gpu: 0}}\ndefault: {memory: 20 GiB-hours}\n"

        code, told, warning = run("check", "policy.yaml", text=text)

        assert (0, "policy.yaml is a valid policy.\n") == (code, told)
        assert warning.startswith("Warning: gpu is limited for group regular")

    def test_says_the_same_in_json(self, run):
        code, told, _ = run("check", "--json", "policy.yaml", text="widow: 30d\ndefault: {memory: 0}\n")
        answer = json.loads(told)

        assert (2, False, []) == (code, answer["valid"], answer["warnings"])
        assert 1 == len(answer["problems"])


class TestShow:
    def test_says_what_such_a_person_gets(self, run):
        code, told, _ = run("show", "policy.yaml", "--group", "regular")

        assert 0 == code
        assert [
            "Whoever is in the group regular gets:",
            "- Memory: 60 GiB-hours in 30 days (group regular).",
            "- CPU: not limited.",
            "- GPU: 0 (group regular).",
        ] == told.splitlines()[:4]

    def test_says_all_that_several_groups_offer(self, run):
        told = run("show", "policy.yaml", "--group", "regular", "--group", "course")[1]

        assert (
            "- Memory: 100 GiB-hours in 30 days and 16 GiB-hours in 24 hours (group course) "
            "or 60 GiB-hours in 30 days (group regular); the most generous counts."
        ) in told

    @pytest.mark.parametrize("options", [["--group", "staff"], ["--user", "root"]])
    def test_says_who_is_exempt(self, run, options):
        assert "Exempt: what is used is counted and shown" in run("show", "policy.yaml", *options)[1]

    def test_of_no_group_is_the_default(self, run):
        told = run("show", "policy.yaml", "--user", "ann")[1]

        assert told.startswith("ann, in no group, gets:\n- Memory: 20 GiB-hours in 30 days (the default).\n")

    def test_notes_a_group_that_the_policy_does_not_name(self, run):
        """It may be misspelt."""
        assert (
            "Note: the policy says nothing about a group 'regulr'.\n"
            == run("show", "policy.yaml", "--group", "regulr")[2]
        )

    @pytest.mark.parametrize(
        ("rule", "told"),
        [
            (
                "at_launch: refuse",
                "A launch that could not run for 10 minutes (minimum_runtime) is refused (at_launch: refuse).",
            ),
            (
                "at_launch: warn",
                "could not run for 10 minutes (minimum_runtime) starts with a warning (at_launch: warn).",
            ),
            ("at_launch: ignore", "Every launch starts (at_launch: ignore)."),
            (
                "when_unknown: refuse",
                "for more than 15 minutes (tolerate), launches are refused (when_unknown: refuse).",
            ),
            (
                "when_unknown: allow",
                "for more than 15 minutes (tolerate), launches start all the same (when_unknown: allow).",
            ),
            (
                "while_running: stop",
                "it is stopped after 15 minutes (grace), and its user is warned 1 hour and 10 minutes before",
            ),
            ("while_running: warn", "it runs on, and its user is warned 1 hour and 10 minutes before (warn_before)"),
            ("while_running: ignore", "it runs on (while_running: ignore)."),
        ],
    )
    def test_says_how_it_is_enforced(self, run, rule, told):
        assert told in run("show", "policy.yaml", text=f"{POLICY}{rule}\n")[1]

    def test_says_the_same_in_json(self, run):
        answer = json.loads(run("show", "--json", "policy.yaml", "--group", "course")[1])

        assert [("memory", "course"), ("gpu", None)] == [
            (offer["resource"], offer["group"]) for offer in answer["offers"]
        ]
        assert [2592000, 86400] == [quota["window_seconds"] for quota in answer["offers"][0]["quotas"]]
        assert ("refuse", 600) == (answer["at_launch"], answer["minimum_runtime_seconds"])

    def test_of_a_bad_policy_is_wrong_input(self, run):
        code, told, complaint = run("show", "policy.yaml", text="[]")

        assert (2, "") == (code, told)
        assert complaint.startswith("policy.yaml")


def test_the_schema_is_json(run):
    code, told, _ = run("schema")

    assert (0, "object") == (code, json.loads(told)["type"])
