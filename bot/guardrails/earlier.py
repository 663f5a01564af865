"""What held before a change, as one of its files sees it: so that what moves is quiet, and namesakes do not hide each other.

The files of two environments often describe objects of one name. What the other one keeps gives nothing to this one; what has
left it may have come here.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

from bot.guardrails.hunks import Delta

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


def earlier(
    files: Iterable[Delta],
    before: Callable[[Delta], Mapping[_Key, _Value]],
    after: Callable[[Delta], Iterable[_Key]],
) -> Mapping[str, Mapping[_Key, _Value]]:
    """By path what its file said ``before``, and what another one of the change said and does not say ``after``."""
    own_values: dict[str, Mapping[_Key, _Value]] = {}
    moved: dict[_Key, _Value] = {}
    for delta in files:
        own_values[delta.path] = old = before(delta)
        kept_keys = set(after(delta)) if old else set()
        moved |= {key: value for key, value in old.items() if key not in kept_keys}
    return {path: ChainMap({**old}, moved) for path, old in own_values.items()}
