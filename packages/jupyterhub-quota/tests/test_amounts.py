"""Amounts, sizes and lengths of time, as people write and read them."""

import contextlib
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_quota.amounts import (
    DAY,
    GIB,
    HOUR,
    KIB,
    MIB,
    MINUTE,
    amount_pattern,
    duration_pattern,
    parse_amount,
    parse_duration,
    parse_size,
)
from jupyterhub_quota.errors import InputError
from jupyterhub_quota.session import Resource
from jupyterhub_quota.wording import format_amount, format_duration, format_size, format_used, format_window

MEMORY, CPU, GPU = Resource
UNITS = {MEMORY: GIB * HOUR, CPU: HOUR, GPU: HOUR}

resources = st.sampled_from(Resource)


class TestParseAmount:
    """An amount is a size times the time it is held."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("60 GiB-hours", 231928233984000.0),
            ("1 GiB-hour", GIB * HOUR),
            ("1.5 gib hours", 1.5 * GIB * HOUR),
            (".5 GIB*HOURS", 0.5 * GIB * HOUR),
            ("2GiBHours", 2 * GIB * HOUR),
            ("2 GiB · h", 2 * GIB * HOUR),
            ("  2\u00a0GiB - hours ", 2 * GIB * HOUR),
            ("3 GB-hours", 3e9 * HOUR),
            ("1 TiB-day", KIB * GIB * DAY),
            ("1 PiB-week", KIB * KIB * GIB * 7 * DAY),
            ("5 MB-minutes", 5e6 * MINUTE),
            ("7 B-seconds", 7.0),
            ("7 byteseconds", 7.0),
            ("90 core-hours", 90 * HOUR),
            ("90 CPU-hours", 90 * HOUR),
            ("90 coreseconds", 90.0),
            ("160 GPU-hours", 160 * HOUR),
            ("0", 0.0),
            ("0.0", 0.0),
            ("0 GiB-hours", 0.0),
            ("unlimited", math.inf),
            (" Unlimited ", math.inf),
        ],
    )
    def test_what_people_write(self, text, expected):
        """Upper or lower case, singular or plural, joined in any of the usual ways."""
        assert expected == parse_amount(text)

    @pytest.mark.parametrize(
        ("text", "resource", "message"),
        [
            ("240 GB", MEMORY, "'240 GB' has no time unit; write for example '240 GiB-hours'"),
            ("240 MB", MEMORY, "'240 MB' has no time unit; write for example '240 MiB-hours'"),
            ("4 cores", CPU, "'4 cores' has no time unit; write for example '4 core-hours'"),
            ("4 cores", MEMORY, "'4 cores' has no time unit; write for example '4 GiB-hours'"),
            ("60", GPU, "'60' has no unit; write for example '60 GPU-hours'"),
            (
                "90 core-hours",
                MEMORY,
                "'90 core-hours' is an amount of cpu, not of memory; write for example '90 GiB-hours'",
            ),
            ("60 hours", MEMORY, "'60 hours' does not say of what; write for example '60 GiB-hours'"),
            (
                "60 GiB-horus",
                MEMORY,
                "'60 GiB-horus' has an unknown unit: 'GiB-horus'; write for example '60 GiB-hours'",
            ),
            (
                "60 GiB/hour",
                MEMORY,
                (
                    "'60 GiB/hour' is a size per time, and a quota is a size times the time it is held; "
                    "write for example '60 GiB-hours'"
                ),
            ),
            (
                "-5 GiB-hours",
                MEMORY,
                "'-5 GiB-hours' is negative; write for example '60 GiB-hours', '0' or 'unlimited'",
            ),
            ("nan", CPU, "'nan' does not begin with a number; write for example '60 core-hours', '0' or 'unlimited'"),
            ("inf", CPU, "'inf' does not begin with a number; write for example '60 core-hours', '0' or 'unlimited'"),
            ("no", GPU, "'no' does not begin with a number; write for example '60 GPU-hours', '0' or 'unlimited'"),
            (" ", None, "'' is empty; write for example '60 GiB-hours', '0' or 'unlimited'"),
            (
                "1,000 GiB-hours",
                None,
                (
                    "'1,000 GiB-hours' has a number that can be read in several ways: '1,000'; write only digits and "
                    "at most one point, for example '1000 GiB-hours' or '1.5 GiB-hours'"
                ),
            ),
            (
                "9" * 400 + " GPU-hours",
                GPU,
                f"'{'9' * 59}…' is too large; write 'unlimited' where there is no limit",
            ),
        ],
    )
    def test_what_cannot_be_meant(self, text, resource, message):
        """The message says what was found and what to write."""
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
            parse_amount(text, resource)

    @pytest.mark.parametrize("number", ["1_000", "1 000", "1e3", "0x10", "1.2.3", "1:30", "1.", "1,5", "1'000"])
    def test_numbers_that_can_be_read_in_several_ways(self, number):
        """They are refused, not guessed."""
        with pytest.raises(InputError, match="can be read in several ways"):
            parse_amount(f"{number} GiB-hours")

    @given(st.text() | st.from_regex(r"[0-9]{1,3} ?[A-Za-z]{1,4}[-* ]?[a-z]{1,7}"), resources | st.none())
    def test_any_text_is_read_or_refused(self, text, resource):
        """Nothing else comes out, and never a negative amount."""
        with contextlib.suppress(InputError):
            assert parse_amount(text, resource) >= 0


class TestParseSize:
    """The size of one server."""

    @pytest.mark.parametrize(
        ("text", "resource", "expected"),
        [
            ("4GiB", MEMORY, 4 * GIB),
            ("4G", MEMORY, 4 * GIB),
            ("4g", MEMORY, 4 * GIB),
            ("4Gi", MEMORY, 4 * GIB),
            ("512 M", MEMORY, 512 * MIB),
            ("4 GB", MEMORY, 4e9),
            ("100 bytes", MEMORY, 100),
            ("0", MEMORY, 0),
            ("2", CPU, 2),
            ("0.5", CPU, 0.5),
            ("2 cores", CPU, 2),
            ("1", GPU, 1),
            ("2 GPUs", GPU, 2),
            ("1.0", GPU, 1),
        ],
    )
    def test_what_people_write(self, text, resource, expected):
        """As JupyterHub, Kubernetes and people do."""
        assert expected == parse_size(text, resource)

    @pytest.mark.parametrize(
        ("text", "resource", "message"),
        [
            ("4", MEMORY, "'4' has no unit; write for example '4 GiB'"),
            (
                "4 cores",
                MEMORY,
                "'4 cores' has a unit that is not known for memory: 'cores'; write for example '4 GiB'",
            ),
            ("500m", CPU, "'500m' has a unit that is not known for cpu: 'm'; write for example '2' or '0.5'"),
            (
                "0.5",
                GPU,
                "'0.5' is not a whole number, and servers get whole GPUs; write for example '1'",
            ),
            ("-1", GPU, "'-1' is negative; write for example '1'"),
            ("nan", CPU, "'nan' does not begin with a number; write for example '2' or '0.5'"),
        ],
    )
    def test_what_cannot_be_meant(self, text, resource, message):
        """The message says what was found and what to write."""
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
            parse_size(text, resource)

    @given(st.text(), resources)
    def test_any_text_is_read_or_refused(self, text, resource):
        """Nothing else comes out."""
        with contextlib.suppress(InputError):
            assert parse_size(text, resource) >= 0


class TestParseDuration:
    """Lengths of time."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("30d", 30 * DAY),
            ("12h", 12 * HOUR),
            ("10m", 10 * MINUTE),
            ("1w", 7 * DAY),
            ("90s", 90),
            ("1h30m", 90 * MINUTE),
            ("1 h 30 min", 90 * MINUTE),
            ("30 days", 30 * DAY),
            ("1.5 Hours", 90 * MINUTE),
            ("0", 0),
            ("0s", 0),
        ],
    )
    def test_what_people_write(self, text, expected):
        """Short or long, in one unit or in several."""
        assert expected == parse_duration(text)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("30", "'30' has no unit; write for example '30d' (days) or '30m' (minutes)"),
            (
                "1M",
                "'1M' has an unknown unit of time: 'M'; units are s, m (minutes), h, d and w; write for example '30d'",
            ),
            (
                "1 month",
                (
                    "'1 month' has an unknown unit of time: 'month'; "
                    "units are s, m (minutes), h, d and w; write for example '30d'"
                ),
            ),
            ("30m1h", "'30m1h' is out of order; write the larger unit first, for example '1h30m'"),
            ("1h 30", "'1h 30' is not a length of time; write for example '30d', '12h' or '1h30m'"),
            ("soon", "'soon' does not begin with a number; write for example '30d', '12h' or '10m'"),
            ("-1h", "'-1h' is negative; write for example '30d', '12h' or '10m'"),
            (
                "12:30:00",
                (
                    "'12:30:00' has a number that can be read in several ways: '12:30:00'; "
                    "write only digits and at most one point, for example '12h' or '1.5h'"
                ),
            ),
            ("40000d", "'40000d' is longer than 100 years; write for example '365d'"),
        ],
    )
    def test_what_cannot_be_meant(self, text, message):
        """The message says what was found and what to write."""
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
            parse_duration(text)

    @given(st.text() | st.from_regex(r"([0-9]{1,3} ?[a-zA-Z]{1,3}){1,3}"))
    def test_any_text_is_read_or_refused(self, text):
        """Nothing else comes out, and nothing beyond the range of dates."""
        with contextlib.suppress(InputError):
            assert 0 <= parse_duration(text) <= 100 * 365 * DAY


