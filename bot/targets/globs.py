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
    written: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            while pattern[at + 1 : at + 2] == "*":
                at += 1
            written.append("*")
        elif char == "[":
            end = pattern.find("]", at + 2)
            if end < 0:
                return None
            inside = pattern[at + 1 : end]
            negated, inside = inside[:1] in {"^", "!"}, inside.lstrip("^!") if inside[:1] in {"^", "!"} else inside
            written.append("[" + "^" * negated + re.sub(r"([\[\]\\^&|~])", r"\\\1", inside) + "]")
            at = end
        elif char == "\\":
            at += 1
            if at >= len(pattern):
                return None
            written.append(re.escape(pattern[at]))
        else:
            written.append("[^/]" if char == "?" else re.escape(char))
        at += 1
    # one lazy, atomic step from star to star: the first place where what follows fits is as good as any later one
    head, *rest = _between_stars(written)
    if not rest:
        source = head
    else:
        *middle, tail = rest
        source = head + "".join(f"(?>[^/]*?{part})" for part in middle) + "[^/]*" + tail
    try:
        return re.compile(source)
    except re.error:
        return None


def _between_stars(written: list[str]) -> list[str]:
    parts = [""]
    for piece in written:
        if piece == "*":
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def go_match(pattern: str, text: str) -> bool:
    """``path.Match``: the whole of ``text``, and no wildcard takes a slash. A bad pattern matches nothing."""
    patterns, parts = pattern.split("/"), text.split("/")
    return len(patterns) == len(parts) and all(_fits(each, part) for each, part in zip(patterns, parts, strict=True))


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
    taken = {0}
    for pattern in patterns:
        if pattern == "**":
            taken = set(range(min(taken), len(parts) + 1)) if taken else taken
        else:
            taken = {count + 1 for count in taken if count < len(parts) and _fits(pattern, parts[count])}
    return len(parts) in taken


@lru_cache(maxsize=1024)
def _alternatives(pattern: str) -> tuple[str, ...]:
    """``{a,b}`` written out, the inner ones of nested ones first."""
    done: list[str] = []
    waiting = [pattern]
    while waiting and len(done) + len(waiting) <= _MOST:
        each = waiting.pop()
        braces = re.search(r"\{([^{}]*)\}", each)
        if braces is None:
            done.append(each)
        else:
            waiting += [each[: braces.start()] + word + each[braces.end() :] for word in braces[1].split(",")]
    return tuple(done) if not waiting else ()
