r"""Patterns of paths as Go's tools have them, matched in time that no pattern can make explode.

Sources: Go's ``path.Match`` (``*``, ``?``, ``[a-z]``, ``\\``; none crosses a slash) and bmatcuk/doublestar's README (``**``
as a whole part of a path crosses them, ``{a,b}`` are alternatives), which Argo CD uses for files ("Git Generator: Files").
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_MOST: Final = 64
"""Alternatives of one pattern."""


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """One part of a path without slashes as a regular expression; None for a bad pattern, which matches nothing."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            while pattern[at + 1 : at + 2] == "*":
                at += 1
            parts.append("*")
        elif char == "[":
            end = pattern.find("]", at + 2)
            if end < 0:
                return None
            members = pattern[at + 1 : end]
            negated, members = members[:1] in {"^", "!"}, members.lstrip("^!") if members[:1] in {"^", "!"} else members
            parts.append("[" + "^" * negated + re.sub(r"([\[\]\\^&|~])", r"\\\1", members) + "]")
            at = end
        elif char == "\\":
            at += 1
            if at >= len(pattern):
                return None
            parts.append(re.escape(pattern[at]))
        else:
            parts.append("[^/]" if char == "?" else re.escape(char))
        at += 1
    # one lazy, atomic step from star to star: the first place where what follows fits is as good as any later one
    head, *later = _between_stars(parts)
    if not later:
        source = head
    else:
        *middle, tail = later
        source = head + "".join(f"(?>[^/]*?{part})" for part in middle) + "[^/]*" + tail
    try:
        return re.compile(source)
    except re.error:
        return None


def _between_stars(parts_before: list[str]) -> list[str]:
    parts = [""]
    for piece in parts_before:
        if piece == "*":
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def go_match(pattern: str, text: str) -> bool:
    """``path.Match``: the whole of ``text``, and no wildcard takes a slash. A bad pattern matches nothing."""
    patterns, parts = pattern.split("/"), text.split("/")
    return len(patterns) == len(parts) and all(
        _fits(part_pattern, part) for part_pattern, part in zip(patterns, parts, strict=True)
    )


def doublestar(pattern: str, path: str) -> bool:
    """``Match`` of doublestar."""
    return any(_across(tuple(alternative.split("/")), tuple(path.split("/"))) for alternative in _alternatives(pattern))


def fixed_folder(pattern: str) -> str:
    """The folder that all matches lie in: what a pattern begins with before its first wildcard."""
    parts = pattern.strip("/").split("/")
    plain = next((index for index, part in enumerate(parts) if re.search(r"[*?\[\\{]", part)), len(parts))
    return "/".join(parts[: min(plain, len(parts) - 1)])


def glob(pattern: str, path: str) -> bool:
    """gobwas/glob's ``Match`` without separators, as Argo CD takes ``include`` and ``exclude``: ``*`` crosses slashes,
    ``{a,b}`` are alternatives.
    """
    flat = path.replace("/", "\1")
    return any(_fits(alternative.replace("/", "\1"), flat) for alternative in _alternatives(pattern))


def flat_match(pattern: str, text: str) -> bool:
    """``path.Match`` as envsubst of fluxcd/pkg has it: ``*`` takes slashes too, there are no parts (``path/match.go``)."""
    return _fits(pattern.replace("/", "\1"), text.replace("/", "\1"))


def _fits(pattern: str, part: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is not None and compiled.fullmatch(part) is not None


def _across(patterns: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Which beginnings of ``parts`` the patterns so far take, one pattern after the other."""
    positions = {0}
    for pattern in patterns:
        if pattern == "**":
            positions = set(range(min(positions), len(parts) + 1)) if positions else positions
        else:
            positions = {count + 1 for count in positions if count < len(parts) and _fits(pattern, parts[count])}
    return len(parts) in positions


@lru_cache(maxsize=1024)
def _alternatives(pattern: str) -> tuple[str, ...]:
    """``{a,b}`` written out, the inner ones of nested ones first."""
    alternatives: list[str] = []
    waiting = [pattern]
    while waiting and len(alternatives) + len(waiting) <= _MOST:
        candidate = waiting.pop()
        braces = re.search(r"\{([^{}]*)\}", candidate)
        if braces is None:
            alternatives.append(candidate)
        else:
            waiting += [
                candidate[: braces.start()] + alternative + candidate[braces.end() :]
                for alternative in braces[1].split(",")
            ]
    return tuple(alternatives) if not waiting else ()
