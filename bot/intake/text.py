"""One file of the repository as characters, with the way back to bytes, lines and columns.

Parsers count characters, edits and origins count bytes, people count lines: every reader in this package and
:mod:`bot.edits` goes through :class:`Text`, so that a byte order mark or an umlaut shifts nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from bot.model.resource import Origin, SourceError, Through

_BOM: Final = b"\xef\xbb\xbf"
_WIDEST: Final = 200


class NotText(ValueError):
    """The bytes are not UTF-8. ``offset`` is the first byte that is not."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"byte {offset + 1} is not UTF-8")
        self.offset = offset


@dataclass(frozen=True)
class Text:
    """The characters of ``file`` without its byte order mark. Offsets are indexes into ``chars``."""

    file: str
    chars: str
    bom: bool = False

    @staticmethod
    def of(file: str, data: bytes) -> Text:
        """``data`` as UTF-8. Raises :class:`NotText`."""
        bom = data.startswith(_BOM)
        try:
            return Text(file, (data[3:] if bom else data).decode("utf-8"), bom)
        except UnicodeDecodeError as exc:
            raise NotText(exc.start) from exc

    @cached_property
    def _ascii(self) -> bool:
        return self.chars.isascii()

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer("\n", self.chars))]

    @property
    def newline(self) -> str:
        """The line ending this file uses: that of its first line."""
        first = self.chars.find("\n")
        return "\r\n" if first > 0 and self.chars[first - 1] == "\r" else "\n"

    def encode(self, chars: str) -> bytes:
        """``chars`` as bytes of this file: with the byte order mark it came with."""
        return (_BOM if self.bom else b"") + chars.encode("utf-8")

    def byte(self, offset: int) -> int:
        """The byte offset in the file of a character offset."""
        width = offset if self._ascii else len(self.chars[:offset].encode("utf-8"))
        return width + (3 if self.bom else 0)

    def char(self, byte: int) -> int:
        """The character offset of a byte offset in the file; inverse of :meth:`byte`."""
        at = byte - (3 if self.bom else 0)
        return at if self._ascii else len(self.chars.encode("utf-8")[:at].decode("utf-8", "ignore"))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def origin(self, start: int, end: int, through: Through = Through.LITERAL, name: str | None = None) -> Origin:
        """The origin of a value that is written from ``start`` to ``end``."""
        line, column = self.position(start)
        return Origin(self.file, self.byte(start), self.byte(end), line, column, through, name)

    def error(self, offset: int, message: str, expected: str | None = None) -> SourceError:
        """A mistake at ``offset`` with the line it is in and a caret under it."""
        line, column = self.position(offset)
        return self.error_at(line, column, message, expected)

    def error_at(self, line: int, column: int, message: str, expected: str | None = None) -> SourceError:
        """As :meth:`error`, for line and column counted from 1."""
        lines = self.chars.split("\n", line)
        content = lines[line - 1].rstrip("\r") if line <= len(lines) else ""
        return SourceError(self.file, line, column, message, expected, _excerpt(content, column))


def _excerpt(content: str, column: int) -> str:
    left = max(0, column - 1 - _WIDEST // 2)
    shown = content[left : left + _WIDEST]
    lead = "".join("\t" if char == "\t" else " " for char in shown[: column - 1 - left])
    return f"{shown}\n{lead}^"


def text_error(file: str, problem: NotText) -> SourceError:
    """The mistake of a file that is not UTF-8."""
    return SourceError(file, 1, 1, str(problem), "UTF-8 text")
