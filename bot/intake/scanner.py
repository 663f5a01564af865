"""Characters of an HCL file with a cursor: white space, comments, words, and mistakes with what was expected."""

from __future__ import annotations

import re
from typing import Final

from bot.intake.text import Text
from bot.model.resource import SourceError

_WORD: Final = re.compile(r"[^\W\d][\w-]*")
_BLANK: Final = re.compile(r"(?:[ \t\r]+|(?:#|//)[^\n]*|/\*.*?\*/)+", re.DOTALL)
_BLANK_LINES: Final = re.compile(r"(?:[ \t\r\n]+|(?:#|//)[^\n]*|/\*.*?\*/)+", re.DOTALL)
_NEXT_ITEM: Final = re.compile(
    r"\n(?=[ \t]*(?:[\w-]+[ \t]*=(?!=)|[\w-]+(?:[ \t]+(?:\"[^\"\n]*\"|[\w-]+))*[ \t]*\{|\}))"
)


class Mistake(Exception):
    """Parsing cannot go on here; the body that is being read records it and finds the next item."""

    def __init__(self, error: SourceError) -> None:
        super().__init__(str(error))
        self.error = error


class Scanner:
    """A cursor over ``text``. ``nested`` > 0 inside brackets and parentheses, where line ends mean nothing."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.chars = text.chars
        self.at = 0
        self.nested = 0

    def skip(self) -> None:
        """Past blanks and comments; past line ends too where they mean nothing."""
        found = (_BLANK_LINES if self.nested else _BLANK).match(self.chars, self.at)
        if found:
            self.at = found.end()

    def skip_lines(self) -> None:
        """Past blanks, comments and line ends."""
        found = _BLANK_LINES.match(self.chars, self.at)
        if found:
            self.at = found.end()

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

    def need(self, token: str, where: str) -> None:
        """Past ``token``, which must come next."""
        if not self.take(token):
            raise self.mistake(f"unexpected {self.next_word()} {where}", f"{token!r}")

    def word(self) -> str | None:
        """The identifier that comes next, taken."""
        self.skip()
        found = _WORD.match(self.chars, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[0]

    def next_word(self) -> str:
        """What comes next, for messages."""
        self.skip()
        if self.at >= len(self.chars):
            return "end of file"
        if self.chars[self.at] == "\n":
            return "end of line"
        found = re.compile(r"[\w.-]+|.").match(self.chars, self.at)
        return repr(found[0][:40]) if found else "character"

    def mistake(self, message: str, expected: str | None = None, at: int | None = None) -> Mistake:
        """A mistake here, or at an offset."""
        return Mistake(self.text.error(self.at if at is None else at, message, expected))

    def recover(self) -> None:
        """To the start of the next line that looks like an attribute, a block or a closing brace."""
        found = _NEXT_ITEM.search(self.chars, self.at)
        self.at = found.end() if found else len(self.chars)
        self.nested = 0
