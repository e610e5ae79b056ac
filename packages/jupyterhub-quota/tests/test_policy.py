"""Which quotas count for whom, and the admin's own words."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_quota.amounts import DAY, GIB, HOUR
from jupyterhub_quota.errors import InputError
from jupyterhub_quota.policy import Offer, Policy, Quota, render
from jupyterhub_quota.session import Resource, Subject

MEMORY, CPU, GPU = Resource


def memory(hours: float, days: float = 30) -> Quota:
    return Quota(MEMORY, hours * GIB * HOUR, days * DAY)


REGULAR = {MEMORY: (memory(60),), GPU: (Quota(GPU, 0.0, 30 * DAY),)}
POWER = {MEMORY: (memory(240),)}
COURSE = {MEMORY: (memory(100), memory(16, days=1))}
STAFF: dict[Resource, tuple[Quota, ...]] = {MEMORY: ()}
DEFAULT = {MEMORY: (memory(20),)}

POLICY = Policy(
    groups={"regular": REGULAR, "power": POWER, "course": COURSE, "staff": STAFF},
    default=DEFAULT,
    exempt_users=frozenset({"root"}),
    exempt_groups=frozenset({"admins"}),
)


def ann(*groups: str) -> Subject:
    return Subject("ann", frozenset(groups))


class TestOffers:
    """Each group offers; a launch passes if one offer allows it."""

    def test_one_group(self):
        """A group's quotas are its offer."""
        assert (Offer("regular", REGULAR[MEMORY]),) == POLICY.offers(ann("regular"), MEMORY)

    def test_several_groups(self):
        """One offer each, sorted by group."""
        offers = POLICY.offers(ann("regular", "power"), MEMORY)

        assert (Offer("power", POWER[MEMORY]), Offer("regular", REGULAR[MEMORY])) == offers

    def test_all_windows_of_a_group_stand_together(self):
        """Several windows are one offer."""
        assert (Offer("course", COURSE[MEMORY]),) == POLICY.offers(ann("course"), MEMORY)

    def test_no_group_gets_the_default(self):
        """So does one whose groups are not in the policy."""
        assert (Offer(None, DEFAULT[MEMORY]),) == POLICY.offers(ann(), MEMORY)
        assert (Offer(None, DEFAULT[MEMORY]),) == POLICY.offers(ann("chess"), MEMORY)

    def test_the_default_steps_back(self):
        """Once a group names the resource, the default does not count beside it."""
        assert (Offer("power", POWER[MEMORY]),) == POLICY.offers(ann("power", "chess"), MEMORY)

    def test_a_group_says_nothing_about_what_it_does_not_name(self):
        """Power does not name GPUs; regular does."""
        assert (Offer("regular", REGULAR[GPU]),) == POLICY.offers(ann("regular", "power"), GPU)

    def test_not_named_at_all_is_unlimited(self):
        """Neither power nor the default names GPUs."""
        assert () == POLICY.offers(ann("power"), GPU)

    def test_unlimited_lifts_everything(self):
        """One group that says unlimited is enough."""
        assert () == POLICY.offers(ann("staff", "regular"), MEMORY)

    @given(st.data())
    def test_adding_a_group_never_takes_away_what_another_allows(self, data):
        """Offers of groups are only added to, unless everything is lifted."""
        quotas = st.tuples() | st.tuples(st.sampled_from([memory(0), memory(20), memory(60), memory(5, days=1)]))
        names = st.sampled_from(["a", "b", "c", "d", "e"])
        policy = Policy(
            groups=data.draw(st.dictionaries(names, st.dictionaries(st.just(MEMORY), quotas))),
            default=data.draw(st.dictionaries(st.just(MEMORY), quotas)),
        )
        groups = data.draw(st.sets(names))
        more = groups | {data.draw(names)}

        before = policy.offers(ann(*groups), MEMORY)
        after = policy.offers(ann(*more), MEMORY)

        named = any(MEMORY in policy.groups.get(group, {}) for group in groups)
        if after and named:
            assert before
            assert set(before) <= set(after)


class TestWhoeverIsExempt:
    """Exempt users are never refused and never stopped."""

    def test_by_name(self):
        """The whole name counts."""
        assert POLICY.exempts(Subject("root"))
        assert not POLICY.exempts(Subject("root2"))

    def test_by_group(self):
        """One exempt group is enough."""
        assert POLICY.exempts(ann("regular", "admins"))
        assert not POLICY.exempts(ann("regular"))


class TestTheWhole:
    """What concerns everybody."""

    def test_the_longest_window(self):
        """Usage is read that far back; the window of the policy is the least."""
        assert 30 * DAY == POLICY.longest_window
        assert 90 * DAY == Policy(default={MEMORY: (memory(1, days=90),)}).longest_window
        assert 7 * DAY == Policy(window=7.0 * DAY).longest_window

    def test_what_is_limited(self):
        """For anybody, by a group or by the default."""
        assert POLICY.limits(MEMORY)
        assert POLICY.limits(GPU)
        assert not POLICY.limits(CPU)
        assert not Policy(groups={"staff": STAFF}).limits(MEMORY)


class TestRender:
    """Templates hold plain names in braces, nothing else."""

    def test_placeholders(self):
        """Each is filled in; one without a value is empty."""
        text = render("{sentence} Dear {user} of {groups}: {contact}({reference})", sentence="No.", user="ann")

        assert "No. Dear ann of : ()" == text

    def test_braces(self):
        """Doubled braces are braces."""
        assert "{a} {ann}" == render("{{a}} {{{user}}}", user="ann")

    def test_values_are_not_templates(self):
        """What a user is called is never filled in again."""
        assert "{sentence}" == render("{user}", user="{sentence}", sentence="No.")

    @pytest.mark.parametrize(
        ("template", "message"),
        [
            ("{sentense}", "'{sentense}' is not a placeholder; did you mean '{sentence}'?"),
            (
                "{hub}",
                ("'{hub}' is not a placeholder; placeholders are {sentence}, {user}, {groups}, {contact}, {reference}"),
            ),
            (
                "{}",
                "'{}' is not a placeholder; placeholders are {sentence}, {user}, {groups}, {contact}, {reference}",
            ),
            ("{user.name}", "'{user.name}' is not a placeholder; did you mean '{user}'?"),
            ("{groups[0]}", "'{groups[0]}' is not a placeholder; did you mean '{groups}'?"),
            ("{user!r}", "'{user' is followed by more than '}'; write only '{user}'"),
            ("{user:>99999999}", "'{user' is followed by more than '}'; write only '{user}'"),
            ("{user:{sentence}}", "'{user' is followed by more than '}'; write only '{user}'"),
            (
                "{sentence",
                "has a brace that does not belong to a placeholder; write '{{' or '}}' for a brace",
            ),
            (
                "a } b",
                "has a brace that does not belong to a placeholder; write '{{' or '}}' for a brace",
            ),
        ],
    )
    def test_anything_else_is_refused(self, template, message):
        """With what to write instead."""
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
            render(template)

    @given(st.text(alphabet="{}abuser.[]!:0 "))
    def test_any_text_is_rendered_or_refused(self, template):
        """Nothing else comes out."""
        with suppress(InputError):
            render(template, user="ann")
