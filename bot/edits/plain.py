"""Edits of YAML and JSON files: byte-span splices that are parsed again before anybody sees them.

The new text must read as exactly the intended change of exactly one document; a text that does not is thrown away, and
when no text does, the edit is refused. Used by :mod:`bot.edits.adopt` and :mod:`bot.edits.overlays`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from bot.edits.anchors import shared_changes
from bot.edits.document import EditedDocument
from bot.edits.entries import added, removed
from bot.edits.splice import replaced
from bot.edits.style import house
from bot.edits.values import applied, ordered, same, steps, touched
from bot.errors import Refused
from bot.intake.jsontree import load_json, span_tree
from bot.intake.scalars import Dialect
from bot.intake.spans import AliasNode, Node, locate, target, value
from bot.intake.text import Text
from bot.intake.yamlspans import span_trees
from bot.intake.yamltree import Broken
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer
from bot.model.paths import format_path
from bot.model.patterns import regex


@dataclass(frozen=True)
class _Reading:
    """A text with what it reads as, so that nobody reads it twice: a span tree and a value for each document."""

    text: Text
    dialect: Dialect

    @cached_property
    def trees(self) -> list[Node | None]:
        """The span tree of each document. ``Refused`` where the text is none."""
        text = self.text
        try:
            if text.file.endswith(".json"):
                load_json(text)
                return [span_tree(text)]
            return span_trees(text)
        except Broken as problem:
            raise Refused(f"{text.file} cannot be edited: {problem.error}") from problem

    @cached_property
    def _values(self) -> dict[int, JSON]:
        return {}

    def value(self, document: int) -> JSON:
        """What a document says; nobody changes it."""
        if document not in self._values:
            tree = self.trees[document]
            self._values[document] = None if tree is None else value(tree, self.dialect)
        return self._values[document]

    def root(self, document: int) -> Node:
        """The tree of a document. ``Refused`` where there is none."""
        root = self.trees[document] if document < len(self.trees) else None
        if root is None:
            raise Refused(f"{self.text.file} has no document number {document + 1}")
        return root

    def opened(self, document: int) -> EditedDocument:
        """A document as the editors of entries see it."""
        text, root = self.text, self.root(document)
        style = house(text.chars, root, text.newline, is_json=text.file.endswith(".json"))
        return EditedDocument(text.chars, root, style)

    def saying(self, chars: str, document: int, expected: JSON) -> _Reading | None:
        """``chars`` in place of the text where one document reads as ``expected`` then, and the others as before."""
        proposal = replace(self, text=Text(self.text.file, chars, self.text.bom))
        before, after = self._around(document)
        alone = chars[len(before) : len(chars) - len(after)]
        try:
            if (before or after) and chars == before + alone + after and (not after or alone.endswith("\n")):
                part = replace(self, text=Text(self.text.file, alone, False))
                return proposal if len(part.trees) == 1 and same(part.value(0), expected) else None
            numbers = range(len(self.trees))
            if len(proposal.trees) != len(self.trees) or not same(proposal.value(document), expected):
                return None
            alike = (same(proposal.value(number), self.value(number)) for number in numbers if number != document)
            return proposal if all(alike) else None
        except Refused:
            return None

    def _around(self, document: int) -> tuple[str, str]:
        """What of the text is before and after the lines of one document; nothing where these might not stand for themselves.

        A line of three dashes begins a document wherever it stands between two (YAML 1.2.2, 9.1.2).
        """
        if len(self.trees) == 1:
            return "", ""
        chars, root = self.text.chars, self.root(document)
        previous = self.trees[document - 1] if document else None
        if (document and previous is None) or _CONNECTED.search(chars):
            return "", ""
        starts = [match.start() for match in _MARKER.finditer(chars, previous.end if previous else 0, root.start + 1)]
        following = _MARKER.search(chars, root.end)
        if document and not starts:
            return "", ""
        return chars[: starts[-1]] if starts else "", chars[following.start() :] if following else ""


_MARKER: Final = regex(r"^---(?=\s|\Z)", re.MULTILINE)
_CONNECTED: Final = regex(r"[&*]|^(?:%|\.\.\.)", re.MULTILINE)
"""Anchors may be referred to from other documents of a file, directives hold for what follows, and dots end a document."""


def edited(file: str, data: bytes, edits: Sequence[Edit], *, document: int, dialect: Dialect) -> bytes:
    """``data`` after ``edits``, whose pointers start at the top of YAML document number ``document``.

    Raises :class:`~bot.errors.Refused` when a value cannot be written without changing anything else.
    """
    reading, carried_out = _shared(_Reading(Text.of(file, data), dialect), edits, document)
    for edit in ordered(edits):
        reading.root(document)
        for step in list(steps(reading.value(document), edit)):
            if step not in carried_out:
                reading = _stepped(reading, step, document)
    return reading.text.encode(reading.text.chars)


def edited_anchors(
    file: str, data: bytes, edits: Sequence[Edit], *, document: int, dialect: Dialect
) -> tuple[bytes, Sequence[Edit]]:
    """``data`` after those of ``edits`` that can be said where a shared value is written, and which these are."""
    reading, carried_out = _shared(_Reading(Text.of(file, data), dialect), edits, document)
    return reading.text.encode(reading.text.chars), carried_out


def _shared(reading: _Reading, edits: Sequence[Edit], document: int) -> tuple[_Reading, list[Edit]]:
    """The text with the values that all who share them through an anchor change alike, and the steps that this was."""
    if len(edits) < 2 or "&" not in reading.text.chars:
        return reading, []
    root = reading.root(document)
    tree = reading.value(document)
    carried_out: list[Edit] = []
    for change in shared_changes(root, [step for edit in edits for step in steps(tree, edit)], reading.dialect):
        position = locate(reading.root(document), change.pointer)
        expected = reading.value(document)
        for pointer in change.pointers:
            expected = applied(expected, SetValue(pointer, change.sets[0].value))
        for chars in replaced(reading.opened(document), position, change.sets[0].value):
            if (proposal := reading.saying(chars, document, expected)) is not None:
                reading, carried_out = proposal, [*carried_out, *change.sets]
                break
    return reading, carried_out


def _stepped(reading: _Reading, step: Edit, document: int) -> _Reading:
    doc = reading.opened(document)
    expected = applied(reading.value(document), step)
    for chars in _proposals(doc, step, reading.dialect):
        if (proposal := reading.saying(chars, document, expected)) is not None:
            return proposal
    path_text = format_path(touched(step))
    raise Refused(
        f"{reading.text.file}: the value at {path_text} cannot be written without changing something else",
        advice="An anchor or an unusual spelling is in the way: change it by hand.",
    )


def _proposals(doc: EditedDocument, step: Edit, dialect: Dialect) -> Iterator[str]:
    """Texts for one step; through an alias or a merge key, texts that give this place a value of its own."""
    unshared_document = _unshared(doc, step, dialect)
    if unshared_document is not None:
        yield from _proposals(doc, unshared_document, dialect)
        return
    position = locate(doc.root, step.pointer)
    match step:
        case SetValue(_, new):
            yield from replaced(doc, position, new)
        case AddEntry(_, key, new):
            for segment in reversed(position.remainder):
                key, new = str(segment), [new] if key is None else {key: new}
            yield from added(doc, position, key, new)
        case RemoveEntry(pointer):
            yield from removed(doc, position, locate(doc.root, pointer[:-1]))


def _unshared(doc: EditedDocument, step: Edit, dialect: Dialect) -> Edit | None:
    """The same change as one that leaves the anchored text alone; None when nothing on the way is shared."""
    parent = doc.root
    for depth in range(1, len(step.pointer) + 1):
        pointer = step.pointer[:depth]
        position = locate(doc.root, pointer)
        if position.remainder:
            return None
        by_merge = position.parent is not target(parent)
        itself = depth == len(step.pointer) and not isinstance(step, AddEntry)
        if by_merge or (isinstance(position.node, AliasNode) and not itself):
            return _override(step, pointer, value(position.node, dialect), by_merge=by_merge)
        parent = position.node
    return None


def _override(step: Edit, pointer: Pointer, inherited: JSON, *, by_merge: bool) -> Edit:
    inner_pointer = step.pointer[len(pointer) :]
    if isinstance(step, RemoveEntry) and not inner_pointer:
        raise Refused(f"{format_path(pointer)} comes from an anchor that other places use; it cannot be removed here")
    full_value = applied(inherited, replace(step, pointer=inner_pointer))
    return AddEntry(pointer[:-1], str(pointer[-1]), full_value) if by_merge else SetValue(pointer, full_value)
