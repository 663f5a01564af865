"""Texts that a file puts together out of literals: ``"AKIA" + "…"``, adjacent strings, ``$A$B``, escapes of letters. Called by
:mod:`.secrets`.

Only lines are looked at where a credential's prefix ends in a quote, or two literals meet within a word; names count where
the file gives them a literal. Linear in what is added, and in the file where a prefix stands alone in a literal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from bot.guardrails.anchors import Anchors, literal_bytes
from bot.guardrails.hunks import Delta, DiffLine
from bot.model.dataclass import dataclass
from bot.model.patterns import regex
from bot.secrecy.tokens import BY_NEEDLE

_LEAST: Final = 4
"""Characters of a prefix; shorter ones end ordinary words."""
_PREFIXES: Final = tuple(
    sorted({prefix for row in BY_NEEDLE.values() for prefix in row.prefixes if len(prefix) >= _LEAST})
)
PREFIXES_BEGUN: Final = Anchors(literal_bytes(*_PREFIXES), exact=True, behind=r"[A-Za-z0-9_.+/=\-]*[\"'`\\]")
"""The beginning of a credential and the end of its literal."""
_SIGNS: Final = ("+", " + ", " ", ".", " . ", " .. ", " & ", "")
MET: Final = Anchors(
    literal_bytes(*(f"{quote}{sign}{quote}" for quote in "\"'" for sign in _SIGNS)), behind=r"[A-Za-z0-9_\-]{8}"
)
"""Two literals that meet within a word."""
ASSIGNED: Final = Anchors(literal_bytes(*(f"={prefix}" for prefix in _PREFIXES)), exact=True)
"""The beginning of a credential that a shell is given without quotes."""
ESCAPED: Final = Anchors(
    literal_bytes("\\x", "\\u00"), behind=r"(?:[46][1-9a-fA-F]|[57][0-9aA]|3[0-9]|5[fF]|2[dD])[A-Za-z0-9\\_\-]{4}"
)
"""A letter, digit or dash by its number, which nobody needs to write so."""
_ESCAPED: Final = regex(r"\\(?:x|u00)(?:[46][1-9a-f]|[57][0-9a]|3[0-9]|5f|2d)(?=[A-Za-z0-9\\_\-]{4})", re.IGNORECASE)
_ESCAPE: Final = regex(r"\\(?:x|u00)([2-7][0-9a-f])", re.IGNORECASE)
_ANY_PREFIX: Final = f"(?:{'|'.join(map(re.escape, _PREFIXES))})"
_PREFIX_BEGUN: Final = regex(rf"(?<![A-Za-z0-9]){_ANY_PREFIX}[A-Za-z0-9_.+/=\-]*[\"'`\\]")
_MET: Final = regex(rf"([\"'])(?:{'|'.join(map(re.escape, _SIGNS))})\1[A-Za-z0-9_\-]{{8}}")
_ALONE: Final = regex(rf"={_ANY_PREFIX}[A-Za-z0-9_.+/-]{{0,20}}(?:[;\s]|\Z)")
_MOST_LINES: Final = 8
_CONTINUED: Final = regex(r"\\\r?\n[ \t]*")
_EMPTY: Final = regex(r"(?<![\w+/=.-])(?:\"\"|''|``) ?[+.&] ?")
_SEAM: Final = (
    r"(?<=[\w+/=.-]{2})[\"'`] ?[)}\]]? ?(?:(?:\+|\.concat|\.\.?|&|<>|~|\|\||\\%s) ?)?(?:\$?[({\[])? ?"
    r"[A-Za-z]{0,2}[\"'`](?=[\w+/=.-])"
)
_JOIN: Final = regex(_SEAM % "")
_LIST_JOIN: Final = regex(_SEAM % "|,")
"""Between two literals that are one text; in the arguments of what joins also a comma."""
_JOINS: Final = regex(r"join|concat|format|printf|sprintf|strcat|implode|%s|\{\}", re.IGNORECASE)
_INSIDE: Final = regex(r"(?<=[\w+/=.-])[\"']{1,2}(?=[\w+/=.-])")
"""Quotes within a word, which a shell leaves out (POSIX, "Quoting")."""
_CONSTANT: Final = regex(
    r"(?<![\w.])([A-Za-z_]\w{0,60})[\"']? ?(?::=|=|:) ?"
    r"(?:[\"'`]([A-Za-z0-9_+/=.-]{2,200})[\"'`]|([A-Za-z0-9_+/=.-]{2,200})(?=\s|;|\Z))"
)
_NAME: Final = regex(r"\$\{[\w.]{0,80}?(\w{1,60})\}|\$(\w{1,60})|\{(\w{1,60})\}|(?<![\w.\"'])(\w{1,60})(?![\w\"'(])")
_IDENTIFIER: Final = regex(r"\w+")


@dataclass(frozen=True, slots=True)
class JoinedText:
    """What some lines come to. ``line`` is the added one to point at, ``written`` the lines and values as they are."""

    line: DiffLine
    text: str
    written: str


def joined_texts(delta: Delta) -> Iterator[JoinedText]:
    """The texts that added lines put together."""
    first_lines = [line for line in delta.lines_with(PREFIXES_BEGUN) if _PREFIX_BEGUN.search(line.text)]
    for line in first_lines:
        yield _joined(delta, line, _MOST_LINES)
    for line in delta.lines_with(MET):
        if _MET.search(line.text):
            yield _joined(delta, line, 1)
    for line in delta.lines_with(ESCAPED):
        if _ESCAPED.search(line.text):
            clear = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), line.text)
            yield JoinedText(line, clear, line.text)
    alone = next((line for line in delta.lines_with(ASSIGNED) if _ALONE.search(line.text)), None)
    if first_lines or alone is not None:
        yield from _named(delta, first_lines[0] if alone is None else alone)


def _joined(delta: Delta, line: DiffLine, count: int) -> JoinedText:
    joined_lines = "\n".join(delta.after_lines[line.number - 1 : line.number - 1 + count])
    return JoinedText(line, _merged(joined_lines, in_shell=_is_shell(delta)), joined_lines)


def _is_shell(delta: Delta) -> bool:
    return delta.language in {"shell", "dockerfile", "yaml", "ini"}


def _merged(source_text: str, *, in_shell: bool) -> str:
    text = _EMPTY.sub("", " ".join(_CONTINUED.sub("", source_text).split()))
    text = (_LIST_JOIN if _JOINS.search(text) else _JOIN).sub("", text)
    return _INSIDE.sub("", text) if in_shell else text


def _named(delta: Delta, first: DiffLine) -> Iterator[JoinedText]:
    """Lines that put together what the file names, where a prefix is one of the names' values."""
    constants = _constants(delta)
    begins = {name for name, value in constants.items() if value.startswith(_PREFIXES)}
    for number, text in enumerate(delta.after_lines if begins else (), 1):
        if not begins.isdisjoint(_IDENTIFIER.findall(text)) and (merged := _expanded(text, constants)) is not None:
            line = DiffLine(number, text) if number in delta.added_numbers else first
            yield JoinedText(line, _merged(merged[0], in_shell=_is_shell(delta)), merged[1])


def _constants(delta: Delta) -> Mapping[str, str]:
    constants: dict[str, str] = {}
    for text in delta.after_lines:
        for match in _CONSTANT.finditer(text):
            constants[match[1]] = match[2] or match[3]
    return constants


def _expanded(text: str, constants: Mapping[str, str]) -> tuple[str, str] | None:
    """The line with values in place of names, and what is written of it: line and values. None where there are no names."""
    texts = [text]

    def value(match: re.Match[str]) -> str:
        variable_name = match[1] or match[2] or match[3]
        name = variable_name or match[4]
        if name not in constants or text[match.end() : match.end() + 4].lstrip(" \"'")[:1] in {"=", ":"}:
            return match[0]
        texts.append(constants[name])
        return constants[name] if variable_name else f'"{constants[name]}"'

    expanded = _NAME.sub(value, text)
    return (expanded, "\n".join(texts)) if len(texts) > 1 else None