class TestPatterns:
    """The JSON Schema takes at least what is read."""

    @given(
        st.builds(
            "{}{}{}{}{}".format,
            st.sampled_from(["1", "1.5", ".5", "0"]),
            st.sampled_from(["", " "]),
            st.sampled_from(["GiB", "gib", "MB", "bytes", "B", "core", "CORES", "Gpu", "gpus", "T"]),
            st.sampled_from(["", "-", " ", " * ", "·", "--"]),
            st.sampled_from(["h", "hours", "Day", "weeks", "SECOND", "", "month"]),
        )
        | st.sampled_from(["0", "0.0", "unlimited", "Unlimited", "60"]),
        resources,
    )
    def test_amounts(self, text, resource):
        """An amount matches its pattern exactly when it can be read."""
        try:
            parse_amount(text, resource)
        except InputError:
            assert not re.search(amount_pattern(resource), text)
        else:
            assert re.search(amount_pattern(resource), text)

    @pytest.mark.parametrize("text", ["30d", "12 hours", "1h30m", "1 h 30 min", "0", "90S"])
    def test_durations(self, text):
        """What is a length of time matches."""
        assert re.search(duration_pattern(), text)

    @pytest.mark.parametrize("text", ["30", "d", "soon", "1 month", "1h 30", "-1h", ""])
    def test_no_durations(self, text):
        """What is none does not."""
        assert not re.search(duration_pattern(), text)


