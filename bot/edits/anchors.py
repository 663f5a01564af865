"""Values that several places of a document share through an anchor, where each of these places is to have the same new one.

Part of :mod:`bot.edits.plain`, which gives a place a value of its own where the others keep theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bot.edits.values import same
from bot.intake.scalars import Dialect
from bot.intake.spans import (
    AliasNode,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    is_merge,
    key_of,
    locate,
    merged,
    target,
)
from bot.model.drift import Edit, SetValue
from bot.model.json import Pointer


@dataclass(slots=True)
class _Uses:
    """Where one scalar is read, and the place among these that leads to its own text; None where only aliases do."""

    pointers: set[Pointer] = field(default_factory=set)
    written: Pointer | None = None


@dataclass(frozen=True, slots=True)
class SharedChange:
    """The same new value for every place that reads one scalar, which ``pointer`` leads to without an alias.

    ``pointers`` are all that lead to it.
    """

    pointer: Pointer
    pointers: frozenset[Pointer]
    sets: tuple[SetValue, ...]


def shared_changes(root: Node, steps: Sequence[Edit], dialect: Dialect) -> Iterator[SharedChange]:
    """What of ``steps`` can be said where the shared value is written, because all who read it change alike."""
    groups: dict[int, list[SetValue]] = {}
    for step in steps:
        scalar = _scalar(root, step)
        if isinstance(step, SetValue) and scalar is not None:
            groups.setdefault(id(scalar), []).append(step)
    groups = {key: sets for key, sets in groups.items() if len(sets) > 1 and _is_one(sets)}
    if not groups:
        return
    uses: dict[int, _Uses] = {}
    _read(root, (), uses)
    for key, sets in groups.items():
        written_path, pointers = uses[key].written, uses[key].pointers
        if written_path is not None and {step.pointer for step in sets} == {
            pointer for pointer in pointers if _counts(pointer, dialect)
        }:
            yield SharedChange(written_path, frozenset(pointers), tuple(sets))


def _counts(pointer: Pointer, dialect: Dialect) -> bool:
    """Whether something is declared there: Compose ignores what begins with ``x-`` (Specification, "Extensions")."""
    return not (dialect is Dialect.COMPOSE and pointer and str(pointer[0]).startswith("x-"))


def _scalar(root: Node, step: Edit) -> ScalarNode | None:
    position = locate(root, step.pointer)
    node = target(position.node)
    return node if isinstance(node, ScalarNode) and not position.remainder else None


def _is_one(sets: Sequence[SetValue]) -> bool:
    first = sets[0].value
    return not isinstance(first, (dict, list, tuple)) and all(same(step.value, first) for step in sets)


def _read(node: Node, pointer: Pointer, uses: dict[int, _Uses]) -> None:
    """Note every scalar below a place, as whoever reads the document sees it."""
    match anchored := target(node):
        case ScalarNode():
            use = uses.setdefault(id(anchored), _Uses())
            use.pointers.add(pointer)
            if not isinstance(node, AliasNode):
                use.written = pointer
        case SequenceNode():
            for index, item in enumerate(anchored.items):
                _read(item, (*pointer, index), uses)
        case MappingNode():
            for name in dict.fromkeys(_names(anchored)):
                _read(locate(anchored, (name,)).node, (*pointer, name), uses)


def _names(node: MappingNode) -> Iterator[str]:
    """The keys of a mapping, also those that it merges in."""
    for key, _ in node.items:
        if not is_merge(key):
            yield key_of(key)
    for source in merged(node):
        target_names = target(source)
        if isinstance(target_names, MappingNode):
            yield from _names(target_names)
