"""One file of the repository as characters, with the way back to bytes, lines and columns.

Parsers count characters, edits and origins count bytes, people count lines: every reader in this package and
:mod:`bot.edits` goes through :class:`Text`, so that a byte order mark or an umlaut shifts nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final

from bot.model.resource import Origin, SourceError, Through
from bot.secrecy.redaction import redact

_BOM: Final = b"\xef\xbb\xbf"
_WIDEST: Final = 200
_NEAR: Final = 500
_STRIDE: Final = 1024


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
        return [0, *(match.end() for match in re.finditer("\n", self.chars))]

    @cached_property
    def _strides(self) -> list[int]:
        """Bytes before every :data:`_STRIDE` th character: a byte offset costs one stride, not the whole text."""
        widths = (len(self.chars[at : at + _STRIDE].encode("utf-8")) for at in range(0, len(self.chars), _STRIDE))
        return list(accumulate(widths, initial=0))

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
        lead = 3 if self.bom else 0
        if self._ascii:
            return lead + offset
        stride = offset // _STRIDE
        return lead + self._strides[stride] + len(self.chars[stride * _STRIDE : offset].encode("utf-8"))

    def char(self, byte: int) -> int:
        """The character offset of a byte offset in the file; inverse of :meth:`byte`."""
        at = byte - (3 if self.bom else 0)
        if self._ascii:
            return at
        stride = min(max(bisect_right(self._strides, at) - 1, 0) * _STRIDE, len(self.chars))
        remainder = self.chars[stride : stride + _STRIDE].encode("utf-8")[
            : max(at - self._strides[stride // _STRIDE], 0)
        ]
        return stride + len(remainder.decode("utf-8", "ignore"))

    def line(self, offset: int) -> int:
        """The line, from 1. Only a line feed ends one, as for Git."""
        return bisect_right(self._line_starts, offset)

    def line_span(self, line: int) -> tuple[int, int]:
        """Where a line (from 1) begins and ends, without its line end."""
        start = self._line_starts[line - 1] if line <= len(self._line_starts) else len(self.chars)
        end = self._line_starts[line] - 1 if line < len(self._line_starts) else len(self.chars)
        while end > start and self.chars[end - 1] == "\r":
            end -= 1
        return start, end

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1."""
        line = self.line(offset)
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
        start, end = self.line_span(line)
        return SourceError(self.file, line, column, message, expected, _excerpt(self.chars[start:end], column))


def _excerpt(content: str, column: int) -> str | None:
    """The part of a long line around ``column`` with a caret under it; None where a credential is near, whose half would not
    be known for what it is.
    """
    first_column = max(0, column - 1 - _WIDEST // 2)
    around = content[max(0, first_column - _NEAR) : first_column + _WIDEST + _NEAR]
    if (first_column or len(content) > _WIDEST) and redact(around, opaque=True) != around:
        return None
    shown_text = content[first_column : first_column + _WIDEST]
    lead = "".join("\t" if char == "\t" else " " for char in shown_text[: column - 1 - first_column])
    return f"{shown_text}\n{lead}^"


def text_error(file: str, problem: NotText) -> SourceError:
    """The mistake of a file that is not UTF-8."""
    return SourceError(file, 1, 1, str(problem), "UTF-8 text")
