"""Files that could declare something and are not read, because what they say is somewhere else: named, so that nobody
takes what they declare for compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from bot.intake.discover import candidates
from bot.model.resource import SourceError

_POINTER: Final = b"version https://git-lfs.github.com/spec/"
"""How a Git LFS pointer begins (git-lfs, docs/spec.md, "The Pointer": ``version`` is its first line)."""


def links(paths: Iterable[str]) -> tuple[SourceError, ...]:
    """A note for each symbolic link whose name is that of a file worth reading. None is followed: it may lead anywhere."""
    return tuple(_note(path, "a symbolic link, which is not followed: not read") for path in candidates(paths))


def pointers(files: Mapping[str, bytes]) -> tuple[SourceError, ...]:
    """A note for each file whose content Git LFS keeps outside of Git."""
    message = "a Git LFS pointer, whose content is not in Git: not read"
    return tuple(_note(path, message) for path, data in files.items() if data.startswith(_POINTER))


def _note(path: str, message: str) -> SourceError:
    return SourceError(path, 1, 1, message, note=True)
