"""Which parts of a line are comment or string, for the languages detectors care about.

A single linear pass per file with a small state (in a block comment, in a multi-line string); it need not be a
parser, only never slow and right about ordinary code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, overload

from bot.guardrails.classify import CODE

LineView: TypeAlias = Literal["raw", "uncommented", "code", "comment"]
"""What of a line counts: ``code`` is without comments and the contents of strings."""
_C: Final = CODE - {"python", "ruby", "perl", "lua", "shell", "sql"} | {"hcl", "css"}
_HASH: Final = frozenset(["python", "shell", "ruby", "perl", "yaml", "toml", "ini", "dockerfile", "hcl", "php"])
_TRIPLE: Final = ('"""', "'''")
_MAX_LINE: Final = 20_000
_TEMPLATES: Final = frozenset({"javascript", "typescript", "go"})
"""The languages whose strings in back quotes have several lines."""
_TEXT_BLOCKS: Final = frozenset({"python", "java", "kotlin", "scala", "swift", "csharp"})
"""The languages whose strings in three quotes have several lines."""


class LineMask:
    """Per line, the text with comments blanked and the text with comments and string contents blanked.

    Blanking keeps columns: each masked character becomes a space. Quotes stay. A line is masked when it is first asked for:
    few of a long file are.
    """

    def __init__(self, lines: Sequence[str], lexer: re.Pattern[str] | None, open_at: Mapping[int, str]) -> None:
        """``lexer`` is None for text that is left as it is; ``open_at`` what must close, by the index of a line that begins
        inside something.
        """
        self._lines = lines
        self._lexer = lexer
        self._open_at = open_at
        self._masked_lines: dict[int, tuple[str, str]] = {}
        self.no_comments: Sequence[str] = lines if lexer is None else _MaskedLines(self, 0)
        self.code: Sequence[str] = lines if lexer is None else _MaskedLines(self, 1)

    def visible_text(self, number: int, raw: str, view: LineView) -> str:
        """What ``view`` shows of line ``number`` (from 1) whose text is ``raw``."""
        match view:
            case "raw":
                return raw
            case "uncommented":
                return self.no_comments[number - 1]
            case "code":
                return self.code[number - 1]
            case "comment":
                kept_line = self.no_comments[number - 1]
                differ = [
                    at
                    for at, (raw_character, masked) in enumerate(zip(raw, kept_line, strict=False))
                    if raw_character != masked
                ]
                return raw[differ[0] : differ[-1] + 1] if differ else ""

    def __len__(self) -> int:
        return len(self._lines)

    def opened_above(self, number: int) -> int | None:
        """The line (from 1) whose string is still open where line ``number`` begins; None where none is."""
        at = number - 1
        if self._open_at.get(at, "*/") == "*/":
            return None
        while at in self._open_at:
            at -= 1
        return at + 1

    def masked(self, index: int) -> tuple[str, str]:
        """The line of that index (from 0) without comments, and without the contents of strings either."""
        index = range(len(self._lines))[index]
        if index not in self._masked_lines:
            self._masked_lines[index] = self._masked(self._lines[index], self._open_at.get(index))
        return self._masked_lines[index]

    def _masked(self, line: str, end: str | None) -> tuple[str, str]:
        if self._lexer is None or len(line) > _MAX_LINE:
            return line, line
        parts, _ = _parts(line, self._lexer, end)
        return "".join(part[0] for part in parts), "".join(part[1] for part in parts)


class _MaskedLines(Sequence[str]):
    """One of the two texts of each line of a :class:`LineMask`."""

    def __init__(self, mask: LineMask, side: Literal[0, 1]) -> None:
        self._mask = mask
        self._which = side

    def __len__(self) -> int:
        return len(self._mask)

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...

    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return [self[index] for index in range(len(self))[at]]
        return self._mask.masked(at)[self._which]


def mask(lines: Sequence[str], language: str | None) -> LineMask:
    """The mask of a whole file. Unknown languages and documents are left as they are."""
    if language is None or language in {"docs", "json", "html"}:
        return LineMask(lines, None, {})
    lexer = _lexer(language)
    return LineMask(lines, lexer, _open_at(lines, lexer, _openers(language)))


def _open_at(lines: Sequence[str], lexer: re.Pattern[str], openers: Sequence[str]) -> dict[int, str]:
    """What must close, by the index of each line that begins inside of something.

    Only lines with what opens or closes something are read.
    """
    open_at: dict[int, str] = {}
    end: str | None = None
    for index, line in enumerate(lines if openers else ()):
        if end is not None:
            open_at[index] = end
            if end not in line:
                continue
        elif not any(opener in line for opener in openers):
            continue
        if len(line) <= _MAX_LINE:
            _, end = _parts(line, lexer, end)
    return open_at


def _openers(language: str) -> tuple[str, ...]:
    """What begins something that may end on a later line."""
    if language == "python":
        return _TRIPLE
    comments = ("/*",) if language in _C or language == "sql" else ()
    if language in _TEXT_BLOCKS:
        return (*comments, _TRIPLE[0])
    return (*comments, "`") if language in _TEMPLATES else comments


def _lexer(language: str) -> re.Pattern[str]:
    """One alternation of everything that opens a comment or a string in ``language``."""
    parts: list[str] = []
    if language in _TEXT_BLOCKS:
        parts += _TRIPLE if language == "python" else _TRIPLE[:1]
    if language in _C:
        parts.append(r"//.*|/\*")
    if language == "sql":
        parts.append(r"--.*|/\*")
    if language == "lua":
        parts.append(r"--.*")
    if language in _HASH:
        parts.append(r"(?:(?<=\s)|^)#.*" if language in {"shell", "yaml", "ini", "dockerfile"} else r"#.*")
    if language in _TEMPLATES:
        parts.append("`")
    parts.append(r'"(?:[^"\\]|\\.)*"?' + r"|'(?:[^'\\]|\\.)*'" if language != "rust" else r'"(?:[^"\\]|\\.)*"?')
    return re.compile("|".join(parts))


_CLOSERS: Final = {"/*": "*/", '"""': '"""', "'''": "'''", "`": "`"}


def _parts(line: str, lexer: re.Pattern[str], end: str | None) -> tuple[list[tuple[str, str]], str | None]:
    """One line in parts that are masked twice, and what must close before ordinary code goes on (None: nothing is open)."""
    parts: list[tuple[str, str]] = []
    at = 0
    while at <= len(line):
        if end is not None:
            stop = line.find(end, at)
            upto = len(line) if stop < 0 else stop
            blank = " " * (upto - at)
            parts.append((blank if end == "*/" else line[at:upto], blank))
            if stop < 0:
                return parts, end
            closing = "  " if end == "*/" else end
            parts.append((closing, closing))
            at, end = stop + len(end), None
            continue
        match = lexer.search(line, at)
        if match is None or match.start() == match.end():
            parts.append((line[at:], line[at:]))
            break
        parts.append((line[at : match.start()],) * 2)
        opening_text = match.group()
        at = match.end()
        if opening_text in _CLOSERS:
            end = _CLOSERS[opening_text]
            opening = "  " if opening_text == "/*" else opening_text
            parts.append((opening, opening))
        elif opening_text[0] in "\"'" and opening_text not in _TRIPLE:
            inner = len(opening_text) - 1 - (len(opening_text) > 1 and opening_text[-1] == opening_text[0])
            parts.append((opening_text, opening_text[0] + " " * inner + opening_text[1 + inner :]))
        else:
            parts.append((" " * len(opening_text),) * 2)
    return parts, end
