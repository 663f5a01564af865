"""Globs over resources (``Deployment/shop/*``) and over canonical paths (``spec.**.containers[*].image``).

Rules are matched with these. Both are anchored at both ends and take time linear in pattern times text, so that no rule
file and no live name can make matching slow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from bot.model.paths import Item, Path, parse_path

_T = TypeVar("_T")


def resource_matches(pattern: str, name: str) -> bool:
    """Whether ``name`` (``Kind/scope/name``) matches: ``*`` stays inside one part, ``**`` stands for any parts.

    A pattern without a slash is compared with the kind alone.
    """
    parts = name.split("/")
    wanted = pattern.split("/")
    if len(wanted) == 1 and wanted != ["**"]:
        return _word_matches(wanted[0], parts[0])
    return _sequence_matches(wanted, parts, lambda want: want == "**", _word_matches)


def name_matches(pattern: str, name: str) -> bool:
    """Whether ``name`` matches, where ``*`` stands for any characters."""
    return _word_matches(pattern, name)


def path_matches(pattern: str, path: Path) -> bool:
    """Whether the canonical ``path`` matches ``pattern``, which is written like a path.

    ``**`` stands for any number of segments, ``*`` inside a key for any characters, ``[*]`` for any list element. The
    empty pattern matches the whole resource only. Raises ``Invalid`` for a pattern that is no path.
    """
    return _sequence_matches(compiled(pattern), path, lambda want: want == "**", _segment_matches)


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> Path:
    """``pattern`` as path segments. Raises ``Invalid`` naming the column where it stops making sense."""
    return parse_path(pattern)


def _segment_matches(want: str | int | Item, have: str | int | Item) -> bool:
    match want, have:
        case str(), str():
            return _word_matches(want, have)
        case Item(key), Item(other):
            return _word_matches(key, other)
        case Item("*"), int():
            return True
        case _:
            return want == have


def _word_matches(want: str, have: str) -> bool:
    if "*" not in want:
        return want == have
    return _word(want).fullmatch(have) is not None


@lru_cache(maxsize=4096)
def _word(want: str) -> re.Pattern[str]:
    """Atomic groups take the first place of each literal run and never come back to it."""
    first, *middle, last = want.split("*")
    runs = "".join(f"(?>.*?{re.escape(part)})" for part in middle if part)
    return re.compile(f"{re.escape(first)}{runs}.*{re.escape(last)}", re.DOTALL)


def _sequence_matches(
    wanted: Sequence[_T], have: Sequence[_T], deep: Callable[[_T], bool], matches: Callable[[_T, _T], bool]
) -> bool:
    """Greedy matching that goes back to the latest ``**`` only: the usual wildcard algorithm, on segments."""
    at, on, star, resume = 0, 0, -1, 0
    while on < len(have):
        if at < len(wanted) and deep(wanted[at]):
            star, resume = at, on
            at += 1
        elif at < len(wanted) and matches(wanted[at], have[on]):
            at, on = at + 1, on + 1
        elif star >= 0:
            resume += 1
            at, on = star + 1, resume
        else:
            return False
    return all(deep(rest) for rest in wanted[at:])
