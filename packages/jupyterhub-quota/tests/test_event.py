"""Decisions as events and as JSON, and how they came about in sentences."""

import json
import math
from dataclasses import replace
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from jupyterhub_quota import (
    DECISION_SCHEMA,
    AtLaunch,
    InputError,
    QuotaEngine,
    Reading,
    Reason,
    Request,
    Session,
    Subject,
    Unavailable,
    UnavailableError,
    decision_event,
    decision_json,
    explain,
    parse_policy,
    report_json,
)

GIB = 2**30
HOUR = 3600
AT = 1_777_636_800.0  # 1 May 2026 14:00 in Berlin

POLICY = parse_policy(
    """
    groups:
      regular: {memory: 60 GiB-hours, gpu: 0}
      power: {memory: 240 GiB-hours}
    default: {memory: 20 GiB-hours, gpu: 0}
    exempt: {groups: [staff]}
    timezone: Europe/Berlin
    """
)
PAST = Session("1", "ann", "", AT - 48 * HOUR, AT - 38 * HOUR, Request(4 * GIB, 2))
RUNS = Session("2", "ann", "big", AT - 4 * HOUR, AT, Request(2 * GIB, 1), alive=True)


class Known:
    """A ledger of these sessions."""

    def __init__(self, *sessions, complete_since=None):
        self.reading = Reading(sessions, AT, complete_since)

    async def read(self, *, since, at, user=None):
        return self.reading

    async def close(self):
        """Nothing is open."""


class Away(Known):
    async def read(self, *, since, at, user=None):
        raise UnavailableError("the ledger did not answer within 5 s", Unavailable.SLOW)


async def decided(memory=4, gpu=0, *, cpu=0, groups=("regular",), policy=POLICY, ledger=None, user="ann", server=""):
    """Return the decision and its event, as it comes back from a log."""
    engine = QuotaEngine(policy, ledger or Known(PAST, RUNS))
    request = Request(memory * GIB, cpu, gpu)
    decision = await engine.decide(Subject(user, frozenset(groups)), request, server=server, at=AT)
    event = decision_event(decision, policy)
    return decision, json.loads(json.dumps(event, allow_nan=False))


# One for each reason that the engine can have.
SITUATIONS = {
    Reason.WITHIN_QUOTA: {"memory": 4},
    Reason.UNLIMITED: {"memory": 0, "cpu": 2},
    Reason.EXEMPT: {"memory": 4000, "groups": ["staff"]},
    Reason.NOT_ENFORCED: {"memory": 4000, "policy": replace(POLICY, at_launch=AtLaunch.IGNORE)},
    Reason.NO_QUOTA: {"memory": 4, "gpu": 1},
    Reason.TOO_LARGE: {"memory": 4000},
    Reason.USED_UP: {"memory": 4, "groups": []},
    Reason.TOO_LITTLE_LEFT: {"memory": 100},
    Reason.HELD_BY_OTHERS: {"memory": 71},
    Reason.NOT_KNOWN: {"ledger": Away()},
}


@pytest.fixture(params=SITUATIONS, ids=str)
async def situation(request):
    decision, event = await decided(**SITUATIONS[request.param])
    assert request.param is decision.reason
    return decision, event


