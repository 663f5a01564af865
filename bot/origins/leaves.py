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
from bot.intake.yamlspans import span_trees
from bot.intake.yamltree import Broken, load
from bot.model.filetree import FileTree
from bot.model.json import JSON, Pointer, Tree, mapping, value_at
from bot.model.paths import Item, Path
from bot.model.resource import api_group
from bot.targets.signs import KUSTOMIZATIONS

SUFFIXES: Final = (".yaml", ".yml", ".json", "Kustomization")
MOST: Final = 20_000
"""Leaves of one target that are looked at."""
_LONGEST: Final = 100_000
"""Characters of a text that is looked into."""
_DEEPEST: Final = 3
"""Texts that lie in one another: a patch that adds patches."""
_BRACKETS: Final = ("{", "[", "- {")
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
        return api_group(mapping(self.tree).get("apiVersion"))

    @property
    def is_builtin(self) -> bool:
        """Whether it configures one of kustomize's own transformers or generators (kustomize docs, "Builtins")."""
        return isinstance(self.tree, Mapping) and self.tree.get("apiVersion") == "builtin"

    @property
    def is_kustomization(self) -> bool:
        """Whether it is a kustomization file or component; both may leave out their kind."""
        return self.file.rpartition("/")[2] in KUSTOMIZATIONS or self.group == "kustomize.config.k8s.io"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar, or an empty collection. ``texts`` are the pointers of the texts that it lies in, from the outside in,
    where those are YAML themselves; ``pointer`` leads on from there. ``terms`` are the names on the whole way to it, those
    of list elements included.
    """

    document: YamlDocument
    pointer: Pointer
    value: JSON
    terms: tuple[str, ...]
    texts: tuple[Pointer, ...] = ()

    @property
    def full_pointer(self) -> Pointer:
        """The pointer through all texts."""
        return (*(part for text in self.texts for part in text), *self.pointer)


def documents(tree: FileTree, paths: Iterable[str]) -> list[YamlDocument]:
    """The documents of the YAML and JSON files among ``paths``. What is no YAML (a template) has none; what is
    encrypted has none either, for its checksum covers all of its values (SOPS README, "Message Authentication Code").
    """
    found_documents: list[YamlDocument] = []
    for path in sorted(paths):
        if path.endswith(SUFFIXES) and (data := tree.read(path)) is not None:
            found_documents += [
                YamlDocument(path, index, value)
                for index, value in values(path, data)
                if isinstance(value, list) or (isinstance(value, Mapping) and "sops" not in value)
            ]
    return found_documents


@lru_cache(maxsize=8192)
def values(path: str, data: bytes) -> tuple[tuple[int, JSON], ...]:
    """The documents of a file by their index; none where it is no YAML."""
    try:
        loaded = load(Text.of(path, data), Dialect.KUBERNETES)
    except (NotText, Broken):
        return ()
    return tuple((index, document.value) for index, document in enumerate(loaded) if document is not None)


def leaves(yaml_documents: Iterable[YamlDocument]) -> list[Leaf]:
    """Every leaf of ``yaml_documents``, those inside of YAML texts included."""
    collected: list[Leaf] = []
    for document in yaml_documents:
        collected += _leaves(document, document.tree, (), ())
        if len(collected) > MOST:
            break
    return collected


def _leaves(document: YamlDocument, tree: JSON, texts: tuple[Pointer, ...], before: tuple[str, ...]) -> Iterator[Leaf]:
    """Those of a document or of a text in it, each text before what it holds."""
    for pointer, value, terms in _walk(tree, (), before):
        yield Leaf(document, pointer, value, terms, texts)
        if isinstance(value, str) and len(texts) < _DEEPEST and (nested_tree := inside(value)) is not None:
            yield from _leaves(document, nested_tree, (*texts, pointer), terms)


def inside(text: str) -> Tree | list[JSON] | None:
    """The mapping or list that a text is as YAML, where it has several lines or stands in brackets; None for any other."""
    if len(text) > _LONGEST or not ("\n" in text or text.startswith(_BRACKETS)):
        return None
    documents_inside = values("(text)", text.encode())
    value = documents_inside[0][1] if len(documents_inside) == 1 else None
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


def path_of(tree: JSON, pointer: Pointer) -> Path:
    """A pointer as people write it: elements of lists by their names, where they have some."""
    path: list[str | int | Item] = []
    for depth, part in enumerate(pointer):
        element = value_at(tree, pointer[: depth + 1]) if isinstance(part, int) else None
        name = element.get("name") if isinstance(element, Mapping) else None
        path.append(Item(name) if isinstance(name, str) else part)
    return tuple(path)


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


def _walk(value: JSON, pointer: Pointer, terms: tuple[str, ...]) -> Iterator[tuple[Pointer, JSON, tuple[str, ...]]]:
    if isinstance(value, Mapping) and value:
        for key, entry in value.items():
            yield from _walk(entry, (*pointer, key), (*terms, key))
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for index, element in enumerate(value):
            yield from _walk(element, (*pointer, index), (*terms, *_element_words(element)))
    else:
        yield pointer, value, terms


def line_of(file: str, data: bytes, document: int, pointer: Pointer, *inner: Pointer) -> int:
    """The line at which the value at ``pointer`` is written; that of the nearest place around it where it is not.
    ``inner`` lead on into the text there, and into that in it.
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
    node = position.node
    if not inner or position.remainder or not isinstance(node, ScalarNode) or node.style not in {"|", ">"}:
        return line
    return line + line_of("(text)", node.value.encode(), 0, *inner)
