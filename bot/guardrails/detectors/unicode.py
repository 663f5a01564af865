"""SEC-005..007: characters that make code look different from what it is.

After CVE-2021-42574 (text that is reordered), CVE-2021-42694 (letters that look alike) and Unicode Technical Standard #39.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import partial
from typing import Final

from bot.guardrails import classify
from bot.guardrails.anchors import Anchors, literal_bytes
from bot.guardrails.hunks import Delta, DiffLine
from bot.guardrails.rule import Hit, Subject
from bot.model.patterns import regex

_BIDI: Final = regex("[\u202a-\u202e\u2066-\u2069]")
_INVISIBLE: Final = regex(
    "[\u200b\u200c\u200d\u2060-\u2064\u00ad\u180e\ufeff\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)
_BIDI_MARKS: Final = Anchors(literal_bytes(*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
_INVISIBLE_MARKS: Final = Anchors(
    (*literal_bytes(*"\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\u00ad\u180e\ufeff"), b"\xf3\xa0"),
)
"""The planes of tags and variation selectors begin with the same two bytes in UTF-8."""
_IDENTIFIER: Final = regex(r"[^\W\d]\w*")


def bidi(subject: Subject) -> Iterable[Hit]:
    """SEC-005: direction marks outside localisation files."""
    for delta in subject.deltas:
        if classify.is_localisation(delta.path) or classify.is_vendored(delta.path) or delta.unread:
            continue
        for line in delta.net_new(_BIDI.search, _BIDI_MARKS):
            yield _shown(delta, line, f"A character that reorders text without being seen: {_names(_BIDI, line.text)}.")


def invisible(subject: Subject) -> Iterable[Hit]:
    """SEC-006: zero-width and tag characters."""
    for delta in subject.deltas:
        if classify.is_localisation(delta.path) or delta.is_foreign or (delta.language == "docs" and delta.is_test):
            continue
        for line in delta.net_new(partial(_hides, delta.language), _INVISIBLE_MARKS):
            yield _shown(delta, line, f"A character that nobody sees: {_names(_INVISIBLE, line.text)}.")


def _shown(delta: Delta, line: DiffLine, message: str) -> Hit:
    """A hit on a line with what cannot be seen of it as escapes."""
    return Hit(delta.path, line.number, message, evidence=ascii(line.text.strip())[1:-1])


def _hides(language: str | None, text: str) -> bool:
    return not text.isascii() and any(_is_hiding(language, text, match.start()) for match in _INVISIBLE.finditer(text))


def _is_hiding(language: str | None, text: str, at: int) -> bool:
    """A joiner inside an emoji or a script that needs it is writing; documents may hold soft hyphens."""
    before, after = text[max(at - 2, 0) : at], text[at + 1 : at + 3]
    if text[at] in "\u200d\u200c":
        return not (_joins(before[-1:]) or _joins(after[:1]) or "\ufe0f" in before)
    if text[at] == "\u00ad" and language in {"docs", "html"}:
        return False
    if 0xE0020 <= ord(text[at]) <= 0xE007F and "\U0001f3f4" in text[max(at - 8, 0) : at]:
        return False
    return not (0xE0100 <= ord(text[at]) <= 0xE01EF and before and "\u3400" <= before[-1] <= "\u9fff")


def _joins(character: str) -> bool:
    if not character:
        return False
    return (
        unicodedata.category(character) in {"So", "Sk"} or ord(character) > 0x1F000 or "\u0600" <= character <= "\u0dff"
    )


def _names(pattern: re.Pattern[str], text: str) -> str:
    marks = sorted({match.group() for match in pattern.finditer(text)})
    return ", ".join(f"U+{ord(mark):04X} {unicodedata.name(mark, '')}".strip() for mark in marks[:4])


_LOOKALIKES: Final = frozenset("асеорхуіјѕһԁԛԝАВЕКМНОРСТХІЈЅҮοαρνυικΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
"""Cyrillic and Greek letters that look like Latin ones (from the confusables table of UTS #39)."""


_STRANGE_LETTERS: Final = Anchors(literal_bytes(*sorted(_LOOKALIKES)), exact=True)
ANCHORS: Final = (_BIDI_MARKS, _INVISIBLE_MARKS, _STRANGE_LETTERS)
"""What lines are searched for here."""


def mixed_script(subject: Subject) -> Iterable[Hit]:
    """SEC-007: one name with Latin letters and others that look Latin."""
    for delta in subject.written:
        if not classify.is_code(delta.language) and delta.language not in {"hcl", "yaml", "toml", "json"}:
            continue
        if classify.is_localisation(delta.path):
            continue
        for line in delta.net_new(_mixed_word, _STRANGE_LETTERS, "uncommented"):
            name = ascii(_mixed_word(line.text))[1:-1]
            yield _shown(delta, line, f"The name {name} mixes letters of different alphabets that look alike.")


def _mixed_word(text: str) -> str | None:
    if text.isascii():
        return None
    return next((match[0] for match in _IDENTIFIER.finditer(text[:5000]) if _is_mixed(match[0])), None)


def _is_mixed(name: str) -> bool:
    """Latin and look-alike letters in one word, with at least two Latin letters: ``Δt`` and ``µs`` are ordinary."""
    if name.isascii():
        return False
    latin = sum(1 for c in name if c.isascii() and c.isalpha())
    strange = [c for c in name if not c.isascii()]
    return latin >= 2 and any(c in _LOOKALIKES for c in strange)
