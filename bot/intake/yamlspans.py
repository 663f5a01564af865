"""YAML text to span trees: exact, for origins and edits. :mod:`bot.intake.yamltree` makes values of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from bot.intake.spans import AliasNode, MappingNode, Node, ScalarNode, SequenceNode, attach
from bot.intake.text import Text
from bot.intake.yamltree import LIMITS, Broken, YamlLimits, error_at_node, events, too_deep

_NODES: Final = frozenset({ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent})


def span_trees(text: Text, limits: YamlLimits = LIMITS, *, across: bool = True) -> list[Node | None]:
    """One span tree per document, None for an empty one. Raises :class:`Broken`; unless ``across`` also where an alias names
    an anchor of a document before its own.
    """
    documents: list[Node | None] = []
    builder = _Builder(text, limits)
    for event in events(text):
        if not across and isinstance(event, DocumentStartEvent):
            builder.anchors = {}
        root = builder.take(event)
        if root is not None:
            empty = isinstance(root, ScalarNode) and root.value == "" and not root.style
            documents.append(None if empty else root)
    return documents


@dataclass(slots=True)
class _Builder:
    """Events to span trees, with the open collections on a stack. An alias also finds the anchor of a document before its own,
    which those who read one document at a time have refused by then.
    """

    text: Text
    limits: YamlLimits
    stack: list[MappingNode | SequenceNode] = field(default_factory=list)
    keys: list[Node | None] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)
    nodes: int = 0

    def take(self, event: Any) -> Node | None:
        """The root once it is complete."""
        kind, start, end = type(event), event.start_mark.index, event.end_mark.index
        if kind in _NODES:
            self.nodes += 1
            if self.nodes > self.limits.most:
                raise Broken(
                    error_at_node(self.text, event, f"more than {self.limits.most:,} nodes"), hostile=True, long=True
                )
        if kind is ScalarEvent:
            tag = event.tag if event.tag and not any(event.implicit) else None
            style = "" if event.implicit[0] and not event.style else (event.style or "")
            node_start = self._after_properties(event)
            return self._done(
                self._anchored(event.anchor, ScalarNode(start, node_start, end, event.value, style, event.anchor, tag))
            )
        if kind is AliasEvent:
            if event.anchor not in self.anchors:
                raise Broken(
                    error_at_node(self.text, event, "not valid YAML: found undefined alias"),
                    problem="found undefined alias",
                )
            return self._done(AliasNode(start, end, event.anchor, self.anchors[event.anchor]))
        if kind in {MappingStartEvent, SequenceStartEvent}:
            if len(self.stack) >= self.limits.deepest:
                raise too_deep(self.text, event, self.limits.deepest)
            node_class = MappingNode if kind is MappingStartEvent else SequenceNode
            node_start = self._after_properties(event)
            collection = node_class(start, node_start, node_start, bool(event.flow_style), anchor=event.anchor)
            self._anchored(event.anchor, collection)
            self.stack.append(collection)
            self.keys.append(None)
        elif issubclass(kind, CollectionEndEvent):
            closed = self.stack.pop()
            self.keys.pop()
            closed.end = end if closed.flow else _content_end(closed)
            return self._done(closed)
        return None

    def _anchored(self, anchor: str | None, node: Node) -> Node:
        if anchor:
            self.anchors[anchor] = node
        return node

    def _done(self, node: Node) -> Node | None:
        if not self.stack:
            return node
        attach(self.stack[-1], self.keys, node)
        return None

    def _after_properties(self, event: Any) -> int:
        at = int(event.start_mark.index)
        if not (event.anchor or event.tag):
            return at
        chars = self.text.chars
        while at < len(chars) and chars[at] in "&!":
            while at < len(chars) and not chars[at].isspace():
                at += 1
            at = _skip_blank(chars, at)
        return at


def _skip_blank(chars: str, at: int) -> int:
    while at < len(chars):
        if chars[at] == "#" and chars[at - 1].isspace():
            end = chars.find("\n", at)
            at = end if end >= 0 else len(chars)
        elif chars[at].isspace():
            at += 1
        else:
            break
    return at


def _content_end(node: MappingNode | SequenceNode) -> int:
    """For libyaml a block collection ends where the next token starts; it really ends with its last child."""
    if not node.items:
        return node.end
    last = node.items[-1]
    return last[1].end if isinstance(last, tuple) else last.end
