"""The policy document: what it means, and what it says when it means nothing."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_quota.amounts import DAY, GIB, HOUR, MIB, MINUTE
from jupyterhub_quota.document import load_policy, parse_policy, policy_from_mapping, policy_schema, policy_warnings
from jupyterhub_quota.errors import PolicyError
from jupyterhub_quota.policy import AtLaunch, Messages, Policy, Quota, WhenUnknown, WhileRunning
from jupyterhub_quota.session import Resource

MEMORY, CPU, GPU = Resource

EXAMPLE = """\
window: 30d
groups:
  regular: {memory: 60 GiB-hours, gpu: 0}
  power:   {memory: 240 GiB-hours, gpu: 0}
  gpu-dev:
    memory: 640 GiB-hours
    gpu: 160 GPU-hours
    cpu: unlimited
  course:
    memory:
      - 100 GiB-hours
      - {limit: 16 GiB-hours, window: 1d}
    gpu: 0
default: {memory: 20 GiB-hours, gpu: 0}
exempt: {groups: [staff]}

at_launch: refuse
while_running: warn
when_unknown: refuse
tolerate: 15m
minimum_runtime: 10m
session: 2h
warn_before: [1h, 10m]
grace: 15m
brake: 20%

timezone: Europe/Berlin
contact: "Ask for more at help@example.org"
messages:
  refused: "{sentence} See https://hub.example.org/docs/quota"
"""

ALLOWANCE = "{memory: 60 GiB-hours, gpu: 0}"
DEFAULT = "default: unlimited\n"


def problems(text: str | bytes) -> list[str]:
    """Return what is wrong with *text*."""
    with pytest.raises(PolicyError) as error:
        parse_policy(text, "policy.yaml")
    return list(error.value.problems)


def problems_of_mapping(document: dict[Any, Any]) -> list[str]:
    """Return what is wrong with *document*, without its source."""
    with pytest.raises(PolicyError) as error:
        policy_from_mapping(document)
    prefix = "c.JupyterHubQuota.policy: "
    assert all(problem.startswith(prefix) for problem in error.value.problems)
    return [problem.removeprefix(prefix) for problem in error.value.problems]


def memory(hours: float, days: float = 30) -> Quota:
    return Quota(MEMORY, hours * GIB * HOUR, days * DAY)


class TestWhatItMeans:
    """A valid document is read once, into base units."""

    def test_groups(self):
        """Each group has the quotas that it names; unlimited is none."""
        policy = parse_policy(EXAMPLE)

        no_gpu = (Quota(GPU, 0.0, 30 * DAY),)
        assert {
            "regular": {MEMORY: (memory(60),), GPU: no_gpu},
            "power": {MEMORY: (memory(240),), GPU: no_gpu},
            "gpu-dev": {MEMORY: (memory(640),), GPU: (Quota(GPU, 160.0 * HOUR, 30 * DAY),), CPU: ()},
            "course": {MEMORY: (memory(100), memory(16, days=1)), GPU: no_gpu},
        } == policy.groups
        assert {MEMORY: (memory(20),), GPU: no_gpu} == policy.default

    def test_the_rest(self):
        """Each key arrives."""
        policy = parse_policy(
            """
            window: 1w
            default: unlimited
            exempt: {users: [root, "a: b"], groups: [staff]}
            at_launch: warn
            while_running: stop
            when_unknown: allow
            tolerate: 0
            minimum_runtime: 5m
            session: 1h30m
            warn_before: [10m, 2h, 1h, 10m]
            grace: 0s
            brake: 12.5%
            timezone: Europe/Berlin
            contact: Ask us
            messages: {allowed: "a {sentence}", refused: "{{r}}", warned: "w", unknown: "u {reference}"}
            """
        )

        assert 7 * DAY == policy.window
        assert {MEMORY: (), CPU: (), GPU: ()} == policy.default
        assert {"root", "a: b"} == policy.exempt_users
        assert {"staff"} == policy.exempt_groups
        assert AtLaunch.WARN is policy.at_launch
        assert WhileRunning.STOP is policy.while_running
        assert WhenUnknown.ALLOW is policy.when_unknown
        assert 0 == policy.tolerate
        assert 5 * MINUTE == policy.minimum_runtime
        assert 1.5 * HOUR == policy.session
        assert (2 * HOUR, HOUR, 10 * MINUTE) == policy.warn_before
        assert 0 == policy.grace
        assert 0.125 == policy.brake
        assert ZoneInfo("Europe/Berlin") == policy.timezone
        assert "Ask us" == policy.contact
        assert Messages("a {sentence}", "{{r}}", "w", "u {reference}") == policy.messages

    def test_defaults(self):
        """What is left out is what the values say."""
        policy = parse_policy(DEFAULT)

        expected = Policy(default={MEMORY: (), CPU: (), GPU: ()}, digest=policy.digest, text=DEFAULT)
        assert expected == policy

    def test_the_window_of_the_policy(self):
        """A limit without a window has that of the policy, wherever it stands in the file."""
        policy = parse_policy("default: {memory: [20 GiB-hours, {limit: 5 GiB-hours, window: 1d}]}\nwindow: 7d\n")

        assert (memory(20, days=7), memory(5, days=1)) == policy.default[MEMORY]

    def test_a_mapping_alone(self):
        """A limit with its own window needs no list; without a window it has that of the policy."""
        policy = parse_policy("default: {memory: {limit: 5 GiB-hours, window: 1d}, gpu: {limit: 0}}")

        assert (memory(5, days=1),) == policy.default[MEMORY]
        assert (Quota(GPU, 0.0, 30 * DAY),) == policy.default[GPU]

    def test_a_group_may_be_unlimited(self):
        """As the default may."""
        policy = parse_policy(f"groups: {{power: unlimited}}\ndefault: {ALLOWANCE}")

        assert {MEMORY: (), CPU: (), GPU: ()} == policy.groups["power"]

    def test_a_group_may_be_exempt_and_unlimited(self):
        """That is no contradiction."""
        assert parse_policy("groups: {staff: unlimited}\nexempt: {groups: [staff]}\n" + DEFAULT)

    def test_nothing_in_particular(self):
        """What may be left out may be empty too, as the values of a chart often are."""
        empty = parse_policy(DEFAULT + "groups: {}\nexempt: {groups: []}\nmessages: {}\nwarn_before: []\ncontact:\n")

        assert {} == empty.groups
        assert frozenset() == empty.exempt_users == empty.exempt_groups
        assert Messages() == empty.messages
        assert () == empty.warn_before
        assert "" == empty.contact

    def test_aliases(self):
        """YAML's way not to write a thing twice."""
        policy = parse_policy(f"groups: {{a: &a {ALLOWANCE}, b: *a}}\ndefault: *a")

        assert policy.groups["a"] == policy.groups["b"] == policy.default

    def test_the_text_is_kept(self):
        """As it was read."""
        assert EXAMPLE == parse_policy(EXAMPLE.encode()).text

    def test_a_byte_order_mark_does_no_harm(self):
        """Some editors write one."""
        assert parse_policy(EXAMPLE).groups == parse_policy(b"\xef\xbb\xbf" + EXAMPLE.encode()).groups


