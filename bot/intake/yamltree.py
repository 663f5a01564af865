"""YAML text to values, fast, for reading thousands of files; :mod:`bot.intake.yamlspans` makes the exact trees of it.

Both come from libyaml. Values are made here rather than by PyYAML's constructors because Kubernetes and Compose read
scalars by Go's rules (:mod:`bot.intake.scalars`), and because hostile nesting and alias bombs must end in an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from yaml import nodes
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    MappingStartEvent,
    SequenceStartEvent,
)

from bot.intake.scalars import Dialect, key_text, resolve, tagged
from bot.intake.text import Text
from bot.model.json import JSON, Pointer
from bot.model.resource import SourceError

_PLAIN: Final = "?"
_QUOTED: Final = "!"
_CORE: Final = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map", "merge", "binary")
)
"""YAML's own tags (YAML 1.2, 10.3; yaml.org/type/binary.html)."""


_KINDS: Final[dict[str, tuple[type, ...]]] = {"int": (int, float), "float": (int, float), "bool": (bool,)}
TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
_DATE: Final = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}(?:[Tt]\d{1,2}:\d{1,2}:\d{1,2}(?:[.,]\d+)?(?:Z|[-+]\d\d:\d\d)?|"
    r" +\d{1,2}:\d{1,2}:\d{1,2}(?:[.,]\d+)?)?\Z",
    re.ASCII,
)
"""What go-yaml reads as a moment where it is not quoted (``allowedTimestampFormats``)."""
_TAGGED: Final = re.compile(r"!|\d{4}-\d")
"""Without this a text has neither tags nor moments."""


