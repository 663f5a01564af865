"""Reads regular expressions in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax) as Go does (regexp/syntax).

It has neither look-around nor back-references, which is what makes matching linear in time: Python's own ``re`` reads
other expressions, and can be made to run for ever by whoever writes the pattern. Names of scripts are not known here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from typing import Final, TypeAlias

from bot.assembly.faults import Misuse
from bot.assembly.regex.matching import Done, Go, Hold, RegexProgram, Save, Steps, Take

_Test: TypeAlias = Callable[[str], object]
_MOST_REPEATS: Final = 1000
_DEEPEST: Final = 40
_MOST_STEPS: Final = 2000
_CONDITIONS: Final = {
    mark: re.compile(condition, re.ASCII)
    for mark, condition in {"A": r"\A", "z": r"\Z", "b": r"\b", "B": r"(?!\b)", "^": r"(?m:^)", "$": r"(?m:$)"}.items()
}
"""What holds of a position, by the letter of its escape; ``^`` and ``$`` are those of the flag ``m``. Python's ``$`` without it
would hold before a line end that is the last character, too, and its ``\\B`` not in an empty text.
"""
_PERL: Final = {"d": "[0-9]", "w": "[0-9A-Za-z_]", "s": r"[\t\n\f\r ]"}
"""ASCII alone, and no vertical tab among the blanks, as in RE2's table "Perl character classes"; in capitals all others."""
_POSIX: Final = {
    "alnum": "[0-9A-Za-z]",
    "alpha": "[A-Za-z]",
    "ascii": r"[\x00-\x7F]",
    "blank": r"[\t ]",
    "cntrl": r"[\x00-\x1F\x7F]",
    "digit": "[0-9]",
    "graph": "[!-~]",
    "lower": "[a-z]",
    "print": "[ -~]",
    "punct": r"[!-/:-@\[-`{-~]",
    "space": r"[\t\n\v\f\r ]",
    "upper": "[A-Z]",
    "word": "[0-9A-Za-z_]",
    "xdigit": "[0-9A-Fa-f]",
}
"""The names between ``[:`` and ``:]`` (RE2's table "ASCII character classes")."""
_CATEGORIES: Final = frozenset(
    {
        *("L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe"),
        *("Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Co", "Cs"),
    }
)
"""The general categories of Unicode, by their first letter or both."""
_CONTROLS: Final = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
"""Control characters by the letter of their escape."""


