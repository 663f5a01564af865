"""``lifecycle { ignore_changes = [...] }`` of a resource: which of its attributes may differ from what runs.

Called by :mod:`bot.assembly.assemble`. Source: Terraform documentation, "The lifecycle Meta-Argument": names are written as
references within the block, nothing in it is evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from bot.assembly.config import IgnoredChange
from bot.assembly.evaluator import Evaluator
from bot.assembly.faults import Fault
from bot.assembly.schema import Schema
from bot.assembly.types import MapOf
from bot.intake.declared import nearest_name
from bot.intake.syntax import Attribute, Block, Expression, Index, ListExpression, Literal, Name, Template
from bot.model.json import Pointer
from bot.model.resource import SourceError

LIFECYCLE: Final = "lifecycle"
_CHANGES: Final = "ignore_changes"
Report = Callable[[SourceError | None], None]


def without_lifecycle(block: Block) -> Block:
    """The block as it is evaluated."""
    items = tuple(item for item in block.body.items if not (isinstance(item, Block) and item.kind == LIFECYCLE))
    return replace(block, body=replace(block.body, items=items))


def ignored_changes(at: Evaluator, block: Block, schema: Schema, report: Report) -> tuple[IgnoredChange, ...]:
    """What the lifecycle of ``block`` leaves alone; what is wrong in it is reported."""
    blocks = [inner for inner in block.body.blocks if inner.kind == LIFECYCLE]
    if not blocks:
        return ()
    first, *other_blocks = blocks
    for extra in other_blocks:
        report(at.error(extra, "there can be only one lifecycle block", "one block"))
    for item in first.body.items:
        name = item.kind if isinstance(item, Block) else item.name
        if isinstance(item, Block) or name != _CHANGES:
            report(at.error(item, f"a lifecycle has no {name!r} here", f"'{_CHANGES} = [...]'"))
    changes_value = first.body.get(_CHANGES)
    return () if changes_value is None else tuple(_changes(at, changes_value.expression, schema, report))


def _changes(at: Evaluator, node: Expression, schema: Schema, report: Report) -> Iterator[IgnoredChange]:
    if isinstance(node, Name) and node.name == "all":
        yield _change(at, node, ())
    elif isinstance(node, ListExpression):
        for item in node.items:
            try:
                pointer = _pointer(at, item)
                _check(at, item, pointer, schema)
                yield _change(at, item, pointer)
            except Fault as fault:
                report(fault.error)
    else:
        report(at.error(node, f"{_CHANGES!r} is no list of attributes", "'[replicas]' or 'all'"))


def _change(at: Evaluator, node: Expression, pointer: Pointer) -> IgnoredChange:
    origin = at.origin(node)
    return IgnoredChange(pointer, at.text.chars[node.start : node.end], origin.file, origin.line)


def _pointer(at: Evaluator, node: Expression) -> Pointer:
    """The place that a reference within the block names."""
    match node:
        case Name(name=name):
            return (name,)
        case Template() if node.literal is not None:
            return (node.literal,)
        case Attribute(target=target, name=name):
            return (*_pointer(at, target), name)
        case Index(target=target, key=Template() as key) if key.literal is not None:
            return (*_pointer(at, target), key.literal)
        case Index(target=target, key=Literal(value=int() as number)) if not isinstance(number, bool):
            return (*_pointer(at, target), number)
    return at.fault(node, "this names no attribute of the resource", "a name, as in '[replicas, labels[\"team\"]]'")


def _check(at: Evaluator, node: Expression, pointer: Pointer, schema: Schema) -> None:
    """Refuse what the resource cannot have. Raises :class:`~bot.assembly.faults.Fault`."""
    name, *steps = pointer
    if name in schema.attributes:
        fits = not steps or (isinstance(schema.attributes[str(name)], MapOf) and len(steps) == 1)
        if not fits:
            at.fault(node, f"parts of {name!r} are not ignored one by one", f"'{name}'")
    elif name in schema.blocks:
        inner = schema.blocks[str(name)]
        if inner.many and steps and not isinstance(steps.pop(0), int):
            at.fault(node, f"there are several {name!r} blocks", f"'{name}' or '{name}[0]'")
        if steps:
            _check(at, node, tuple(steps), inner.schema)
    else:
        known_names = {*schema.attributes, *schema.blocks}
        at.fault(node, f"there is no attribute {name!r} here", nearest_name(str(name), known_names))