class TestAsWritten:
    """YAML's guesses are not made: what is written is what is read."""

    @pytest.mark.parametrize(
        "name",
        ["no", "on", "off", "Yes", "1_000", "2024", "0x10", "1e3", "12:30:00", "2024-05-01", "null", "~", ".inf"],
    )
    def test_names_of_groups(self, name):
        """A group may be called anything."""
        policy = parse_policy(f"groups: {{{name}: {ALLOWANCE}}}\nexempt: {{users: [{name}]}}\n{DEFAULT}")

        assert {name} == set(policy.groups)
        assert {name} == policy.exempt_users

    @pytest.mark.parametrize("value", ["no", "off", "1_000", "12:30:00", "2024-05-01", "null", "~", "1e3", ".inf"])
    @pytest.mark.parametrize("key", ["window", "tolerate", "at_launch", "brake", "timezone"])
    def test_values(self, key, value):
        """What is no value for a key is refused, and shown as it was written."""
        (problem,) = problems(f"{key}: {value}\n{DEFAULT}")

        assert problem.startswith(f"policy.yaml, line 1: {key}: '{value}' ")

    def test_quotes_change_nothing(self):
        """0 and "0" are the same."""
        assert parse_policy("default: {gpu: 0}").digest == parse_policy("default: {gpu: '0'}").digest


class TestDigest:
    """The hash of what a policy means."""

    def test_how_it_is_written_does_not_matter(self):
        """Comments, order, units and defaults that are spelt out change nothing."""
        one = parse_policy("default: {memory: 60 GiB-hours, gpu: 0}\ngroups: {a: {cpu: [1 core-hours]}, b: unlimited}")
        other = parse_policy(
            "# ours\nwindow: 30d\ngroups: {b: unlimited, a: {cpu: 60 core-minutes}}\n"
            "default: {gpu: 0 GPU-hours, memory: 2.5 GiB-days}"
        )

        assert re.fullmatch("[0-9a-f]{64}", one.digest)
        assert one.digest == other.digest

    @pytest.mark.parametrize(
        "more", ["window: 31d", "grace: 0", "contact: us", "exempt: {users: [ann]}", "timezone: Europe/Berlin"]
    )
    def test_what_it_means_does(self, more):
        """Every key counts."""
        assert parse_policy(DEFAULT).digest != parse_policy(DEFAULT + more).digest


