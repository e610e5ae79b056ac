"""The questions that are asked of the ledger's series, as text; what a real Prometheus answers: `tests/prometheus`."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_quota.ledger import promql


class TestEqual:
    """Matching letter by letter."""

    def test_one_is_matched_by_equality(self):
        """No expression is needed."""
        assert 'username="a.*"' == promql.equal("username", ["a.*"])

    def test_several_are_an_expression_in_which_nothing_is_special(self):
        """Each special character is escaped, then the whole is quoted."""
        assert r'username=~"a\\.\\*|b\\|c"' == promql.equal("username", ["b|c", "a.*"])

    @given(st.sets(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=5), st.text())
    def test_the_expression_matches_these_and_nobody_else(self, names, other):
        """From end to end, as Prometheus reads it."""
        quoted = promql.equal("username", names).removeprefix("username=~")
        expression = re.compile(unquoted(quoted))

        assert all(expression.fullmatch(name) for name in names)
        assert (other in names) == bool(expression.fullmatch(other))


class TestPods:
    """Which pods a question is about."""

    def test_few_are_named(self):
        """By their uids."""
        assert ['uid=~"1|2"'] == promql.pods({"1", "2"})

    def test_many_are_all(self):
        """A question that names thousands would be longer than the answer."""
        assert [] == promql.pods({str(number) for number in range(1000)})


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (promql.last([promql.END], [], 60), 'last_over_time({__name__="jupyterhub_quota:pod_end_seconds"}[60s])'),
        (
            promql.last([promql.START, promql.END], ['uid="1"'], 60.4),
            'last_over_time({__name__=~"jupyterhub_quota:(pod_start_seconds|pod_end_seconds)",uid="1"}[60s])',
        ),
        (promql.samples(promql.BEFORE, ['uid="1"'], 60), 'jupyterhub_quota:pod_request_before{uid="1"}[60s]'),
        (
            promql.newest([], 60),
            'label_replace(max(max_over_time(jupyterhub_quota:seen_seconds{}[60s])), "stat", "newest", "", "")',
        ),
    ],
)
def test_questions(question, text):
    """One selector, however many series."""
    assert text == question


def unquoted(text: str) -> str:
    """Return what a PromQL string says; what JSON escapes means the same there."""
    return str(json.loads(text))
