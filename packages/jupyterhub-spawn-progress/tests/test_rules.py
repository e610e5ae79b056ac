"""The table of rules: its words, its examples, and how admins change it."""

import re
from itertools import chain

import pytest

from jupyterhub_spawn_progress import Kind, RulesError, default_table
from jupyterhub_spawn_progress.narrator import Narrator

TABLE = default_table()
EXAMPLES = [(rule.name, example) for rule in TABLE.rules for example in rule.examples]

# What a student need not know of.
JARGON = re.compile(
    r"\b(pods?|nodes?|images?|taint\w*|tolerat\w*|kubelet|kubernetes|k8s|containers?|clusters?|schedul\w*|autoscal\w*|"
    r"karpenter|namespaces?|volumes?|persistentvolume\w*|pvc|pv|configmaps?|secrets?|registry|affinity|selector|probes?|"
    r"evict\w*|preempt\w*|mount\w*|manifests?|OOM\w*|\w*BackOff|\w*Error|pull\w*|webhooks?|daemon\w*|sandbox|"
    r"exit code|status|API|HTTP|spawn\w*|JSON|GiB|cpu)\b|\d/\d",
    re.IGNORECASE,
)


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_examples(name, example):
    """Every example is read by the rule that shows it, and by none before it."""
    assert name == TABLE.rule(example).name


@pytest.mark.parametrize("rule", TABLE.rules, ids=[rule.name for rule in TABLE.rules])
def test_every_rule_has_an_example(rule):
    """A rule without an example is not tested."""
    assert rule.examples


def test_no_jargon():
    """Nothing that a person reads holds a word of the list."""
    narrator = Narrator(TABLE, began=0, patience_seconds=0)
    texts = [
        *(rule.text for rule in TABLE.rules),
        *(failure.text for failure in TABLE.failures.values()),
        *(phase.patience for phase in TABLE.phases.values()),
        narrator.gave_up(300),
    ]

    assert [] == [text for text in texts if JARGON.search(text)]


def test_every_failure_says_who_can_act():
    """You, or the admins."""
    names = re.compile("[Cc]hoose|[Tt]ry again|[Ss]tart it again|admins")

    assert [] == [failure.name for failure in TABLE.failures.values() if not names.search(failure.text)]


def test_every_failure_can_come_about():
    """By a rule."""
    assert set(TABLE.failures) == {rule.ends for rule in TABLE.rules} - {""}


def test_every_wait_has_its_phase():
    """Only so can it be told whether a start has got past it."""
    assert [] == [rule.name for rule in TABLE.rules if rule.kind is Kind.WAIT and not rule.phase]


def test_phases_move_the_bar_forward():
    """From a little to nearly all."""
    bar = [phase.progress for phase in TABLE.phases.values()]

    assert sorted(bar) == bar
    assert bar[-1] < 100


class TestOwnRules:
    """Admins add and override rules by configuration."""

    def test_a_new_rule_comes_first(self):
        """It decides also where another would fit."""
        own = {"name": "quay", "component": "kubelet", "reason": "Pulling", "kind": "step", "text": "Downloading."}

        rules = TABLE.extended({"rules": [own]}).rules

        assert ["quay", TABLE.rules[0].name] == [rule.name for rule in rules[:2]]

    def test_a_known_name_changes_what_it_names(self):
        """The rest of the rule stays as it is."""
        starting = next(rule for rule in TABLE.rules if rule.name == "starting")

        table = TABLE.extended({"rules": [{"name": "starting", "text": "Here it comes."}]})

        (changed,) = [rule for rule in table.rules if rule.name == "starting"]
        assert "Here it comes." == changed.text
        assert (starting.reason, starting.phase) == (changed.reason, changed.phase)

    def test_yaml(self):
        """A text is read as YAML."""
        table = TABLE.extended("failures: {crash: {after: 60}}")

        assert 60 == table.failures["crash"].after
        assert TABLE.failures["crash"].text == table.failures["crash"].text

    def test_graces(self):
        """None means never."""
        table = TABLE.with_graces({"crash": None, "full": 300})

        assert (float("inf"), 300) == (table.failures["crash"].after, table.failures["full"].after)

    def test_a_failure_of_its_own(self):
        """Rules may end a start for reasons that we do not know."""
        document = {
            "failures": {"licence": {"after": 5, "text": "All licences are in use. Try again later."}},
            "rules": [{"name": "licence", "component": "licences", "kind": "hide", "ends": "licence"}],
        }

        assert "licence" in TABLE.extended(document).failures

    @pytest.mark.parametrize(
        ("document", "message"),
        [
            ("[", "the rules are not valid YAML"),
            ("text", "the rules are not a mapping; write for example 'rules: [...]'"),
            ({"rule": []}, "'rule' is not known; write rules, phases or failures"),
            ({"rules": {}}, None),
            ({"rules": {"a": {}}}, "rules: {'a': {}} is not a list"),
            ({"rules": ["a"]}, "rules[0]: 'a' is not a mapping"),
            ({"rules": [{}]}, "rules[0]: every rule has a name; write for example 'name: starting'"),
            ({"rules": [{"name": "a"}]}, "rules, a.kind: None is not one of step, wait, trouble, hide"),
            ({"rules": [{"name": "a", "kind": "step"}]}, "rules, a.text: write the sentence that the user reads"),
            ({"rules": [{"name": "a", "kind": "hide", "phase": "b"}]}, "rules, a.phase: 'b' is not one of requested"),
            ({"rules": [{"name": "a", "kind": "hide", "ends": "b"}]}, "rules, a.ends: there is no failure 'b'"),
            ({"rules": [{"name": "a", "kind": "hide", "reason": "["}]}, "rules, a.reason: '[' is not a regular expr"),
            ({"rules": [{"name": "a", "kind": "hide", "mesage": "b"}]}, "rules, a: 'mesage' is not known; write one"),
            ({"failures": {"crash": 5}}, "failures.crash: 5 is not a mapping"),
            ({"failures": {"crash": {"after": "soon"}}}, "failures.crash.after: 'soon' is not a number of seconds"),
            ({"failures": {"crash": {"after": -1}}}, "failures.crash.after: -1 is not a number of seconds"),
            ({"failures": {"a": {"after": 1}}}, "failures.a.text: write the sentence that the user reads"),
            ({"failures": {"crash": {"explained_by": ["a"]}}}, "failures.crash.explained_by: there is no failure 'a'"),
            ({"phases": {"place": {"progress": 101}}}, "phases.place.progress: 101 is not a whole number from 0"),
            ({"phases": {"place": {"patience": 5}}}, "phases.place.patience: 5 is not a text"),
        ],
    )
    def test_mistakes_name_their_place(self, document, message):
        """And what to write instead."""
        if message is None:
            assert TABLE == TABLE.extended(document)
            return

        with pytest.raises(RulesError, match=re.escape(message)):
            TABLE.extended(document)

    def test_unknown_grace(self):
        """The names that there are."""
        with pytest.raises(RulesError, match="there is no failure 'chrash'; write one of name-invalid"):
            TABLE.with_graces({"chrash": 5})


def test_same_failure_same_words_in_events_and_status():
    """A failure reads the same, whoever tells it first."""
    texts = {}
    for rule in TABLE.rules:
        if rule.ends and rule.text and rule.ends in ("configuration-missing", "configuration-wrong", "crash", "full"):
            texts.setdefault(rule.ends, set()).add(rule.text)

    assert {1} == {len(found) for found in chain([texts[name] for name in texts])}