class TestPythonData:
    """The same document as Python data, from a configuration file or a chart."""

    def test_it_means_the_same(self):
        """As read by a YAML reader that guesses."""
        assert parse_policy(EXAMPLE).digest == policy_from_mapping(yaml.safe_load(EXAMPLE)).digest

    def test_its_text_can_be_read_again(self):
        """It is JSON, which is YAML."""
        document = {
            "default": "unlimited",
            "contact": "a: b # c 'd' \"e\" \n\t\\ ä \N{GRINNING FACE} \x85 \u2028 \u2029 \ufeff x",
            "groups": {"a\n- b": {"gpu": 0}, "~": {"memory": 0.0}},
        }
        policy = policy_from_mapping(document)

        assert document["contact"] == policy.contact
        assert policy.digest == parse_policy(policy.text).digest

    def test_numbers(self):
        """0 is 0, as text or as a number."""
        policy = policy_from_mapping({"default": {"memory": 0, "gpu": 0.0, "cpu": [0]}, "grace": 0, "brake": 0})

        assert [0.0, 0.0, 0.0] == [quota.limit for quota in policy.quotas()]
        assert 0 == policy.grace == policy.brake

    @pytest.mark.parametrize(
        ("document", "problem"),
        [
            ({"window": 30}, "window: '30' has no unit; write for example '30d' (days) or '30m' (minutes)"),
            ({"brake": 0.2}, "brake: '0.2' is not a percentage; write for example '20%'"),
            ({"session": None}, "session: is empty; write for example '10m'"),
            (
                {"at_launch": False},
                (
                    "at_launch: False is neither text nor a number; write it in quotes "
                    "(YAML may have read no, off, on or yes as true or false)"
                ),
            ),
            ({"contact": b"us"}, "contact: b'us' is neither text nor a number; write it in quotes"),
            ({"exempt": {"users": {"ann"}}}, "exempt.users: {'ann'} is neither text nor a number; write it in quotes"),
            (
                {"groups": {False: {"gpu": 0}}},
                (
                    "groups: the key False is not text; write it in quotes "
                    "(YAML may have read no, off, on or yes as true or false)"
                ),
            ),
            ({"groups": {2024: {"gpu": 0}}}, "groups: the key 2024 is not text; write it in quotes"),
            ({1: 2}, "the key 1 is not text; write it in quotes"),
            (
                {"default": {"cpu": float("nan")}},
                (
                    "default.cpu: 'nan' does not begin with a number; write for example '60 core-hours', "
                    "'0' or 'unlimited'"
                ),
            ),
            ({"contact": "\x07"}, "contact: '\\x07' has a character that cannot be shown (0x7); remove it"),
        ],
    )
    def test_what_cannot_be_meant(self, document, problem):
        """Named, without a line."""
        assert [problem] == problems_of_mapping({"default": "unlimited"} | document)

    def test_it_may_not_contain_itself(self):
        """Nor go on for ever."""
        document: dict[str, object] = {"default": "unlimited"}
        document["groups"] = document
        assert ["has a part that contains itself; write the values out"] == problems_of_mapping(document)

    def test_deep(self):
        """A tower of lists is refused."""
        tower: list[object] = []
        for _ in range(5000):
            tower = [tower]
        assert ["is nested more than 32 levels deep; a policy needs no more than six"] == problems_of_mapping(
            {"groups": tower}
        )

    def test_all_problems_in_their_order(self):
        """As for a file."""
        found = problems_of_mapping(
            {"default": "unlimited", "brake": 7, "groups": {"a": {"gpu": "x"}}, "at_launch": "y"}
        )

        assert ["brake", "groups.a.gpu", "at_launch"] == [problem.split(":")[0] for problem in found]


