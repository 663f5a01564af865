"""Nodes of parsed HCL by where they are written, and what holds them. Used with :mod:`bot.edits.hcl`."""

from __future__ import annotations

from bot.edits.hcl_text import quoted
from bot.errors import Refused
from bot.intake.syntax import (
    Assignment,
    Block,
    Expression,
    ListExpression,
    ObjectExpression,
    ObjectItem,
    Parsed,
    walk,
)
from bot.model.resource import Origin


def node_at(parsed: Parsed, origin: Origin) -> Expression:
    """The outermost expression that ``origin`` spans. Raises :class:`~bot.errors.Refused` when there is none."""
    span = parsed.text.char(origin.start), parsed.text.char(origin.end)
    for node in walk(parsed.body):
        if isinstance(node, Expression) and (node.start, node.end) == span:
            return node
    raise Refused(f"{origin.file}:{origin.line}: the value is no longer where it was")


def block_at(parsed: Parsed, origin: Origin) -> Block | None:
    """The block that ``origin`` spans; None where it spans anything else."""
    span = parsed.text.char(origin.start), parsed.text.char(origin.end)
    blocks = (node for node in walk(parsed.body) if isinstance(node, Block))
    return next((block for block in blocks if (block.start, block.end) == span), None)


def assignment_of(parsed: Parsed, node: Expression) -> Assignment | None:
    """The attribute whose whole value ``node`` is."""
    for candidate in walk(parsed.body):
        if isinstance(candidate, Assignment) and candidate.expression is node:
            return candidate
    return None


def item_of(parsed: Parsed, node: Expression) -> tuple[ObjectExpression, ObjectItem] | None:
    """The object and the item in it whose whole value ``node`` is."""
    for candidate in walk(parsed.body):
        if isinstance(candidate, ObjectExpression):
            for item in candidate.items:
                if item.value is node:
                    return candidate, item
    return None


def element_of(parsed: Parsed, node: Expression) -> tuple[ListExpression, int] | None:
    """The list and the index in it of ``node``."""
    for candidate in walk(parsed.body):
        if isinstance(candidate, ListExpression):
            for index, item in enumerate(candidate.items):
                if item is node:
                    return candidate, index
    return None


def item_called(parsed: Parsed, node: ObjectExpression, key: str) -> ObjectItem | None:
    """The item of an object whose key is written as that word or text."""
    chars, spellings = parsed.text.chars, {key, quoted(key)}
    return next((item for item in node.items if chars[item.key.start : item.key.end] in spellings), None)
