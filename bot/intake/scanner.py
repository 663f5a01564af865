"""Characters of an HCL file with a cursor: white space, comments, words, and mistakes with what was expected."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import replace
from functools import cached_property
from typing import Final

from bot.intake.discover import is_variables_file
from bot.intake.text import Text
from bot.model.resource import SourceError

_IDENTIFIER: Final = re.compile(
    r"[^\W\d][\w-]*"
)  # HCL native syntax, "Identifiers": a letter, then also digits and dashes
_BLANK: Final = re.compile(r"(?:[ \t\r]+|(?:#|//)[^\n]*)*")
_BLANK_LINES: Final = re.compile(r"(?:[ \t\r\n]+|(?:#|//)[^\n]*)*")
_BLANK_BEGINS: Final = " \t\r\n#/"
"""What blanks and comments begin with. Most of the time nothing of it comes next, and no expression is asked."""
_LONE_WORD: Final = re.compile(r"^[ \t]*([^\W\d][\w-]*)(?=[ \t]*\r?$)", re.MULTILINE)
_NEXT_ITEM: Final = re.compile(
    r"\n(?=[ \t]*(?:[\w-]+[ \t]*=(?!=)|[\w-]+(?:[ \t]+(?:\"[^\"\n]*\"|[\w-]+))*[ \t]*\{|\}))"
)


class Mistake(Exception):
    """Parsing cannot go on here; the body that is being read records it and finds the next item."""

    def __init__(self, error: SourceError, *, at_end: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.at_end = at_end
        """Whether the text stops where something else had to come."""


class Scanner:
    """A cursor over ``text``. ``nested`` > 0 inside brackets and parentheses, where line ends mean nothing."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.chars = text.chars
        self.at = 0
        self.nested = 0

    def skip(self) -> None:
        """Past blanks and comments; past line ends too where they mean nothing."""
        if self.chars[self.at : self.at + 1] in _BLANK_BEGINS:
            self._skip(_BLANK_LINES if self.nested else _BLANK)

    def skip_lines(self) -> None:
        """Past blanks, comments and line ends."""
        if self.chars[self.at : self.at + 1] in _BLANK_BEGINS:
            self._skip(_BLANK_LINES)

    def _skip(self, blank: re.Pattern[str]) -> None:
        """The end of a ``/*`` is looked for only where there is one: many without an end would cost the square of them."""
        while match := blank.match(self.chars, self.at):
            self.at = match.end()
            if not self.chars.startswith("/*", self.at) or self._last_comment_end < self.at + 2:
                return
            self.at = self.chars.index("*/", self.at + 2) + 2

    @cached_property
    def _last_comment_end(self) -> int:
        return self.chars.rfind("*/")

    def closing_line(self, marker: str) -> tuple[int, int] | None:
        """From the cursor on, the first line that holds just ``marker``: where it starts and where the marker ends."""
        lines = self._lone_words.get(marker, [])
        at = bisect_left(lines, (self.at, 0))
        return lines[at] if at < len(lines) else None

    @cached_property
    def _lone_words(self) -> dict[str, list[tuple[int, int]]]:
        """Every line that could end a heredoc, by its word: looking anew for each heredoc would not be linear."""
        lines: dict[str, list[tuple[int, int]]] = {}
        for match in _LONE_WORD.finditer(self.chars):
            lines.setdefault(match[1], []).append(match.span())
        return lines

    def peek(self, token: str) -> bool:
        """Whether ``token`` comes next, after blanks."""
        self.skip()
        return self.chars.startswith(token, self.at)

    def take(self, token: str) -> bool:
        """Past ``token`` if it comes next."""
        if self.peek(token):
            self.at += len(token)
            return True
        return False

    def need(self, token: str, location: str) -> None:
        """Past ``token``, which must come next."""
        if not self.take(token):
            raise self.mistake(f"unexpected {self.next_word()} {location}", f"{token!r}")

    def identifier(self) -> str | None:
        """The identifier that comes next, taken."""
        self.skip()
        match = _IDENTIFIER.match(self.chars, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def next_word(self) -> str:
        """What comes next, for messages."""
        self.skip()
        if self.at >= len(self.chars):
            return "end of file"
        if self.chars[self.at] == "\n":
            return "end of line"
        match = re.compile(r"[\w.-]+|.").match(self.chars, self.at)
        return self.quoted(match[0][:40]) if match else "character"

    def quoted(self, text: str) -> str:
        """Words of the file, for messages; of a file of variables none, whose values may be secret."""
        return "text" if is_variables_file(self.text.file) else repr(text)

    def mistake(self, message: str, expected: str | None = None, at: int | None = None) -> Mistake:
        """A mistake here, or at an offset."""
        error = self.text.error(self.at if at is None else at, message, expected)
        error = replace(error, excerpt=None) if is_variables_file(error.file) else error
        return Mistake(error, at_end=self.at >= len(self.chars))

    def recover(self) -> None:
        """To the start of the next line that looks like an attribute, a block or a closing brace."""
        match = _NEXT_ITEM.search(self.chars, self.at)
        self.at = match.end() if match else len(self.chars)
        self.nested = 0
