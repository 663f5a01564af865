"""Of a large YAML or JSON text, the entries that a change touches. Called by :mod:`.hunks`.

An entry is what stands below one line by indentation. Around each changed line the largest entry is kept that is still short,
with the lines that lead to it; every other line is empty, so that lines keep their numbers. What is left may be no document
any more, as where an anchor went: then the text has to be parsed as a whole. JSON that is written on few lines is first laid
out as one value a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from bot.model.dataclass import dataclass
from bot.model.json import read_json
from bot.model.patterns import regex

_SHORT: Final = 5_000
"""Lines of an entry that is kept whole."""
_MOST_FIELDS: Final = 100
_CLOSERS: Final = ("}", "]")
_STRING: Final = r'"[^"\\]*+(?>(?:\\.[^"\\]*+)*)"'
"""Groups are atomic and never possessive (cpython issue 106052; see :mod:`bot.secrecy.credentials`)."""
_LEAF: Final = rf'[\[{{](?>(?:[^"\[\]{{}},]{{1,200}}+|{_STRING}|,){{0,400}})[\]}}]'
_VALUE: Final = regex(rf'((?>(?:[^"\[\]{{}},]++|{_STRING}|{_LEAF})*))([\[{{,]|[\]}}]\s*+,?|\Z)')
"""Values of JSON and the sign behind them (RFC 8259, 2): a short list or object without others within is one value."""
_MOST_VALUES: Final = 4_000_000
"""Values of JSON that are laid out."""
_FULL: Final = 200
"""Characters that a line has on the average, where many a line holds more than one entry."""


@dataclass(slots=True)
class _Entry:
    """A line with all that is indented below it. ``closers`` are the brackets that end it, ``fields`` what one line says."""

    start: int
    rank: int
    above: _Entry | None
    end: int = 0
    closers: list[int] | None = None
    """None while there are none: a long text has millions of entries."""
    fields: tuple[int, ...] = ()

    @property
    def length(self) -> int:
        """Lines of it."""
        return self.end - max(self.start, 0)

    def add_closer(self, at: int) -> None:
        """Line ``at`` ends it, so far."""
        if self.closers is None:
            self.closers = []
        self.closers.append(at)


Lines: TypeAlias = Sequence[str]
Runs: TypeAlias = Sequence[tuple[int, int, int]]
"""Runs of lines that both sides have: where each begins (from 0) on the old and the new side, and its length."""


def narrowed(before: Lines, after: Lines, common: Runs) -> tuple[str, str]:
    """Both texts with no more than what the change touches, and what is around it. Linear in them."""
    kept_before = _retained(before, _touched(len(before), [(at, at + size) for at, _, size in common]))
    kept_after = _retained(after, _touched(len(after), [(at, at + size) for _, at, size in common]))
    for old, new, size in common:
        sides = (kept_before[old : old + size], kept_after[new : new + size])
        either = int.from_bytes(sides[0]) | int.from_bytes(sides[1])
        kept_before[old : old + size] = kept_after[new : new + size] = either.to_bytes(size)
    return _text(before, kept_before), _text(after, kept_after)


@dataclass(frozen=True, slots=True)
class LaidOut:
    """JSON as one value a line, indented by its depth; ``breaks`` are how many lines end before each in the text itself."""

    lines: Lines
    breaks: Sequence[int]

    def text(self, narrow: str) -> str:
        """What is left of the lines, on the lines of the text itself."""
        return "".join("\n" * count + line for count, line in zip(self.breaks, narrow.split("\n"), strict=False))


def laid_out(text: str) -> LaidOut | None:
    """JSON on few lines, value by value; None for what is none, or is far too long. Linear in the text."""
    if len(text) < _FULL * (text.count("\n") + 1) or sum(map(text.count, "[{,")) > _MOST_VALUES:
        return None
    if read_json(text) is None:
        return None
    lines: list[str] = []
    breaks: list[int] = []
    depth = 0
    for match in _VALUE.finditer(text):
        value, sign = match[1].strip(), match[2]
        breaks.append(match[0].count("\n"))
        if sign.startswith(_CLOSERS):
            if value:
                lines.append(" " * depth + value)
                breaks.append(0)
            depth -= 1
            lines.append(" " * depth + sign[0] + sign[1:].strip())
        else:
            lines.append(" " * depth + value + sign)
            depth += sign in {"[", "{"}
    return LaidOut(lines, breaks)


def _touched(count: int, common: Iterable[tuple[int, int]]) -> Iterator[int]:
    """The lines of one side that the other has not, and those beside a place where the other has more."""
    end = 0
    for low, high in (*common, (count, count)):
        yield from range(max(end - 1, 0), min(low + 1, count))
        end = high


def _retained(lines: Lines, touched: Iterable[int]) -> bytearray:
    """For each line 1 where it stays, else 0."""
    kept_lines = bytearray(len(lines))
    entries = _entries(lines)
    done_entries: set[int] = set()
    for at in touched:
        kept_lines[at] = 1
        entry = _largest(entries[at])
        if entry.start not in done_entries and entry.length <= _SHORT:
            kept_lines[max(entry.start, 0) : entry.end] = b"\1" * (entry.end - max(entry.start, 0))
            done_entries.add(entry.start)
            _keep_leading(kept_lines, entry.above, done_entries)
        else:
            _keep_leading(kept_lines, entry, done_entries)
    return kept_lines


def _largest(entry: _Entry) -> _Entry:
    """The largest short entry around."""
    while entry.above is not None and entry.above.length <= _SHORT:
        entry = entry.above
    return entry


def _keep_leading(kept_lines: bytearray, entry: _Entry | None, done_entries: set[int]) -> None:
    """Keep the lines that lead to what stands in an entry, and what is said in one line beside it, such as ``kind``."""
    while entry is not None and entry.start not in done_entries:
        done_entries.add(entry.start)
        for at in (max(entry.start, 0), *(entry.closers or ()), *entry.fields):
            kept_lines[at] = 1
        entry = entry.above


def _entries(lines: Lines) -> list[_Entry]:
    """Of each line the entry that it begins, ends or is blank within; the first is the text as a whole."""
    root = _Entry(-1, -2, None)
    entries: list[_Entry] = []
    open_entries = [root]
    for at, line in enumerate(lines):
        text = line.lstrip(" ")
        if text and not text.startswith("#"):
            rank = -1 if line.startswith(("---", "...")) else 2 * (len(line) - len(text)) + text.startswith("- ")
            closes = text.startswith(_CLOSERS)
            while open_entries[-1].rank >= rank + closes:
                _close(open_entries.pop(), at)
            if closes and open_entries[-1].rank == rank:
                open_entries[-1].add_closer(at)
            else:
                open_entries.append(_Entry(at, rank, open_entries[-1]))
        entries.append(open_entries[-1])
    for entry in reversed(open_entries):
        _close(entry, len(lines))
    return entries


def _close(entry: _Entry, end: int) -> None:
    entry.end, above = end, entry.above
    if above is not None and entry.length == 1 and entry.rank % 2 == 0 and len(above.fields) < _MOST_FIELDS:
        above.fields += (entry.start,)


def _text(lines: Lines, kept_lines: bytearray) -> str:
    return "".join(f"{line}\n" if keep else "\n" for line, keep in zip(lines, kept_lines, strict=True))