class TestMessages:
    """Each mistake has its sentence: the line, the key, what was found, what to write."""

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            # Amounts, here to show where they stand; each of their mistakes is tested with them.
            (
                "groups:\n  power:\n    memory: 240 GB",
                "line 3: groups.power.memory: '240 GB' has no time unit; write for example '240 GiB-hours'",
            ),
            (
                "groups: {power: {memory: 3 GPU-hours}}",
                (
                    "line 1: groups.power.memory: '3 GPU-hours' is an amount of gpu, not of memory; "
                    "write for example '3 GiB-hours'"
                ),
            ),
            (
                "groups:\n  power:\n    cpu:\n    - 1 core-hours\n    - {limit: 2, window: 1d}",
                "line 5: groups.power.cpu[1].limit: '2' has no unit; write for example '2 core-hours'",
            ),
            (
                "groups: {power: {cpu: [[1]]}}",
                (
                    "line 1: groups.power.cpu[0]: is a list, and one value belongs here; "
                    "write for example '90 core-hours', '0' or 'unlimited'"
                ),
            ),
            # Keys.
            ("defualt: x", "line 1: defualt: there is no such key; did you mean 'default'?"),
            ("at-launch: warn", "line 1: at-launch: there is no such key; did you mean 'at_launch'?"),
            (
                "exempt: {people: [ann]}",
                "line 1: exempt.people: there is no such key; keys are users, groups",
            ),
            ("groups: {a: {gpus: 0}}", "line 1: groups.a.gpus: there is no such key; did you mean 'gpu'?"),
            (
                "groups: {a: {disk: 0}}",
                "line 1: groups.a.disk: there is no such key; keys are memory, cpu, gpu",
            ),
            (
                "groups: {a: {gpu: {limit: 0, windov: 1d}}}",
                "line 1: groups.a.gpu.windov: there is no such key; did you mean 'window'?",
            ),
            (
                "messages: {refuse: a}",
                "line 1: messages.refuse: there is no such key; did you mean 'refused'?",
            ),
            (
                "groups: {a: {gpu: {window: 1d}}}",
                "line 1: groups.a.gpu.limit: is missing; write for example '{limit: 160 GPU-hours, window: 1d}'",
            ),
            # Shapes.
            ("window: ", "line 1: window: is empty; write for example '10m'"),
            ("window: [30d]", "line 1: window: is a list, and one value belongs here; write for example '10m'"),
            ("window: 0", "line 1: window: '0' is no time at all; write for example '10m'"),
            (
                "groups: [a]",
                (
                    "line 1: groups: a list is not a mapping of keys to values; "
                    "write for example 'groups: {regular: {memory: 60 GiB-hours, gpu: 0}}'"
                ),
            ),
            (
                "groups:",
                ("line 1: groups: is empty; write for example 'groups: {regular: {memory: 60 GiB-hours, gpu: 0}}'"),
            ),
            (
                "groups: {a: 60 GiB-hours}",
                (
                    "line 1: groups.a: '60 GiB-hours' names no resource; "
                    "write for example {memory: 60 GiB-hours, gpu: 0} or unlimited"
                ),
            ),
            (
                "groups:\n  a:",
                "line 2: groups.a: is empty; write for example {memory: 60 GiB-hours, gpu: 0} or unlimited",
            ),
            (
                "groups: {a: {}}",
                "line 1: groups.a: is empty; write for example {memory: 60 GiB-hours, gpu: 0} or unlimited",
            ),
            (
                "groups: {'': {gpu: 0}}",
                "line 1: groups.'': a group has no name; write the name that it has in the hub",
            ),
            ("exempt: {groups: staff}", "line 1: exempt.groups: 'staff' is not a list; write for example [staff]"),
            ("exempt: {users: ['']}", "line 1: exempt.users[0]: is empty; write for example 'ann'"),
            ("warn_before: 10m", "line 1: warn_before: '10m' is not a list; write for example [1h, 10m]"),
            ("warn_before: [1h, 0]", "line 1: warn_before[1]: '0' is no time at all; write for example '10m'"),
            (
                "contact: {a: b}",
                (
                    "line 1: contact: is a mapping, and one value belongs here; "
                    "write for example 'Ask for more at help@example.org'"
                ),
            ),
            # Choices.
            (
                "at_launch: refues",
                "line 1: at_launch: 'refues' is not one of refuse, warn or ignore; did you mean 'refuse'?",
            ),
            ("while_running: off", "line 1: while_running: 'off' is not one of stop, warn or ignore"),
            ("when_unknown: warn", "line 1: when_unknown: 'warn' is not one of refuse or allow"),
            # Other values.
            ("brake: 0.2", "line 1: brake: '0.2' is not a percentage; write for example '20%'"),
            ("brake: 120%", "line 1: brake: '120%' is not from 0% to 100%; write for example '20%'"),
            ("brake: -1%", "line 1: brake: '-1%' is not a percentage; write for example '20%'"),
            (
                "timezone: Europe/Berln",
                "line 1: timezone: 'Europe/Berln' is not the name of a time zone; did you mean 'Europe/Berlin'?",
            ),
            (
                "timezone: new york",
                "line 1: timezone: 'new york' is not the name of a time zone; did you mean 'America/New_York'?",
            ),
            (
                "timezone: /etc/passwd",
                (
                    "line 1: timezone: '/etc/passwd' is not the name of a time zone; "
                    "write for example 'Europe/Berlin' or 'UTC'"
                ),
            ),
            (
                'messages: {refused: "{sentense}"}',
                "line 1: messages.refused: '{sentense}' is not a placeholder; did you mean '{sentence}'?",
            ),
            (
                "messages: {refused: {sentence}}",
                ('line 1: messages.refused: is a mapping, and one value belongs here; write for example "{sentence}"'),
            ),
            # Contradictions.
            (
                "groups: {a: {gpu: []}}",
                "line 1: groups.a.gpu: is an empty list; write '0' to allow nothing, or 'unlimited'",
            ),
            (
                "groups: {a: {gpu: [unlimited, 1 GPU-hour]}}",
                (
                    "line 1: groups.a.gpu: has 'unlimited' beside other limits; write 'unlimited' alone, "
                    "or only the limits"
                ),
            ),
            (
                "groups:\n  a:\n    gpu:\n    - 1 GPU-hour\n    - {limit: 2 GPU-hours, window: 720h}",
                "line 5: groups.a.gpu[1]: has the same window as groups.a.gpu[0] (30 days); keep one of the two",
            ),
            (
                "groups:\n  a:\n    gpu: {limit: 1 GPU-hour,\n      window: 5m}",
                (
                    "line 4: groups.a.gpu.window: 5 minutes is shorter than minimum_runtime (10 minutes); "
                    "write a longer window or a shorter minimum_runtime"
                ),
            ),
            (
                "minimum_runtime: 3h\nsession: 3h\nwindow: 2h\ngroups: {a: {gpu: 0}, b: {gpu: 0}}",
                (
                    "line 3: window: 2 hours is shorter than minimum_runtime (3 hours); "
                    "write a longer window or a shorter minimum_runtime"
                ),
            ),
            (
                "session: 5m",
                (
                    "line 1: session: 5 minutes is shorter than minimum_runtime (10 minutes); "
                    "write a longer session or a shorter minimum_runtime"
                ),
            ),
            (
                "groups: {a: {gpu: 0}}\nexempt:\n  groups: [b,\n    a]",
                "line 4: exempt.groups[1]: 'a' is exempt and has limits in groups.a; keep one of the two",
            ),
        ],
    )
    def test_one_mistake(self, text, problem):
        """It is found, and nothing else."""
        assert [f"policy.yaml, {problem}"] == problems(f"{text}\n{DEFAULT}")

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (
                "window: 30d",
                (
                    ": default: is missing: it says what counts for each resource that none of a user's groups names; "
                    "write for example 'default: {memory: 20 GiB-hours, gpu: 0}' or 'default: unlimited'"
                ),
            ),
            ("", ": is empty; write for example 'default: {memory: 20 GiB-hours, gpu: 0}'"),
            ("# later", ": is empty; write for example 'default: {memory: 20 GiB-hours, gpu: 0}'"),
            ("{}", ": is empty; write for example 'default: {memory: 20 GiB-hours, gpu: 0}'"),
            (
                "- a",
                ": is not a mapping of keys to values; write for example 'default: {memory: 20 GiB-hours, gpu: 0}'",
            ),
            (
                "default: 20 GiB-hours",
                (
                    ", line 1: default: '20 GiB-hours' names no resource; "
                    "write for example {memory: 60 GiB-hours, gpu: 0} or unlimited"
                ),
            ),
            # YAML.
            (
                "default: unlimited\nwindow: 1d\ndefault: {gpu: 0}",
                ", line 3: default: is written twice, first in line 1; keep one of the two",
            ),
            (
                "default: unlimited\ngroups:\n  a: &a {gpu: 0}\n  b:\n    <<: *a",
                ", line 5: groups.b: '<<' merges keys from elsewhere, which policies do not; write the keys out",
            ),
            (
                "default: unlimited\ngroups: {a: {gpu: !!int 0}}",
                ", line 2: groups.a.gpu: has the YAML tag 'tag:yaml.org,2002:int'; write it without a tag",
            ),
            (
                "default: !!python/object/apply:os.system [ls]",
                (
                    ", line 1: default: has the YAML tag 'tag:yaml.org,2002:python/object/apply:os.system'; "
                    "write it without a tag"
                ),
            ),
            (
                "default: unlimited\n? [a]\n: b",
                ", line 2: has a key that is a list or a mapping; keys are plain words",
            ),
            (
                "default: unlimited\n---\ndefault: {gpu: 0}",
                ", line 2: begins a second document with '---'; write one policy in one document",
            ),
            ("default:\n\tgpu: 0", ", line 2: has a tab; indent with spaces"),
            (
                "default: unlimited\ncontact: Write: us",
                ", line 2: has a ':' where none can stand; put text with ': ' in quotes, and check the indentation",
            ),
            (
                "messages:\n  refused: {sentence} Read this.",
                (
                    ", line 2: cannot be read as YAML: expected <block end>, but found '<scalar>'; "
                    "check the indentation, and put text that begins with { or [ in quotes"
                ),
            ),
            (
                "groups: {a: &x {gpu: 0}, b: &x {gpu: 0}}",
                ", line 1: gives an anchor (&name) a second time; choose another name",
            ),
            ("default: *a", ", line 1: cannot be read as YAML: found undefined alias 'a'"),
            ("default: &a [*a]", ", line 1: has a part that contains itself; write the values out"),
            ("default: " + "[" * 5000, ", line 1: is nested more than 32 levels deep; a policy needs no more than six"),
            (
                "default: [" + "a," * 10_000,
                (
                    ", line 1: has more than 10000 keys and values, counting what aliases (*name) repeat; "
                    "write a shorter policy"
                ),
            ),
            (
                "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
                + "".join(
                    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n"
                    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
                ),
                (
                    ", line 1: has more than 10000 keys and values, counting what aliases (*name) repeat; "
                    "write a shorter policy"
                ),
            ),
            ("contact: a\x00b", ", line 1: has a character that cannot be shown (0x0); remove it"),
            (
                'default: unlimited\ncontact: "\\uD800"',
                ", line 2: contact: '\\ud800' has a character that cannot be shown (0xd800); remove it",
            ),
            (
                'contact: "\\UFFFFFFFF"',
                ": cannot be read as YAML: an escape such as \\U or a directive has a number out of range",
            ),
            (b"contact: a\n# \xff", ", line 2: is not UTF-8 text (byte 0xff); save the file as UTF-8"),
            (
                "#" * (MIB + 1),
                ": is larger than 1 MiB; a policy is a few lines, so check that this is one",
            ),
        ],
    )
    def test_a_whole_file(self, text, problem):
        """What is wrong with the file as such."""
        assert [f"policy.yaml{problem}"] == problems(text)

    def test_all_at_once(self):
        """In the order of the file; what hangs on something unreadable is left out."""
        found = problems(
            "minimum_runtime: soon\n"
            "groups:\n"
            "  a: {memory: 240 GB, gpu: [1 GPU-hour, 2 GPU-hours]}\n"
            "  a: {}\n"
            "  staff: {gpu: 0}\n"
            "exempt: {groups: [staff]}\n"
            "session: 1m\n"
            "brake: 1\n"
        )

        expected = [
            "policy.yaml: default: is missing",
            "policy.yaml, line 1: minimum_runtime: 'soon'",
            "policy.yaml, line 3: groups.a.memory: '240 GB'",
            "policy.yaml, line 3: groups.a.gpu[1]: has the same window",
            "policy.yaml, line 4: groups.a: is written twice",
            "policy.yaml, line 6: exempt.groups[0]: 'staff' is exempt",
            "policy.yaml, line 8: brake: '1'",
        ]
        assert expected == [problem[: len(start)] for problem, start in zip(found, expected, strict=True)]

    def test_not_thousands(self):
        """Who has so many problems has another file."""
        found = problems(DEFAULT + "".join(f"a{number}: x\n" for number in range(150)))

        assert 101 == len(found)
        assert "policy.yaml: has 50 more problems" == found[-1]

    def test_names_of_groups_in_paths(self):
        """Quoted where they would be read as something else, on one line, never endless."""
        found = problems(f'{DEFAULT}groups: {{"a.b\\n": {{x: 0}}, {"y" * 100}: {{x: 0}}, ä: {{x: 0}}}}')

        assert r"groups.'a.b\n'.x:" in found[0]
        assert f"groups.{'y' * 100}.x:" in found[1]
        assert "groups.ä.x:" in found[2]

    def test_what_was_found_is_shown_briefly(self):
        """A page in the wrong place does not become a page of message."""
        (problem,) = problems(f"{DEFAULT}at_launch: {'x' * 1000}")

        assert len(problem) < 200


