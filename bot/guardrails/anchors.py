"""What a line holds in which a rule could find anything, so that all rules share one pass over what is added.

A rule names its :class:`Anchors`; an :class:`AnchorSet` of all rules finds the lines that hold them; only those are shown to
the rule, which judges as if it had seen all. So anchors may be told for too many lines and never for too few.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple

from bot.model.dataclass import dataclass
from bot.secrecy.literals import EncodedRun, LiteralFinder, ScanBackend, Sought, SoughtText, blocks, finder

MAX_LINE: Final = 2000
"""Characters of a line that a pattern is given at once."""
_OVERLAP: Final = 200
_SPACES: Final = (
    b" ", b"\t", b"\x0b", b"\x0c", b"\r", b"\x1c", b"\x1d", b"\x1e", b"\x1f", b"\xc2", b"\xe1", b"\xe2", b"\xe3",
)  # fmt: skip
"""What begins a white-space character in UTF-8: what ``\\s`` matches, save line feeds, by its first byte."""
_FOLDED: Final = tuple(character.encode() for character in "ſKİı")
"""Beyond ASCII, what ``re.IGNORECASE`` takes for s, k and i."""
_NOWHERE: Final = (0, 0)


@dataclass(frozen=True, eq=False)
class Anchors:
    """Literals, one of which is in every line that matters. No slots: the expressions are compiled when first needed.

    ``literals`` are in small letters and count in any case, unless they are ``exact``; ``folds`` says that the rule ignores
    case beyond ASCII too. ``behind`` must match where the literal ends (:class:`bot.secrecy.literals.SoughtText`), and ``at``
    where it begins. Without literals the two are about runs of base64 (:class:`bot.secrecy.literals.EncodedRun`).
    """

    literals: tuple[bytes, ...] = ()
    exact: bool = False
    folds: bool = False
    at: str = ""
    behind: str = ""

    @cached_property
    def begins(self) -> re.Pattern[bytes]:
        """``at``, compiled."""
        return re.compile(self.at.encode())

    @property
    def sought(self) -> tuple[Sought, ...]:
        """What of them is looked for."""
        if not self.literals:
            return (EncodedRun(self.at, self.behind),)
        folded = (SoughtText(character, exact=True) for character in _FOLDED if self.folds)
        return (*(SoughtText(text, self.exact, self.behind) for text in self.literals), *folded)


def literal_bytes(*texts: str) -> tuple[bytes, ...]:
    """Literals as they are."""
    return tuple(text.encode() for text in texts)


def spaced(*texts: str, tails: Sequence[str] = ()) -> tuple[bytes, ...]:
    """Each text followed by white space, or at once by one of ``tails``."""
    heads = literal_bytes(*texts)
    return tuple(head + tail for head in heads for tail in (*_SPACES, *literal_bytes(*tails)))


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

    def search(self, text: str) -> re.Match[str] | None:
        """The first match. Patterns need not be linear, so a long line is many short ones that overlap."""
        for start in range(0, max(len(text) - _OVERLAP, 1), MAX_LINE - _OVERLAP):
            if (match := self.compiled.search(text, start, start + MAX_LINE)) is not None:
                return match
        return None


class AnchoredLine(NamedTuple):
    """A line by its number (from 0) and where it stands in the buffer, without its line feed."""

    number: int
    start: int
    end: int

    def text(self, buffer: bytes) -> str:
        """The line without its end."""
        return buffer[self.start : self.end].decode("utf-8", "surrogatepass").removesuffix("\r")


class AnchorSet:
    """The anchors of many rules, looked for together."""

    def __init__(self, anchors: Sequence[Anchors], backend: ScanBackend) -> None:
        self.members = frozenset(anchors)
        owners: dict[Sought, list[Anchors]] = {}
        for anchor_group in dict.fromkeys(anchors):
            for needle in anchor_group.sought:
                owners.setdefault(needle, []).append(anchor_group)
        self._owners = tuple(
            (0 if isinstance(text_needle, EncodedRun) else len(text_needle.text), tuple(group))
            for text_needle, group in owners.items()
        )
        self._finder: LiteralFinder = finder(tuple(owners), backend)

    def lines(self, text: bytes) -> dict[Anchors, list[AnchoredLine]]:
        """The lines that hold anchors, in order and each once, by what they hold. Linear in the text."""
        lines: dict[Anchors, list[AnchoredLine]] = {}
        number = 0
        for start, end in blocks(text):
            block = text[start:end]
            matches_found = _AnchorSpans(block)
            self._literals(block, matches_found)
            number = matches_found.add_to(lines, number, start)
        return lines

    def _literals(self, block: bytes, anchor_places: _AnchorSpans) -> None:
        owners, note = self._owners, anchor_places.note

        def tell(index: int, last: int) -> None:
            length, group = owners[index]
            for anchors in group:
                if not length or not anchors.at or anchors.begins.match(block, last + 1 - length) is not None:
                    note(anchors, last)

        self._finder.find(block, tell)


class _AnchorSpans:
    """Where anchors stand in one block of whole lines: one place a line for each."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._spans: list[tuple[int, int, Anchors]] = []
        self._line: dict[Anchors, tuple[int, int]] = {}

    def note(self, anchors: Anchors, at: int) -> None:
        """Take a place, unless its line is known already."""
        low, high = self._line.get(anchors, _NOWHERE)
        if not low <= at < high:
            low, end = self._block.rfind(b"\n", 0, at) + 1, self._block.find(b"\n", at)
            high = len(self._block) if end < 0 else end
            self._line[anchors] = low, high
            self._spans.append((low, high, anchors))

    def add_to(self, lines: dict[Anchors, list[AnchoredLine]], number: int, offset: int) -> int:
        """Add the lines to those of earlier blocks. The answer is the number of the line behind the block."""
        at = 0
        for low, high, anchors in sorted(self._spans, key=_by_start):
            if low > at:
                number += self._block.count(b"\n", at, low)
                at = low
            of_rule = lines.setdefault(anchors, [])
            if not of_rule or of_rule[-1].number != number:
                of_rule.append(AnchoredLine(number, offset + low, offset + high))
        return number + self._block.count(b"\n", at)


def _by_start(anchor_place: tuple[int, int, Anchors]) -> int:
    return anchor_place[0]
