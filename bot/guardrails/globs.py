"""Path patterns of guardrail documents: ``**`` crosses folders, ``*`` and ``?`` do not, ``{a,b}`` are alternatives."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from bot.errors import Invalid


def check(pattern: str) -> None:
    """Raise ``Invalid`` for a pattern that leaves the repository or could be slow."""
    if pattern.startswith(("/", "~")) or "\\" in pattern or ":" in pattern[:3]:
        raise Invalid(f"path pattern {pattern!r} is absolute", advice="Write it relative to the repository's root.")
    if ".." in pattern.split("/"):
        raise Invalid(f"path pattern {pattern!r} leaves the repository with '..'")
    if not pattern or len(pattern) > 300 or pattern.count("*") > 12 or pattern.count("{") > 4:
        raise Invalid(f"path pattern {pattern[:60]!r} is empty or too complicated")


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether ``path`` matches one of the patterns."""
    return any(compiled(pattern).fullmatch(path) is not None for pattern in patterns)


@lru_cache(maxsize=2048)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression over whole repository paths."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/"):
            parts.append("(?:.*/)?")
            at += 3
        elif rest.startswith("**"):
            parts.append(".*")
            at += 2
        elif rest[0] == "{" and "}" in rest:
            inside = rest[1 : rest.index("}")]
            parts.append("(?:" + "|".join(re.escape(word) for word in inside.split(",")) + ")")
            at += len(inside) + 2
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(rest[0], re.escape(rest[0])))
            at += 1
    return re.compile("".join(parts))
