"""The YAML documents of a repository as values, parsed once per content. Used by everything in this package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.intake.scalars import Dialect
from bot.intake.text import NotText, Text, text_error
from bot.intake.yamltree import Broken, load
from bot.model.filetree import FileTree
from bot.model.json import Tree
from bot.model.resource import SourceError

SUFFIXES: Final = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Document:
    """One mapping of a file. ``line`` is where its content begins, ``index`` which document of the file it is."""

    file: str
    index: int
    line: int
    tree: Tree


@dataclass(slots=True)
class Documents:
    """Reads the documents of one tree's files and remembers them by path and content id from one tree to the next."""

    tree: FileTree
    _known: dict[tuple[str, str], tuple[tuple[Document, ...], SourceError | None]] = field(default_factory=dict)

    def on(self, tree: FileTree) -> Documents:
        """The same memory over another tree."""
        return Documents(tree, self._known)

    def of(self, path: str) -> tuple[Document, ...]:
        """The mappings of a file; none where it is not there or cannot be read (see :meth:`error`)."""
        return self._read(path)[0]

    def error(self, path: str) -> SourceError | None:
        """Why a file cannot be read; None where it can, and where it is not there."""
        return self._read(path)[1]

    def mentioning(self, word: bytes) -> Iterator[Document]:
        """The documents of the YAML files whose bytes contain ``word``: a cheap way past everything else."""
        for path in self.tree:
            if path.endswith(SUFFIXES) and word in (self.tree.read(path) or b""):
                yield from self.of(path)

    def _read(self, path: str) -> tuple[tuple[Document, ...], SourceError | None]:
        blob = self.tree.id_of(path)
        if blob is None:
            return (), None
        known = self._known.get((path, blob))
        if known is None:
            known = self._known[path, blob] = _parsed(path, self.tree.read(path) or b"")
        return known


def _parsed(path: str, data: bytes) -> tuple[tuple[Document, ...], SourceError | None]:
    try:
        loaded = load(Text.of(path, data), Dialect.KUBERNETES)
    except NotText as exc:
        return (), text_error(path, exc)
    except Broken as exc:
        return (), exc.error
    return tuple(
        Document(path, index, document.line, document.value)
        for index, document in enumerate(loaded)
        if document is not None and isinstance(document.value, Mapping)
    ), None