class BadPattern(Misuse):
    """Text that is no regular expression; ``fault`` is what is wrong in it."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"takes a regular expression; this has {fault}")


def read_pattern(pattern: str) -> RegexProgram:
    """The program of a regular expression. Raises :class:`BadPattern`."""
    reader = _Reader(pattern)
    steps = reader.alternatives()
    if reader.at < len(pattern):
        raise BadPattern("a ')' that closes nothing")
    return RegexProgram((*_sized(_grouped(0, steps)), Done()), tuple(reader.names))


def _sized(steps: Steps) -> Steps:
    if len(steps) > _MOST_STEPS:
        raise BadPattern("too large an expression")
    return steps


def _grouped(index: int, steps: Steps) -> Steps:
    """The ``index``-th group; 0 is the whole expression."""
    return (Save(2 * index), *steps, Save(2 * index + 1))


def _either(first: Steps, second: Steps) -> Steps:
    return (Go((1, len(first) + 2)), *first, Go((len(second) + 1,)), *second)


def _repeated(steps: Steps, low: int, high: int | None, *, lazy: bool) -> Steps:
    """Steps ``low`` to ``high`` times, as often as can be or, when ``lazy``, as seldom."""
    length, order = len(steps), -1 if lazy else 1
    _sized(steps * (max(low, 1) if high is None else high))
    if high is None:
        again = (*steps, Go((-length, 1)[::order]))
        return steps * (low - 1) + again if low else (Go((1, length + 2)[::order]), *again)
    optional: Steps = ()
    for _ in range(high - low):
        optional = (Go((1, length + len(optional) + 1)[::order]), *steps, *optional)
    return steps * low + optional


@dataclass(slots=True)
class _Reader:
    """Reads an expression from left to right. ``flags`` are those in force at ``at``."""

    pattern: str
    at: int = 0
    flags: frozenset[str] = frozenset()
    names: list[str | None] = field(default_factory=list)
    depth: int = 0

    def _next(self, *marks: str) -> str | None:
        """The mark that the pattern goes on with, which is passed; None when it is another."""
        for mark in marks:
            if self.pattern.startswith(mark, self.at):
                self.at += len(mark)
                return mark
        return None

    def _take(self, character_class: str) -> str:
        if self.at >= len(self.pattern):
            raise BadPattern(f"an expression that ends where {character_class} is expected")
        self.at += 1
        return self.pattern[self.at - 1]

    def _until(self, mark: str) -> str:
        end = self.pattern.find(mark, self.at)
        if end < 0:
            raise BadPattern(f"an expression without the {mark!r} that is expected")
        text, self.at = self.pattern[self.at : end], end + len(mark)
        return text

    def alternatives(self) -> Steps:
        """Up to the end or the ``)`` of this group."""
        rows = [self._row()]
        while self._next("|"):
            rows.append(self._row())
        return reduce(lambda later, row: _sized(_either(row, later)), reversed(rows))

    def _row(self) -> Steps:
        parts: list[Steps] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            if self._next("\\Q"):
                end = self.pattern.find("\\E", self.at)
                literal = self.pattern[self.at :] if end < 0 else self._until("\\E")
                self.at = len(self.pattern) if end < 0 else self.at
                parts += [(self._literal(character),) for character in literal]
                parts[-1:] = [self._repeated(part) for part in parts[-1:]]
            else:
                atom = self._atom()
                if atom is not None:
                    parts.append(self._repeated(atom))
        return tuple(step for part in parts for step in part)

    def _repeated(self, part: Steps) -> Steps:
        limits = self._limits()
        if limits is None:
            return part
        lazy = (self._next("?") is not None) != ("U" in self.flags)
        before = self.at
        if self._limits() is not None:
            raise BadPattern(f"a repetition of a repetition at {self.pattern[before:]!r}")
        return _repeated(part, *limits, lazy=lazy)

    def _limits(self) -> tuple[int, int | None] | None:
        mark = self._next("*", "+", "?", "{")
        if mark is None or mark != "{":
            return {None: None, "*": (0, None), "+": (1, None), "?": (0, 1)}[mark]
        limits_text, brace, _ = self.pattern[self.at :].partition("}")
        low, comma, high = limits_text.partition(",")
        if not brace or not _digits(low) or (comma and high and not _digits(high)):
            self.at -= 1
            return None
        self.at += len(limits_text) + 1
        least, most = int(low), int(high) if high else None if comma else int(low)
        if max(least, most or 0) > _MOST_REPEATS or (most is not None and most < least):
            raise BadPattern(f"a repetition that is not possible: {{{limits_text}}}")
        return least, most

    def _atom(self) -> Steps | None:
        start = self.at
        character = self._take("a part")
        match character:
            case "(":
                return self._group()
            case "[":
                return (Take(self._class()),)
            case "." if "s" in self.flags:
                return (Take(lambda _: True),)
            case ".":
                return (Take("\n".__ne__),)
            case "^" | "$":
                return (Hold(_CONDITIONS[character if "m" in self.flags else {"^": "A", "$": "z"}[character]]),)
            case "*" | "+" | "?":
                raise BadPattern(f"a repetition of nothing at {self.pattern[start:]!r}")
            case "\\":
                return (self._escape(),)
            case _:
                return (self._literal(character),)

    def _literal(self, character: str) -> Take:
        if "i" in self.flags:
            folded = character.casefold()
            return Take(lambda letter: letter.casefold() == folded)
        return Take(character.__eq__)

    def _folded(self, test: _Test) -> _Test:
        """``test`` of a character or, with the flag ``i``, of any that differs from it in case alone."""
        if "i" not in self.flags:
            return test
        return lambda character: any(
            test(variant)
            for variant in {character, character.lower(), character.upper(), character.casefold()}
            if len(variant) == 1
        )

    def _group(self) -> Steps | None:
        outer, self.depth = self.flags, self.depth + 1
        if self.depth > _DEEPEST:
            raise BadPattern(f"groups in groups, more than {_DEEPEST} deep")
        index: int | None = None
        if self._next("?P<", "?<"):
            index = self._name(self._until(">"))
        elif self._next("?"):
            if self._flags():
                self.depth -= 1
                return None
        else:
            index = self._name(None)
        steps = self.alternatives()
        if not self._next(")"):
            raise BadPattern("a '(' that is not closed")
        self.flags, self.depth = outer, self.depth - 1
        return steps if index is None else _grouped(index, steps)

    def _name(self, name: str | None) -> int:
        if name is not None and not (name.isascii() and name.replace("_", "a").isalnum()):
            raise BadPattern(f"a group that cannot be named {name!r}")
        self.names.append(name)
        return len(self.names)

    def _flags(self) -> bool:
        """Read the flags of ``(?flags)`` or ``(?flags:``; whether nothing but flags is in the group."""
        on = True
        while (mark := self._take("a flag")) not in ":)":
            if mark == "-" and on:
                on = False
            elif mark in "imsU":
                self.flags = self.flags | {mark} if on else self.flags - {mark}
            else:
                raise BadPattern(f"the group '(?{mark}', which is not part of the language")
        return mark == ")"

    def _escape(self) -> Take | Hold:
        if mark := self._next("b", "B", "A", "z"):
            return Hold(_CONDITIONS[mark])
        test = self._class_escape()
        return self._literal(self._escaped()) if test is None else Take(self._folded(test))

    def _class_escape(self) -> _Test | None:
        """A class of characters after a backslash; None when it is one character."""
        if letter := self._next(*"dDwWsS"):
            return _named(_PERL[letter.lower()], negated=letter.isupper())
        if not (letter := self._next("p", "P")):
            return None
        name = self._until("}") if self._next("{") else self._take("a category")
        negated = (letter == "P") != name.startswith("^")
        category = name.removeprefix("^")
        if category not in _CATEGORIES:
            raise BadPattern(f"an unknown class of characters {name!r}")
        return lambda character: unicodedata.category(character).startswith(category) is not negated

    def _escaped(self) -> str:
        """The character that is written after a backslash."""
        letter = self._take("a character")
        if letter in _CONTROLS:
            return _CONTROLS[letter]
        if letter == "x":
            code = self._until("}") if self._next("{") else self._take("a digit") + self._take("a digit")
            return _character(code, 16)
        following = self.pattern[self.at : self.at + 2]
        if letter == "0" or (letter in "1234567" and following[:1] in tuple("01234567")):
            octal = letter + "".join(digit for digit in following if digit in "01234567")
            self.at += len(octal) - 1
            return _character(octal, 8)
        if letter.isalnum() or not letter.isascii():
            raise BadPattern(f"the escape '\\{letter}', which is not part of the language")
        return letter

    def _class(self) -> _Test:
        negated = self._next("^") is not None
        tests = [self._members()]
        while not self._next("]"):
            tests.append(self._members())
        union = self._folded(lambda character: any(test(character) for test in tests))
        return (lambda character: not union(character)) if negated else union

    def _members(self) -> _Test:
        """One character, range or named class between brackets."""
        if self._next("[:"):
            return self._posix()
        if self._next("\\"):
            test = self._class_escape()
            if test is not None:
                return test
            low = self._escaped()
        else:
            low = self._take("a ']'")
        if self.pattern[self.at : self.at + 1] != "-" or self.pattern[self.at + 1 : self.at + 2] in {"]", ""}:
            return low.__eq__
        self.at += 1
        high = self._escaped() if self._next("\\") else self._take("a ']'")
        if high < low:
            raise BadPattern(f"a range from {low!r} down to {high!r}")
        return lambda character: low <= character <= high

    def _posix(self) -> _Test:
        name = self._until(":]")
        members = _POSIX.get(name.removeprefix("^"))
        if members is None:
            raise BadPattern(f"an unknown class of characters '[:{name}:]'")
        return _named(members, negated=name.startswith("^"))


def _named(members: str, *, negated: bool) -> _Test:
    inner = re.compile(members).fullmatch
    return (lambda character: inner(character) is None) if negated else inner


def _digits(text: str) -> bool:
    return 0 < len(text) < 6 and text.isascii() and text.isdigit()


def _character(code: str, base: int) -> str:
    try:
        return chr(int(code, base))
    except (ValueError, OverflowError):
        raise BadPattern(f"the code {code!r}, which is no character") from None
