"""Resource blocks to checked objects: attributes evaluated and converted, blocks nested, unknown names refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.assembly.evaluator import Evaluator
from bot.assembly.faults import Fault
from bot.assembly.instances import nested
from bot.assembly.schema import Nested, Schema
from bot.assembly.types import ScalarType, Type, describe
from bot.assembly.values import Piece, Trace, Value, as_text, pieces_of
from bot.assembly.variables import fit
from bot.intake.declared import nearest_name
from bot.intake.syntax import Assignment, Block, Body
from bot.model.resource import SourceError

Report = Callable[[SourceError | None], None]


def evaluate_body(at: Evaluator, block: Block, schema: Schema, report: Report) -> Value:
    """The object that ``block`` writes. Every mistake in it is reported; what has one is left out."""
    body = block.body
    _check_names(at, body, schema, report)
    entries: dict[str, Value] = {}
    for item in body.assignments:
        if item.name in schema.attributes:
            value = attribute(at, item, schema.attributes[item.name], report)
            if value is not None and value.data is not None:
                entries[item.name] = value
        elif item.name in schema.blocks and schema.blocks[item.name].schema.attributes:
            report(at.error(item, f"{item.name!r} is a block, not an attribute", f"'{item.name} {{ ... }}'"))
    for name, inner in schema.blocks.items():
        blocks = _blocks(at, body, name, report)
        if blocks:
            entries[name] = _nested(blocks, inner, report)
    for name in schema.required:
        if body.get(name) is None and name not in entries:
            report(at.error(block, f"this {block.kind} block has no {name!r}", f"{name!r}"))
    return Value(entries, Trace(at.text.origin(block.start, block.end)))


def attribute(at: Evaluator, item: Assignment, kind: Type, report: Report) -> Value | None:
    """The value of one attribute as ``kind``; None (and the mistake reported) where it has none."""
    try:
        value = at.value(item.expression)
        if kind is ScalarType.STRING and "name" in value.mapping:
            value = value.mapping["name"]  # a whole resource stands for its name: networks = [network.front]
        return fit(at, _names(value), kind, item.name)
    except Fault as fault:
        report(fault.error)
        return None


def _names(value: Value) -> Value:
    """A list of whole resources as the list of their names."""
    if not isinstance(value.data, tuple):
        return value
    items = tuple(item.mapping.get("name", item) if as_text(item) is None else item for item in value.data)
    return Value(items, value.trace)


def _blocks(at: Evaluator, body: Body, name: str, report: Report) -> list[tuple[Evaluator, Block]]:
    """The blocks called ``name``, each with who evaluates it; what is wrong with one that makes them is reported."""
    try:
        return [*nested(at, body, name)]
    except Fault as fault:
        report(fault.error)
        return []


def _nested(blocks: list[tuple[Evaluator, Block]], kind: Nested, report: Report) -> Value:
    bodies = [evaluate_body(at, block, kind.schema, report) for at, block in blocks]
    if kind.many:
        first, last = blocks[0][1], blocks[-1][1]
        start, end = min(first.start, last.start), max(first.end, last.end)
        return Value(tuple(bodies), Trace(blocks[0][0].text.origin(start, end)))
    for at, extra in blocks[1:]:
        report(at.error(extra, f"there can be only one {extra.kind} block", "one block"))
    return bodies[0]


def _check_names(at: Evaluator, body: Body, schema: Schema, report: Report) -> None:
    seen_names: set[str] = set()
    known_names = {*schema.attributes, *schema.blocks}
    for item in body.items:
        name = item.name if isinstance(item, Assignment) else item.kind
        if isinstance(item, Assignment) and name in seen_names:
            report(at.error(item, f"{name!r} is set twice"))
        seen_names.add(name)
        if isinstance(item, Block) and name == "dynamic":
            label = item.labels[0].value if item.labels else ""
            if label not in schema.blocks:
                report(at.error(item, f"there is no block {label!r} here", nearest_name(label, schema.blocks)))
        elif name not in known_names:
            noun = "attribute" if isinstance(item, Assignment) else "block"
            report(at.error(item, f"there is no {noun} {name!r} here", nearest_name(name, known_names)))
        elif isinstance(item, Block) and name not in schema.blocks:
            kind = describe(schema.attributes[name])
            report(at.error(item, f"{name!r} is an attribute, not a block", f"'{name} = ' and {kind}"))


def image_reference(entries: Mapping[str, Value]) -> Value:
    """``name:tag@digest`` of an image resource, traced to its parts."""
    parts = [(mark, entries[name]) for name, mark in (("name", ""), ("tag", ":"), ("digest", "@")) if name in entries]
    pieces: list[Piece] = []
    for mark, part in parts:
        pieces += [Piece(mark)] if mark else []
        pieces += pieces_of(part, as_text(part) or "", None)
    sensitive = any(part.sensitive for _, part in parts)
    text = "".join(piece.text for piece in pieces)
    return Value(text, Trace(parts[-1][1].trace.origin, None, tuple(pieces), sensitive))
