"""Where many short literals stand in a text, found in one pass.

Three ways, one answer: hyperscan where it is installed, else the automaton of Aho and Corasick (ahocorasick-rs), else one
regular expression that is the tree of all literals. All are linear in the text, and none looks at lines.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from importlib.util import find_spec
from typing import Final, NamedTuple, Protocol, TypeAlias

_LARGE: Final = 2_000_000
"""Bytes from which compiling a hyperscan database, some hundredths of a second, pays."""

_WINDOW: Final = 1 << 17
"""Bytes that an automaton is given at once."""
_MUCH: Final = 1_000_000
"""Bytes from which on an automaton is one that searches faster."""


class ScanBackend(StrEnum):
    """How literals are looked for."""

    HYPERSCAN = "hyperscan"
    AHOCORASICK = "ahocorasick"
    PLAIN = "plain"


class SoughtText(NamedTuple):
    """A text to be found. One that is not ``exact`` is in small letters and found in any case (of ASCII letters).

    ``behind`` is an expression for bytes that must match where it ends: of what hyperscan and ``re`` share, linear, on one
    line, and ending in a number of bytes that is fixed.
    """

    text: bytes
    exact: bool = False
    behind: str = ""


class EncodedRun(NamedTuple):
    """At least :data:`RUN` characters of base64 (RFC 4648, sections 4 and 5) and none around them, where ``at`` matches at
    their beginning and ``behind`` at their end. One of both is given; ``at`` takes :data:`RUN` characters or more.
    """

    at: str = ""
    behind: str = ""


Sought: TypeAlias = SoughtText | EncodedRun
RUN: Final = 24
_ALPHABET: Final = "A-Za-z0-9+/_-"
_LETTERS: Final = frozenset((string.ascii_letters + string.digits + "+/_-").encode())
_MARKS: Final = bytes(0x61 if byte in _LETTERS else 0x20 for byte in range(256))
_LEAST: Final = b"a" * RUN


class LiteralFinder(Protocol):
    """Finds what is sought. The same place may be named twice."""

    def find(self, text: bytes, tell: Callable[[int, int], None]) -> None:
        """Tell of each occurrence the index of what is sought and an offset on its line, in no order.

        The offset is that of the last byte of a literal; for a run and what is sought with something behind it, it is any
        place from there on.
        """
        ...


@lru_cache(maxsize=1)
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
def finder(needles: tuple[Sought, ...], backend: ScanBackend) -> LiteralFinder:
    """A finder of these; the same one for the same ones."""
    match backend:
        case ScanBackend.HYPERSCAN:
            return Hyperscan(needles)
        case ScanBackend.AHOCORASICK:
            return AhoCorasick(needles)
        case ScanBackend.PLAIN:
            return Plain(needles)


class Hyperscan:
    """Two databases: mere literals, and all else. One for both takes several times as long to compile as two.

    What stands behind an exact literal is looked at where one was found: such literals are rare, as beginnings of tokens are,
    and to compile what stands behind two hundred of them takes as long as to scan ten megabytes. Words in any case are not.
    """

    def __init__(self, needles: Sequence[Sought]) -> None:
        mere: dict[_Expression, list[_Sign]] = {}
        for index, text in enumerate(needles):
            if isinstance(text, SoughtText) and (text.exact or not text.behind):
                mere.setdefault(_escaped(text), []).append((index, _matcher(text.behind)))
        self._scans = [scan for scan in (_scan(mere), _scan(_expressions(needles))) if scan is not None]

    def find(self, text: bytes, tell: Callable[[int, int], None]) -> None:
        if text:
            for scan in self._scans:
                scan(text, tell)


_Expression: TypeAlias = tuple[bytes, bool]
"""In hyperscan's syntax, and whether case counts."""
_Scan: TypeAlias = Callable[[bytes, Callable[[int, int], None]], None]
_Behind: TypeAlias = Callable[[bytes, int], object] | None
_Sign: TypeAlias = tuple[int, _Behind]
"""The index of what is sought, and what must match behind the place that was found."""