WORDS = [
    *Resource,
    "60 GiB-hours",
    "unlimited",
    "default",
    "groups",
    "a",
    "limit",
    "window",
    "1d",
    "exempt",
    "messages",
]
SIGNS = [*"0{}[]|#%?\t\n\"'\\\u2028\x85", ": ", "\n  ", "\n    ", "- ", ", ", "&x ", "*x", "<<", "!t ", "? ", "---"]
PIECES = [*WORDS, *SIGNS]


class TestAnyText:
    """Whatever is read, it is a policy or a PolicyError."""

    @given(st.text() | st.binary())
    def test_any_text(self, text):
        """Text and bytes of any kind."""
        _read_or_refused(lambda: parse_policy(text))

    @given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
    def test_text_that_looks_like_a_policy(self, text):
        """Pieces of policies in any order."""
        _read_or_refused(lambda: parse_policy(text))

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["1d", "unlimited"]),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(st.sampled_from(["memory", "limit", "window", "a"]) | st.text(), inner)
            ),
        ),
        st.sampled_from(list(yaml.safe_load(EXAMPLE))),
    )
    def test_any_data_under_any_key(self, data, key):
        """Values of any kind for each key."""
        _read_or_refused(lambda: policy_from_mapping({"default": "unlimited", key: data}))
        _read_or_refused(lambda: policy_from_mapping({"default": "unlimited", "groups": {"a": data}}))
        _read_or_refused(lambda: policy_from_mapping({"default": {"memory": data}}))


