"""
The questions that are asked of the ledger's series, in PromQL. Pure: every value is quoted.

Series are read by their last sample. That is enough: a start never changes, the last end is the one that is known best,
and where a request changed there is a mark. It is quicker, too: one selector finds all of a pod's series, and no other
function that Prometheus has of a range keeps their names apart.
"""

import json
import re
from collections.abc import Collection, Iterable

from jupyterhub_quota.errors import InputError

PREFIX = "jupyterhub_quota:"
REQUEST, BEFORE = PREFIX + "pod_request", PREFIX + "pod_request_before"
START, END, INFO = PREFIX + "pod_start_seconds", PREFIX + "pod_end_seconds", PREFIX + "pod_info"
SEEN = PREFIX + "seen_seconds"
# What the label `stat` says of a row that is no series of its own.
NEWEST, OLDEST = "newest", "oldest"
# What has a meaning of its own in a regular expression, in PromQL's as in ours.
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
# Of more pods than this, all are asked for: a longer question would take as long.
_FEW = 200


def quoted(text: str) -> str:
    """Return *text* as a PromQL string."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"a name has a character that is not Unicode: {text!a}") from error
    # JSON escapes as PromQL does. What stands for a broken character may stand in PromQL only if it is escaped.
    return json.dumps(text, ensure_ascii=False).replace("\N{REPLACEMENT CHARACTER}", "\\ufffd")


def equal(label: str, values: Collection[str]) -> str:
    """Return the matcher for one of *values*, letter by letter: an expression holds all of it, from end to end."""
    if len(values) == 1:
        return f"{label}={quoted(next(iter(values)))}"
    plain = (_SPECIAL.sub(r"\\\g<0>", value) for value in sorted(values))
    return f"{label}=~{quoted('|'.join(plain))}"


def pods(uids: Collection[str]) -> list[str]:
    """Return the matchers for a few pods; none for many."""
    return [equal("uid", uids)] if len(uids) <= _FEW else []


def last(names: Iterable[str], matchers: Iterable[str], window: float, offset: float = 0.0) -> str:
    """Return the question for the last sample of each series with one of *names* and all of *matchers*."""
    several = [name.removeprefix(PREFIX) for name in names]
    which = f'__name__=~"{PREFIX}({"|".join(several)})"' if len(several) > 1 else f'__name__="{PREFIX}{several[0]}"'
    return f"last_over_time({{{','.join([which, *matchers])}}}{_range(window, offset)})"


def samples(name: str, matchers: Iterable[str], window: float) -> str:
    """Return the question for all samples of the series with this *name*."""
    return f"{name}{{{','.join(matchers)}}}{_range(window)}"


def newest(matchers: Iterable[str], window: float) -> str:
    """Return the question up to when the ledger is known: the largest heartbeat; ghosts of a restart look back."""
    return _named(NEWEST, f"max(max_over_time({samples(SEEN, matchers, window)}))")


def oldest(matchers: Iterable[str], window: float, offset: float = 0.0) -> str:
    """Return the question since when the ledger is known, of the *window* that ended *offset* seconds ago."""
    return _named(OLDEST, f"min(min_over_time({SEEN}{{{','.join(matchers)}}}{_range(window, offset)}))")


def union(questions: Iterable[str]) -> str:
    """Return one question for several."""
    return " or ".join(questions)


def _named(name: str, question: str) -> str:
    return f'label_replace({question}, "stat", "{name}", "", "")'


def _range(window: float, offset: float = 0.0) -> str:
    return f"[{window:.0f}s]" + (f" offset {offset:.0f}s" if offset else "")