class TestAnEvent:
    def test_fits_the_schema(self, situation):
        _, event = situation

        jsonschema.Draft7Validator(DECISION_SCHEMA).validate(event)

    def test_holds_all_of_the_decision_json(self, situation):
        """Who reads the one can read the other."""
        decision, event = situation
        answer = decision_json(decision)
        quotas = zip(answer.pop("quotas"), event["quotas"], strict=True)

        assert answer.items() <= event.items()
        assert all(quota.items() <= told.items() for quota, told in quotas)

    def test_can_be_explained(self, situation):
        """With the outcome, what the user read, and no float in sight."""
        decision, event = situation

        told = explain(event)

        assert f"Decision {decision.reference} of 1 May 2026 14:00:00" in told
        assert f": {decision.outcome} ({decision.reason})." in told
        assert decision.sentence in told
        assert "inf" not in told

    async def test_says_what_it_looked_at(self):
        """Whom, what, what ran, which quotas, and by which rules."""
        _, event = await decided(100, server="large", ledger=Known(PAST, RUNS, complete_since=AT - 50 * HOUR))

        assert ("ann", ["regular"], "large") == (event["user"], event["groups"], event["server"])
        assert {"memory": 100 * GIB, "cpu": 0, "gpu": 0} == event["request"]
        assert [{"server": "big", "start": AT - 4 * HOUR, "request": {"memory": 2 * GIB, "cpu": 1, "gpu": 0}}] == event[
            "running"
        ]
        assert (AT, AT - 50 * HOUR) == (event["as_of"], event["complete_since"])
        assert (POLICY.digest, "refuse", 600) == tuple(
            event["policy"][key] for key in ("digest", "at_launch", "minimum_runtime_seconds")
        )
        memory = event["quotas"][0]
        assert (48 * GIB * HOUR, "too-little-left", True) == (memory["used"], memory["reason"], memory["blocking"])

    @pytest.mark.parametrize("user", ["google-oauth2|117", "<script>", "a\nb", "ü" * 255, '"\\', "\udc80"])
    async def test_takes_any_name(self, user):
        _, event = await decided(user=user, server=user)

        jsonschema.Draft7Validator(DECISION_SCHEMA).validate(event)

    def test_has_a_schema_that_jupyter_events_takes(self):
        """An address as its id, a version in text, and no property that begins with two underscores."""
        assert "urn:jupyterhub-quota:decision" == DECISION_SCHEMA["$id"]
        assert "1" == DECISION_SCHEMA["version"]
        assert not [name for name in DECISION_SCHEMA["properties"] if name.startswith("__")]
        assert json.loads(json.dumps(DECISION_SCHEMA)) == DECISION_SCHEMA


class TestJson:
    async def test_what_is_unlimited_is_null(self):
        decision, _ = await decided(0, cpu=2)
        cpu = next(quota for quota in decision_json(decision)["quotas"] if quota["resource"] == "cpu")

        assert (None, None) == (cpu["limit"], cpu["remaining"])
        assert decision_json(decision)["runtime_seconds"] is None

    async def test_what_is_not_known_is_null(self):
        decision, _ = await decided(ledger=Away())
        answer = decision_json(decision)

        assert (None, None, [], []) == tuple(answer[key] for key in ("runtime_seconds", "as_of", "quotas", "refills"))

    async def test_a_report_has_a_sentence_for_each_quota(self):
        report = await QuotaEngine(POLICY, Known(PAST, RUNS)).status(Subject("ann", frozenset({"regular"})), at=AT)

        answer = report_json(report, ZoneInfo("UTC"))

        assert "You have used 48 of 60 GiB-hours of memory in the last 30 days." == answer["quotas"][0]["sentence"]
        assert {"user", "groups", "at", "as_of", "complete_since", "quotas", "running"} == answer.keys()
        assert ["big"] == [server["server"] for server in answer["running"]]


