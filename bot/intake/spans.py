"""The syntax tree of a YAML or JSON file in which every node knows its span.

Reading many files does not build it; origins (:mod:`bot.intake.origins`) and edits (:mod:`bot.edits`) ask for it. Offsets are
characters of :class:`~bot.intake.text.Text`. Built from parser events with an explicit stack, so that depth costs
memory and never the interpreter's stack.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from bot.intake.scalars import Dialect, Scalar, resolve, tagged
from bot.model.json import JSON, Pointer


@dataclass(slots=True)
class SpanNode:
    """Where a node is written. ``start`` is where its own text begins, after an anchor or tag; ``head`` where the anchor or
    tag begins.
    """

    head: int
    start: int
    end: int


@dataclass(slots=True)
class ScalarNode(SpanNode):
    """One scalar. ``style`` is the opening quote or block mark, empty for plain. ``tag`` is set only when written."""

    value: str
    style: str = ""
    anchor: str | None = None
    tag: str | None = None


_Item = TypeVar("_Item")


@dataclass(slots=True)
class CollectionNode(SpanNode, Generic[_Item]):
    """A mapping or sequence. ``flow`` when written in braces or brackets."""

    flow: bool
    items: list[_Item] = field(default_factory=list)
    anchor: str | None = None


@dataclass(slots=True)
class MappingNode(CollectionNode["tuple[Node, Node]"]):
    """A mapping. ``start`` is its first key or its brace."""

    indices: dict[str, int] | None = field(default=None, init=False, repr=False, compare=False)

    def index_of(self, name: str) -> int | None:
        """The index of the last entry with the key ``name`` that is no merge key. Asked once the mapping is complete."""
        if self.indices is None:
            self.indices = {key_of(key): at for at, (key, _) in enumerate(self.items) if not is_merge(key)}
        return self.indices.get(name)


class SequenceNode(CollectionNode["Node"]):
    """A sequence. ``start`` is its first dash or its bracket."""

    __slots__ = ()


@dataclass(slots=True)
class AliasNode:
    """A ``*name``; ``target`` is the anchored node."""

    head: int
    end: int
    name: str
    target: Node

    @property
    def start(self) -> int:
        """Where its text begins: an alias has no anchor or tag before it."""
        return self.head


Node: TypeAlias = ScalarNode | MappingNode | SequenceNode | AliasNode


@dataclass(frozen=True, slots=True)
class NodePosition:
    """Where a pointer led: ``node`` and, below it, the part of the pointer that the tree does not have.

    ``key`` is the node of its key (None in sequences and at the top). ``shared`` says that an alias or merge key was on
    the way: the text also gives other values.
    """

    node: Node
    remainder: Pointer
    key: Node | None = None
    parent: MappingNode | SequenceNode | None = None
    shared: bool = False


def target(node: Node) -> ScalarNode | MappingNode | SequenceNode:
    """The node itself, or what an alias stands for."""
    while isinstance(node, AliasNode):
        node = node.target
    return node


def key_of(node: Node) -> str:
    """A mapping key as trees have it: its text."""
    scalar_node = target(node)
    return scalar_node.value if isinstance(scalar_node, ScalarNode) else ""


def locate(root: Node, pointer: Pointer) -> NodePosition:
    """Follow ``pointer`` from ``root`` as far as the tree has it. Merge keys (``<<``) are followed like aliases."""
    position = NodePosition(root, pointer)
    while position.remainder:
        step = _step(position, position.remainder[0])
        if step is None:
            return position
        position = step
    return position


def _step(position: NodePosition, segment: str | int) -> NodePosition | None:
    node, shared = target(position.node), position.shared or isinstance(position.node, AliasNode)
    if isinstance(node, SequenceNode) and isinstance(segment, int) and -len(node.items) <= segment < len(node.items):
        return NodePosition(node.items[segment], position.remainder[1:], None, node, shared)
    if isinstance(node, MappingNode):
        value_position = node.index_of(segment) if isinstance(segment, str) else None
        if value_position is not None:
            key, value = node.items[value_position]
            return NodePosition(value, position.remainder[1:], key, node, shared)
        for source in merged(node):
            inherited = _step(NodePosition(source, position.remainder, shared=True), segment)
            if inherited is not None:
                return NodePosition(inherited.node, inherited.remainder, inherited.key, inherited.parent, shared=True)
    return None


def is_merge(key: Node) -> bool:
    """Whether a key is YAML's merge key."""
    return isinstance(key, ScalarNode) and key.value == "<<" and not key.style and key.tag is None


def merged(node: MappingNode) -> list[Node]:
    """The mappings that ``node`` merges in, the first one winning."""
    sources: list[Node] = []
    for key, value in node.items:
        if is_merge(key):
            resolved = target(value)
            sources.extend(resolved.items if isinstance(resolved, SequenceNode) else [value])
    return [source for source in sources if isinstance(target(source), MappingNode)]


def scalar(node: ScalarNode, dialect: Dialect) -> Scalar:
    """The plain value of a scalar: by its tag, as written in quotes, or by what its plain text means."""
    if node.tag is not None:
        return tagged(node.tag, node.value, dialect)
    return node.value if node.style else resolve(node.value, dialect)


def attach(parent: MappingNode | SequenceNode, keys: list[Node | None], node: Node) -> None:
    """``node`` is complete: an element of ``parent``, a key that waits (last in ``keys``) for its value, or that value."""
    if isinstance(parent, SequenceNode):
        parent.items.append(node)
    elif keys[-1] is None:
        keys[-1] = node
    else:
        parent.items.append((keys[-1], node))
        keys[-1] = None


def value(node: Node, dialect: Dialect) -> JSON:
    """The plain value of a node, aliases and merge keys resolved."""
    node = target(node)
    if isinstance(node, ScalarNode):
        return scalar(node, dialect)
    if isinstance(node, SequenceNode):
        return [value(item, dialect) for item in node.items]
    own_entries = {key_of(key): value(item, dialect) for key, item in node.items if not is_merge(key)}
    if len(own_entries) == len(node.items):
        return own_entries
    entries: dict[str, JSON] = {}
    for source in reversed(merged(node)):
        inherited = value(source, dialect)
        if isinstance(inherited, dict):
            entries.update(inherited)
    return {**entries, **own_entries}
