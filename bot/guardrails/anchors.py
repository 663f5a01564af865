"""What a line holds in which a rule could find anything, so that all rules share one pass over what is added.

A rule names its :class:`Anchors`; an :class:`AnchorSet` of all rules finds the lines that hold them; only those are shown to
the rule, which judges as if it had seen all. So anchors may be told for too many lines and never for too few.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from bot.secrecy.literals import Literal, LiteralFinder, ScanBackend, blocks, finder

_SPACES: Final = (
    b" ", b"\t", b"\x0b", b"\x0c", b"\r", b"\x1c", b"\x1d", b"\x1e", b"\x1f", b"\xc2", b"\xe1", b"\xe2", b"\xe3",
)  # fmt: skip
"""What begins a white-space character in UTF-8: what ``\\s`` matches, save line feeds, by its first byte."""
_FOLDED: Final = tuple(character.encode() for character in "ſKİı")
"""Beyond ASCII, what ``re.IGNORECASE`` takes for s, k and i."""
RUN: Final = 24
"""Characters from which a run of base64 counts."""
_ALPHABET: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")
_LEAST: Final = b"a" * RUN
_NOWHERE: Final = (0, 0)
_RUNS: Final = bytes(0x61 if byte in _ALPHABET else 0x20 for byte in range(256))


@dataclass(frozen=True, eq=False)
class Anchors:
    """Literals, one of which is in every line that matters. No slots: the expressions are compiled when first needed.

    ``literals`` are in small letters and count in any case, unless they are ``exact``; ``folds`` says that the rule ignores
    case beyond ASCII too. Where the literal begins, ``at`` must match the bytes of the text, and ``behind`` where it ends.
    Without literals the two are about runs of at least :data:`RUN` characters of base64.
    """

    literals: tuple[bytes, ...] = ()
    exact: bool = False
    folds: bool = False
    at: str = ""
    behind: str = ""

    @cached_property
    def begins(self) -> re.Pattern[bytes] | None:
        """``at``, compiled."""
        return re.compile(self.at.encode()) if self.at else None

    @cached_property
    def goes_on(self) -> re.Pattern[bytes] | None:
        """``behind``, compiled."""
        return re.compile(self.behind.encode(), re.IGNORECASE) if self.behind else None

    def holds(self, text: bytes, start: int, end: int) -> bool:
        """Whether what stands from ``start`` to ``end`` is more than the mere literal."""
        if self.at and (pattern := self.begins) is not None and pattern.match(text, start) is None:
            return False
        return not self.behind or (pattern := self.goes_on) is None or pattern.match(text, end) is not None


def words(*texts: str) -> tuple[bytes, ...]:
    """Literals as they are."""
    return tuple(text.encode() for text in texts)


def spaced(*texts: str, tails: Sequence[str] = ()) -> tuple[bytes, ...]:
    """Each text followed by white space, or at once by one of ``tails``."""
    heads = words(*texts)
    return tuple(head + tail for head in heads for tail in (*_SPACES, *words(*tails)))


@dataclass(frozen=True, eq=False)
class LinePattern:
    """A pattern that lines are searched for, with what they hold where it matches. Compiled when a line first does."""

    source: str
    anchors: Anchors
    flags: int = 0

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The expression."""
        return re.compile(self.source, self.flags)


@dataclass(frozen=True, slots=True)
class AnchoredLine:
    """A line by its number (from 0) and where it stands in the buffer, without its line feed."""

    number: int
    start: int
    end: int


class AnchorSet:
    """The anchors of many rules, looked for together."""

    def __init__(self, anchors: Iterable[Anchors], backend: ScanBackend) -> None:
        members = tuple(dict.fromkeys(anchors))
        self.members = frozenset(members)
        self._runs = tuple(each for each in members if not each.literals)
        owners: dict[Literal, list[Anchors]] = {}
        for each in members:
            for literal in each.literals:
                owners.setdefault(Literal(literal, each.exact), []).append(each)
            for literal in _FOLDED if each.folds else ():
                owners.setdefault(Literal(literal, exact=True), []).append(each)
        self._owners = tuple((len(literal.text), tuple(group)) for literal, group in owners.items())
        self._finder: LiteralFinder = finder(tuple(owners), backend)

    def lines(self, text: bytes) -> dict[Anchors, list[AnchoredLine]]:
        """The lines that hold anchors, in order and each once, by what they hold. Linear in the text."""
        lines: dict[Anchors, list[AnchoredLine]] = {}
        number = 0
        for start, end in blocks(text):
            block = text[start:end]
            places = _Places(block)
            self._literals(block, places)
            self._in_runs(block, places)
            number = places.add_to(lines, number, start)
        return lines

    def _literals(self, block: bytes, places: _Places) -> None:
        owners, note = self._owners, places.note

        def tell(index: int, end: int) -> None:
            length, group = owners[index]
            for anchors in group:
                note(anchors, end - length, end)

        self._finder.find(block, tell)

    def _in_runs(self, block: bytes, places: _Places) -> None:
        if not self._runs:
            return
        marked = block.translate(_RUNS)
        start = marked.find(_LEAST)
        while start >= 0:
            end = marked.find(b" ", start)
            end = len(block) if end < 0 else end
            for anchors in self._runs:
                places.note(anchors, start, end)
            start = marked.find(_LEAST, end)


class _Places:
    """Where anchors stand in one block of whole lines: one place a line for each."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._places: list[tuple[int, int, Anchors]] = []
        self._line: dict[Anchors, tuple[int, int]] = {}

    def note(self, anchors: Anchors, start: int, end: int) -> None:
        """Take a place, unless its line is known already or what must stand there does not."""
        low, high = self._line.get(anchors, _NOWHERE)
        if low <= start < high or not anchors.holds(self._block, start, end):
            return
        low = self._block.rfind(b"\n", 0, start) + 1
        high = self._block.find(b"\n", start)
        self._line[anchors] = low, high = low, len(self._block) if high < 0 else high
        self._places.append((low, high, anchors))

    def add_to(self, lines: dict[Anchors, list[AnchoredLine]], number: int, offset: int) -> int:
        """Add the lines to those of earlier blocks. The answer is the number of the line behind the block."""
        at = 0
        for low, high, anchors in sorted(self._places, key=_by_start):
            if low > at:
                number += self._block.count(b"\n", at, low)
                at = low
            of_rule = lines.setdefault(anchors, [])
            if not of_rule or of_rule[-1].number != number:
                of_rule.append(AnchoredLine(number, offset + low, offset + high))
        return number + self._block.count(b"\n", at)


def _by_start(place: tuple[int, int, Anchors]) -> int:
    return place[0]