class TestFormatAmount:
    """As people say it, rounded down."""

    @pytest.mark.parametrize(
        ("resource", "amount", "expected"),
        [
            (MEMORY, 60 * GIB * HOUR, "60 GiB-hours"),
            (MEMORY, GIB * HOUR, "1 GiB-hour"),
            (MEMORY, 59.99 * GIB * HOUR, "59.9 GiB-hours"),
            (MEMORY, 9.999 * GIB * HOUR, "9.99 GiB-hours"),
            (MEMORY, 0.5 * GIB * HOUR, "30 GiB-minutes"),
            (MEMORY, 0.5 * GIB * MINUTE, "512 MiB-minutes"),
            (MEMORY, 1.0, "less than 0.01 MiB-minutes"),
            (MEMORY, 0.0, "0 GiB-hours"),
            (MEMORY, 1e6 * GIB * HOUR, "1000000 GiB-hours"),
            (CPU, 90 * HOUR, "90 core-hours"),
            (CPU, 90, "1.5 core-minutes"),
            (CPU, 0.5, "0.5 core-seconds"),
            (GPU, HOUR, "1 GPU-hour"),
            (GPU, math.inf, "unlimited"),
            (GPU, 1e300, "over 1000000000000000 GPU-hours"),
        ],
    )
    def test_units(self, resource, amount, expected):
        """The largest unit of which there is at least one."""
        assert expected == format_amount(resource, amount)

    def test_like_another(self):
        """Two amounts that are compared share a unit."""
        assert "0.5 GiB-hours" == format_amount(MEMORY, 0.5 * GIB * HOUR, like=60 * GIB * HOUR)

    def test_little_is_not_nothing(self):
        """A positive amount never reads 0."""
        assert "less than 0.01 GiB-hours" == format_amount(MEMORY, 1.0, like=60 * GIB * HOUR)

    @pytest.mark.parametrize("hours", [0.1 + 0.2, 1.1 * 3, 59.5, 4.35, 8.2])
    def test_float_noise_does_not_show(self, hours):
        """0.30000000000000004 is 0.3, and 8.2 does not become 8.19."""
        expected = f"{round(hours, 3):g} GiB-hours"
        assert expected == format_amount(MEMORY, hours * GIB * HOUR, like=60 * GIB * HOUR)

    @given(resources, st.floats(0, 1e12))
    def test_what_is_shown_can_be_read(self, resource, units):
        """It reads as no more than it was, and shows the same again."""
        amount = units * UNITS[resource]
        text = format_amount(resource, amount)
        if "less than" not in text:
            read = parse_amount(text, resource)
            assert read <= amount * (1 + 1e-8)
            assert text == format_amount(resource, read)

    @given(resources, st.floats(0, 1e12), st.floats(0, 1e12))
    def test_never_an_exponent(self, resource, amount, like):
        """Nobody reads 1e+06."""
        number = format_amount(resource, amount, like=like).removeprefix("less than ").split()[0]
        assert re.fullmatch(r"[0-9]+(\.[0-9]{1,2})?", number)


