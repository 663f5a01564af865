"""Cron expressions as crontab(5) has them, and windows across midnights, time zones and clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import Invalid
from bot.model.decision import Lane
from bot.safety.cron import parse_cron
from bot.safety.windows import ChangeWindow, _closed_by, gate, parse_window
from tests.safety.ledgers import NOON, at
from tests.table import table

MONDAY, SUNDAY = date(2025, 6, 2), date(2025, 6, 1)


@table(
    ("text", "day", "minutes"),
    [
        ("0 9 * * *", MONDAY, [540]),
        ("*/20 9-10 * * *", MONDAY, [540, 560, 580, 600, 620, 640]),
        ("5,7 0 * * *", MONDAY, [5, 7]),
        ("10-12 1 * * *", MONDAY, [70, 71, 72]),
        ("50/4 1 * * *", MONDAY, [110, 114, 118]),
        ("0 9 * * mon-fri", MONDAY, [540]),
        ("0 9 * * mon-fri", SUNDAY, []),
        ("0 9 * * 0", SUNDAY, [540]),
        ("0 9 * * 7", SUNDAY, [540]),
        ("0 9 * * 5-7", SUNDAY, [540]),
        ("0 9 2 * *", MONDAY, [540]),
        ("0 9 3 * *", MONDAY, []),
        ("0 9 3 * mon", MONDAY, [540]),
        ("0 9 * jun *", MONDAY, [540]),
        ("0 9 * 7 *", MONDAY, []),
        ("0 9 */2 * mon", MONDAY, []),
        ("@daily", MONDAY, [0]),
        ("@weekly", MONDAY, []),
    ],
)
def test_cron_fires_when_crontab_says(text: str, day: date, minutes: list[int]) -> None:
    """Lists, ranges, steps, names, both Sundays, and either-day when both day fields are restricted."""
    cron = parse_cron(text)
    assert (list(cron.minutes) if cron.on(day) else []) == minutes


@table(
    "text",
    [
        "", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "a * * * *", "5-1 * * * *",
        "*/0 * * * *", "1- * * * *", "@never", "² * * * *",
    ],
)  # fmt: skip
def test_cron_that_makes_no_sense_is_invalid(text: str) -> None:
    """Wrong counts, ranges, names and steps are named, never guessed at."""
    with pytest.raises(Invalid):
        parse_cron(text)


def window(kind: str, cron: str, hours: float, zone: str = "UTC", **more: object) -> ChangeWindow:
    return parse_window(f"{kind} {cron}", kind=kind, cron=cron, duration=hours * 3600, zone=zone, **more)  # type: ignore[arg-type]


WORK = window("allow", "0 9 * * mon-fri", 8, "Europe/Berlin")
NIGHT = window("allow", "0 22 * * *", 4)
FREEZE = window("deny", "0 0 2 6 *", 36)
LUNCH = window("deny", "0 12 * * *", 1)


@table(
    ("windows", "minutes", "opens"),
    [
        ([], 0, None),
        ([WORK], 0, None),
        ([WORK], 3 * 60 - 1, None),
        ([WORK], 3 * 60, 19 * 60),
        ([NIGHT], 0, 600),
        ([NIGHT], 13 * 60, None),
        ([NIGHT], 14 * 60, 34 * 60),
        ([LUNCH], 0, 60),
        ([LUNCH], 60, None),
        ([LUNCH], -1, None),
        ([WORK, LUNCH], 30, 60),
        ([NIGHT, FREEZE], 0, 34 * 60),
        ([WORK, NIGHT], 200, 600),
        ([WORK, window("deny", "0 * * * *", 1)], 0, "never"),
    ],
)
def test_when_it_opens(windows: list[ChangeWindow], minutes: float, opens: float | str | None) -> None:
    """Deny wins over allow, and the next opening is exact. None: open now."""
    opening = gate(windows, task="shop/web", lane=Lane.ARTIFACT_PATCH, now=at(minutes))
    assert opening.open == (opens is None)
    assert opening.next_open == (at(opens) if isinstance(opens, int) else None)


def test_an_opening_is_told_from_400_days_before_it() -> None:
    """The 29th of February comes too seldom for more."""
    leap, opens = window("allow", "0 0 29 2 *", 1), datetime(2028, 2, 29, tzinfo=UTC)
    for seconds, told in ((1, opens), (0, None)):
        now = opens - timedelta(days=400) + timedelta(seconds=seconds)
        assert gate([leap], task="shop/web", lane=Lane.ARTIFACT_PATCH, now=now).next_open == told


def test_windows_concern_tasks_and_lanes() -> None:
    """A window with globs leaves other tasks alone, and pull requests and issues are free."""
    shop = window("deny", "0 12 * * *", 1, tasks=["shop/*"])
    assert not gate([shop], task="shop/web", lane=Lane.ARTIFACT_PATCH, now=NOON).open
    assert not gate([shop], task="shop/web", lane=Lane.RESTORE, now=NOON).open
    assert gate([shop], task="shop/web", lane=Lane.CONFIG_PULL_REQUEST, now=NOON).open
    assert gate([shop], task="shop/web", lane=Lane.RUNBOOK_ISSUE, now=NOON).open
    assert gate([shop], task="blog", lane=Lane.ARTIFACT_PATCH, now=NOON).open


def test_a_window_follows_its_zones_clocks() -> None:
    """Nine o'clock in Berlin is 8:00 UTC in winter and 7:00 UTC in summer; a repeated hour counts once."""
    summer, winter = datetime(2025, 7, 1, 7, 0, tzinfo=UTC), datetime(2025, 12, 1, 8, 0, tzinfo=UTC)
    for begin in (summer, winter):
        assert WORK.contains(begin)
        assert not WORK.contains(begin - timedelta(seconds=1))
    repeated = window("allow", "30 2 * * *", 1, "Europe/Berlin")
    assert repeated.contains(datetime(2025, 10, 26, 0, 30, tzinfo=UTC))
    assert not repeated.contains(datetime(2025, 10, 26, 1, 31, tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "cron", "begins"),
    [
        ("Europe/Berlin", "30 2 * * *", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ("Europe/Berlin", "0 2 * * *", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ("Europe/Berlin", "0 3 * * *", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ("Europe/Berlin", "59 1 * * *", datetime(2026, 3, 29, 0, 59, tzinfo=UTC)),
        ("America/New_York", "45 2 * * *", datetime(2026, 3, 8, 7, 0, tzinfo=UTC)),
        ("Australia/Lord_Howe", "15 2 * * *", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
        ("Pacific/Apia", "0 12 30 12 *", datetime(2011, 12, 30, 10, 0, tzinfo=UTC)),
    ],
)
def test_what_begins_in_a_skipped_hour_begins_with_the_skip(zone: str, cron: str, begins: datetime) -> None:
    """Not some minutes into the hour after it; it lasts as long as ever."""
    shut = window("deny", cron, 1, zone)
    assert not shut.contains(begins - timedelta(seconds=1))
    assert shut.contains(begins)
    assert shut.contains(begins + timedelta(minutes=59))
    assert not shut.contains(begins + timedelta(hours=1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "maybe"},
        {"zone": "Mars/Olympus"},
        {"zone": "../etc"},
        {"duration": 5},
        {"duration": 1e9},
        {"cron": "x"},
    ],
)
def test_windows_that_make_no_sense_are_invalid(wrong: dict[str, str]) -> None:
    """The message names what is wrong."""
    right: dict[str, object] = {"kind": "deny", "cron": "@daily", "duration": 3600, "zone": "UTC"}
    with pytest.raises(Invalid):
        parse_window("w", **(right | wrong))  # type: ignore[arg-type]


def test_a_silly_configuration_still_answers() -> None:
    """Every-minute windows against an everlasting freeze are given up on, not searched for ever."""
    opening = gate(
        [window("allow", "* * * * *", 1), window("deny", "0 0 * * *", 24)], task="t", lane=Lane.ARTIFACT_PATCH, now=NOON
    )
    assert not opening.open
    assert opening.next_open is None


hours = st.integers(0, 23)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["allow", "deny"]), hours, st.integers(1, 30)), min_size=1, max_size=4), hours
)
def test_the_next_opening_is_the_first_one(specs: list[tuple[str, int, int]], now_hour: int) -> None:
    """Searching minute by minute (here: hour by hour, since everything happens on the hour) finds the same."""
    windows = [window(kind, f"0 {hour} * * *", length) for kind, hour, length in specs]
    now = NOON.replace(hour=now_hour)
    answer = gate(windows, task="t", lane=Lane.ARTIFACT_PATCH, now=now)

    def is_open(moment: datetime) -> bool:
        return _closed_by(windows, moment) is None

    opening = next((now + timedelta(hours=n) for n in range(80) if is_open(now + timedelta(hours=n))), None)
    assert opening == (now if answer.open else answer.next_open)
