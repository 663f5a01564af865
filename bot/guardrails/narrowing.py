"""Of a large YAML or JSON text, the entries that a change touches. Called by :mod:`.hunks`.

An entry is what stands below one line by indentation. Around each changed line the largest entry is kept that is still short,
with the lines that lead to it; every other line is empty, so that lines keep their numbers. What is left may be no document
any more, as where an anchor went: then the text has to be parsed as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

_SHORT: Final = 5_000
"""Lines of an entry that is kept whole."""
_MOST_FIELDS: Final = 100
_CLOSERS: Final = ("}", "]")


@dataclass(slots=True)
class _Entry:
    """A line with all that is indented below it. ``closers`` are the brackets that end it, ``fields`` what one line says."""

    start: int
    rank: int
    above: _Entry | None
    end: int = 0
    closers: list[int] = field(default_factory=list)
    fields: list[int] = field(default_factory=list)

    @property
    def length(self) -> int:
        """Lines of it."""
        return self.end - max(self.start, 0)


Lines: TypeAlias = Sequence[str]
Runs: TypeAlias = Sequence[tuple[int, int, int]]
"""Runs of lines that both sides have: where each begins (from 0) on the old and the new side, and its length."""


def narrowed(before: Lines, after: Lines, common: Runs) -> tuple[str, str]:
    """Both texts with no more than what the change touches, and what is around it. Linear in them."""
    kept_before = _kept(before, _touched(len(before), [(at, at + size) for at, _, size in common]))
    kept_after = _kept(after, _touched(len(after), [(at, at + size) for _, at, size in common]))
    for old, new, size in common:
        sides = (kept_before[old : old + size], kept_after[new : new + size])
        either = int.from_bytes(sides[0]) | int.from_bytes(sides[1])
        kept_before[old : old + size] = kept_after[new : new + size] = either.to_bytes(size)
    return _text(before, kept_before), _text(after, kept_after)


def _touched(count: int, common: Iterable[tuple[int, int]]) -> Iterator[int]:
    """The lines of one side that the other has not, and those beside a place where the other has more."""
    end = 0
    for low, high in (*common, (count, count)):
        yield from range(max(end - 1, 0), min(low + 1, count))
        end = high


def _kept(lines: Lines, touched: Iterable[int]) -> bytearray:
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
        for at in (max(entry.start, 0), *entry.closers, *entry.fields):
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
                open_entries[-1].closers.append(at)
            else:
                open_entries.append(_Entry(at, rank, open_entries[-1]))
        entries.append(open_entries[-1])
    for entry in reversed(open_entries):
        _close(entry, len(lines))
    return entries


def _close(entry: _Entry, end: int) -> None:
    entry.end, above = end, entry.above
    if above is not None and entry.length == 1 and entry.rank % 2 == 0 and len(above.fields) < _MOST_FIELDS:
        above.fields.append(entry.start)


def _text(lines: Lines, kept_lines: bytearray) -> str:
    return "".join(f"{line}\n" if keep else "\n" for line, keep in zip(lines, kept_lines, strict=True))
