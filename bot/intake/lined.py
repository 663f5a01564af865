"""YAML as values that know their lines: what rules look at in files of strangers, and files of our own whose mistakes
name a line (settings, rules, ignores, front matter).

A view of the span trees of :mod:`bot.intake.yamlspans`, and as robust: an alias is the node it stands for instead of a
copy, what merge keys copy is counted, and no tag constructs anything. JSON is read as the YAML it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.errors import Invalid
from bot.intake.lined_node import LinedNode as LinedNode  # noqa: PLC0414 - those who read files look for it here
from bot.intake.scalars import Dialect
from bot.intake.spans import MappingNode, Node, ScalarNode, SequenceNode, is_merge, key_of, merged, scalar, target
from bot.intake.text import NotText, Text
from bot.intake.yamlspans import span_trees
from bot.intake.yamltree import Broken, YamlLimits, shared_most
from bot.model.json import JSON

FOREIGN: Final = YamlLimits(deepest=60, most=300_000)
"""What a file of a stranger may cost."""
_LIMITS: Final = YamlLimits(deepest=40, most=50_000)
_CHARACTERS: Final = 32
"""Characters of a text that take as long to look at as one value."""
_LARGEST_OWN: Final = 1_000_000


class Repeated(Broken):
    """``key`` is written twice in one mapping."""

    def __init__(self, text: Text, offset: int, key: str) -> None:
        super().__init__(text.error(offset, f"the key {key!r} is written twice in one mapping"))
        self.key = key


def documents(text: Text, *, limits: YamlLimits = FOREIGN, strict: bool = False) -> tuple[LinedNode, ...]:
    """Every document. Raises :class:`~bot.intake.yamltree.Broken`; linear in the text up to the limits.

    With ``strict`` a key that is written twice in one mapping, or is no scalar, is a mistake: of two entries with one
    key the first would vanish without a word.
    """
    trees = span_trees(text, limits, across=False)
    reader = _Reader(text, limits, strict)
    return tuple(LinedNode(None, 1) if tree is None else reader.node(tree) for tree in trees)


@dataclass(slots=True)
class _Reader:
    text: Text
    limits: YamlLimits
    strict: bool
    anchored: dict[int, LinedNode] = field(default_factory=dict)
    merged: int = 0
    size: int = 0
    """Values so far, with what aliases stand for: who walks the tree meets that many."""
    sizes: dict[int, int] = field(default_factory=dict)

    def node(self, span: Node) -> LinedNode:
        alias, span = span, target(span)
        if span.anchor and id(span) in self.anchored:
            self.size += self.sizes.get(id(span), 1)  # of a cycle nothing is known yet
            if self.size > shared_most(self.text):
                text = f"aliases expand to more than {shared_most(self.text):,} values"
                raise Broken(self.text.error(alias.head, text), hostile=True)
            return self.anchored[id(span)]
        before = self.size
        self.size += 1 + (len(span.value) // _CHARACTERS if isinstance(span, ScalarNode) else 0)
        node = self._node(span)
        if span.anchor:
            self.sizes[id(span)] = self.size - before
        return node

    def _node(self, span: ScalarNode | MappingNode | SequenceNode) -> LinedNode:
        line = self.text.line(span.head)
        if isinstance(span, ScalarNode):
            end_line = self.text.line(span.end)
            return self._registered(span, LinedNode(scalar(span, Dialect.KUBERNETES), line, end_line, span.value))
        if isinstance(span, SequenceNode):
            elements: list[LinedNode] = []
            node = self._registered(span, LinedNode(elements, line))
            elements += [self.node(item) for item in span.items]
            return node
        entries: dict[str, LinedNode] = {}
        lines: dict[str, int] = {}
        node = self._registered(span, LinedNode(entries, line, key_lines=lines))
        self._fill(span, entries, lines)
        return node

    def _registered(self, span: ScalarNode | MappingNode | SequenceNode, node: LinedNode) -> LinedNode:
        """Known before its children are read: an anchor may contain itself."""
        if span.anchor:
            self.anchored[id(span)] = node
        return node

    def _fill(self, span: MappingNode, entries: dict[str, LinedNode], lines: dict[str, int]) -> None:
        merges = False
        for key, value in span.items:
            if is_merge(key):
                merges = True
                continue
            name = key_of(key)
            if self.strict and not isinstance(target(key), ScalarNode):
                raise Broken(self.text.error(key.head, "a mapping key that is not a scalar", "text"))
            if self.strict and name in entries:
                raise Repeated(self.text, key.head, name[:80])
            entries[name] = self.node(value)
            lines[name] = self.text.line(key.head)
        for source in merged(span) if merges else ():
            inherited = self.node(source).value
            if isinstance(inherited, dict) and inherited is not entries:
                self.merged += len(inherited)
                if self.merged > self.limits.most:
                    raise Broken(
                        self.text.error(span.head, f"merges more than {self.limits.most:,} entries"), hostile=True
                    )
                for name, child in inherited.items():
                    entries.setdefault(name, child)


@dataclass(frozen=True, slots=True)
class Document:
    """A file of our own as plain ``value``, and the line (from 1) of every place in it."""

    file: str
    value: JSON
    root: LinedNode

    def line(self, location: Sequence[str | int]) -> int:
        """As :meth:`LinedNode.line_of`."""
        return self.root.line_of(location)


def read_document(data: bytes, file: str, *, not_yaml: str = "not valid YAML") -> Document:
    """The one document of a file of our own. Raises ``Invalid`` with file, line and column; ``not_yaml`` words it."""
    if len(data) > _LARGEST_OWN:
        raise Invalid(f"{file}: {len(data)} bytes is too large (at most {_LARGEST_OWN})")
    try:
        text = Text.of(file, data)
    except NotText as exc:
        raise Invalid(f"{file}:1: not UTF-8 text (byte {exc.offset})") from exc
    try:
        trees = documents(text, limits=_LIMITS, strict=True)
    except Repeated as exc:
        raise Invalid(
            f"{file}:{exc.error.line}: the key {exc.key!r} appears twice", advice="Keep one of them."
        ) from exc
    except Broken as exc:
        message = f"{not_yaml}: {exc.problem}" if exc.problem else exc.error.message
        raise Invalid(f"{file}:{exc.error.line}:{exc.error.column}: {_too_much() if exc.hostile else message}") from exc
    if len(trees) > 1:
        raise Invalid(f"{file}:{trees[1].line}: a second document", advice="Keep one document in the file.")
    root = trees[0] if trees else LinedNode(None, 1)
    return Document(file, plain(root, file), root)


def plain(node: LinedNode, file: str) -> JSON:
    """The value without its lines. Raises ``Invalid`` where aliases make more of it than a file of our own may hold."""
    return _Plain(file).value(node, 0)


def _too_much() -> str:
    return f"too deep or too long (at most {_LIMITS.deepest} levels, {_LIMITS.most} values)"


@dataclass(slots=True)
class _Plain:
    """Nodes to plain values, counted: what aliases share in the tree is a copy here."""

    file: str
    left: int = _LIMITS.most

    def value(self, node: LinedNode, depth: int) -> JSON:
        self.left -= 1
        if self.left < 0 or depth > _LIMITS.deepest:
            raise Invalid(f"{self.file}:{node.line}: {_too_much()}")
        if isinstance(node.value, dict):
            return {key: self.value(child, depth + 1) for key, child in node.value.items()}
        if isinstance(node.value, list):
            return [self.value(child, depth + 1) for child in node.value]
        return node.value
