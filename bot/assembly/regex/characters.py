"""Classes of characters, and the conditions on a position in a text."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

Test: TypeAlias = Callable[[str], bool]
Condition: TypeAlias = Callable[[str, int], bool]


def _any_of(characters: Iterable[str]) -> Test:
    return frozenset(characters).__contains__


def _none_of(characters: Iterable[str]) -> Test:
    members = frozenset(characters)
    return lambda character: character not in members


_WORD: Final = f"{string.ascii_letters}{string.digits}_"
_BLANKS: Final = "\t\n\f\r "
PERL: Final = {
    "d": _any_of(string.digits),
    "D": _none_of(string.digits),
    "w": _any_of(_WORD),
    "W": _none_of(_WORD),
    "s": _any_of(_BLANKS),
    "S": _none_of(_BLANKS),
}
"""ASCII alone, and no vertical tab among the blanks, as in RE2's table "Perl character classes"."""
POSIX: Final = {
    "alnum": _any_of(string.ascii_letters + string.digits),
    "alpha": _any_of(string.ascii_letters),
    "ascii": str.isascii,
    "blank": _any_of("\t "),
    "cntrl": _any_of([*map(chr, range(32)), "\x7f"]),
    "digit": _any_of(string.digits),
    "graph": _any_of(map(chr, range(33, 127))),
    "lower": _any_of(string.ascii_lowercase),
    "print": _any_of(map(chr, range(32, 127))),
    "punct": _any_of(string.punctuation),
    "space": _any_of(string.whitespace),
    "upper": _any_of(string.ascii_uppercase),
    "word": _any_of(_WORD),
    "xdigit": _any_of(string.hexdigits),
}
"""The names between ``[:`` and ``:]`` (RE2's table "ASCII character classes")."""
CATEGORIES: Final = frozenset(
    {
        *("L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe"),
        *("Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Co", "Cs"),
    }
)
"""The general categories of Unicode, by their first letter or both."""
CONTROLS: Final = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
"""Control characters by the letter of their escape."""


def _is_word_character(text: str, index: int) -> bool:
    """Whether there is an ASCII word character at ``index``."""
    return 0 <= index < len(text) and PERL["w"](text[index])


def at_word_edge(text: str, index: int) -> bool:
    r"""``\b``, of ASCII words."""
    return _is_word_character(text, index - 1) != _is_word_character(text, index)


def not_at_word_edge(text: str, index: int) -> bool:
    r"""``\B``."""
    return not at_word_edge(text, index)


def text_starts(_: str, index: int) -> bool:
    r"""``\A``, and ``^``."""
    return index == 0


def text_ends(text: str, index: int) -> bool:
    r"""``\z``, and ``$``: unlike Python's, not before a line end that is the last character."""
    return index == len(text)


def line_starts(text: str, index: int) -> bool:
    """``^`` with the flag ``m``."""
    return index == 0 or text[index - 1] == "\n"


def line_ends(text: str, index: int) -> bool:
    """``$`` with the flag ``m``."""
    return index == len(text) or text[index] == "\n"