class Broken(ValueError):
    """The text is not YAML that can be read; ``error`` says where and why.

    ``problem`` is what the parser itself said, empty where it is our rule that is broken; ``hostile`` when the text was
    given up for its size or depth and not for a mistake, ``long`` when only for how many nodes are written in it.
    """

    def __init__(self, error: SourceError, *, problem: str = "", hostile: bool = False, long: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.problem = problem
        self.hostile = hostile
        self.long = long


@dataclass(frozen=True, slots=True)
class YamlLimits:
    """How deep a text may nest and how many nodes it may have."""

    deepest: int = 100
    most: int = 2_000_000


LIMITS: Final = YamlLimits()
_LEAST_SHARED: Final = 50_000
_SHARED: Final = 4
"""Values that a text with aliases may come to for each of its characters, beside the least: what walks them takes as long."""


def shared_most(text: Text) -> int:
    """The values that a text with aliases may come to."""
    return min(LIMITS.most, _LEAST_SHARED + _SHARED * len(text.chars))


class _Composer(yaml.cyaml.CParser):  # type: ignore[misc,name-defined]
    """libyaml's composer without PyYAML's resolver: a tag is what was written, or whether the scalar was quoted."""

    def descend_resolver(self, _parent: object, _index: object) -> None:
        """Nothing depends on the path."""

    def ascend_resolver(self) -> None:
        """Nothing depends on the path."""

    def resolve(self, _kind: object, _value: object, implicit: tuple[bool, bool] | bool) -> str:  # noqa: FBT001 (libyaml's call)
        """Whether a scalar was plain."""
        return _PLAIN if implicit is True or (implicit and implicit[0]) else _QUOTED


class _Recomposer(yaml.composer.Composer):
    """The same in Python, for what libyaml's composer refuses and go-yaml takes: an anchor that is written again hides the one
    before it (YAML 1.2.2, section 7.1), and (``across``) the documents of a file have their anchors in common.
    """

    def __init__(self, text: Text, *, across: bool) -> None:
        super().__init__()
        events = _Composer(text.chars)
        self.check_event, self.peek_event, self.get_event = events.check_event, events.peek_event, events.get_event
        self.descend_resolver, self.ascend_resolver = events.descend_resolver, events.ascend_resolver
        self.resolve, self.across = events.resolve, across

    def compose_document(self) -> Any:  # PyYAML's nodes are untyped
        """The root of the next document."""
        anchors = self.anchors
        root = super().compose_document()
        self.anchors = anchors if self.across else {}
        return root

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next node, whatever its anchor was before."""
        if not self.check_event(AliasEvent):
            self.anchors.pop(self.peek_event().anchor, None)
        return super().compose_node(parent, index)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of a program's own (``!reset``) on the value at ``pointer``. Lines and columns count from 1."""

    name: str
    pointer: Pointer
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """One YAML document: its value, the line (from 1) its content starts at, lines of the items of its ``items`` list."""

    value: JSON
    line: int
    item_lines: tuple[int, ...] = ()
    duplicates: tuple[tuple[int, int, str], ...] = ()
    """Line, column and name of keys that are written twice in one mapping."""
    strange: tuple[tuple[int, int, str], ...] = ()
    """The same of keys that are no text: numbers, truth values, dates. For Compose alone."""
    tags: tuple[Tag, ...] = ()
    """For Compose alone: tags that are not YAML's own."""


def load(text: Text, dialect: Dialect) -> list[Loaded | None]:
    """The documents of ``text``, None for an empty one. Raises :class:`Broken`."""
    _check_depth(text)
    try:
        return _documents(_Composer(text.chars), text, dialect)
    except yaml.composer.ComposerError:
        _check_depth(text, certainly=True)
    except yaml.YAMLError as exc:
        raise _broken(text, exc) from exc
    try:
        return _documents(_Recomposer(text, across=dialect is Dialect.COMPOSE), text, dialect)
    except yaml.YAMLError as exc:
        raise _broken(text, exc) from exc


def _documents(composer: Any, text: Text, dialect: Dialect) -> list[Loaded | None]:
    shared = "*" in text.chars
    tagged_text = dialect is Dialect.COMPOSE and _TAGGED.search(text.chars) is not None
    documents: list[Loaded | None] = []
    while composer.check_node():
        root = composer.get_node()
        tags = _Tags().below(root) if tagged_text else ()
        documents.append(_loaded(root, _Values(text, dialect, shared=shared), tags))
    return documents


def _loaded(root: Any, reader: _Values, tags: tuple[Tag, ...]) -> Loaded | None:  # PyYAML's nodes are untyped
    if type(root) is nodes.ScalarNode and root.tag == _PLAIN and root.value == "":
        return None
    value = reader.value(root, 0)
    lines: tuple[int, ...] = ()
    if type(root) is nodes.MappingNode:
        for key, child in root.value:
            if key.value == "items" and type(child) is nodes.SequenceNode:
                lines = tuple(item.start_mark.line + 1 for item in child.value)
    return Loaded(value, root.start_mark.line + 1, lines, tuple(reader.duplicates), tuple(reader.strange), tags)


@dataclass(slots=True)
class _Tags:
    """The tags of a node and below it; each node is looked at once, however many aliases lead to it."""

    by_node: dict[int, tuple[Tag, ...]] = field(default_factory=dict)

    def below(self, node: Any) -> tuple[Tag, ...]:
        if id(node) not in self.by_node:
            self.by_node[id(node)] = (*_own_tag(node), *self._children(node))
        return self.by_node[id(node)]

    def _children(self, node: Any) -> Iterator[Tag]:
        if type(node) is nodes.SequenceNode:
            for index, item in enumerate(node.value):
                yield from self._at(index, item)
        elif type(node) is nodes.MappingNode:
            for key, child in node.value:
                merged = key.value == "<<" and key.tag == _PLAIN
                yield from self.below(child) if merged else self._at(str(key.value), child)

    def _at(self, segment: str | int, node: Any) -> Iterator[Tag]:
        for tag in self.below(node):
            yield Tag(tag.name, (segment, *tag.pointer), tag.line, tag.column)


def _own_tag(node: Any) -> tuple[Tag, ...]:
    moment = node.tag == _PLAIN and type(node) is nodes.ScalarNode and _DATE.match(node.value)
    if not moment and node.tag in {_PLAIN, _QUOTED, *_CORE}:
        return ()
    return (Tag(TIMESTAMP if moment else node.tag, (), node.start_mark.line + 1, node.start_mark.column + 1),)


@dataclass(slots=True)
class _Values:
    """Nodes to values. ``shared`` is whether aliases may occur; then values are kept per node and counted."""

    text: Text
    dialect: Dialect
    shared: bool
    duplicates: list[tuple[int, int, str]] = field(default_factory=list)
    strange: list[tuple[int, int, str]] = field(default_factory=list)
    by_node: dict[int, tuple[JSON, int]] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)
    size: int = 0

    def value(self, node: Any, depth: int) -> JSON:
        if type(node) is nodes.ScalarNode:
            self.size += 1
            tag = node.tag
            if tag == _PLAIN:
                return resolve(node.value, self.dialect)
            return str(node.value) if tag == _QUOTED else self._tagged(node)
        if depth > LIMITS.deepest:
            raise too_deep(self.text, node, LIMITS.deepest)
        return self._once(node, depth) if self.shared else self._children(node, depth)

    def _tagged(self, node: Any) -> JSON:
        """The scalar behind a written tag. One of a program's own says nothing of its type, and Compose leaves it a text."""
        if self.dialect is Dialect.TERRAFORM:
            return self._of_kind(node, node.tag.removeprefix("tag:yaml.org,2002:"))
        if not node.tag.startswith("tag:") and not node.style and self.dialect is not Dialect.COMPOSE:
            return resolve(node.value, self.dialect)
        return tagged(node.tag, node.value, self.dialect)

    def _of_kind(self, node: Any, kind: str) -> JSON:
        """The scalar that must be what its tag says where it is not quoted (``resolve.go`` of go-cty-yaml)."""
        types = _KINDS.get(kind)
        if node.style or kind in {"str", "binary"}:
            return str(node.value)
        value = None if kind == "null" else resolve(node.value, self.dialect)
        if types is not None and (not isinstance(value, types) or isinstance(value, bool) is not (kind == "bool")):
            raise Broken(
                error_at_node(self.text, node, f"a value that is no {kind}"), problem=f"a value that is no {kind}"
            )
        return value

    def _once(self, node: Any, depth: int) -> JSON:
        if id(node) in self.open:
            raise Broken(error_at_node(self.text, node, "an anchor that contains itself"))
        if id(node) not in self.by_node:
            self.open.add(id(node))
            before, self.size = self.size, 0
            self.by_node[id(node)] = (self._children(node, depth), self.size + 1)
            self.size = before
            self.open.discard(id(node))
        value, size = self.by_node[id(node)]
        self.size += size
        most = shared_most(self.text)
        if self.size > most:
            raise Broken(error_at_node(self.text, node, f"aliases expand to more than {most} values"), hostile=True)
        return value

    def _children(self, node: Any, depth: int) -> JSON:
        if type(node) is nodes.SequenceNode:
            return [self.value(item, depth + 1) for item in node.value]
        entries: dict[str, JSON] = {}
        for key, child in node.value:
            name = key.value if type(key) is nodes.ScalarNode else None
            if name is None:
                raise Broken(error_at_node(self.text, key, "a mapping key that is not a scalar", "text"))
            if name == "<<" and key.tag == _PLAIN:
                return self._merged(node, depth)
            if self.dialect is Dialect.TERRAFORM:
                name = self._terraform_key(key)
            if name in entries:
                self.duplicates.append(_key_position(key))
            self._look_at(key)
            entries[name] = self.value(child, depth + 1)
        return entries

    def _terraform_key(self, key: Any) -> str:
        if key.tag != _PLAIN:
            return str(key.value)
        name = None if _DATE.match(key.value) else key_text(key.value)
        if name is None:
            raise Broken(
                error_at_node(self.text, key, "a key that is a date or null", "text"),
                problem="a key that is a date or null",
            )
        return name

    def _in_order(self, node: Any, depth: int) -> JSON:
        """What a mapping says for whom the last of two entries counts, be it one that is merged in."""
        entries: dict[str, JSON] = {}
        for key, child in node.value:
            value = self.value(child, depth + 1)
            if key.value != "<<" or key.tag != _PLAIN:
                entries[self._terraform_key(key)] = value
            elif isinstance(value, dict):
                entries |= value
            else:
                raise Broken(error_at_node(self.text, key, "'<<' merges something that is not a mapping", "a mapping"))
        return entries

    def _look_at(self, key: Any) -> None:
        """Remember a key that Go's reader of Compose files would not take for a text."""
        if self.dialect is Dialect.COMPOSE and key.tag != _QUOTED:
            plain = resolve(key.value, self.dialect) if key.tag == _PLAIN else self._tagged(key)
            if not isinstance(plain, str) or (key.tag == _PLAIN and _DATE.match(key.value)):
                self.strange.append(_key_position(key))

    def _merged(self, node: Any, depth: int) -> JSON:
        if self.dialect is Dialect.TERRAFORM:
            return self._in_order(node, depth)
        inherited: list[JSON] = []
        own_entries: dict[str, JSON] = {}
        for key, child in node.value:
            value = self.value(child, depth + 1)
            if key.value == "<<" and key.tag == _PLAIN:
                if inherited and self.dialect is Dialect.COMPOSE:
                    self.duplicates.append(_key_position(key))
                inherited.extend(value if isinstance(value, list) else [value])
                continue
            if key.value in own_entries:
                self.duplicates.append(_key_position(key))
            self._look_at(key)
            own_entries[str(key.value)] = value
        entries: dict[str, JSON] = {}
        for source in reversed(inherited):
            if not isinstance(source, dict):
                raise Broken(error_at_node(self.text, node, "'<<' merges something that is not a mapping", "a mapping"))
            entries.update(source)
        return entries | own_entries