def _escaped(literal: SoughtText) -> _Expression:
    return b"".join(b"\\x%02x" % byte for byte in literal.text), literal.exact


def _expressions(needles: Sequence[Sought]) -> dict[_Expression, list[_Sign]]:
    """Expressions with what they stand for; literals in any case with the same behind them are one."""
    groups: dict[str, list[int]] = {}
    expressions: dict[_Expression, list[_Sign]] = {}
    for index, text in enumerate(needles):
        if isinstance(text, EncodedRun):
            begins = f"(?:^|[^{_ALPHABET}]){text.at}" if text.at else f"[{_ALPHABET}]{{{RUN}}}{text.behind}"
            expressions.setdefault((begins.encode(), True), []).append((index, None))
        elif text.behind and not text.exact:
            groups.setdefault(text.behind, []).append(index)
    for behind, indexes in groups.items():
        texts = b"|".join(_escaped(text)[0] for index in indexes if isinstance(text := needles[index], SoughtText))
        expressions[b"(?:%s)%s" % (texts, behind.encode()), False] = [(index, None) for index in indexes]
    return expressions


def _scan(expressions: Mapping[_Expression, list[_Sign]]) -> _Scan | None:
    """What scans for all of them; None where there are none."""
    import hyperscan

    if not expressions:
        return None
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    multiline = int(hyperscan.HS_FLAG_MULTILINE)
    database.compile(
        expressions=[source for source, _ in expressions],
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[multiline if exact else multiline | int(hyperscan.HS_FLAG_CASELESS) for _, exact in expressions],
    )
    database.scratch = hyperscan.Scratch(database)
    stand_for = tuple(expressions.values())

    def scan(text: bytes, tell: Callable[[int, int], None]) -> None:
        def note(identity: int, _start: int, end: int, _flags: int, _context: object) -> None:
            for index, behind in stand_for[identity]:
                if behind is None or behind(text, end) is not None:
                    tell(index, end - 1)

        database.scan(text, match_event_handler=note)

    return scan


class AhoCorasick:
    """All literals in one pass of the automaton, which is built for small letters."""

    def __init__(self, needles: Sequence[Sought]) -> None:
        import ahocorasick_rs

        self._owners = _by_small_text(needles)
        self._runs = _runs_in(needles)
        self._automaton = ahocorasick_rs.BytesAhoCorasick(list(self._owners)) if self._owners else None
        self._listed = tuple(self._owners.values())
        self._longest = max(map(len, self._owners), default=0)
        self._searched = 0

    def find(self, text: bytes, tell: Callable[[int, int], None]) -> None:
        _find_runs(text, self._runs, tell)
        if self._automaton is None:
            return
        if self._searched < _MUCH <= self._searched + len(text):
            self._hasten()
        self._searched += len(text)
        for offset in range(0, len(text), _WINDOW):
            self._in_window(text, offset, tell)

    def _in_window(self, text: bytes, offset: int, tell: Callable[[int, int], None]) -> None:
        """What begins in a window, which bounds how many matches are held at once; some of the next one may be told too."""
        if self._automaton is None:
            return
        listed_needles, window = self._listed, text[offset : offset + _WINDOW + self._longest].lower()
        for literal, start, end in self._automaton.find_matches_as_indexes(window, overlapping=True):
            last = offset + end
            for index, exact, behind in listed_needles[literal]:
                if (exact is None or text[offset + start : last] == exact) and (
                    behind is None or behind(text, last) is not None
                ):
                    tell(index, last - 1)

    def _hasten(self) -> None:
        """Go on with a table of all states, which takes longer to build and less to search."""
        import ahocorasick_rs

        dense = ahocorasick_rs.Implementation.DFA
        self._automaton = ahocorasick_rs.BytesAhoCorasick(list(self._owners), implementation=dense)


