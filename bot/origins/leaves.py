"""The values that are written in the files of a target, each with where it stands: what an edit may change.

Text that is itself YAML (an inline patch of a kustomization, values in a controller's object) is read as well: its
leaves are reached through the text around them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bot.intake.scalars import Dialect
from bot.intake.spans import locate
from bot.intake.text import NotText, Text
from bot.intake.yamltree import Broken, load, span_trees
from bot.model.filetree import FileTree
from bot.model.json import JSON, Pointer, Tree

SUFFIXES: Final = (".yaml", ".yml", ".json", "Kustomization")
_MOST: Final = 20_000
"""Leaves of one target that are looked at."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar, or an empty collection. ``inner`` is its pointer inside of the text at ``pointer``, where that is
    YAML itself.
    """

    file: str
    document: int
    pointer: Pointer
    value: JSON
    inner: Pointer | None = None

    @property
    def whole(self) -> Pointer:
        """The pointer through the text, for telling leaves apart."""
        return self.pointer if self.inner is None else (*self.pointer, *self.inner)


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """One document of a file as values."""

    file: str
    index: int
    tree: JSON

    @property
    def kind(self) -> str:
        """``kind``, empty for what is no object."""
        kind = self.tree.get("kind") if isinstance(self.tree, Mapping) else None
        return kind if isinstance(kind, str) else ""

    @property
    def name(self) -> str:
        """``metadata.name``, empty where there is none."""
        meta = self.tree.get("metadata") if isinstance(self.tree, Mapping) else None
        name = meta.get("name") if isinstance(meta, Mapping) else None
        return name if isinstance(name, str) else ""


def documents(tree: FileTree, paths: Iterable[str]) -> list[ReadDocument]:
    """The documents of the YAML and JSON files among ``paths``; what is no YAML (a template) has none."""
    read: list[ReadDocument] = []
    for path in sorted(paths):
        if path.endswith(SUFFIXES) and (data := tree.read(path)) is not None:
            read += [
                ReadDocument(path, index, value)
                for index, value in _values(path, data)
                if isinstance(value, (Mapping, list))
            ]
    return read


@lru_cache(maxsize=4096)
def _values(path: str, data: bytes) -> tuple[tuple[int, JSON], ...]:
    try:
        loaded = load(Text.of(path, data), Dialect.KUBERNETES)
    except (NotText, Broken):
        return ()
    return tuple((index, document.value) for index, document in enumerate(loaded) if document is not None)


def leaves(listed: Iterable[ReadDocument]) -> list[Leaf]:
    """Every leaf of ``listed``, those inside of YAML texts included."""
    gathered: list[Leaf] = []
    for document in listed:
        for pointer, value in _walk(document.tree, ()):
            gathered.append(Leaf(document.file, document.index, pointer, value))
            if isinstance(value, str) and "\n" in value and len(value) < 100_000:
                inner = inside(value)
                gathered += [
                    Leaf(document.file, document.index, pointer, v, p) for p, v in _walk(inner, ()) if inner is not None
                ]
            if len(gathered) > _MOST:
                return gathered
    return gathered


def inside(text: str) -> Tree | list[JSON] | None:
    """The mapping or list that a text is as YAML; None for any other text."""
    values = _values("(text)", text.encode())
    value = values[0][1] if len(values) == 1 else None
    return value if isinstance(value, (dict, list)) else None


def _walk(value: JSON, at: Pointer) -> Iterator[tuple[Pointer, JSON]]:
    if isinstance(value, Mapping) and value:
        for key, entry in value.items():
            yield from _walk(entry, (*at, key))
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for index, element in enumerate(value):
            yield from _walk(element, (*at, index))
    else:
        yield at, value


def line_of(file: str, data: bytes, document: int, pointer: Pointer) -> int:
    """The line at which the value at ``pointer`` is written; that of the nearest place around it where it is not."""
    try:
        text = Text.of(file, data)
        trees = span_trees(text) if not file.endswith(".json") else []
    except (NotText, Broken):
        return 1
    root = trees[document] if document < len(trees) else None
    if root is None:
        return 1
    position = locate(root, pointer)
    return text.chars.count("\n", 0, position.node.start) + 1