def _key_position(key: Any) -> tuple[int, int, str]:
    return key.start_mark.line + 1, key.start_mark.column + 1, str(key.value)


def too_deep(text: Text, node: Any, deepest: int) -> Broken:
    """What is told of a node or event that is nested more than ``deepest`` levels."""
    return Broken(error_at_node(text, node, f"nested more than {deepest} levels deep"), hostile=True)


def error_at_node(text: Text, node: Any, message: str, expected: str | None = None) -> SourceError:
    """An error where a node or event of libyaml begins."""
    return text.error_at(node.start_mark.line + 1, node.start_mark.column + 1, message, expected)


def _broken(text: Text, exc: yaml.YAMLError) -> Broken:
    if isinstance(exc, yaml.reader.ReaderError):
        problem = "a character that YAML does not allow"
        return Broken(text.error(min(exc.position, len(text.chars)), problem), problem=problem)
    if not isinstance(exc, yaml.MarkedYAMLError):
        return Broken(text.error(0, f"not valid YAML: {exc}"), problem=str(exc).partition("\n")[0])
    mark = exc.problem_mark or exc.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = f"{exc.problem}{f' {exc.context}' if exc.context else ''}"
    return Broken(text.error_at(line, column, f"not valid YAML: {problem}"), problem=problem)


def _check_depth(text: Text, *, certainly: bool = False) -> None:
    """The composer of libyaml's binding recurses in C, where no recursion limit stops it: refuse what is too deep before it
    overflows the stack. A text is only looked through when it could be: depth needs brackets or a long line.
    """
    chars = text.chars
    if not certainly and len(chars) < 4096:
        return
    if not certainly and chars.count("[") + chars.count("{") < 2000 and max(map(len, chars.split("\n"))) < 4096:
        return
    depth = 0
    for event in events(text):
        if isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            depth += 1
            if depth > LIMITS.deepest:
                raise too_deep(text, event, LIMITS.deepest)
        elif isinstance(event, CollectionEndEvent):
            depth -= 1


def events(text: Text) -> Iterator[Any]:
    """The events of libyaml. Raises :class:`Broken`."""
    try:
        yield from yaml.parse(text.chars, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as exc:
        raise _broken(text, exc) from exc
