"""Regular expressions that other people write: RE2's syntax, and never slow.

Python's engine backtracks, so what RE2 runs in linear time may hang here. A pattern is refused at load time when it
uses what RE2 lacks, or when repeats are nested or follow each other over the same characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from re import _constants as codes  # type: ignore[attr-defined]  # the parsed form is the only way to judge a pattern
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

from bot.errors import Invalid

MAX_LINE: Final = 2000
"""Characters of a line that a document's pattern is matched against."""
_MANY: Final = 24
"""From how many repeats on a repeat counts as unbounded."""
_ALL: Final = frozenset(range(256))


def check(pattern: str) -> None:
    """Raise ``Invalid`` when ``pattern`` does not compile, is no RE2 syntax, matches nothing at all, or may be slow."""
    if len(pattern) > 2000:
        raise Invalid("the pattern is longer than 2,000 characters")
    if not pattern.isascii():
        raise Invalid(f"pattern {pattern!r}: write characters beyond ASCII as \\x escapes of their UTF-8 bytes")
    try:
        compiled = re.compile(pattern.encode())
        parsed = parser.parse(pattern.encode())
    except (re.error, OverflowError, RecursionError) as error:
        raise Invalid(f"pattern {pattern!r} is not a regular expression: {error}") from error
    if compiled.search(b"") is not None:
        raise Invalid(f"pattern {pattern!r} matches the empty line, so it matches everywhere")
    _refuse_unknown(pattern, parsed)
    if _risky(parsed, []):
        raise Invalid(
            f"pattern {pattern!r} may be very slow: repeats are nested or meet over the same characters",
            advice="Bound the repeats, as in \\s{0,5}, or put a character between them that neither repeats.",
        )


def _refuse_unknown(pattern: str, parsed: Iterable[Any]) -> None:
    names = {codes.ASSERT: "look-around", codes.ASSERT_NOT: "look-around", codes.GROUPREF: "a back-reference"}
    names |= {codes.GROUPREF_EXISTS: "a conditional", codes.ATOMIC_GROUP: "an atomic group"}
    names |= {codes.POSSESSIVE_REPEAT: "a possessive repeat"}
    for code, _ in _flat(parsed):
        if code in names:
            raise Invalid(f"pattern {pattern!r} uses {names[code]}, which RE2 does not have")


def _flat(parsed: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Every operation at any depth."""
    for code, argument in parsed:
        yield code, argument
        for inner in _inner(code, argument):
            yield from _flat(inner)


def _inner(code: Any, argument: Any) -> list[Any]:
    if code in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
        return [argument[2]]
    if code is codes.SUBPATTERN:
        return [argument[3]]
    if code is codes.BRANCH:
        return list(argument[1])
    if code in {codes.ASSERT, codes.ASSERT_NOT}:
        return [argument[1]]
    return [argument] if code is codes.ATOMIC_GROUP else []


def _risky(parsed: Iterable[Any], open_loops: list[frozenset[int]]) -> bool:
    """Whether unbounded repeats along a sequence can trade characters with each other.

    ``open_loops`` are the character sets of earlier repeats that nothing has closed off yet; changed in place.
    """
    for code, argument in parsed:
        if code in {codes.MAX_REPEAT, codes.MIN_REPEAT}:
            low, high, body = argument
            if high >= _MANY:
                inner = _charset(body)
                if any(loop & inner for loop in open_loops) or _has_loop(body):
                    return True
                if low:
                    _close(open_loops, inner)
                open_loops.append(inner)
            elif _risky(body, open_loops):
                return True
        elif code is codes.SUBPATTERN:
            if _risky(argument[3], open_loops):
                return True
        elif code is codes.BRANCH:
            ends: list[frozenset[int]] = []
            for branch in argument[1]:
                own_loops = list(open_loops)
                if _risky(branch, own_loops):
                    return True
                ends += own_loops
            open_loops[:] = list(dict.fromkeys(ends))
        elif code is not codes.AT:
            _close(open_loops, _charset([(code, argument)]))
    return False


def _close(open_loops: list[frozenset[int]], passed: frozenset[int]) -> None:
    """A character that a repeat cannot produce ends its trading."""
    open_loops[:] = [loop for loop in open_loops if loop & passed]


def _has_loop(parsed: Iterable[Any]) -> bool:
    """Whether a repeat is inside a repeat, or alternatives inside of it may begin alike."""
    repeats = {codes.MAX_REPEAT, codes.MIN_REPEAT}
    return any(
        code is codes.BRANCH or (code in repeats and argument[0] != argument[1]) for code, argument in _flat(parsed)
    )


def _charset(parsed: Iterable[Any]) -> frozenset[int]:
    """Every byte that can occur anywhere in the matched text: an upper bound."""
    bytes_: set[int] = set()
    for code, argument in parsed:
        if code is codes.LITERAL:
            bytes_.add(argument)
        elif code is codes.NOT_LITERAL:
            bytes_ |= _ALL - {argument}
        elif code is codes.ANY:
            return _ALL
        elif code is codes.IN:
            bytes_ |= _members(argument)
        else:
            bytes_ = bytes_.union(*map(_charset, _inner(code, argument)))
    return frozenset(bytes_ | {byte ^ 0x20 for byte in bytes_ if chr(byte).isascii() and chr(byte).isalpha()})


_CATEGORIES: Final = {"DIGIT": rb"\d", "SPACE": rb"\s", "WORD": rb"\w"}


def _members(items: Iterable[Any]) -> frozenset[int]:
    listed_characters: set[int] = set()
    negated = False
    for code, argument in items:
        if code is codes.NEGATE:
            negated = True
        elif code is codes.LITERAL:
            listed_characters.add(argument)
        elif code is codes.RANGE:
            listed_characters |= set(range(argument[0], argument[1] + 1))
        else:
            name = str(argument).removeprefix("CATEGORY_")
            expression = re.compile(_CATEGORIES[name.removeprefix("NOT_")])
            members = {byte for byte in _ALL if expression.match(bytes([byte]))}
            listed_characters |= _ALL - members if name.startswith("NOT_") else members
    return frozenset(_ALL - listed_characters if negated else listed_characters)
