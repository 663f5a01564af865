"""Terraform and ``.cw`` files as blocks and attributes with lines: what :mod:`bot.intake.cw` read, as detectors ask for it.

Protections and exposure are compared by these before and after a change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from bot.intake import cw, syntax
from bot.intake.lined_node import LinedNode
from bot.intake.text import Text


@dataclass(frozen=True, slots=True)
class HclLoop:
    """A collection as it is written, and the name under which each of its elements is known."""

    name: str
    collection: str


@dataclass(frozen=True, slots=True)
class HclAttribute:
    """``name = text``. Lines count from 1; ``text`` is the expression as written, with white space collapsed.

    ``expression`` is what was read of it; None in a JSON configuration, whose ``text`` is JSON. ``loops`` are around it.
    """

    name: str
    text: str
    line: int
    expression: syntax.Expression | None = field(default=None, compare=False, repr=False)
    loops: tuple[HclLoop, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class HclBlock:
    """One block: its type, labels, attributes and nested blocks."""

    type: str
    labels: tuple[str, ...]
    line: int
    attributes: tuple[HclAttribute, ...]
    blocks: tuple[HclBlock, ...]
    objects: tuple[HclBlock, ...] = ()
    """Attributes that hold objects, as blocks of their names (Terraform documentation, "Attributes as Blocks")."""

    @property
    def address(self) -> str:
        """``aws_s3_bucket.logs`` for a resource, the type with its labels otherwise."""
        parts = self.labels if self.type == "resource" else (self.type, *self.labels)
        return ".".join(parts)

    def attribute(self, name: str) -> HclAttribute | None:
        return next((attribute for attribute in self.attributes if attribute.name == name), None)

    def text(self, name: str) -> str:
        """The expression of an attribute; empty when there is none."""
        attribute = self.attribute(name)
        return "" if attribute is None else attribute.text

    def nested(self, kind: str) -> Iterator[HclBlock]:
        """The nested blocks of that type, also as ``dynamic "type"`` blocks and as an attribute that holds objects."""
        for block in (*self.blocks, *self.objects):
            if block.type == kind:
                yield block
            elif block.type == "dynamic" and block.labels == (kind,):
                yield from block.nested("content")


def parse(text: str) -> syntax.Parsed:
    """The whole file."""
    return cw.parse_text(Text("", text))


def parse_blocks(text: str) -> tuple[HclBlock, ...]:
    """The top-level blocks; what is broken is left out."""
    parsed = parse(text)
    inputs = (
        HclBlock("values", (), 1, block.attributes, ())
        for assignment in parsed.body.assignments
        if assignment.name == "inputs"  # of Terragrunt, which makes variables of them (its documentation, "inputs")
        for block in _objects(parsed.text, assignment.name, assignment.expression)
    )
    return (*(_block(parsed.text, block) for block in parsed.body.blocks), *inputs)


def parse_values(text: str) -> tuple[HclBlock, ...]:
    """A file of values (``.tfvars``) as one block of the type ``values``."""
    parsed = parse(text)
    attributes = tuple(_attribute(parsed.text, assignment) for assignment in parsed.body.assignments)
    return (HclBlock("values", (), 1, attributes, ()),) if attributes else ()


def json_values(documents: Iterable[LinedNode]) -> tuple[HclBlock, ...]:
    """A file of values in JSON (``.tfvars.json``) as one block of the type ``values``."""
    attributes = tuple(
        HclAttribute(name, _json_text(child), child.line) for document in documents for name, child in document.items()
    )
    return (HclBlock("values", (), 1, attributes, ()),) if attributes else ()


def _block(text: Text, block: syntax.Block, loops: tuple[HclLoop, ...] = ()) -> HclBlock:
    line = text.position(block.start)[0]
    labels = tuple(label.value for label in block.labels)
    loops = (*loops, *_loops(text, block, labels))
    attributes = tuple(_attribute(text, assignment, loops) for assignment in block.body.assignments)
    inner = tuple(_block(text, child, loops) for child in block.body.blocks)
    objects = tuple(
        nested
        for assignment in block.body.assignments
        for nested in _objects(text, assignment.name, assignment.expression)
    )
    return HclBlock(block.kind, labels, line, attributes, inner, objects)


def _loops(text: Text, block: syntax.Block, labels: tuple[str, ...]) -> Iterator[HclLoop]:
    """The loop that a block is."""
    written = {assignment.name: _written(text, assignment.expression) for assignment in block.body.assignments}
    if "for_each" in written:
        name = written.get("iterator", *labels[:1]) if block.kind == "dynamic" and labels else "each"
        yield HclLoop(name, written["for_each"])


def _objects(text: Text, name: str, expression: syntax.Expression) -> list[HclBlock]:
    """The objects of an expression, as blocks called ``name``."""
    match expression:
        case syntax.ObjectExpression():
            return [_object(text, name, expression)]
        case syntax.ListExpression(items=items):
            return [block for item in items for block in _objects(text, name, item)]
        case syntax.FunctionCall(arguments=arguments):
            return [block for argument in arguments for block in _objects(text, name, argument)]
        case syntax.ForExpression(key=None, value=value):
            return _objects(text, name, value)
        case syntax.Conditional(yes=yes, no=no):
            return [*_objects(text, name, yes), *_objects(text, name, no)]
        case syntax.Parentheses(inner=inner):
            return _objects(text, name, inner)
        case _:
            return []


def _object(text: Text, name: str, expression: syntax.ObjectExpression) -> HclBlock:
    attributes: list[HclAttribute] = []
    blocks: list[HclBlock] = []
    for item in expression.items:
        key = _key(item.key)
        if key is not None:
            attributes.append(HclAttribute(key, _written(text, item.value), text.position(item.start)[0], item.value))
            blocks += _objects(text, key, item.value)
    return HclBlock(name, (), text.position(expression.start)[0], tuple(attributes), tuple(blocks))


def _key(expression: syntax.Expression) -> str | None:
    if isinstance(expression, syntax.Name):
        return expression.name
    return expression.literal if isinstance(expression, syntax.Template) else None


def _attribute(text: Text, assignment: syntax.Assignment, loops: tuple[HclLoop, ...] = ()) -> HclAttribute:
    line = text.position(assignment.start)[0]
    return HclAttribute(assignment.name, _written(text, assignment.expression), line, assignment.expression, loops)


def _written(text: Text, expression: syntax.Expression) -> str:
    return " ".join(text.chars[expression.start : expression.end].split())


_LABELS: Final = {"resource": 2, "data": 2, "module": 1, "provider": 1, "variable": 1, "output": 1}
"""How many labels blocks of a type have (Terraform documentation, "JSON Configuration Syntax")."""


def json_blocks(documents: Iterable[LinedNode]) -> tuple[HclBlock, ...]:
    """The top-level blocks of a ``.tf.json`` file. An argument that holds objects is a nested block as well."""
    return tuple(
        block
        for document in documents
        for kind, node in document.items()
        for block in _labelled(kind, (), node, _LABELS.get(kind, 0))
    )


def _labelled(kind: str, labels: tuple[str, ...], node: LinedNode, missing: int) -> Iterator[HclBlock]:
    for element in (node, *node.elements()):
        if missing:
            for label, child in element.items():
                yield from _labelled(kind, (*labels, label), child, missing - 1)
        elif isinstance(element.value, dict):
            yield _json_block(kind, labels, element)


def _json_block(kind: str, labels: tuple[str, ...], node: LinedNode) -> HclBlock:
    attributes = tuple(HclAttribute(name, _json_text(child), child.line) for name, child in node.items())
    blocks: list[HclBlock] = []
    for name, child in node.items():
        if name == "dynamic":
            blocks += _labelled("dynamic", (), child, 1)
        else:
            blocks += (
                _json_block(name, (), element)
                for element in (child, *child.elements())
                if isinstance(element.value, dict)
            )
    return HclBlock(kind, labels, node.line, attributes, tuple(blocks))


def _json_text(node: LinedNode) -> str:
    """The value as an expression would be written: texts in quotes, and a text that is JSON itself as it is."""
    if isinstance(node.value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {_json_text(child)}" for key, child in node.items()) + "}"
    if isinstance(node.value, list):
        return "[" + ", ".join(_json_text(child) for child in node.value) + "]"
    return json.dumps(node.value, ensure_ascii=False, default=str)
