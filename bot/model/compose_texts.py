"""Texts of a Compose file that stand for several values, taken apart as docker compose does it.

Read by :mod:`bot.intake`, which refuses what docker compose refuses, and by :mod:`bot.drift.compose`, which compares the parts.
Sources: ``Parse`` of mattn/go-shellwords, which compose-go calls for commands; ``format/volume.go`` of compose-go.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_BLANKS: Final = frozenset(" \t\r\n")
_ENDS: Final = frozenset(";&|<>")
"""What ends a command: no shell reads it, and what follows is passed over."""
_CLOSED_IN: Final = {"'": frozenset('")'), '"': frozenset("')"), "`": frozenset("'\")"), ")": frozenset("'\"`")}
"""Within which other quotes a quote is a letter like any other; ``)`` is that of ``$(``."""
_MOST_PARTS: Final = 3
_SHORTEST: Final = 3


def shell_words(line: str) -> list[str] | None:
    """The words of a command in one text; None where a quote or a bracket stays open, which docker compose refuses."""
    splitter = _WordSplitter()
    letters = iter(line)
    for letter in letters:
        if letter == "\\" and "'" not in splitter.open:
            escaped = next(letters, "")
            if not escaped:
                return None
            splitter.add(escaped)
        elif letter in _BLANKS and not splitter.open:
            splitter.end()
        elif letter == "(" and not splitter.open & _CLOSED_IN[")"]:
            if ")" in splitter.open or splitter.letters[-1:] != ["$"]:
                return None
            splitter.open.add(")")
            splitter.letters.append(letter)
        elif letter in _CLOSED_IN and not splitter.open & _CLOSED_IN[letter]:
            splitter.quote(letter)
        elif letter in _ENDS and not splitter.open:
            splitter.started = splitter.started and not (
                letter == ">" and splitter.letters and splitter.letters[0] in "0123456789"
            )
            break
        else:
            splitter.add(letter)
    splitter.end()
    return None if splitter.open else splitter.done


@dataclass(slots=True)
class _WordSplitter:
    """The words so far, the one that is read, and the quotes that are open."""

    done: list[str] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    started: bool = False
    open: set[str] = field(default_factory=set)

    def add(self, letter: str) -> None:
        self.letters.append(letter)
        self.started = True

    def quote(self, letter: str) -> None:
        """Open or close one; those of commands within the command stay what they are."""
        self.started = self.started or letter in self.open or letter in "`)"
        self.open ^= {letter}
        if letter in "`)":
            self.letters.append(letter)

    def end(self) -> None:
        if self.started:
            self.done.append("".join(self.letters))
            self.letters.clear()
        self.started = False


def mount_parts(mount_text: str) -> tuple[str, ...] | None:
    """``source:target:options``, or the target alone; None where docker compose refuses it. The letter of a drive belongs to
    its path.
    """
    if not mount_text:
        return None
    if len(mount_text) < _SHORTEST:
        return (mount_text,)
    parts = (*_parts(mount_text),)
    return parts if all(parts) and len(parts) <= _MOST_PARTS else None


def _parts(mount_text: str) -> Iterator[str]:
    start = 0
    for at, letter in enumerate(mount_text):
        if letter == ":" and not (at == start + 1 and mount_text[start].isalpha()):
            yield mount_text[start:at]
            start = at + 1
    yield mount_text[start:]


def is_host_path(source: str) -> bool:
    """Whether what is mounted is a path of the host rather than the name of a volume."""
    return source[:1] in {".", "/", "~"} or source[:2] == "\\\\" or (source[1:2] == ":" and source[0].isalpha())


def clean_path(path: str) -> str:
    """A path without detours and without slashes that say nothing (``path.Clean`` of Go)."""
    normal_path = posixpath.normpath(path) if path else path
    return normal_path[1:] if normal_path.startswith("//") else normal_path
