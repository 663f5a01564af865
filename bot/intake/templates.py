"""Strings of HCL: quoted and heredoc templates with ``${}`` and ``%{}``. Part of the parser in :mod:`bot.intake.cw`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from bot.intake.discover import is_variables_file
from bot.intake.scanner import Mistake, Scanner
from bot.intake.syntax import Directive, Expression, Interpolation, Part, Template, TextPart

_HEREDOC: Final = re.compile(r"<<(-?)([^\W\d][\w-]*)[ \t]*\r?\n")
# HCL native syntax, "Template Expressions", for the escapes, heredocs and what `<<-` takes off.
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_QUOTED_TEXT: Final = re.compile(r'[^"\\$%\r\n]+')
_HEREDOC_TEXT: Final = re.compile(r"[^$%\n]+|\n")

Inner = Callable[[], Expression]


def quoted(scan: Scanner, expression: Inner) -> Template:
    """A quoted string; the cursor is at its opening quote."""
    start = scan.at
    scan.at += 1
    parts: list[Part] = []
    while True:
        char = scan.chars[scan.at : scan.at + 1]
        if char == '"':
            scan.at += 1
            return Template(start, scan.at, tuple(_stripped(parts, lines=False)))
        if char in {"", "\n", "\r"}:
            raise scan.mistake("this string is not closed on its line", "'\"'", start)
        if char == "\\":
            parts.append(_escape(scan))
        else:
            parts.append(_next_part(scan, expression, _QUOTED_TEXT))


def _next_part(scan: Scanner, expression: Inner, plain: re.Pattern[str]) -> Part:
    """The sequence that begins here, or the ``plain`` text up to where one may; a sign that begins none is text too."""
    start = scan.at
    if scan.chars[start] in "$%" and (part := _sequence(scan, expression)) is not None:
        return part
    match = plain.match(scan.chars, start)
    scan.at = match.end() if match else start + 1
    return TextPart(start, scan.at, scan.chars[start : scan.at])


def _escape(scan: Scanner) -> TextPart:
    start = scan.at
    mark = scan.chars[start + 1 : start + 2]
    if mark in _ESCAPES:
        scan.at += 2
        return TextPart(start, scan.at, _ESCAPES[mark])
    width = {"u": 4, "U": 8}.get(mark, 0)
    digits = scan.chars[start + 2 : start + 2 + width]
    if width and re.fullmatch(r"[0-9a-fA-F]+", digits) and len(digits) == width and int(digits, 16) < 0x110000:
        scan.at += 2 + width
        return TextPart(start, scan.at, chr(int(digits, 16)))
    raise scan.mistake(
        f"{scan.quoted(scan.chars[start : start + 2])} is no escape", r"\n, \r, \t, \", \\, \uNNNN or \UNNNNNNNN"
    )


def _sequence(scan: Scanner, expression: Inner) -> Part | None:
    """``${``, ``%{`` and their escapes ``$${``, ``%%{``; None when the text just goes on."""
    start = scan.at
    opening = scan.chars[start : start + 3]
    if opening in {"$${", "%%{"}:
        scan.at += 3
        return TextPart(start, scan.at, opening[1:])
    if opening[:2] not in {"${", "%{"}:
        return None
    scan.at += 2
    nested, scan.nested = scan.nested, 1
    strip_left = scan.chars.startswith("~", scan.at)
    scan.at += strip_left
    result: Interpolation | Directive
    if opening[0] == "$":
        inner = expression()
        strip_right = _close(scan, start)
        result = Interpolation(start, scan.at, inner, strip_left, strip_right)
    else:
        result = _directive(scan, expression, start, strip_left=strip_left)
    scan.nested = nested
    return result


def _close(scan: Scanner, start: int) -> bool:
    strip = scan.take("~")
    if not scan.peek("}"):
        line, _ = scan.text.position(start)
        raise scan.mistake(f"unexpected {scan.next_word()} in the template opened on line {line}", "'}'")
    scan.at += 1
    return strip


def _directive(scan: Scanner, expression: Inner, start: int, *, strip_left: bool) -> Directive:
    keyword = scan.identifier() or ""
    inner: Expression | None = None
    names: tuple[str, ...] = ()
    if keyword == "if":
        inner = expression()
    elif keyword == "for":
        names = loop_names(scan)
        inner = expression()
    elif keyword not in {"else", "endif", "endfor"}:
        shown_word = scan.quoted(keyword) if keyword else scan.next_word()
        raise scan.mistake(f"{shown_word} is no template directive", "if, else, endif, for or endfor")
    strip_right = _close(scan, start)
    return Directive(start, scan.at, keyword, inner, names, strip_left, strip_right)


def loop_names(scan: Scanner) -> tuple[str, ...]:
    """``v in`` or ``k, v in`` of a loop."""
    first = scan.identifier()
    second = scan.identifier() if first and scan.take(",") else None
    if first is None:
        raise scan.mistake(f"unexpected {scan.next_word()} after 'for'", "a name")
    if scan.identifier() != "in":
        raise scan.mistake("a loop needs 'in' after its names", "'in'")
    return (first,) if second is None else (first, second)


def heredoc(scan: Scanner, expression: Inner) -> Template:
    """A heredoc; the cursor is at ``<<``."""
    opening = _HEREDOC.match(scan.chars, scan.at)
    if opening is None:
        raise scan.mistake("a heredoc starts with '<<' and a name, alone at the end of the line", "'<<NAME'")
    start, marker = scan.at, opening[2]
    scan.at = opening.end()
    closing = scan.closing_line(marker)
    if closing is None:
        scan.at = start
        name = "its name" if is_variables_file(scan.text.file) else marker
        mistake = scan.mistake(f"this heredoc is not closed: no line holds just {name}", name, start)
        raise Mistake(mistake.error, at_end=True)
    closing_start, closing_end = closing
    parts: list[Part] = []
    while scan.at < closing_start:
        parts.append(_next_part(scan, expression, _HEREDOC_TEXT))
    if scan.at > closing_start:
        raise scan.mistake(f"a template sequence runs past the end of the heredoc {scan.quoted(marker)}", "'}'", start)
    scan.at = closing_end
    parts = _stripped(parts, lines=True)
    return Template(start, scan.at, tuple(_flushed(parts) if opening[1] else parts), marker, bool(opening[1]))


def _stripped(parts: list[Part], *, lines: bool) -> list[Part]:
    """The parts after ``~`` took white space off their neighbours: with ``lines``, off the one line that each is next to, since
    a heredoc has a token for each line and a ``~`` trims one token (``parser_template.go`` of hclsyntax).
    """
    result = list(parts)
    for index, part in enumerate(parts):
        if isinstance(part, TextPart):
            continue
        if part.strip_left:
            _trim(result, range(index - 1, -1, -1), left=False, lines=lines)
        if part.strip_right:
            _trim(result, range(index + 1, len(result)), left=True, lines=lines)
    return result


def _trim(parts: list[Part], among: range, *, left: bool, lines: bool) -> None:
    """Take white space off the neighbours at ``among``, from the nearest on, up to the first that has anything else."""
    for at in among:
        part = parts[at]
        if not isinstance(part, TextPart) or (lines and not left and at != among.start and _ends_line(part)):
            return
        stripped = part.value.lstrip() if left else part.value.rstrip()
        removed_count = len(part.value) - len(stripped)
        parts[at] = TextPart(part.start + removed_count * left, part.end - removed_count * (not left), stripped)
        if stripped or (lines and left and _ends_line(part)):
            return


def _flushed(parts: list[Part]) -> list[Part]:
    """The parts with the smallest indentation taken off every line."""
    starts = [index for index, part in enumerate(parts) if index == 0 or _ends_line(parts[index - 1])]
    first = [index for index in starts if not _is_blank(parts, index)]
    indents = [
        len(part.value) - len(part.value.lstrip(" \t")) if isinstance(part, TextPart) else 0
        for part in (parts[index] for index in first)
    ]
    common_indent = min(indents, default=0)
    result = list(parts)
    for index in first:
        part = result[index]
        if isinstance(part, TextPart):
            lead = min(common_indent, len(part.value) - len(part.value.lstrip(" \t")))
            result[index] = TextPart(part.start + lead, part.end, part.value[lead:])
    return result


def _is_blank(parts: list[Part], index: int) -> bool:
    """Whether nothing but white space is on the line that begins at ``index``: such a line is left as it is."""
    part, following = parts[index], parts[index + 1] if index + 1 < len(parts) else None
    if not isinstance(part, TextPart) or part.value.strip():
        return False
    return part.value.endswith("\n") or (isinstance(following, TextPart) and following.value == "\n")


def _ends_line(part: Part) -> bool:
    return isinstance(part, TextPart) and part.value.endswith("\n")