class Plain:
    """All literals by one regular expression, which looks for the shortest that begin at a place."""

    def __init__(self, needles: Sequence[Sought]) -> None:
        self._runs = _runs_in(needles)
        self._longer: dict[bytes, list[tuple[bytes, _Owner]]] = {}
        owners = _by_small_text(needles)
        shortest = [
            literal for literal in owners if not any(literal[:length] in owners for length in range(1, len(literal)))
        ]
        for literal, needle_owners in owners.items():
            first = next(
                shorter for shorter in (literal[:length] for length in range(1, len(literal) + 1)) if shorter in owners
            )
            self._longer.setdefault(first, []).extend((literal, owner) for owner in needle_owners)
        self._pattern = re.compile(b"(?=(%s))" % _tree(shortest)) if owners else None

    def find(self, text: bytes, tell: Callable[[int, int], None]) -> None:
        _find_runs(text, self._runs, tell)
        if self._pattern is None:
            return
        small = text.lower()
        for match in self._pattern.finditer(small):
            start = match.start()
            for literal, (index, exact, behind) in self._longer[match[1]]:
                end = start + len(literal)
                if not small.startswith(literal, start) or (exact is not None and text[start:end] != exact):
                    continue
                if behind is None or behind(text, end) is not None:
                    tell(index, end - 1)


_Owner: TypeAlias = tuple[int, bytes | None, _Behind]
"""The index of a literal, what must be there exactly, and what must match behind it."""


def _by_small_text(needles: Iterable[Sought]) -> dict[bytes, list[_Owner]]:
    """Each text in small letters with the literals that it stands for."""
    owners: dict[bytes, list[_Owner]] = {}
    for index, text in enumerate(needles):
        if isinstance(text, SoughtText):
            exact = text.text if text.exact else None
            behind = _matcher(text.behind, re.NOFLAG if text.exact else re.IGNORECASE)
            owners.setdefault(text.text.lower(), []).append((index, exact, behind))
    return owners


def _runs_in(needles: Iterable[Sought]) -> list[tuple[int, _Behind, _Behind]]:
    runs = ((index, text) for index, text in enumerate(needles) if isinstance(text, EncodedRun))
    return [(index, _matcher(text.at), _matcher(text.behind)) for index, text in runs]


def _matcher(expression: str, flags: re.RegexFlag = re.NOFLAG) -> _Behind:
    return re.compile(expression.encode(), flags).match if expression else None


def _find_runs(text: bytes, runs: Sequence[tuple[int, _Behind, _Behind]], tell: Callable[[int, int], None]) -> None:
    """Runs are long stretches of one letter, once all of the alphabet is written as that letter."""
    marked = text.translate(_MARKS) if runs else b""
    start = marked.find(_LEAST)
    while start >= 0:
        end = marked.find(b" ", start)
        end = len(text) if end < 0 else end
        for index, at, behind in runs:
            if (at is None or at(text, start) is not None) and (behind is None or behind(text, end) is not None):
                tell(index, start)
        start = marked.find(_LEAST, end)


def _tree(literals: Iterable[bytes]) -> bytes:
    """An expression that shares beginnings. No word begins another."""
    by_first: dict[int, list[bytes]] = {}
    for literal in literals:
        by_first.setdefault(literal[0], []).append(literal[1:])
    parts = [
        re.escape(bytes([first])) + (b"" if remainders == [b""] else _tree(remainders))
        for first, remainders in by_first.items()
    ]
    return parts[0] if len(parts) == 1 else b"(?:%s)" % b"|".join(parts)


def blocks(text: bytes, size: int = 1 << 18) -> Iterator[tuple[int, int]]:
    """Where whole lines of about ``size`` bytes begin and end; a long line is a block by itself."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + size)
        end = len(text) if end < 0 else end + 1
        yield start, end
        start = end