def _read_or_refused(read: Callable[[], Policy]) -> None:
    try:
        policy = read()
    except PolicyError as error:
        found = error.problems
    else:
        found = (policy.digest, *policy_warnings(policy))
        policy.text.encode()
    assert found
    for sentence in found:
        assert re.fullmatch(r".*\S.*", sentence)
        sentence.encode()


class TestFile:
    """A policy is a small file of text."""

    def test_it_is_read(self, tmp_path):
        """Under any name."""
        path = tmp_path / "policy.yaml"
        path.write_text(EXAMPLE)

        assert parse_policy(EXAMPLE) == load_policy(path)

    def test_errors_name_the_file(self, tmp_path):
        """As it was given."""
        path = tmp_path / "policy.yaml"
        path.write_text("a: b")

        assert f"{path}, line 1: a: there is no such key" in _refused(path)

    def test_missing(self, tmp_path):
        """There is none."""
        path = tmp_path / "policy.yaml"

        assert f"{path}: there is no such file; check the name, or write the policy there" == _refused(path)

    def test_folder(self, tmp_path):
        """It is the folder of the file."""
        assert f"{tmp_path}: is a folder; name the policy file in it" == _refused(tmp_path)

    def test_pipe(self, tmp_path):
        """Nobody waits for what is never written."""
        path = tmp_path / "policy.yaml"
        os.mkfifo(path)

        assert f"{path}: is not a regular file; name a policy file" == _refused(path)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_no_permission(self, tmp_path):
        """It belongs to somebody else."""
        path = tmp_path / "policy.yaml"
        path.write_text(EXAMPLE)
        path.chmod(0)

        assert f"{path}: may not be read by this user; check the permissions of the file" == _refused(path)

    def test_huge(self, tmp_path):
        """It is something else."""
        path = tmp_path / "policy.yaml"
        path.write_bytes(b"#" * (MIB + 1))

        assert f"{path}: is larger than 1 MiB; a policy is a few lines, so check that this is one" == _refused(path)

    def test_a_name_that_no_file_can_have(self):
        """That is an error like another."""
        assert _refused(Path("a\0b")).startswith("a\0b: cannot be read: ")
        assert "cannot be read: File name too long" in _refused(Path("a" * 1000))


