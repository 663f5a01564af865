"""Terraform and ``.cw`` files as blocks and attributes with lines: what :mod:`bot.intake.cw` read, as detectors ask for it.

Protections and exposure are compared by these before and after a change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.intake import cw, syntax
from bot.intake.text import Text


@dataclass(frozen=True, slots=True)
class HclAttribute:
    """``name = text``. Lines count from 1; ``text`` is the expression as written, with white space collapsed."""

    name: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class HclBlock:
    """One block: its type, labels, attributes and nested blocks."""

    type: str
    labels: tuple[str, ...]
    line: int
    attributes: tuple[HclAttribute, ...]
    blocks: tuple[HclBlock, ...]

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
        """The nested blocks of that type, also as ``dynamic "type"`` blocks."""
        for block in self.blocks:
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
    return tuple(_block(parsed.text, block) for block in parsed.body.blocks)


def _block(text: Text, block: syntax.Block) -> HclBlock:
    return HclBlock(
        block.kind,
        tuple(label.value for label in block.labels),
        text.position(block.start)[0],
        tuple(_attribute(text, assignment) for assignment in block.body.assignments),
        tuple(_block(text, inner) for inner in block.body.blocks),
    )


def _attribute(text: Text, assignment: syntax.Assignment) -> HclAttribute:
    expression = assignment.expression
    written = " ".join(text.chars[expression.start : expression.end].split())
    return HclAttribute(assignment.name, written, text.position(assignment.start)[0])
