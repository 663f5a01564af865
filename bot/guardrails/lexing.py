"""Which parts of a line are comment or string, for the languages detectors care about.

A single linear pass per file with a small state (in a block comment, in a multi-line string); it need not be a
parser, only never slow and right about ordinary code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from bot.guardrails.classify import CODE

LineView: TypeAlias = Literal["raw", "uncommented", "code", "comment"]
"""What of a line counts: ``code`` is without comments and the contents of strings."""
_C: Final = CODE - {"python", "ruby", "perl", "lua", "shell", "sql"} | {"hcl", "css"}
_HASH: Final = frozenset(["python", "shell", "ruby", "perl", "yaml", "toml", "ini", "dockerfile", "hcl", "php"])
_TRIPLE: Final = ('"""', "'''")
_MAX_LINE: Final = 20_000


@dataclass(frozen=True, slots=True)
class LineMask:
    """Per line, the text with comments blanked and the text with comments and string contents blanked.

    Blanking keeps columns: each masked character becomes a space. Quotes stay.
    """

    no_comments: tuple[str, ...]
    code: tuple[str, ...]

    def seen(self, number: int, raw: str, view: LineView) -> str:
        """What ``view`` shows of line ``number`` (from 1) whose text is ``raw``."""
        match view:
            case "raw":
                return raw
            case "uncommented":
                return self.no_comments[number - 1]
            case "code":
                return self.code[number - 1]
            case "comment":
                kept = self.no_comments[number - 1]
                differ = [at for at, (written, masked) in enumerate(zip(raw, kept, strict=False)) if written != masked]
                return raw[differ[0] : differ[-1] + 1] if differ else ""


def mask(lines: Sequence[str], language: str | None) -> LineMask:
    """The mask of a whole file. Unknown languages and documents are left as they are."""
    if language is None or language in {"docs", "json", "html"}:
        return LineMask(tuple(lines), tuple(lines))
    lexer = _lexer(language)
    end: str | None = None
    masked: list[tuple[str, str]] = []
    for line in lines:
        if len(line) > _MAX_LINE:
            masked.append((line, line))
        else:
            parts, end = _parts(line, lexer, end)
            masked.append(("".join(part[0] for part in parts), "".join(part[1] for part in parts)))
    return LineMask(tuple(line[0] for line in masked), tuple(line[1] for line in masked))


def _lexer(language: str) -> re.Pattern[str]:
    """One alternation of everything that opens a comment or a string in ``language``."""
    parts: list[str] = []
    if language == "python":
        parts.append(r'"""|' + r"'''")
    if language in _C:
        parts.append(r"//.*|/\*")
    if language == "sql":
        parts.append(r"--.*|/\*")
    if language == "lua":
        parts.append(r"--.*")
    if language in _HASH:
        parts.append(r"(?:(?<=\s)|^)#.*" if language in {"shell", "yaml", "ini", "dockerfile"} else r"#.*")
    if language in {"javascript", "typescript", "go"}:
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
        opened = match.group()
        at = match.end()
        if opened in _CLOSERS:
            end = _CLOSERS[opened]
            opening = "  " if opened == "/*" else opened
            parts.append((opening, opening))
        elif opened[0] in "\"'" and opened not in _TRIPLE:
            inner = len(opened) - 1 - (len(opened) > 1 and opened[-1] == opened[0])
            parts.append((opened, opened[0] + " " * inner + opened[1 + inner :]))
        else:
            parts.append((" " * len(opened),) * 2)
    return parts, end
