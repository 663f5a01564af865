"""Where many short literals stand in a text, found in one pass.

Three ways, one answer: hyperscan where it is installed, else the automaton of Aho and Corasick (ahocorasick-rs), else one
regular expression that is the tree of all literals. All are linear in the text, and none looks at lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Final, Protocol

_LARGE: Final = 2_000_000
"""Bytes from which compiling a hyperscan database, some hundredths of a second, pays."""


class ScanBackend(StrEnum):
    """How literals are looked for."""

    HYPERSCAN = "hyperscan"
    AHOCORASICK = "ahocorasick"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Literal:
    """A text to be found. One that is not ``exact`` is in small letters and found in any case (of ASCII letters)."""

    text: bytes
    exact: bool = False


class LiteralFinder(Protocol):
    """Finds where literals end. The same place may be named twice."""

    def find(self, text: bytes, tell: Callable[[int, int], None]) -> None:
        """Tell of each occurrence of each literal its index and the offset behind it, in no order."""
        ...


def available() -> tuple[ScanBackend, ...]:
    """The back ends that can be used here, best first."""
    fast = ((ScanBackend.HYPERSCAN, "hyperscan"), (ScanBackend.AHOCORASICK, "ahocorasick_rs"))
    return (*(backend for backend, module in fast if find_spec(module) is not None), ScanBackend.PLAIN)


def suited(size: int) -> ScanBackend:
    """The back end for ``size`` bytes: a database is only compiled where it pays."""
    choice = available()
    if choice[0] is ScanBackend.HYPERSCAN and len(choice) > 2 and size < _LARGE:
        return choice[1]
    return choice[0]


@lru_cache(maxsize=16)
def finder(literals: tuple[Literal, ...], backend: ScanBackend) -> LiteralFinder:
    """A finder of these literals; the same one for the same literals."""
    match backend:
        case ScanBackend.HYPERSCAN:
            return Hyperscan(literals)
        case ScanBackend.AHOCORASICK:
            return AhoCorasick(literals)
        case ScanBackend.PLAIN:
            return Plain(literals)


class Hyperscan:
    """All literals in one pass of hyperscan."""

    def __init__(self, literals: Sequence[Literal]) -> None:
        import hyperscan

        self._database: Any = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        if literals:
            self._database.compile(
                expressions=[b"".join(b"\\x%02x" % byte for byte in literal.text) for literal in literals],
                ids=list(range(len(literals))),
                elements=len(literals),
                flags=[0 if literal.exact else hyperscan.HS_FLAG_CASELESS for literal in literals],
            )
            self._database.scratch = hyperscan.Scratch(self._database)
        self._empty = not literals

    def find(self, text: bytes, tell: Callable[[int, int], None]) -> None:
        def seen(index: int, _start: int, end: int, _flags: int, _context: object) -> None:
            tell(index, end)

        if text and not self._empty:
            self._database.scan(text, match_event_handler=seen)


class AhoCorasick:
    """All literals in one pass of the automaton, which is built for small letters."""

    def __init__(self, literals: Sequence[Literal]) -> None:
        import ahocorasick_rs

        self._owners = _by_small_text(literals)
        self._automaton = (
            ahocorasick_rs.BytesAhoCorasick(list(self._owners), implementation=ahocorasick_rs.Implementation.DFA)
            if literals
            else None
        )
        self._listed = tuple(self._owners.values())

    def find(self, text: bytes, tell: Callable[[int, int], None]) -> None:
        if self._automaton is None:
            return
        listed = self._listed
        for word, start, end in self._automaton.find_matches_as_indexes(text.lower(), overlapping=True):
            for index, exact in listed[word]:
                if exact is None or text[start:end] == exact:
                    tell(index, end)


class Plain:
    """All literals by one regular expression, which looks for the shortest that begin at a place."""

    def __init__(self, literals: Sequence[Literal]) -> None:
        self._longer: dict[bytes, list[tuple[int, bytes, bytes | None]]] = {}
        owners = _by_small_text(literals)
        shortest = [word for word in owners if not any(word != other and word.startswith(other) for other in owners)]
        for word, listed in owners.items():
            first = next(other for other in shortest if word.startswith(other))
            self._longer.setdefault(first, []).extend((index, word, exact) for index, exact in listed)
        self._pattern = re.compile(b"(?=(%s))" % _tree(shortest)) if literals else None

    def find(self, text: bytes, tell: Callable[[int, int], None]) -> None:
        if self._pattern is None:
            return
        small = text.lower()
        for match in self._pattern.finditer(small):
            start = match.start()
            for index, word, exact in self._longer[match[1]]:
                end = start + len(word)
                if small.startswith(word, start) and (exact is None or text[start:end] == exact):
                    tell(index, end)


def _by_small_text(literals: Iterable[Literal]) -> dict[bytes, list[tuple[int, bytes | None]]]:
    """Each text in small letters with the literals that it stands for: index, and what must be there exactly."""
    owners: dict[bytes, list[tuple[int, bytes | None]]] = {}
    for index, literal in enumerate(literals):
        owners.setdefault(literal.text.lower(), []).append((index, literal.text if literal.exact else None))
    return owners


def _tree(words: Iterable[bytes]) -> bytes:
    """An expression that shares beginnings. No word begins another."""
    by_first: dict[int, list[bytes]] = {}
    for word in words:
        by_first.setdefault(word[0], []).append(word[1:])
    parts = [re.escape(bytes([first])) + (b"" if rest == [b""] else _tree(rest)) for first, rest in by_first.items()]
    return parts[0] if len(parts) == 1 else b"(?:%s)" % b"|".join(parts)


def blocks(text: bytes, size: int = 1 << 18) -> Iterator[tuple[int, int]]:
    """Where whole lines of about ``size`` bytes begin and end; a long line is a block by itself."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + size)
        end = len(text) if end < 0 else end + 1
        yield start, end
        start = end
