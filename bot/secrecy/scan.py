"""Many patterns over many lines at once.

Three ways, one answer: hyperscan where it is installed (end offsets, then ``re`` confirms on that line), else
ahocorasick-rs finds keywords and ``re`` looks at those lines, else plain ``in`` finds the keywords. All work on UTF-8
bytes with ASCII classes, so that they agree by construction: a line matches a needle when it holds one of its keywords
(in any case) and ``re`` finds its pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Final, Protocol

MAX_LINE: Final = 20_000
"""Characters of a line that are looked at."""
_LARGE: Final = 20_000_000
"""Characters from which compiling a hyperscan database, about a second, pays."""


class ScanBackend(StrEnum):
    """How lines are searched."""

    HYPERSCAN = "hyperscan"
    AHOCORASICK = "ahocorasick"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Needle:
    """One pattern. ``keywords`` are ASCII, one of which is in every line that matches; empty when none is known."""

    id: str
    pattern: str
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class PatternMatch:
    """Needle ``needle`` (its index) matches line ``line`` (its index); ``text`` is the first match in it."""

    line: int
    needle: int
    text: str = field(compare=False)


class PatternScanner(Protocol):
    """Finds which needles match which lines."""

    @property
    def needles(self) -> tuple[Needle, ...]: ...

    def scan(self, lines: Sequence[str]) -> list[PatternMatch]:
        """Every (line, needle) pair that matches, in order."""
        ...


def available() -> tuple[ScanBackend, ...]:
    """The back ends that can be used here, best first."""
    fast = ((ScanBackend.HYPERSCAN, "hyperscan"), (ScanBackend.AHOCORASICK, "ahocorasick_rs"))
    return (*(backend for backend, module in fast if find_spec(module) is not None), ScanBackend.PLAIN)


def scan(needles: tuple[Needle, ...], lines: Sequence[str]) -> list[PatternMatch]:
    """The matches by the back end that suits the amount: a database is only compiled where it pays."""
    if not needles or not lines:
        return []
    choice = available()
    if choice[0] is ScanBackend.HYPERSCAN and len(choice) > 1 and sum(map(len, lines)) < _LARGE:
        choice = choice[1:]
    return scanner(needles, choice[0]).scan(lines)


@lru_cache(maxsize=16)
def scanner(needles: tuple[Needle, ...], backend: ScanBackend) -> PatternScanner:
    """A scanner for these needles; the same one for the same needles."""
    match backend:
        case ScanBackend.HYPERSCAN:
            return Hyperscan(needles)
        case ScanBackend.AHOCORASICK:
            return AhoCorasick(needles)
        case ScanBackend.PLAIN:
            return Plain(needles)


class _Scanner:
    """The one place that says whether a line matches a needle; a subclass only names candidates."""

    def __init__(self, needles: tuple[Needle, ...]) -> None:
        self.needles = needles
        self._patterns = tuple(re.compile(needle.pattern.encode()) for needle in needles)
        self._words = tuple(tuple(word.lower().encode() for word in needle.keywords) for needle in needles)

    def scan(self, lines: Sequence[str]) -> list[PatternMatch]:
        text = joined(lines)
        needles_at: dict[int, set[int]] = {}
        for offset, needle in self._candidates(text):
            needles_at.setdefault(offset, set()).add(needle)
        bare = [needle for needle, words in enumerate(self._words) if not words]
        matches = list(self._confirmed(_located(text, needles_at)))
        if bare and not self._covers_bare:
            matches += self._confirmed((number, line, bare) for number, line in enumerate(text.split(b"\n")))
        return sorted(dict.fromkeys(matches))

    _covers_bare = False
    """Whether candidates are named for needles without keywords too."""

    def _candidates(self, text: bytes) -> Iterable[tuple[int, int]]:
        """(offset in the line, needle), at least one for every match of a needle with keywords."""
        raise NotImplementedError

    def _confirmed(self, candidates: Iterable[tuple[int, bytes, Iterable[int]]]) -> Iterator[PatternMatch]:
        for number, line, needles in candidates:
            lowered = line.lower()
            for needle in needles:
                words = self._words[needle]
                if words and not any(word in lowered for word in words):
                    continue
                match = self._patterns[needle].search(line)
                if match is not None:
                    yield PatternMatch(number, needle, match.group().decode("utf-8", "replace"))


def joined(lines: Sequence[str]) -> bytes:
    """Lines as one text, each cut to what is looked at; exactly one line feed between two."""
    if max(map(len, lines), default=0) > MAX_LINE:
        lines = [line[:MAX_LINE] for line in lines]
    text = "\n".join(lines)
    if text.count("\n") != max(len(lines) - 1, 0):
        text = "\n".join(line.replace("\n", " ") for line in lines)
    return text.encode("utf-8", "replace")


def _located(text: bytes, needles_at: Mapping[int, Iterable[int]]) -> Iterator[tuple[int, bytes, Iterable[int]]]:
    """Line number, line and needles of every line with candidates; each line once, however many it has."""
    number = at = 0
    end = -1
    line, needles = b"", set[int]()
    for offset in sorted(needles_at):
        if offset > end:
            if needles:
                yield number, line, needles
            number += text.count(b"\n", at, offset)
            at = offset
            end = text.find(b"\n", offset)
            end = len(text) if end < 0 else end
            line, needles = text[text.rfind(b"\n", 0, offset) + 1 : end], set()
        needles |= set(needles_at[offset])
    if needles:
        yield number, line, needles


def _occurrences(lowered: bytes, words: Iterable[tuple[bytes, int]]) -> Iterator[tuple[int, int]]:
    """Every occurrence of every word."""
    for word, needle in words:
        at = lowered.find(word)
        while at >= 0:
            yield at, needle
            at = lowered.find(word, at + 1)


class Plain(_Scanner):
    """Keywords by ``bytes.find``."""

    def _candidates(self, text: bytes) -> Iterator[tuple[int, int]]:
        words = ((word, needle) for needle, words in enumerate(self._words) for word in words)
        return _occurrences(text.lower(), words)


class AhoCorasick(_Scanner):
    """All keywords in one pass over the whole text."""

    def __init__(self, needles: tuple[Needle, ...]) -> None:
        import ahocorasick_rs

        super().__init__(needles)
        owners: dict[bytes, list[int]] = {}
        for needle, words in enumerate(self._words):
            for word in words:
                owners.setdefault(word, []).append(needle)
        self._owners = tuple(owners.values())
        self._automaton = ahocorasick_rs.BytesAhoCorasick(list(owners)) if owners else None

    def _candidates(self, text: bytes) -> Iterator[tuple[int, int]]:
        if self._automaton is None:
            return
        for word, start, _ in self._automaton.find_matches_as_indexes(text.lower(), overlapping=True):
            for needle in self._owners[word]:
                yield start, needle


class Hyperscan(_Scanner):
    """Every pattern in one pass (block mode, end offsets). What hyperscan cannot express is looked for by keyword."""

    def __init__(self, needles: tuple[Needle, ...]) -> None:
        import hyperscan

        super().__init__(needles)
        self._fast, self._slow = _partition(needles)
        self._covers_bare = all(self._words[needle] for needle in self._slow)
        if self._fast:
            self._database = _compiled([needles[at] for at in self._fast])
            self._database.scratch = hyperscan.Scratch(self._database)

    def _candidates(self, text: bytes) -> Iterator[tuple[int, int]]:
        ends: set[tuple[int, int]] = set()

        def seen(identity: int, _start: int, end: int, _flags: int, _context: object) -> None:
            ends.add((end - 1, self._fast[identity]))

        if self._fast:
            self._database.scan(text, match_event_handler=seen)
        yield from ends
        if self._slow:
            yield from _occurrences(
                text.lower(), ((word, needle) for needle in self._slow for word in self._words[needle])
            )


def _partition(needles: tuple[Needle, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The indexes hyperscan can take, and the others."""
    slow = [at for at, needle in enumerate(needles) if _FOREIGN.search(needle.pattern)]
    fast = [at for at in range(len(needles)) if at not in slow]
    if not _compiles([needles[at] for at in fast]):
        slow += [at for at in fast if not _compiles([needles[at]])]
    return tuple(at for at in fast if at not in slow), tuple(sorted(slow))


_FOREIGN: Final = re.compile(r"\\[AZzG]")
"""What hyperscan reads otherwise. What it has not (look-around, back-references) its prefilter mode widens."""


def _compiles(needles: Sequence[Needle]) -> bool:
    import hyperscan

    try:
        return not needles or _compiled(needles) is not None
    except hyperscan.HyperscanError:
        return False


def _compiled(needles: Sequence[Needle]) -> Any:
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[needle.pattern.encode() for needle in needles],
        ids=list(range(len(needles))),
        elements=len(needles),
        flags=[_flags(needle) for needle in needles],
    )
    return database


def _flags(needle: Needle) -> int:
    import hyperscan

    widened = re.search(r"\(\?[=!<(]|\\[1-9]|\(\?P=", needle.pattern) is not None
    return int(hyperscan.HS_FLAG_MULTILINE | (hyperscan.HS_FLAG_PREFILTER if widened else 0))
