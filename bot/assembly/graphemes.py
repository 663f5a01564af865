"""Text in characters as people see them: grapheme clusters, which ``length``, ``substr``, ``strrev`` and ``format`` count
(Terraform documentation, "length Function").
"""

from __future__ import annotations

import unicodedata
from typing import Final

_JOINER: Final = "\u200d"
_EXTENDS: Final = frozenset({"Mn", "Me", "Mc"})
_CONTROLS: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})
_FIRST_OF_HANGUL, _VOWELS, _LAST_OF_HANGUL = range(0x1100, 0x1160), range(0x1160, 0x11A8), range(0x11A8, 0x1200)
_SYLLABLES: Final = range(0xAC00, 0xD7A4)
_ENDINGS: Final = 28


def graphemes(text: str) -> list[str]:
    """``text`` cut at its grapheme cluster boundaries.

    Source: Unicode Standard Annex #29, section 3.1.1, with the classes taken from general categories: exact for
    combining marks, Hangul, flags, line ends and emoji, not for the few spacing marks and prefixes of Indic scripts that
    have an entry of their own in the standard's tables.
    """
    if text.isascii() and "\r" not in text:
        return list(text)
    starts = [0] if text else []
    for index in range(1, len(text)):
        if not _joined(text, starts[-1], index):
            starts.append(index)
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def _joined(text: str, start: int, index: int) -> bool:
    """Whether the character at ``index`` belongs to the cluster that begins at ``start`` (rules GB3 to GB13)."""
    before, character = text[index - 1], text[index]
    if before == "\r" and character == "\n":
        return True
    if _control(before) or _control(character):
        return False
    if _extends(character) or _hangul(ord(before), ord(character)):
        return True
    if before == _JOINER and _pictographic(character):
        return _pictographic(text[start])
    return _flag(before) and _flag(character) and index - start == 1


def _control(character: str) -> bool:
    return unicodedata.category(character) in _CONTROLS and character not in {_JOINER, "\u200c"}


def _extends(character: str) -> bool:
    special = character in {_JOINER, "\u200c"} or "\U0001f3fb" <= character <= "\U0001f3ff"
    return special or unicodedata.category(character) in _EXTENDS


def _pictographic(character: str) -> bool:
    return unicodedata.category(character) == "So" or "\U0001f000" <= character <= "\U0001faff"


def _flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _hangul(before: int, character: int) -> bool:
    open_syllable = before in _SYLLABLES and (before - _SYLLABLES.start) % _ENDINGS == 0
    if before in _FIRST_OF_HANGUL:
        return character in _FIRST_OF_HANGUL or character in _VOWELS or character in _SYLLABLES
    if before in _VOWELS or open_syllable:
        return character in _VOWELS or character in _LAST_OF_HANGUL
    return (before in _LAST_OF_HANGUL or before in _SYLLABLES) and character in _LAST_OF_HANGUL
