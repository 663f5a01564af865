"""A table whose rows are checked in one test. Thousands of rows that are checked in a moment each take longer to be collected,
by every worker, and reported than to be checked.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

import pytest

_FAILED: Final = (Exception, pytest.fail.Exception)
_LONGEST: Final = 500
"""Characters of a row that are shown."""

Check: TypeAlias = Callable[..., None]


def table(
    names: str | Sequence[str], values: Iterable[Any], *, ids: Iterable[str] | Callable[[Any], object] | None = None
) -> Callable[[Check], Callable[[], None]]:
    """As ``pytest.mark.parametrize``, in one test that fails with every row that fails. For what takes no fixture and skips
    no row; ``ids`` are what a row is called.
    """
    keys = [name.strip() for name in names.split(",")] if isinstance(names, str) else [*names]
    rows = [_row(keys, value) for value in values]
    called = [*ids] if isinstance(ids, Iterable) else [_name(row, ids) for row in rows]
    assert rows, "a table without rows"

    def decorate(check: Check) -> Callable[[], None]:
        @functools.wraps(check)
        def test() -> None:
            failures = [
                failure for name, row in zip(called, rows, strict=True) if (failure := _failure(check, name, row))
            ]
            if failures:
                raise BaseExceptionGroup(f"{len(failures)} of {len(rows)} rows fail", failures)

        test.__signature__ = inspect.Signature()  # type: ignore[attr-defined]  # pytest asks it for fixtures
        return test

    return decorate


def _row(keys: Sequence[str], value: Any) -> dict[str, Any]:
    """What a row gives the names. Marks of a row alone are for ``parametrize``."""
    if isinstance(value, type(pytest.param())):
        assert not value.marks, value
        value = value.values if keys[1:] else value.values[0]
    return dict(zip(keys, value if keys[1:] else [value], strict=True))


def _name(row: dict[str, Any], named: Callable[[Any], object] | None) -> str:
    shown = [named(value) for value in row.values()] if named else []
    return "-".join(map(str, shown)) if shown and None not in shown else repr(row)[:_LONGEST]


def _failure(check: Check, name: str, row: dict[str, Any]) -> BaseException | None:
    try:
        check(**row)
    except pytest.skip.Exception as skipped:
        raise AssertionError(f"a row of a table cannot be skipped: {name}") from skipped
    except _FAILED as failure:
        failure.add_note(f"row: {name}")
        return failure
    return None
