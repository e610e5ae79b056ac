"""
What an answer of the API says, row by row. Pure.

Rows are handed over while they are read: an answer about thousands of pods is never held as thousands of objects.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jupyterhub_quota.errors import Unavailable, UnavailableError

Samples = tuple[tuple[float, float], ...]
# Takes one series: its labels and its samples, of which an instant query has one.
Take = Callable[[dict[str, str], Samples], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One series of an answer: its labels and its samples (one, for an instant query) as (seconds, value)."""

    labels: dict[str, str]
    samples: Samples

    @property
    def value(self) -> float:
        """The last sample's value."""
        return self.samples[-1][1]


def read_rows(body: bytearray) -> list[Row]:
    """
    Return the rows of an answer.

    Raises:
        UnavailableError: it is not whole.
    """
    rows: list[Row] = []
    take_rows(body, lambda labels, samples: rows.append(Row(labels, samples)))
    return rows


def take_rows(body: bytearray, take: Take) -> None:
    """
    Hand each row of an answer to *take*. *body* is emptied as soon as it is text: it may be large.

    Raises:
        UnavailableError: it is not whole; some rows may have been taken.
    """

    def each(found: dict[str, Any]) -> dict[str, Any] | None:
        """Take a series; what else is there stays."""
        labels = found.get("metric")
        if type(labels) is not dict:  # the value of a label is a text, whatever it is called
            return found
        take(labels, _samples(found))
        return None

    try:
        text = body.decode()
        body.clear()
        answer: Any = json.loads(text, object_hook=each)
        if answer["status"] != "success":
            raise UnavailableError("Prometheus could not answer", Unavailable.FAILED)
        # VictoriaMetrics says so where only some of its storage nodes answered.
        if answer.get("warnings") or answer.get("isPartial"):
            raise UnavailableError("Prometheus answered with a part only", Unavailable.PARTIAL)
        result = answer["data"]["result"]
        whole = result.count(None) == len(result)  # else there are rows that are no series
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UnavailableError("Prometheus did not answer as it should", Unavailable.MALFORMED) from error
    if not whole:
        raise UnavailableError("Prometheus did not answer as it should", Unavailable.MALFORMED)


def _samples(series: dict[str, Any]) -> Samples:
    if "values" not in series:
        t, text = series["value"]
        return ((float(t), _number(text)),)
    # VictoriaMetrics shows where a series ended as a sample without a number.
    return tuple([(float(t), _number(text)) for t, text in series["values"] if text not in {None, "NaN"}])


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("an amount or a time that is no number")
    return number
