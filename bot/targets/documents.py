"""The YAML documents of a repository as values, parsed once per content. Used by everything in this package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from bot.intake.scalars import Dialect
from bot.intake.text import NotText, Text, text_error
from bot.intake.yamltree import Broken, load
from bot.model.filetree import FileTree
from bot.model.json import Tree
from bot.model.resource import SourceError
from bot.targets.signs import SUFFIXES

_PATHS: Final = 100_000
"""Once files of so many paths are remembered, over all commits, all are forgotten: most are long gone."""
_CONTENTS: Final = 8
"""So many contents of one file are remembered: those of the branch, and of pull requests that change it."""


@dataclass(frozen=True, slots=True)
class ManifestDocument:
    """One mapping of a file. ``line`` is where its content begins, ``index`` which document of the file it is."""

    file: str
    index: int
    line: int
    tree: Tree


_Parsed: TypeAlias = tuple[tuple[ManifestDocument, ...], SourceError | None]


@dataclass(slots=True)
class _Content:
    """What is known of one content of a file: its documents once they were asked for, and which words are in its bytes."""

    parsed: _Parsed | None = None
    mentions: dict[bytes, bool] = field(default_factory=dict)


@dataclass(slots=True)
class Documents:
    """Reads the documents of one tree's files and remembers them by path and content id from one tree to the next.

    The memory may be shared between threads: what two of them read at once is the same.
    """

    tree: FileTree
    _contents: dict[str, dict[str, _Content]] = field(default_factory=dict)
    """Contents by id, by path, the one that was asked for last at the end."""

    def on(self, tree: FileTree) -> Documents:
        """The same memory over another tree."""
        return Documents(tree, self._contents)

    def of(self, path: str) -> tuple[ManifestDocument, ...]:
        """The mappings of a file; none where it is not there or cannot be read (see :meth:`error`)."""
        return self._read(path)[0]

    def error(self, path: str) -> SourceError | None:
        """Why a file cannot be read; None where it can, and where it is not there."""
        return self._read(path)[1]

    def inline(self, text: str) -> tuple[Tree, ...]:
        """The mappings in a text that stands in a file; none where it is no YAML."""
        return tuple(document.tree for document in _parsed("inline", text.encode("utf-8", "replace"))[0])

    def mentioning(self, text: bytes) -> Iterator[ManifestDocument]:
        """The documents of the YAML files whose bytes contain ``text``: a cheap way past everything else."""
        for path in self.tree.under(""):
            if path.endswith(SUFFIXES) and self._has(path, text):
                yield from self.of(path)

    def mentions(self, *texts: bytes) -> bool:
        """Whether the bytes of any YAML file contain one of ``texts``."""
        paths = (path for path in self.tree.under("") if path.endswith(SUFFIXES))
        return any(self._has(path, text) for path in paths for text in texts)

    def _has(self, path: str, text: bytes) -> bool:
        content = self._content(path)
        if content is None:
            return False
        has_text = content.mentions.get(text)
        if has_text is None:
            has_text = content.mentions[text] = text in (self.tree.read(path) or b"")
        return has_text

    def _read(self, path: str) -> _Parsed:
        content = self._content(path)
        if content is None:
            return (), None
        if content.parsed is None:
            content.parsed = _parsed(path, self.tree.read(path) or b"")
        return content.parsed

    def _content(self, path: str) -> _Content | None:
        """What is known of the file; None where it is not there. A file that changes again and again is not kept for ever."""
        blob = self.tree.id_of(path)
        if blob is None:
            return None
        if len(self._contents) >= _PATHS and path not in self._contents:
            self._contents.clear()
        contents = self._contents.setdefault(path, {})
        remembered = contents.pop(blob, None)
        content = contents[blob] = _Content() if remembered is None else remembered
        for old in list(contents)[:-_CONTENTS]:
            contents.pop(old, None)
        return content


def _parsed(path: str, data: bytes) -> tuple[tuple[ManifestDocument, ...], SourceError | None]:
    try:
        loaded = load(Text.of(path, data), Dialect.KUBERNETES)
    except NotText as exc:
        return (), text_error(path, exc)
    except Broken as exc:
        return (), exc.error
    return tuple(
        ManifestDocument(path, index, document.line, document.value)
        for index, document in enumerate(loaded)
        if document is not None and isinstance(document.value, Mapping)
    ), None
