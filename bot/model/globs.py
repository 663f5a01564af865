"""Globs, in the two dialects that people write: over files of a repository, and over resources and what is in them.

*Files* (:func:`file_matches`), in guardrail documents: ``**`` crosses folders, ``*`` and ``?`` do not, ``{a,b}`` are
alternatives; what GitHub Actions takes for ``paths`` filters, without ``!``, ``+`` and ``[]``.

*Names* (:func:`name_matches`), in policy rules, ignore rules and settings: ``*`` stands for any characters and ``?`` for
one; brackets stand for themselves, because logins end in ``[bot]`` and path segments in ``[name]``. A resource
(``Deployment/shop/*``) and a canonical path (``spec.**.containers[*].image``) are such names part by part, and there
``**`` stands for any number of parts. These take time linear in pattern times text, so that no rule file and no live
name can make matching slow.

Both are anchored at both ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TypeVar

from bot.errors import Invalid
from bot.model.paths import Item, Path, parse_path

_T = TypeVar("_T")


def check_file_glob(pattern: str) -> None:
    """Raise ``Invalid`` for a pattern over files that leaves the repository or could be slow."""
    if pattern.startswith(("/", "~")) or "\\" in pattern or ":" in pattern[:3]:
        raise Invalid(f"path pattern {pattern!r} is absolute", advice="Write it relative to the repository's root.")
    if ".." in pattern.split("/"):
        raise Invalid(f"path pattern {pattern!r} leaves the repository with '..'")
    if not pattern or len(pattern) > 300 or pattern.count("*") > 12 or pattern.count("{") > 4:
        raise Invalid(f"path pattern {pattern[:60]!r} is empty or too complicated")


def file_matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether the repository path ``path`` matches one of the patterns."""
    return any(_file(pattern).fullmatch(path) is not None for pattern in patterns)


@lru_cache(maxsize=2048)
def _file(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression over whole repository paths."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        remainder = pattern[at:]
        if remainder.startswith("**/"):
            parts.append("(?:.*/)?")
            at += 3
        elif remainder.startswith("**"):
            parts.append(".*")
            at += 2
        elif remainder[0] == "{" and "}" in remainder:
            alternatives = remainder[1 : remainder.index("}")]
            parts.append("(?:" + "|".join(re.escape(alternative) for alternative in alternatives.split(",")) + ")")
            at += len(alternatives) + 2
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(remainder[0], re.escape(remainder[0])))
            at += 1
    return re.compile("".join(parts))


def name_matches(pattern: str, name: str) -> bool:
    """Whether ``name`` matches, where ``*`` stands for any characters, ``/`` among them, and ``?`` for one."""
    if "*" not in pattern and "?" not in pattern:
        return pattern == name
    return _name(pattern).fullmatch(name) is not None


def any_name_matches(patterns: tuple[str, ...], name: str) -> bool:
    """Whether ``name`` matches one of the patterns, all of which are looked for at once."""
    return _names(patterns).fullmatch(name) is not None


@lru_cache(maxsize=1024)
def _names(patterns: tuple[str, ...]) -> re.Pattern[str]:
    alternatives = "|".join(f"(?:{_expression(pattern)})" for pattern in patterns)
    return re.compile(alternatives if patterns else r"(?!)", re.DOTALL)


@lru_cache(maxsize=4096)
def _name(pattern: str) -> re.Pattern[str]:
    return re.compile(_expression(pattern), re.DOTALL)


def _expression(pattern: str) -> str:
    """Atomic groups take the first place of each run between two ``*`` and never come back to it."""
    first, *other_parts = (re.escape(run).replace(r"\?", ".") for run in pattern.split("*"))
    if not other_parts:
        return first
    *middle, last = other_parts
    runs = "".join(f"(?>.*?{run})" for run in middle if run)
    return f"{first}{runs}.*{last}"


def resource_matches(pattern: str, name: str) -> bool:
    """Whether ``name`` (``Kind/scope/name``) matches: ``*`` stays inside one part, ``**`` stands for any parts.

    A pattern without a slash is compared with the kind alone.
    """
    parts = name.split("/")
    patterns = pattern.split("/")
    if len(patterns) == 1 and patterns != ["**"]:
        return name_matches(patterns[0], parts[0])
    return _sequence_matches(patterns, parts, name_matches)


def path_matches(pattern: str, path: Path) -> bool:
    """Whether the canonical ``path`` matches ``pattern``, which is written like a path.

    ``**`` stands for any number of segments, ``*`` inside a key for any characters, ``[*]`` for any list element. The
    empty pattern matches the whole resource only. Raises ``Invalid`` for a pattern that is no path.
    """
    return _sequence_matches(parsed_pattern(pattern), path, _segment_matches)


def path_matches_or_above(pattern: str, path: Path) -> bool:
    """Whether ``path`` or a path above it matches ``pattern``, as :func:`path_matches` has it."""
    return _sequence_matches((*parsed_pattern(pattern), "**"), path, _segment_matches)


@lru_cache(maxsize=4096)
def parsed_pattern(pattern: str) -> Path:
    """``pattern`` as path segments. Raises ``Invalid`` naming the column where it stops making sense."""
    return parse_path(pattern)


def path_covers(pattern: Path, path: Path) -> bool:
    """Whether ``path`` is the pattern's place or below it. The empty pattern covers everything.

    Here ``*`` and ``[*]`` are any one segment, key or element: who ignores a place means what is in it.
    """
    return _sequence_matches((*pattern, "**"), path, _segment_covers)


def _segment_covers(pattern: str | int | Item, segment: str | int | Item) -> bool:
    return pattern in ("*", Item("*")) or _segment_matches(pattern, segment)


def _segment_matches(pattern: str | int | Item, segment: str | int | Item) -> bool:
    if pattern == segment:
        return True
    match pattern, segment:
        case str(), str():
            return name_matches(pattern, segment)
        case Item(key), Item(other):
            return name_matches(key, other)
        case Item("*"), int():
            return True
        case _:
            return pattern == segment


def _sequence_matches(patterns: Sequence[_T], parts: Sequence[_T], matches: Callable[[_T, _T], bool]) -> bool:
    """Greedy matching that goes back to the latest ``**`` only: the usual wildcard algorithm, on segments."""
    at, on, star, resume = 0, 0, -1, 0
    while on < len(parts):
        if at < len(patterns) and patterns[at] == "**":
            star, resume = at, on
            at += 1
        elif at < len(patterns) and matches(patterns[at], parts[on]):
            at, on = at + 1, on + 1
        elif star >= 0:
            resume += 1
            at, on = star + 1, resume
        else:
            return False
    return all(remaining_pattern == "**" for remaining_pattern in patterns[at:])
