"""Functions of text. Characters are grapheme clusters where Terraform's documentation counts or turns them."""

from __future__ import annotations

import re
from typing import Final

from bot.assembly.faults import LONGEST_TEXT, Misuse
from bot.assembly.functions.arguments import elements, integer, text
from bot.assembly.graphemes import graphemes
from bot.model.json import JSON

_SPACES: Final = "".join(
    ["\t\n\v\f\r \x85\xa0\u1680", *map(chr, range(0x2000, 0x200B)), "\u2028\u2029\u202f\u205f\u3000"]
)
"""White space by Unicode's property (Go, ``unicode.IsSpace``); Python's ``strip`` takes four separators more."""
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def joined(separator: JSON, *lists: JSON) -> JSON:
    """All elements as one text with ``separator`` between them."""
    texts = [text(item) for value_list in lists for item in elements(value_list)]
    if len(texts) * len(text(separator)) > LONGEST_TEXT:
        raise Misuse(f"makes more than {LONGEST_TEXT} characters")
    return text(separator).join(texts)


def split(separator: JSON, value: JSON) -> JSON:
    """The parts of a text between separators; an empty separator parts all code points."""
    return list(text(value).split(text(separator))) if text(separator) else list(text(value))


def indented(spaces: JSON, value: JSON) -> JSON:
    """All lines but the first with ``spaces`` before them."""
    width, lines = integer(spaces), text(value)
    if width < 0:
        raise Misuse("takes a number of spaces")
    if width * lines.count("\n") > LONGEST_TEXT:
        raise Misuse(f"makes more than {LONGEST_TEXT} characters")
    return lines.replace("\n", "\n" + " " * width)


def substring(value: JSON, offset: JSON, length: JSON) -> JSON:
    """``length`` characters from ``offset`` on; an offset below zero counts from the end, a length below zero has no end, and
    behind such an offset one of zero neither (``Substr`` of go-cty).
    """
    characters, start, count = graphemes(text(value)), integer(offset), integer(length)
    count = -1 if start < 0 and not count else count
    start = max(0, len(characters) + start) if start < 0 else start
    return "".join(characters[start:] if count < 0 else characters[start : start + count])


def reversed_text(value: JSON) -> JSON:
    """The characters of a text from last to first."""
    return "".join(reversed(graphemes(text(value))))


def upper(value: JSON) -> JSON:
    """Letter by letter in upper case: no letter becomes two (Go, ``strings.ToUpper``), so ``ß`` stays."""
    return "".join(_upper(character) for character in text(value))


def lower(value: JSON) -> JSON:
    """Letter by letter in lower case, whatever stands beside it (Go, ``strings.ToLower``)."""
    return "".join(character.lower()[0] for character in text(value))


def title(value: JSON) -> JSON:
    """The first letter of each word in upper case. What parts words is Go's ``strings.Title``: ASCII signs but ``_``."""
    result, before = [], " "
    for character in text(value):
        result.append(_title(character) if _parts_words(before) else character)
        before = character
    return "".join(result)


def _upper(character: str) -> str:
    large = character.upper()
    return large if len(large) == 1 else _title(character)


def _title(character: str) -> str:
    large = character.title()
    return large if len(large) == 1 else character


def _parts_words(character: str) -> bool:
    if character.isascii():
        return not character.isalnum() and character != "_"
    return character in _SPACES


def trim_space(value: JSON) -> JSON:
    """A text without white space around it."""
    return text(value).strip(_SPACES)


def trim(value: JSON, characters: JSON) -> JSON:
    """A text without any of ``characters`` around it."""
    return text(value).strip(text(characters))


def parse_integer(value: JSON, base: JSON) -> JSON:
    """The whole number that a text spells in a base from 2 to 62; upper case counts as lower case up to base 36."""
    radix = integer(base)
    if not isinstance(value, str) or not re.fullmatch(r"[+-]?[0-9a-zA-Z]{1,1000}", value):
        raise Misuse("takes text that spells a whole number")
    if not 2 <= radix <= len(_DIGITS):
        raise Misuse(f"takes a base from 2 to {len(_DIGITS)}")
    result = 0
    for digit in (value.lower() if radix <= 36 else value).lstrip("+-"):
        if (worth := _DIGITS.index(digit)) >= radix:
            raise Misuse(f"takes text that spells a whole number in base {radix}")
        result = result * radix + worth
    return -result if value.startswith("-") else result
