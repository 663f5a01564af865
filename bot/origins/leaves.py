"""The values that are written in the files of a target, each with where it stands: what an edit may change.

Text that is itself YAML (an inline patch of a kustomization, values in a controller's object) is read as well: its
leaves are reached through the text around them. Files that are no YAML say something line by line (``KEY=value``) or as
a whole (what a generator takes in).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bot.edits.values import at
from bot.intake.scalars import Dialect
from bot.intake.spans import ScalarNode, locate
from bot.intake.text import NotText, Text
from bot.intake.yamltree import Broken, load, span_trees
from bot.model.filetree import FileTree
from bot.model.json import JSON, Pointer, Tree

SUFFIXES: Final = (".yaml", ".yml", ".json", "Kustomization")
MOST: Final = 20_000
"""Leaves of one target that are looked at."""
_LONGEST: Final = 100_000
"""Characters of a text that is looked into."""
NAMES: Final = ("name", "key", "mountPath", "containerPort", "port", "ip", "host", "path", "op")
"""What elements of lists are told apart by, the surest first (``patchMergeKey`` in k8s.io/api, and ``key`` of charts)."""


@dataclass(frozen=True, slots=True)
class YamlDocument:
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

    @property
    def group(self) -> str:
        """The API group of an object, empty for the core group and for what is no object."""
        version = self.tree.get("apiVersion") if isinstance(self.tree, Mapping) else None
        return version.rpartition("/")[0] if isinstance(version, str) else ""

    @property
    def is_kustomization(self) -> bool:
        """Whether it is a kustomization file or component; both may leave out their kind."""
        named = self.file.rpartition("/")[2] in {"kustomization.yaml", "kustomization.yml", "Kustomization"}
        return named or self.group == "kustomize.config.k8s.io"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar, or an empty collection. ``inner`` is its pointer inside of the text at ``pointer``, where that is
    YAML itself. ``words`` are the names on the way to it, those of list elements included.
    """

    document: YamlDocument
    pointer: Pointer
    value: JSON
    words: tuple[str, ...]
    inner: Pointer | None = None

    @property
    def whole(self) -> Pointer:
        """The pointer through the text."""
        return self.pointer if self.inner is None else (*self.pointer, *self.inner)


def documents(tree: FileTree, paths: Iterable[str]) -> list[YamlDocument]:
    """The documents of the YAML and JSON files among ``paths``. What is no YAML (a template) has none; what is
    encrypted has none either, for its checksum covers all of its values (SOPS README, "Message Authentication Code").
    """
    listed: list[YamlDocument] = []
    for path in sorted(paths):
        if path.endswith(SUFFIXES) and (data := tree.read(path)) is not None:
            listed += [
                YamlDocument(path, index, value)
                for index, value in values(path, data)
                if isinstance(value, list) or (isinstance(value, Mapping) and "sops" not in value)
            ]
    return listed


@lru_cache(maxsize=8192)
def values(path: str, data: bytes) -> tuple[tuple[int, JSON], ...]:
    """The documents of a file by their index; none where it is no YAML."""
    try:
        loaded = load(Text.of(path, data), Dialect.KUBERNETES)
    except (NotText, Broken):
        return ()
    return tuple((index, document.value) for index, document in enumerate(loaded) if document is not None)


def leaves(listed: Iterable[YamlDocument]) -> list[Leaf]:
    """Every leaf of ``listed``, those inside of YAML texts included."""
    collected: list[Leaf] = []
    for document in listed:
        for pointer, value, words in _walk(document.tree, (), ()):
            collected.append(Leaf(document, pointer, value, words))
            if isinstance(value, str) and (text := inside(value)) is not None:
                collected += [Leaf(document, pointer, v, (*words, *w), p) for p, v, w in _walk(text, (), ())]
        if len(collected) > MOST:
            break
    return collected


def inside(text: str) -> Tree | list[JSON] | None:
    """The mapping or list that a text of several lines is as YAML; None for any other text."""
    if "\n" not in text or len(text) > _LONGEST:
        return None
    listed = values("(text)", text.encode())
    value = listed[0][1] if len(listed) == 1 else None
    return value if isinstance(value, (dict, list)) else None


def words_of(tree: JSON, pointer: Pointer) -> tuple[str, ...]:
    """The names on the way to ``pointer``: keys, and for list elements what tells them apart."""
    collected: list[str] = []
    for depth, part in enumerate(pointer):
        if isinstance(part, str):
            collected.append(part)
            continue
        try:
            collected += _element_words(at(tree, pointer[: depth + 1]))
        except KeyError:
            continue
    return tuple(collected)


def _element_words(element: JSON) -> list[str]:
    """What tells a list element apart. An operation of a JSON patch is at its ``path`` (RFC 6902)."""
    if not isinstance(element, Mapping):
        return []
    path = element.get("path")
    if isinstance(element.get("op"), str) and isinstance(path, str):
        return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/") if part and not part.isdecimal()]
    name = next((element[key] for key in NAMES if isinstance(element.get(key), str)), None)
    target = element.get("target")
    if name is None and isinstance(target, Mapping) and isinstance(target.get("name"), str):
        name = target["name"]
    return [name] if isinstance(name, str) else []


def _walk(value: JSON, pointer: Pointer, words: tuple[str, ...]) -> Iterator[tuple[Pointer, JSON, tuple[str, ...]]]:
    if isinstance(value, Mapping) and value:
        for key, entry in value.items():
            yield from _walk(entry, (*pointer, key), (*words, key))
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for index, element in enumerate(value):
            yield from _walk(element, (*pointer, index), (*words, *_element_words(element)))
    else:
        yield pointer, value, words


def line_of(file: str, data: bytes, document: int, pointer: Pointer, inner: Pointer | None = None) -> int:
    """The line at which the value at ``pointer`` is written; that of the nearest place around it where it is not.
    ``inner`` leads on into the text there.
    """
    try:
        text = Text.of(file, data)
        trees = span_trees(text)
    except (NotText, Broken):
        return 1
    root = trees[document] if document < len(trees) else None
    if root is None:
        return 1
    position = locate(root, pointer)
    line = text.chars.count("\n", 0, position.node.start) + 1
    held = position.node
    if inner is None or position.rest or not isinstance(held, ScalarNode) or held.style not in {"|", ">"}:
        return line
    return line + line_of("(text)", held.value.encode(), 0, inner)