class TestAnExplanation:
    async def test_of_an_allowed_launch(self):
        """Why it was allowed has an answer, too."""
        _, event = await decided(4, cpu=2)

        assert [
            "ann, in the group regular, asked for the default server with 4 GiB of memory and 2 cores.",
            "Usage was known as of 1 May 2026 14:00:00 CEST.",
            "Beside it ran the server 'big' with 2 GiB of memory and 1 core since 1 May 2026 10:00:00 CEST.",
            (
                "- Memory (group regular): 48 of 60 GiB-hours used in the last 30 days, 12 GiB-hours left. "
                "4 GiB could run for about 2 hours beside the others: enough."
            ),
            "- CPU (the default): not limited; 24 core-hours used in the last 30 days.",
            "- GPU (group regular): the quota is 0. The server reserved none, so this could not stand against it.",
            (
                "The server could run for about 2 hours; the policy asks for at least 10 minutes (minimum_runtime), "
                "so it was allowed."
            ),
        ] == explain(event).splitlines()[1:-2]

    async def test_of_a_refused_launch_says_when_it_could_start(self):
        _, event = await decided(100)

        told = explain(event)

        assert (
            "The server could run for about 7 minutes; the policy asks for at least 10 minutes (minimum_runtime) "
            "and says at_launch: refuse, so it was refused."
        ) in told
        assert "With no further use and all other servers stopped, it could run for 10 minutes from " in told

    @pytest.mark.parametrize(
        ("reason", "sentence"),
        [
            (Reason.UNLIMITED, "Nothing that the server reserved was limited, so it was allowed."),
            (Reason.EXEMPT, "ann was exempt from quotas, so it was allowed whatever was used."),
            (Reason.NOT_ENFORCED, "The policy says at_launch: ignore, so it was allowed whatever was used."),
            (
                Reason.NO_QUOTA,
                "- GPU (group regular): the quota is 0. The server reserved 1 GPU, so this stood against it.",
            ),
            (
                Reason.TOO_LARGE,
                "Even all 60 GiB-hours would not run 4000 GiB for 10 minutes, so this stood against it.",
            ),
            (Reason.TOO_LARGE, "However long one waits, the quota is too small for this server."),
            (Reason.USED_UP, "Nothing was left, so this stood against it."),
            (
                Reason.HELD_BY_OTHERS,
                "71 GiB alone could run for 10 minutes, but not beside the others, so this stood against it.",
            ),
            (
                Reason.NOT_KNOWN,
                (
                    "Not everything could be known: the ledger did not answer within 5 s. "
                    "The policy says when_unknown: refuse, so it was refused."
                ),
            ),
        ],
    )
    async def test_names_the_reason(self, reason, sentence):
        _, event = await decided(**SITUATIONS[reason])

        assert sentence in explain(event)

    async def test_of_a_warned_launch(self):
        policy = replace(POLICY, at_launch=AtLaunch.WARN)
        _, event = await decided(100, policy=policy)

        assert "says at_launch: warn, so it was allowed with a warning." in explain(event)

    async def test_says_what_may_be_missing(self):
        _, event = await decided(ledger=Known(PAST, complete_since=AT - HOUR))

        assert "; what was used before 1 May 2026 13:00:00 CEST may be missing." in explain(event)

    async def test_says_what_was_not_charged(self):
        _, event = await decided(0, cpu=1)

        assert "The server reserved no memory, which was limited, so what it used of it was not charged." in explain(
            event
        )

    async def test_shows_names_that_no_terminal_obeys(self):
        """A name out of a log may hold anything."""
        _, event = await decided(user="\x1b[31mann\n")

        assert "\\x1b[31mann\\n, in the group regular, asked for" in explain(event)

    async def test_ignores_what_a_log_adds(self):
        _, event = await decided()

        assert explain(event) == explain(
            {"__schema__": "urn:x", "__timestamp__": "2026-05-01T12:00:00Z", "more": 1, **event}
        )

    @pytest.mark.parametrize(
        ("change", "place"),
        [
            ({"version": 2}, "version"),
            ({"request": {"memory": math.inf, "cpu": 0, "gpu": 0}}, "request.memory"),
            ({"request": {"memory": -1, "cpu": 0, "gpu": 0}}, "request.memory"),
            ({"reason": "mood"}, "reason"),
            ({"at": 1e300}, "1e+300"),
            ({"policy": {}}, "policy.digest"),
            ({"quotas": None}, "quotas"),
        ],
    )
    async def test_of_something_else_is_wrong_input(self, change, place):
        """The message names the first thing that is wrong."""
        _, event = await decided()

        with pytest.raises(InputError, match="not a decision event of version 1") as caught:
            explain(event | change)

        assert place in str(caught.value)

    async def test_needs_a_time_zone_that_exists(self):
        _, event = await decided()
        event["policy"]["timezone"] = "../etc/passwd"

        with pytest.raises(InputError, match=r"policy\.timezone"):
            explain(event)


def test_every_reason_of_the_engine_has_a_situation():
    """`error` is the hook's own."""
    assert set(Reason) - {Reason.ERROR} == set(SITUATIONS)
