"""Many patterns over many lines at once.

Three ways, one answer: hyperscan where it is installed (end offsets, then ``re`` confirms on that line), else
ahocorasick-rs finds keywords and ``re`` looks at those lines, else plain ``in`` finds the keywords. All work on UTF-8
bytes with ASCII classes, so that they agree by construction: a line matches a needle when it holds one of its keywords
(in any case) and ``re`` finds its pattern.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from importlib.util import find_spec
from typing import Final, Protocol

MAX_LINE: Final = 20_000
"""Bytes of a line that are looked at."""
_LARGE: Final = 20_000_000
"""Characters from which compiling a hyperscan database, about a second, pays."""


class Backend(StrEnum):
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
class Match:
    """Needle ``needle`` (its index) matches line ``line`` (its index); ``text`` is the first match in it."""

    line: int
    needle: int
    text: str = field(compare=False)


class Scanner(Protocol):
    """Finds which needles match which lines."""

    @property
    def needles(self) -> tuple[Needle, ...]: ...

    def scan(self, lines: Sequence[str]) -> list[Match]:
        """Every (line, needle) pair that matches, in order."""
        ...


def available() -> tuple[Backend, ...]:
    """The back ends that can be used here, best first."""
    found = []
    if find_spec("hyperscan") is not None:
        found.append(Backend.HYPERSCAN)
    if find_spec("ahocorasick_rs") is not None:
        found.append(Backend.AHOCORASICK)
    return (*found, Backend.PLAIN)


def scan(needles: tuple[Needle, ...], lines: Sequence[str]) -> list[Match]:
    """The matches by the back end that suits the amount: a database is only compiled where it pays."""
    if not needles or not lines:
        return []
    choice = available()
    if choice[0] is Backend.HYPERSCAN and len(choice) > 1 and sum(map(len, lines)) < _LARGE:
        choice = choice[1:]
    return scanner(needles, choice[0]).scan(lines)


@lru_cache(maxsize=16)
def scanner(needles: tuple[Needle, ...], backend: Backend) -> Scanner:
    """A scanner for these needles; the same one for the same needles."""
    match backend:
        case Backend.HYPERSCAN:
            return Hyperscan(needles)
        case Backend.AHOCORASICK:
            return AhoCorasick(needles)
        case Backend.PLAIN:
            return Plain(needles)


class _Confirm:
    """The one place that says whether a line matches a needle."""

    def __init__(self, needles: tuple[Needle, ...]) -> None:
        self.needles = needles
        self.patterns = tuple(re.compile(needle.pattern.encode()) for needle in needles)
        self.keywords = tuple(tuple(word.lower().encode() for word in needle.keywords) for needle in needles)
        self.bare = tuple(at for at, words in enumerate(self.keywords) if not words)

    def match(self, line: int, needle: int, text: bytes) -> Match | None:
        found = self.patterns[needle].search(text)
        return None if found is None else Match(line, needle, found.group().decode("utf-8", "replace"))

    def keyed(self, needle: int, lowered: bytes) -> bool:
        words = self.keywords[needle]
        return not words or any(word in lowered for word in words)


def encode(lines: Iterable[str]) -> list[bytes]:
    """Lines as bytes, cut to what is looked at."""
    return [line.encode("utf-8", "replace")[:MAX_LINE] for line in lines]


class Plain:
    """Keywords by ``in``, then ``re``."""

    def __init__(self, needles: tuple[Needle, ...]) -> None:
        self._confirm = _Confirm(needles)

    @property
    def needles(self) -> tuple[Needle, ...]:
        return self._confirm.needles

    def scan(self, lines: Sequence[str]) -> list[Match]:
        return list(self._matches(encode(lines)))

    def _matches(self, lines: list[bytes]) -> Iterator[Match]:
        confirm = self._confirm
        present = self._present(lines)
        for number, line in enumerate(lines):
            lowered = line.lower()
            for needle in present:
                if confirm.keyed(needle, lowered):
                    found = confirm.match(number, needle, line)
                    if found is not None:
                        yield found

    def _present(self, lines: list[bytes]) -> list[int]:
        """The needles of which a keyword is anywhere in the text: usually few."""
        whole = b"\n".join(lines).lower()
        return [needle for needle in range(len(self.needles)) if self._confirm.keyed(needle, whole)]


class AhoCorasick:
    """All keywords in one pass over the whole text, then ``re`` on the lines they are in."""

    def __init__(self, needles: tuple[Needle, ...]) -> None:
        import ahocorasick_rs

        self._confirm = _Confirm(needles)
        words: dict[bytes, list[int]] = {}
        for at, keywords in enumerate(self._confirm.keywords):
            for word in keywords:
                words.setdefault(word, []).append(at)
        self._owners = tuple(tuple(owners) for owners in words.values())
        self._automaton = ahocorasick_rs.BytesAhoCorasick(list(words)) if words else None

    @property
    def needles(self) -> tuple[Needle, ...]:
        return self._confirm.needles

    def scan(self, lines: Sequence[str]) -> list[Match]:
        data = encode(lines)
        table = _Table(data)
        pairs = {(line, needle) for needle in self._confirm.bare for line in range(len(data))}
        if self._automaton is not None:
            hits = self._automaton.find_matches_as_indexes(table.text.lower(), overlapping=True)
            for word, start, _ in hits:
                line = table.line(start)
                pairs.update((line, owner) for owner in self._owners[word])
        found = (self._confirm.match(line, needle, data[line]) for line, needle in sorted(pairs))
        return [match for match in found if match is not None]


class Hyperscan:
    """Every pattern in one pass (block mode, end offsets), then ``re`` on the lines that were named.

    Patterns that hyperscan cannot express are searched by keyword instead.
    """

    def __init__(self, needles: tuple[Needle, ...], database: bytes | None = None) -> None:
        import hyperscan

        self._confirm = _Confirm(needles)
        self._fast, slow = _partition(needles)
        rest = tuple(needles[at] for at in slow)
        self._slow = slow
        self._rest = Plain(rest) if rest else None
        if database is None:
            self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            if self._fast:
                _compile(self._database, [needles[at] for at in self._fast])
        else:
            self._database = hyperscan.loadb(database, mode=hyperscan.HS_MODE_BLOCK)
        self._scratch = hyperscan.Scratch(self._database) if self._fast else None
        if self._scratch is not None:
            self._database.scratch = self._scratch

    @property
    def needles(self) -> tuple[Needle, ...]:
        return self._confirm.needles

    def dump(self) -> bytes:
        """The compiled database, to be given back as ``database`` with the same needles."""
        import hyperscan

        return bytes(hyperscan.dumpb(self._database))

    def scan(self, lines: Sequence[str]) -> list[Match]:
        data = encode(lines)
        table = _Table(data)
        pairs: set[tuple[int, int]] = set()

        def seen(identity: int, _start: int, end: int, _flags: int, _context: object) -> None:
            pairs.add((table.line(end - 1), self._fast[identity]))

        if self._fast:
            self._database.scan(table.text, match_event_handler=seen)
        found = [
            match
            for line, needle in sorted(pairs)
            if self._confirm.keyed(needle, data[line].lower())
            and (match := self._confirm.match(line, needle, data[line])) is not None
        ]
        if self._rest is not None:
            found += [Match(one.line, self._slow[one.needle], one.text) for one in self._rest.scan(lines)]
            found.sort()
        return found


def _partition(needles: tuple[Needle, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The indexes hyperscan can take, and the others."""
    slow = [at for at, needle in enumerate(needles) if _FOREIGN.search(needle.pattern)]
    fast = [at for at in range(len(needles)) if at not in slow]
    if not _compiles([needles[at] for at in fast]):
        slow += [at for at in fast if not _compiles([needles[at]])]
    return tuple(at for at in fast if at not in slow), tuple(sorted(slow))


_FOREIGN: Final = re.compile(r"\(\?[=!<(]|\\[AZzG]|\\[1-9]|\(\?P=")
"""What hyperscan has not, or reads otherwise."""


def _compiles(needles: Sequence[Needle]) -> bool:
    import hyperscan

    if not needles:
        return True
    try:
        _compile(hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK), needles)
    except hyperscan.HyperscanError:
        return False
    return True


def _compile(database: object, needles: Sequence[Needle]) -> None:
    import hyperscan

    assert isinstance(database, hyperscan.Database)  # noqa: S101 narrows an untyped library's type
    database.compile(
        expressions=[needle.pattern.encode() for needle in needles],
        ids=list(range(len(needles))),
        elements=len(needles),
        flags=[hyperscan.HS_FLAG_MULTILINE] * len(needles),
    )


class _Table:
    """The joined text, and which line an offset is in."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.text = b"\n".join(lines)
        starts = []
        at = 0
        for line in lines:
            starts.append(at)
            at += len(line) + 1
        self._starts = starts

    def line(self, offset: int) -> int:
        return bisect_right(self._starts, offset) - 1