def _refused(path: Path) -> str:
    with pytest.raises(PolicyError) as error:
        load_policy(path)
    return "\n".join(error.value.problems)


class TestWarnings:
    """What is allowed and looks like an accident."""

    def test_the_example_has_none(self):
        """Everything that is limited is named by the default."""
        assert () == policy_warnings(parse_policy(EXAMPLE))

    def test_absent_from_the_default(self):
        """Those who are in no group have it without limit."""
        policy = parse_policy("groups: {gpu-dev: {gpu: 160 GPU-hours}}\ndefault: {memory: 20 GiB-hours}")

        assert (
            (
                "gpu is limited for group gpu-dev, but default does not name it: "
                "users without such a group have unlimited GPUs; write 'gpu: 0' or 'gpu: unlimited' under default"
            ),
        ) == policy_warnings(policy)

    def test_absent_from_groups_too(self):
        """They are named."""
        policy = parse_policy(
            "groups: {b: {cpu: 1 core-hour}, a: {cpu: 0}, d: {memory: 0}, c: {memory: 0}}\ndefault: {memory: 0}"
        )

        assert (
            (
                "cpu is limited for groups a, b, but neither default nor groups c, d names it: "
                "users without such a group have unlimited cores; write 'cpu: 0' or 'cpu: unlimited' under default"
            ),
        ) == policy_warnings(policy)

    def test_many_groups(self):
        """Not all of them are listed."""
        names = ", ".join(f"g{number}: {{gpu: 0}}" for number in range(9))
        (warning,) = policy_warnings(parse_policy(f"groups: {{{names}}}\ndefault: {{memory: 0}}"))

        assert warning.startswith("gpu is limited for groups g0, g1, g2, g3, g4 and 4 more, but ")

    @pytest.mark.parametrize("default", ["unlimited", "{gpu: unlimited}", "{gpu: 0}"])
    def test_said_is_meant(self, default):
        """Who writes unlimited knows."""
        assert () == policy_warnings(parse_policy(f"groups: {{a: {{gpu: 0}}}}\ndefault: {default}"))


