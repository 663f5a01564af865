"""Looks into JSON of which nothing is promised."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import MappingProxyType

import pytest

from bot.model.json import JSON, facts, moment, plain, read_json
from bot.model.ledger import Actor, Entry, EntryKind
from tests.table import table


@table(
    ("written", "at"),
    [
        ("2025-06-02T12:00:00Z", datetime(2025, 6, 2, 12, tzinfo=UTC)),
        ("2025-06-02T14:00:00.123456789+02:00", datetime(2025, 6, 2, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2025-06-02T12:00:00", datetime(2025, 6, 2, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-05:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        ({}, None),
    ],
)
def test_a_time_is_in_utc_or_none(written: JSON, at: datetime | None) -> None:
    """Nanoseconds are cut; Go's zero time, what the calendar cannot hold and what is no time are None."""
    assert moment(written) == at


def test_a_plain_value_can_be_written_as_json() -> None:
    """Read-only mappings and tuples become what the encoder knows, at any depth, and infinity becomes text."""
    value: JSON = MappingProxyType({"a": (MappingProxyType({"b": 1}), float("inf")), "c": None, "d": True})
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == {"a": [{"b": 1}, "inf"], "c": None, "d": True}


def test_facts_are_told_by_name_as_json_says_them() -> None:
    """Another key, a way to the value, times, words of closed lists; what JSON cannot say is no fact."""
    entry = Entry(
        "1", EntryKind.HALT, datetime(2025, 6, 2, 12, tzinfo=UTC), Actor("ann"), drifts=("a",), detail={"k": "v"}
    )
    told = facts(entry, "kind at by=actor.login drifts detail result")
    assert told == {
        "kind": "halt",
        "at": "2025-06-02T12:00:00+00:00",
        "by": "ann",
        "drifts": ["a"],
        "detail": {"k": "v"},
        "result": None,
    }
    assert type(told["kind"]) is str
    with pytest.raises(TypeError):
        facts(entry, "actor")


@table(
    "source, value",
    [
        ('{"a": [1]}', {"a": [1]}),
        (b"[1, null]", [1, None]),
        ("", None),
        ("{", None),
        (b"\xff", None),
        ("[" * 100_000, None),
    ],
)
def test_a_json_text_of_others_is_a_value_or_none(source: str | bytes, value: JSON) -> None:
    """Also where it nests deeper than the reader goes, which is no ``ValueError``."""
    assert read_json(source) == value
