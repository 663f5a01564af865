"""Edits of YAML and JSON files: byte-span splices that are parsed again before anybody sees them.

The new text must read as exactly the intended change of exactly one document; a text that does not is thrown away, and
when no text does, the edit is refused. Used by :mod:`bot.edits.adopt` and :mod:`bot.edits.overlays`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

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
from bot.intake.yamltree import Broken, span_trees
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer
from bot.model.paths import format_path


def edited(file: str, data: bytes, edits: Sequence[Edit], *, document: int, dialect: Dialect) -> bytes:
    """``data`` after ``edits``, whose pointers start at the top of YAML document number ``document``.

    Raises :class:`~bot.errors.Refused` when a value cannot be written without changing anything else.
    """
    text, done = _shared(Text.of(file, data), edits, document, dialect)
    for edit in ordered(edits):
        for step in list(steps(value(_root(text, _trees(text), document), dialect), edit)):
            if step not in done:
                text = _stepped(text, step, document, dialect)
    return text.encode(text.chars)


def edited_anchors(
    file: str, data: bytes, edits: Sequence[Edit], *, document: int, dialect: Dialect
) -> tuple[bytes, Sequence[Edit]]:
    """``data`` after those of ``edits`` that can be said where a shared value is written, and which these are."""
    text, done = _shared(Text.of(file, data), edits, document, dialect)
    return text.encode(text.chars), done


def _shared(text: Text, edits: Sequence[Edit], document: int, dialect: Dialect) -> tuple[Text, list[Edit]]:
    """The text with the values that all who share them through an anchor change alike, and the steps that this was."""
    if len(edits) < 2 or "&" not in text.chars:
        return text, []
    trees = _trees(text)
    root = _root(text, trees, document)
    tree = value(root, dialect)
    done: list[Edit] = []
    for change in shared_changes(root, [step for edit in edits for step in steps(tree, edit)], dialect):
        trees = _trees(text)
        doc, position = _document(text, trees, document), locate(_root(text, trees, document), change.pointer)
        before = [_value(each, dialect) for each in trees]
        for pointer in change.pointers:
            before[document] = applied(before[document], SetValue(pointer, change.sets[0].value))
        for chars in replaced(doc, position, change.sets[0].value):
            if _reads_as(proposal := Text(text.file, chars, text.bom), before, dialect):
                text, done = proposal, [*done, *change.sets]
                break
    return text, done


def _document(text: Text, trees: Sequence[Node | None], document: int) -> EditedDocument:
    root = _root(text, trees, document)
    return EditedDocument(text.chars, root, house(text.chars, root, text.newline, is_json=text.file.endswith(".json")))


def _root(text: Text, trees: Sequence[Node | None], document: int) -> Node:
    root = trees[document] if document < len(trees) else None
    if root is None:
        raise Refused(f"{text.file} has no document number {document + 1}")
    return root


def _trees(text: Text) -> list[Node | None]:
    try:
        if text.file.endswith(".json"):
            load_json(text)
            return [span_tree(text)]
        return span_trees(text)
    except Broken as problem:
        raise Refused(f"{text.file} cannot be edited: {problem.error}") from problem


def _value(tree: Node | None, dialect: Dialect) -> JSON:
    return None if tree is None else value(tree, dialect)


def _stepped(text: Text, step: Edit, document: int, dialect: Dialect) -> Text:
    trees = _trees(text)
    before = [_value(tree, dialect) for tree in trees]
    expected = [applied(item, step) if index == document else item for index, item in enumerate(before)]
    doc = _document(text, trees, document)
    for chars in _proposals(doc, step, dialect):
        proposal = Text(text.file, chars, text.bom)
        if _reads_as(proposal, expected, dialect):
            return proposal
    where = format_path(touched(step))
    raise Refused(
        f"{text.file}: the value at {where} cannot be written without changing something else",
        advice="An anchor or an unusual spelling is in the way: change it by hand.",
    )


def _reads_as(proposal: Text, expected: list[JSON], dialect: Dialect) -> bool:
    try:
        values = [_value(tree, dialect) for tree in _trees(proposal)]
    except Refused:
        return False
    return len(values) == len(expected) and all(map(same, values, expected))


def _proposals(doc: EditedDocument, step: Edit, dialect: Dialect) -> Iterator[str]:
    """Texts for one step; through an alias or a merge key, texts that give this place a value of its own."""
    own = _unshared(doc, step, dialect)
    if own is not None:
        yield from _proposals(doc, own, dialect)
        return
    position = locate(doc.root, step.pointer)
    match step:
        case SetValue(_, new):
            yield from replaced(doc, position, new)
        case AddEntry(_, key, new):
            for segment in reversed(position.rest):
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
        if position.rest:
            return None
        by_merge = position.parent is not target(parent)
        itself = depth == len(step.pointer) and not isinstance(step, AddEntry)
        if by_merge or (isinstance(position.node, AliasNode) and not itself):
            return _override(step, pointer, value(position.node, dialect), by_merge=by_merge)
        parent = position.node
    return None


def _override(step: Edit, pointer: Pointer, inherited: JSON, *, by_merge: bool) -> Edit:
    rest = step.pointer[len(pointer) :]
    if isinstance(step, RemoveEntry) and not rest:
        raise Refused(f"{format_path(pointer)} comes from an anchor that other places use; it cannot be removed here")
    whole = applied(inherited, replace(step, pointer=rest))
    return AddEntry(pointer[:-1], str(pointer[-1]), whole) if by_merge else SetValue(pointer, whole)
