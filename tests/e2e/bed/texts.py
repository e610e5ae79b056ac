"""Sentences without what differs from run to run: times of day, days, seconds, references."""

import re

_VARIES = (
    (r" \(Counted since [^)]*\)", ""),
    (r"\(reference [0-9a-f]+\)", "(reference …)"),
    (r"\d+ seconds", "… seconds"),
    (r"again on \d+ \w+ \d+:\d+ UTC", "again on … UTC"),
    (r"You have used [\d.]+ of 1\.5 GiB-minutes", "You have used … of 1.5 GiB-minutes"),
    (r"One of up to [\d.]+ MiB", "One of up to … MiB"),
)


def lasting(line: str) -> str:
    """Return *line* with an ellipsis for each number that another run would not have."""
    for pattern, instead in _VARIES:
        line = re.sub(pattern, instead, line)
    return line
