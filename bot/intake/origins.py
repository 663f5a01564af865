"""Where the values of plain YAML and JSON files are written, computed when somebody asks.

A repository may hold ten thousand manifests of which three drift: readers keep the bytes of each file in a
:class:`SpanFile` and its span tree is built on the first question.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bot.intake.jsontree import span_tree
from bot.intake.spans import Node, locate
from bot.intake.text import Text
from bot.intake.yamlspans import span_trees
from bot.model.json import Pointer
from bot.model.resource import Origin, Syntax


class SpanFile:
    """One file that was read without mistakes, ready to be asked for spans."""

    def __init__(self, file: str, data: bytes) -> None:
        self.file = file
        self.data = data

    @property
    def syntax(self) -> Syntax:
        """JSON for ``*.json``, YAML else."""
        return Syntax.JSON if self.file.endswith(".json") else Syntax.YAML

    @cached_property
    def text(self) -> Text:
        """The characters."""
        return Text.of(self.file, self.data)

    @cached_property
    def documents(self) -> list[Node | None]:
        """The span tree of each document."""
        return [span_tree(self.text)] if self.syntax is Syntax.JSON else span_trees(self.text)


@dataclass(frozen=True, slots=True)
class FileOrigins:
    """Origins of one tree: the node at ``root`` in document number ``document`` of ``source``."""

    source: SpanFile
    document: int
    root: Pointer

    def at(self, pointer: Pointer) -> Origin | None:
        """The span of the value's own text; of the alias, where it is written as one."""
        tree = self.source.documents[self.document]
        if tree is None:
            return None
        position = locate(tree, self.root + pointer)
        return None if position.remainder else self.source.text.origin(position.node.start, position.node.end)