class TestDocs:
    """What the page for admins shows is what happens."""

    BLOCK = re.compile(r"```yaml\n(.*?)```\n(?:\n```text\n(.*?)\n```)?", re.DOTALL)
    PAGE = Path(__file__).parents[3] / "docs" / "policy.md"

    @pytest.mark.parametrize(("text", "said"), BLOCK.findall(PAGE.read_text()))
    def test_example(self, text, said):
        """Each example is valid, or gives the message below it."""
        try:
            found = policy_warnings(parse_policy(text, "policy.yaml"))
        except PolicyError as error:
            found = error.problems
        assert ((said and [said]) or []) == list(found)

    def test_every_key_is_there(self):
        """With the value that counts when it is left out."""
        page = self.PAGE.read_text()
        for key, about in policy_schema()["properties"].items():
            default = about.get("default")
            shown = f"`[{', '.join(default)}]`" if isinstance(default, list) else f"`{default}`"
            assert re.search(
                rf"^\| `{key}` \| .* \| {re.escape(shown) if default else '.*'} \|$", page, re.MULTILINE
            ), key


class TestSchema:
    """The JSON Schema is made from what reads the document."""

    @pytest.fixture
    def schema(self) -> dict[str, Any]:
        return policy_schema()

    def test_it_is_a_schema(self, schema):
        """Of the draft that it names."""
        assert "https://json-schema.org/draft/2020-12/schema" == schema["$schema"]
        jsonschema.Draft202012Validator.check_schema(schema)

    def test_every_key_is_described(self, schema):
        """With an example."""
        for model in (schema, *schema["$defs"].values()):
            assert model["description"]
            for key, about in model["properties"].items():
                assert about.get("description"), key
                assert about.get("examples"), key

    def test_every_example_is_valid(self, schema):
        """In its place."""
        for model in (schema, *schema["$defs"].values()):
            for about in model["properties"].values():
                for example in about["examples"]:
                    jsonschema.validate(example, {**about, "$defs": schema["$defs"]})

    def test_every_default_is_valid(self, schema):
        """And is what counts when the key is left out."""
        defaults = {key: about["default"] for key, about in schema["properties"].items() if "default" in about}

        jsonschema.validate({"default": "unlimited", **defaults}, schema)
        assert parse_policy(DEFAULT).digest == policy_from_mapping({"default": "unlimited", **defaults}).digest
        assert {"window", "at_launch", "session", "warn_before", "brake", "timezone"} < set(defaults)

    @pytest.mark.parametrize("text", [EXAMPLE, DEFAULT, "default: {gpu: {limit: 0, window: 1 day}}"])
    def test_valid(self, schema, text):
        """As a YAML reader reads it."""
        jsonschema.validate(yaml.safe_load(text), schema)

    @pytest.mark.parametrize(
        "text",
        [
            "window: 30d",
            "default: 20 GiB-hours",
            "default: {}",
            "default: {memory: 240 GB}",
            "default: {memory: 3 GPU-hours}",
            "default: {memory: 60}",
            "default: {memory: []}",
            "default: {memroy: 0}",
            "default: {memory: {window: 1d}}",
            "default: {memory: {limit: 0, windov: 1d}}",
            "default: unlimited\nwindow: 30",
            "default: unlimited\nat_launch: refues",
            "default: unlimited\nat_launch: no",
            "default: unlimited\nbrake: 0.2",
            "default: unlimited\nmessages: {refuse: x}",
            "default: unlimited\nexempt: {groups: staff}",
            "default: unlimited\nlimits: {}",
        ],
    )
    def test_misspelt(self, schema, text):
        """The schema finds what the reader finds."""
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(yaml.safe_load(text), schema)
        assert problems(text)