class TestFormatUsed:
    """Two numbers in one unit."""

    @pytest.mark.parametrize(
        ("used", "limit", "expected"),
        [
            (50, 60, "50 of 60 GiB-hours"),
            (59.99, 60, "59.9 of 60 GiB-hours"),
            (60, 60, "60 of 60 GiB-hours"),
            (61, 60, "61 of 60 GiB-hours"),
            (0, 60, "0 of 60 GiB-hours"),
            (0.001, 60, "less than 0.01 of 60 GiB-hours"),
            (0.5, 1, "0.5 of 1 GiB-hour"),
            (0.2, 0.5, "12 of 30 GiB-minutes"),
            (60.02, 60.04, "60.02 of 60.04 GiB-hours"),
            (60.0000001, 60.0000002, "almost 60 of 60 GiB-hours"),
            (5, 0, "5 of 0 GiB-hours"),
            (0, 0, "0 of 0 GiB-hours"),
            (5, math.inf, "5 GiB-hours"),
        ],
    )
    def test_used_of_limit(self, used, limit, expected):
        """In the unit of the limit."""
        assert expected == format_used(MEMORY, used * GIB * HOUR, limit * GIB * HOUR)

    @given(resources, st.floats(1, 1e12), st.floats(0, 1 - 1e-8))
    def test_never_reads_the_limit_before_it_is_reached(self, resource, limit, part):
        """Who reads "60 of 60" has used it up."""
        used, shown = format_used(resource, limit * part, limit).split(" of ")
        assert used != shown.split()[0]


@pytest.mark.parametrize(
    ("resource", "size", "expected"),
    [
        (MEMORY, 4 * GIB, "4 GiB"),
        (MEMORY, 512 * MIB, "512 MiB"),
        (MEMORY, 1.999 * GIB, "1.99 GiB"),
        (MEMORY, 2 * KIB, "2 KiB"),
        (MEMORY, 1, "1 byte"),
        (MEMORY, 0, "0 GiB"),
        (CPU, 2, "2 cores"),
        (CPU, 1, "1 core"),
        (CPU, 0.5, "0.5 cores"),
        (CPU, math.inf, "unlimited"),
        (GPU, 1, "1 GPU"),
        (GPU, 2, "2 GPUs"),
        (GPU, 0, "0 GPUs"),
    ],
)
def test_format_size(resource, size, expected):
    """The size of one server, rounded down."""
    assert expected == format_size(resource, size)


@given(resources, st.floats(0, 1e15))
def test_a_size_that_is_shown_can_be_read(resource, size):
    """It reads as no more than it was."""
    text = format_size(resource, math.floor(size))
    if "over" not in text:
        assert parse_size(text, resource) <= size * (1 + 1e-8)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "less than a minute"),
        (59, "less than a minute"),
        (60, "1 minute"),
        (45 * MINUTE + 59, "45 minutes"),
        (HOUR, "1 hour"),
        (2 * HOUR + 59, "2 hours"),
        (2.5 * HOUR, "2 h 30 min"),
        (2.5 * HOUR - 1e-7, "2 h 30 min"),
        (DAY, "24 hours"),
        (2 * DAY - 1, "47 h 59 min"),
        (3 * DAY, "3 days"),
        (3 * DAY + 4.9 * HOUR, "3 days 4 h"),
    ],
)
def test_format_duration(seconds, expected):
    """A length of time, rounded down."""
    assert expected == format_duration(seconds)


@given(st.floats(MINUTE, 30 * DAY))
def test_a_duration_that_is_shown_can_be_read(seconds):
    """It reads as no more than it was."""
    assert parse_duration(format_duration(seconds)) <= seconds * (1 + 1e-8)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (30 * DAY, "30 days"),
        (7 * DAY, "7 days"),
        (DAY, "24 hours"),
        (36 * HOUR, "36 hours"),
        (12 * HOUR, "12 hours"),
        (HOUR, "60 minutes"),
        (10 * MINUTE, "10 minutes"),
        (MINUTE, "60 seconds"),
        (90, "90 seconds"),
        (1, "1 second"),
    ],
)
def test_format_window(seconds, expected):
    """The length of a window, exactly."""
    assert expected == format_window(seconds)


@given(st.integers(1, 400 * DAY))
def test_a_window_that_is_shown_can_be_read(seconds):
    """It reads as exactly what it was."""
    assert seconds == parse_duration(format_window(seconds))
