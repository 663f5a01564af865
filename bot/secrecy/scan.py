"""Many patterns over many lines at once.

Literals that every match holds are found in one pass (:mod:`bot.secrecy.literals`), and ``re`` looks at those lines. All of it
is on UTF-8 bytes with ASCII classes, so that every back end gives the same answer: a line matches a needle when it holds one
of its keywords (in any case) and ``re`` finds its pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Final

from bot.model.dataclass import dataclass
from bot.secrecy.literals import ScanBackend, SoughtText, finder, suited

MAX_LINE: Final = 20_000
"""Characters of a line that are looked at."""


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


def scan(needles: tuple[Needle, ...], lines: Sequence[str]) -> list[PatternMatch]:
    """The matches by the back end that suits the amount."""
    if not needles or not lines:
        return []
    return scanner(needles, suited(sum(map(len, lines)))).scan(lines)


@lru_cache(maxsize=16)
def scanner(needles: tuple[Needle, ...], backend: ScanBackend) -> PatternScanner:
    """A scanner for these needles; the same one for the same needles."""
    return PatternScanner(needles, backend)


class PatternScanner:
    """Finds which needles match which lines."""

    def __init__(self, needles: tuple[Needle, ...], backend: ScanBackend) -> None:
        self.needles = needles
        self._keywords = tuple(tuple(keyword.lower().encode() for keyword in needle.keywords) for needle in needles)
        self._bare = [needle for needle, keywords in enumerate(self._keywords) if not keywords]
        pairs = [(keyword, needle) for needle, keywords in enumerate(self._keywords) for keyword in keywords]
        self._owners = tuple(needle for _, needle in pairs)
        self._finder = finder(tuple(SoughtText(keyword) for keyword, _ in pairs), backend)

    def scan(self, lines: Sequence[str]) -> list[PatternMatch]:
        """Every (line, needle) pair that matches, in order."""
        text = joined(lines)
        needles_at: dict[int, set[int]] = {}
        owners = self._owners
        self._finder.find(text, lambda index, at: needles_at.setdefault(at, set()).add(owners[index]))
        matches = list(self._confirmed(_located(text, needles_at)))
        if self._bare:
            matches += self._confirmed((number, line, self._bare) for number, line in enumerate(text.split(b"\n")))
        return sorted(dict.fromkeys(matches))

    def _confirmed(self, candidates: Iterable[tuple[int, bytes, Iterable[int]]]) -> Iterator[PatternMatch]:
        for number, line, needles in candidates:
            for needle in needles:
                match = compiled(self.needles[needle].pattern).search(line)
                if match is not None:
                    yield PatternMatch(number, needle, match.group().decode("utf-8", "replace"))


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[bytes]:
    """Compiled when a text first needs it: all patterns together take longer than most texts."""
    return re.compile(pattern.encode())


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
