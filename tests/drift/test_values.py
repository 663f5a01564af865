"""Values that are written in more than one way, each with the one value that they are."""

from __future__ import annotations

import math

import pytest

from bot.drift import values
from bot.drift.shapes import COMPARATORS
from bot.model.json import JSON
from tests.table import table


@table(
    ("comparator", "value", "meaning"),
    [
        ("quantity", 1, "1"),
        ("quantity", " 1 ", "1"),
        ("quantity", "+1", "1"),
        ("quantity", "-1.50", "-1.5"),
        ("quantity", "0", "0"),
        ("quantity", "-0", "0"),
        ("quantity", "+0", "0"),
        ("quantity", "0.000", "0"),
        ("quantity", "5.", "5"),
        ("quantity", ".5", "0.5"),
        ("quantity", "100", "100"),
        ("quantity", "1n", "0.000000001"),
        ("quantity", "1u", "0.000001"),
        ("quantity", "1m", "0.001"),
        ("quantity", "1k", "1000"),
        ("quantity", "1M", "1000000"),
        ("quantity", "1G", "1000000000"),
        ("quantity", "1T", "1000000000000"),
        ("quantity", "1P", "1000000000000000"),
        ("quantity", "1E", "1000000000000000000"),
        ("quantity", "1Ki", "1024"),
        ("quantity", "1Mi", "1048576"),
        ("quantity", "1Gi", "1073741824"),
        ("quantity", "1Ti", "1099511627776"),
        ("quantity", "1Pi", "1125899906842624"),
        ("quantity", "1Ei", "1152921504606846976"),
        ("quantity", "0.1n", "0.000000001"),
        ("quantity", "-0.1n", "-0.000000001"),
        ("quantity", "1.0000000001", "1.000000001"),
        ("quantity", "1.000000001", "1.000000001"),
        ("quantity", "1e3", "1000"),
        ("quantity", "1E-2", "0.01"),
        ("quantity", "1e+2", "100"),
        ("quantity", "1e1000", "1e1000"),
        ("quantity", "1K", "1K"),
        ("quantity", "1ki", "1ki"),
        ("quantity", "1 k", "1 k"),
        ("quantity", ".", "."),
        ("quantity", "", ""),
        ("quantity", "١", "١"),
        ("quantity", "12345678901234567890.1234567891", "12345678901234567890.12345679"),
        ("quantity", "123456789012345678.12345678901", "123456789012345678.123456789"),
        ("quantity", "1e999", "1" + "0" * 999),
        ("quantity", True, True),
        ("quantity", None, None),
        ("quantity", [], []),
        ("duration", "0", "0s"),
        ("duration", "0s", "0s"),
        ("duration", " 90s ", "1m30s"),
        ("duration", "60s", "1m"),
        ("duration", "3600s", "1h"),
        ("duration", "3661s", "1h1m1s"),
        ("duration", "1d", "24h"),
        ("duration", "1ns", "0.000000001s"),
        ("duration", "1us", "0.000001s"),
        ("duration", "1µs", "0.000001s"),
        ("duration", "1μs", "0.000001s"),
        ("duration", "1ms", "0.001s"),
        ("duration", ".5s", "0.5s"),
        ("duration", "1.5h", "1h30m"),
        ("duration", "1m 30s", "1m 30s"),
        ("duration", "1", "1"),
        ("duration", "s", "s"),
        ("duration", "-1s", "-1s"),
        ("duration", 5, 5),
        ("duration", None, None),
        ("intstr", "80", 80),
        ("intstr", "0", 0),
        ("intstr", "-80", -80),
        ("intstr", "080", "080"),
        ("intstr", "25%", "25%"),
        ("intstr", "http", "http"),
        ("intstr", "123456789012345678", 123456789012345678),
        ("intstr", "1234567890123456789", "1234567890123456789"),
        ("intstr", 80, 80),
        ("mode", "0644", 420),
        ("mode", "0o644", 420),
        ("mode", "00", 0),
        ("mode", "0", "0"),
        ("mode", "644", "644"),
        ("mode", "0888", "0888"),
        ("mode", "0777777", 262143),
        ("mode", "07777777", "07777777"),
        ("mode", 420, 420),
        ("boolean", "TRUE", True),
        ("boolean", "yes", True),
        ("boolean", "on", True),
        ("boolean", "y", True),
        ("boolean", "1", True),
        ("boolean", "False", False),
        ("boolean", "no", False),
        ("boolean", "OFF", False),
        ("boolean", "n", False),
        ("boolean", "0", False),
        ("boolean", "maybe", "maybe"),
        ("boolean", "", ""),
        ("boolean", 1, 1),
        ("boolean", 0, 0),
        ("boolean", True, True),
        ("text", None, ""),
        ("text", True, "true"),
        ("text", False, "false"),
        ("text", 8080, "8080"),
        ("text", 1.5, "1.5"),
        ("text", "x", "x"),
        ("text", [1], [1]),
        ("size", "64", 64),
        ("size", "64b", 64),
        ("size", "1k", 1024),
        ("size", "1kb", 1024),
        ("size", "1KiB", 1024),
        ("size", "1 m", 1048576),
        ("size", "1.5g", 1610612736),
        ("size", "1t", 1099511627776),
        ("size", "1p", 1125899906842624),
        ("size", " 1k ", 1024),
        ("size", "1e", "1e"),
        ("size", "-1k", "-1k"),
        ("size", "1.k", 1024),
        ("size", "1..k", "1..k"),
        ("size", "", ""),
        ("size", 64, 64),
        ("number", "0.50", 0.5),
        ("number", "1.0", 1),
        ("number", 1.0, 1),
        ("number", 7, 7),
        ("number", "7", 7),
        ("number", "1e3", 1000),
        ("number", "1e18", 10**18),
        ("number", "1e19", "1e19"),
        ("number", "1e-18", 1e-18),
        ("number", "1e-19", "1e-19"),
        ("number", "inf", "inf"),
        ("number", "NaN", "NaN"),
        ("number", "x", "x"),
        ("number", "", ""),
        ("number", True, True),
        ("number", None, None),
        ("number", [1], [1]),
        ("base64", None, ""),
        ("base64", "YW\n Jj\t", "YWJj"),
        ("base64", "", ""),
        ("base64", 5, 5),
    ],
)
def test_every_spelling_has_its_meaning(comparator: str, value: JSON, meaning: JSON) -> None:
    """In type too; what is not understood comes back as it is."""
    actual = COMPARATORS[comparator](value)
    assert (actual, type(actual)) == (meaning, type(meaning))


