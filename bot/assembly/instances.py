"""``count`` and ``for_each`` of a resource or module, and ``dynamic`` blocks: one text, evaluated several times.

Called by :mod:`bot.assembly.module` and :mod:`bot.assembly.body`. Source: Terraform documentation, "The count Meta-Argument",
"The for_each Meta-Argument" and "dynamic Blocks".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from bot.assembly.evaluator import Evaluator
from bot.assembly.loops import pairs
from bot.assembly.values import Value, as_number, as_text, kind_of
from bot.intake.syntax import Assignment, Block, Body, Expression, Name

META: Final = frozenset({"count", "for_each"})
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Instance:
    """One of what a block declares. ``key`` is its number or its name, ``at`` knows ``count`` or ``each``."""

    key: int | str
    at: Evaluator

    @property
    def index(self) -> str:
        """What follows the name of the block in the instance's address: ``[0]``, ``["web"]``."""
        return f"[{self.key}]" if isinstance(self.key, int) else f"[{json.dumps(self.key, ensure_ascii=False)}]"

    @property
    def suffix(self) -> str:
        """What follows the block's label in the instance's own name."""
        return re.sub(r"[^a-zA-Z0-9_.-]", "-", str(self.key))


def is_repeated(block: Block) -> bool:
    """Whether a block declares several resources or modules."""
    return any(item.name in META for item in block.body.assignments)


def without_meta(block: Block) -> Block:
    """The block as each of its instances has it."""
    items = tuple(item for item in block.body.items if not (isinstance(item, Assignment) and item.name in META))
    return replace(block, body=replace(block.body, items=items))


def instances(at: Evaluator, block: Block) -> list[Instance]:
    """The instances that a block declares. Raises :class:`~bot.assembly.faults.Fault`."""
    count, for_each = block.body.get("count"), block.body.get("for_each")
    if count is not None and for_each is not None:
        at.fault(for_each, "a block has 'count' or 'for_each', not both", "one of them")
    if count is not None:
        return _counted(at, count.expression)
    if for_each is None:
        return []
    return [
        Instance(as_text(key) or "", at.within({"each": Value({"key": key, "value": value}, key.trace)}))
        for key, value in _named(at, for_each.expression)
    ]


def _counted(at: Evaluator, node: Expression) -> list[Instance]:
    value = at.value(node)
    number = as_number(value)
    if value.sensitive:
        at.fault(node, "'count' would show a sensitive value", "a number that is not sensitive")
    if number is None or number != int(number) or not 0 <= number <= _MOST:
        at.fault(node, f"'count' is a {kind_of(value)} that counts nothing", f"a whole number from 0 to {_MOST}")
    trace = at.computed(node, None, ()).trace
    return [
        Instance(index, at.within({"count": Value({"index": Value(index, trace)}, trace)}))
        for index in range(int(number))
    ]


def _named(at: Evaluator, node: Expression) -> list[tuple[Value, Value]]:
    """The names and values that ``for_each`` goes through; a set gives each of its texts as both."""
    source = at.value(node)
    if source.trace.sensitive or (source.elements and source.sensitive):
        at.fault(node, "'for_each' would show a sensitive value", "names that are not sensitive")
    if isinstance(source.data, tuple) and not source.unique:
        at.fault(node, "'for_each' goes through a list, whose elements have no names", "an object, or toset([...])")
    key_pairs = pairs(at, node, source)
    if any(not isinstance(key.data, str) for key, _ in key_pairs):
        at.fault(node, "'for_each' goes through names", "an object, or a set of texts")
    if len(key_pairs) > _MOST:
        at.fault(node, f"'for_each' has more than {_MOST} names")
    return key_pairs


def nested(at: Evaluator, body: Body, kind: str) -> Iterator[tuple[Evaluator, Block]]:
    """The blocks of one kind in ``body``, those that ``dynamic`` makes among them. Raises
    :class:`~bot.assembly.faults.Fault`.
    """
    for block in body.blocks:
        if block.kind == kind:
            yield at, block
        elif block.kind == "dynamic" and block.labels and block.labels[0].value == kind:
            yield from _blocks_of(at, block)


def _blocks_of(at: Evaluator, block: Block) -> Iterator[tuple[Evaluator, Block]]:
    """What one ``dynamic`` block comes to."""
    for_each, iterator = block.body.get("for_each"), block.body.get("iterator")
    content = next((inner for inner in block.body.blocks if inner.kind == "content"), None)
    if for_each is None or content is None:
        at.fault(block, "a dynamic block has 'for_each' and a block 'content'", "both")
    if iterator is not None and not isinstance(iterator.expression, Name):
        at.fault(iterator, "'iterator' is a name", "a name without quotes")
    label = block.labels[0].value
    name = iterator.expression.name if iterator is not None and isinstance(iterator.expression, Name) else label
    source = at.value(for_each.expression)
    if source.trace.sensitive:
        at.fault(
            for_each.expression, "the number of blocks would show a sensitive value", "a value that is not sensitive"
        )
    for key, value in pairs(at, for_each.expression, source):
        at.spend(for_each.expression)
        bound = Value({"key": key, "value": value}, value.trace)
        yield at.within({name: bound}), replace(content, kind=label, labels=())
