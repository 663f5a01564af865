"""Times as people write them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Invalid
from bot.model.moment import moment
from tests.table import table

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@table(
    ("text", "at"),
    [
        ("2026-12-24", datetime(2026, 12, 24, tzinfo=UTC)),
        ("2026-12-24T10:00", datetime(2026, 12, 24, 10, tzinfo=UTC)),
        ("2026-12-24 10:00:30", datetime(2026, 12, 24, 10, 0, 30, tzinfo=UTC)),
        ("2026-12-24T10:00:00Z", datetime(2026, 12, 24, 10, tzinfo=UTC)),
        ("2026-12-24T10:00:00+02:00", datetime(2026, 12, 24, 8, tzinfo=UTC)),
        ("2026-12-24T23:00-05:00", datetime(2026, 12, 25, 4, tzinfo=UTC)),
        ("90s", NOW + timedelta(seconds=90)),
        ("3d", NOW + timedelta(days=3)),
        ("1h30m", NOW + timedelta(minutes=90)),
        ("1.5h", NOW + timedelta(minutes=90)),
    ],
)
def test_a_time_is_in_utc(text: str, at: datetime) -> None:
    """An offset is honoured, without one it is UTC, and a duration counts from now."""
    time = moment(text, now=NOW)
    assert (time, time.utcoffset()) == (at, timedelta())


@table("text", ["", "tomorrow", "2h later", "-2h", "2026-13-01", "24.12.2026", "0001-01-01T00:00+14:00", "999999d" * 9])
def test_anything_else_is_bad_input(text: str) -> None:
    """The message names the text and the ways to write a time."""
    with pytest.raises(Invalid, match=r"is not a time\n  Write 2026-12-24"):
        moment(text, now=NOW)


@given(st.text(max_size=40))
def test_no_text_crashes(text: str) -> None:
    """Any text is a time in UTC or bad input."""
    with suppress(Invalid):
        assert moment(text, now=NOW).utcoffset() == timedelta()
