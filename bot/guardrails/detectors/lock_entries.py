"""Which package a line of a lock file is about, and what stands there of its version. A part of DEP-003.

The entries of Cargo, Poetry, uv, Yarn and Terraform stand between empty lines; those in JSON (Pipfile.lock, flake.lock) are
objects, laid out as their tools write them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.model.patterns import regex

_STATED: Final = regex(r"\s*\"?(?:version|rev|ref|resolved|resolution|tag|url|lastModified)\"?\s*[:= ]")


class LockEntries:
    """The entries of one side of a lock file, told in one pass over its lines."""

    def __init__(self, lines: Sequence[str]) -> None:
        first = next((line.strip() for line in lines if line.strip()), "")
        self._owners = _objects(lines) if first.startswith("{") else _paragraphs(lines)
        self._versions: dict[int, list[str]] = {}
        for owner, line in zip(self._owners, lines, strict=True):
            if _STATED.match(line):
                self._versions.setdefault(owner, []).append(line.strip())

    def version(self, number: int) -> Sequence[str]:
        """The lines that say which version the entry of line ``number`` (from 1) is; none where nothing says so."""
        return self._versions.get(self._owners[number - 1], ())


def _paragraphs(lines: Sequence[str]) -> list[int]:
    owners: list[int] = []
    owner = 0
    for at, line in enumerate(lines):
        owner = owner if line.strip() else at + 1
        owners.append(owner)
    return owners


def _objects(lines: Sequence[str]) -> list[int]:
    """For each line the one that begins the object around it."""
    owners: list[int] = []
    around: list[tuple[int, int]] = []
    for at, line in enumerate(lines):
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        while around and around[-1][0] >= indent:
            around.pop()
        owners.append(around[-1][1] if around else -1)
        if text.endswith("{"):
            around.append((indent, at))
    return owners
