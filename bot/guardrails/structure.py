"""YAML and JSON as trees that know their lines, parsed so that hostile input can neither hang nor exhaust memory.

An own composer over libyaml's events: aliases share a node instead of copying it, depth and node count are capped, and
no tag ever constructs anything. Structural detectors compare these trees before and after a change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

MAX_DEPTH: Final = 60
MAX_NODES: Final = 120_000

Scalar: TypeAlias = "None | bool | int | float | str"

_TEMPLATE: Final = re.compile(r"\{\{-?[^{}\n]{0,300}\}\}|\{%-?[^{}\n]{0,300}%\}")
_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9_]{0,18})\Z")
_FLOAT: Final = re.compile(r"[-+]?([0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,18})([eE][-+]?[0-9]{1,3})?\Z")
_WORDS: Final[Mapping[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}


@dataclass(slots=True, eq=False)
class Node:
    """One value with the line it begins on (from 1). Never changed after parsing; may be shared through an alias."""

    value: Scalar | dict[str, Node] | list[Node]
    line: int
    end_line: int = 0
    raw: str = ""

    def get(self, *path: str) -> Node | None:
        """The node below ``path`` of mapping keys; None when there is none."""
        node: Node | None = self
        for key in path:
            if node is None or not isinstance(node.value, dict):
                return None
            node = node.value.get(key)
        return node

    def items(self) -> Iterator[tuple[str, Node]]:
        """The entries of a mapping; nothing for any other value."""
        if isinstance(self.value, dict):
            yield from self.value.items()

    def children(self) -> Iterator[Node]:
        """The values of a mapping, the elements of a list; nothing for a scalar."""
        if isinstance(self.value, dict):
            yield from self.value.values()
        elif isinstance(self.value, list):
            yield from self.value

    def elements(self) -> Sequence[Node]:
        """The elements of a list; nothing for any other value."""
        return self.value if isinstance(self.value, list) else ()

    def text(self) -> str | None:
        """The value as text when it is a string."""
        return self.value if isinstance(self.value, str) else None

    def plain(self, budget: int = 2000) -> object:
        """The value as plain data for comparison; beyond ``budget`` nodes the rest is left out."""
        left = [budget]
        return _plain(self, left)


def _plain(node: Node, left: list[int]) -> object:
    left[0] -= 1
    if left[0] < 0:
        return "…"
    if isinstance(node.value, dict):
        return {key: _plain(child, left) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(child, left) for child in node.value]
    return node.value


Document: TypeAlias = Node


@dataclass(frozen=True, slots=True)
class Unparsed:
    """The text is not a document. ``hostile`` when it was given up for its size or depth instead of a mistake."""

    message: str
    line: int
    hostile: bool = False


class _TwiceError(Exception):
    def __init__(self, key: str, line: int) -> None:
        super().__init__(f"key {key[:80]!r} is written twice")
        self.line = line


class _TooBigError(Exception):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def is_template(text: str) -> bool:
    """Whether the text is a template of YAML rather than YAML (Helm, Jinja, Go templates)."""
    return _TEMPLATE.search(text) is not None and not _only_actions(text)


def _only_actions(text: str) -> bool:
    """GitHub's ``${{ }}`` is plain text inside YAML scalars."""
    return all(text[max(found.start() - 1, 0) : found.start()] == "$" for found in _TEMPLATE.finditer(text))


def parse_documents(text: str, *, unique_keys: bool = False) -> tuple[Document, ...] | Unparsed:
    """Every document of a YAML (or JSON) text. Never raises, never slow: linear in the text up to the caps.

    With ``unique_keys`` a key that is written twice in one mapping is a mistake.
    """
    import yaml

    try:
        return tuple(_Composer(unique_keys=unique_keys).documents(text))
    except _TwiceError as error:
        return Unparsed(str(error), error.line)
    except _TooBigError as error:
        return Unparsed(str(error), error.line, hostile=True)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        return Unparsed(str(error.problem or "not YAML"), 1 if mark is None else mark.line + 1)
    except yaml.YAMLError as error:
        return Unparsed(str(error).splitlines()[0], 1)


@dataclass(slots=True)
class _Frame:
    """A collection that is being read; ``key`` is the mapping key that waits for its value, as it was written."""

    node: Node
    key: str | None = None


class _Composer:
    """Builds nodes from events with an explicit stack, so depth costs no Python frames."""

    def __init__(self, *, unique_keys: bool) -> None:
        self.unique_keys = unique_keys
        self.nodes = 0
        self.anchors: dict[str, Node] = {}

    def documents(self, text: str) -> Iterator[Document]:
        import yaml

        stack: list[_Frame] = []
        root: Node | None = None
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            line = _line(event.start_mark)
            if isinstance(event, (yaml.DocumentStartEvent, yaml.StreamStartEvent, yaml.StreamEndEvent)):
                self.anchors.clear()
                root = None
            elif isinstance(event, yaml.DocumentEndEvent):
                if root is not None:
                    yield root
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                stack.pop().node.end_line = line
            else:
                node = self._node(event, line)
                root = node if root is None else root
                if stack:
                    self._attach(stack[-1], node)
                if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                    if len(stack) >= MAX_DEPTH:
                        raise _TooBigError(f"nested deeper than {MAX_DEPTH} levels", line)
                    stack.append(_Frame(node))

    def _node(self, event: object, line: int) -> Node:
        import yaml

        self._count(1, line)
        if isinstance(event, yaml.AliasEvent):
            return self.anchors.get(event.anchor or "") or Node(None, line)
        if isinstance(event, yaml.ScalarEvent):
            node = Node(_scalar(event.value, plain=event.implicit[0]), line, _line(event.end_mark), event.value)
        elif isinstance(event, yaml.MappingStartEvent):
            node = Node({}, line)
        else:
            node = Node([], line)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def _attach(self, frame: _Frame, node: Node) -> None:
        parent = frame.node.value
        if isinstance(parent, list):
            parent.append(node)
        elif isinstance(parent, dict):
            if frame.key is None:
                frame.key = node.raw
            else:
                self._put(parent, frame.key, node)
                frame.key = None

    def _put(self, mapping: dict[str, Node], key: str, node: Node) -> None:
        """Enter one pair; a merge key copies the entries that are not there yet, as YAML 1.1 has it."""
        if key != "<<":
            if self.unique_keys and key in mapping:
                raise _TwiceError(key, node.line)
            mapping[key] = node
            return
        for source in (node, *node.elements()):
            self._count(len(source.value) if isinstance(source.value, dict) else 0, node.line)
            for name, child in source.items():
                mapping.setdefault(name, child)

    def _count(self, more: int, line: int) -> None:
        self.nodes += more
        if self.nodes > MAX_NODES:
            raise _TooBigError(f"more than {MAX_NODES:,} nodes", line)


def _line(mark: object) -> int:
    """The line of a mark, from 1; libyaml gives every event one."""
    return int(getattr(mark, "line", 0)) + 1


def _scalar(text: str, *, plain: bool) -> Scalar:
    if not plain:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text.replace("_", ""))
    if _FLOAT.match(text):
        return float(text)
    return text
