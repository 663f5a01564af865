"""A table in one test: every row that fails is told, and what a table cannot have is refused."""

from __future__ import annotations

import inspect

import pytest

from tests.table import table


def _even(number: int) -> None:
    """It is even."""
    if number == 5:
        pytest.fail("five")
    assert number % 2 == 0


def test_every_row_is_checked_and_each_that_fails_is_told() -> None:
    """By its name, also where pytest itself says that it failed; rows that hold are not told."""
    checked = table("number", [1, pytest.param(2, id="two"), 5, 7], ids=str)(_even)
    assert inspect.signature(checked).parameters == {}
    with pytest.raises(BaseExceptionGroup, match="3 of 4 rows fail") as caught:
        checked()
    assert [failure.__notes__ for failure in caught.value.exceptions] == [["row: 1"], ["row: 5"], ["row: 7"]]
    table("number", [2, 4])(_even)()


def test_what_no_table_can_have_is_refused() -> None:
    """No rows, a row that is marked, a row with too few values."""
    with pytest.raises(AssertionError, match="without rows"):
        table("number", [])
    with pytest.raises(AssertionError):
        table("number", [pytest.param(1, marks=pytest.mark.slow)])
    with pytest.raises(ValueError, match="shorter"):
        table(("number", "other"), [(1,)])


def test_an_error_that_is_no_failure_of_a_row_ends_the_test() -> None:
    """An interruption is not kept for later, and a skip would pass the other rows over."""

    def interrupted(number: int) -> None:
        raise KeyboardInterrupt

    def skipped(number: int) -> None:
        pytest.skip("not here")

    with pytest.raises(KeyboardInterrupt):
        table("number", [1, 2])(interrupted)()
    with pytest.raises(AssertionError, match="cannot be skipped: "):
        table("number", [1, 2])(skipped)()