def test_numbers_that_are_none_come_back() -> None:
    """Not a number is not finite."""
    assert values.number(math.inf) == math.inf
    assert values.quantity(math.inf) == math.inf


@table(
    ("written", "length"),
    [
        ("0", 0),
        ("1h2m3s", 3_723_000_000_000),
        ("1.5us", 1_500),
        ("0.5ns", 0),
        ("2d", 172_800_000_000_000),
        ("1h ", 3_600_000_000_000),
        ("", None),
        ("1h2", None),
        ("h", None),
        ("+1s", None),
    ],
)
def test_a_go_duration_has_a_length(written: str, length: int | None) -> None:
    """In whole nanoseconds."""
    assert values.nanoseconds(written) == length


@pytest.mark.parametrize(
    ("length", "written"),
    [
        (0, "0s"),
        (1, "0.000000001s"),
        (1_500_000_000, "1.5s"),
        (60_000_000_000, "1m"),
        (3_600_000_000_000, "1h"),
        (3_601_000_000_000, "1h1s"),
        (90_061_000_000_000, "25h1m1s"),
    ],
)
def test_a_length_is_written_as_go_writes_it(length: int, written: str) -> None:
    """Without parts that are empty, and the other way round it is the same length."""
    assert values.format_duration(length) == written
    assert values.nanoseconds(written) == length


@pytest.mark.parametrize(
    ("value", "stored"), [("x", "eA=="), ("", ""), (None, ""), (True, "dHJ1ZQ=="), (5, "NQ=="), ("é", "w6k=")]
)
def test_string_data_is_stored_as_base64(value: JSON, stored: str) -> None:
    """Of the text that it is."""
    assert values.encoded(value) == stored
    assert values.decoded(stored) == values.text(value)


@pytest.mark.parametrize("value", ["x", "!!!!", "/w==", "eA==\n"])
def test_what_is_no_base64_of_text_says_nothing(value: str) -> None:
    """Neither what is no base64 nor what is not UTF-8 behind it."""
    assert values.decoded(value) is None


@table(
    ("number", "written"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (-2.5, "-2.5"),
        (123456.0, "123456"),
        (999999.5, "999999.5"),
        (1e6, "1e+06"),
        (-1.25e7, "-1.25e+07"),
        (1e100, "1e+100"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-1.5e-7, "-1.5e-07"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_a_number_is_written_as_go_prints_it(number: float, written: str) -> None:
    """Where an environment or a label holds it."""
    assert values.text(number) == written
