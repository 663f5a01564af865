"""Edits of files before they are written, and how they are: spliced for people, or dumped for a rendering that only
shows who sets what.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bot.edits.plain import edited
from bot.edits.values import applied, at, touched
from bot.errors import Refused
from bot.intake.scalars import Dialect
from bot.model.drift import AddEntry, Edit, SetValue
from bot.model.filetree import FileTree
from bot.model.json import JSON, Pointer, jsonable
from bot.origins.leaves import inside, line_of, values
from bot.origins.scene import Spot

_TEXT: str = "(text).yaml"


@dataclass(frozen=True, slots=True)
class DocumentEdit:
    """An edit of one document of a YAML file; with ``texts``, of the YAML in the text at that pointer, and so on inwards."""

    file: str
    document: int
    edit: Edit
    texts: tuple[Pointer, ...] = ()


@dataclass(frozen=True, slots=True)
class LineEdit:
    """One line of a file that is no YAML, or (``line`` 0) all of it, becomes ``text``."""

    file: str
    line: int
    text: str


FileEdit: TypeAlias = DocumentEdit | LineEdit


@dataclass(frozen=True, slots=True)
class Guess:
    """Edits that together may set a value, before they are written. ``label`` says to people what they change, ``each`` the
    same of every one of them where they differ.
    """

    edits: tuple[FileEdit, ...]
    label: str
    each: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A guess as files."""

    files: Mapping[str, bytes]
    spots: tuple[Spot, ...]


def written(guess: Guess, tree: FileTree) -> Candidate | None:
    """The guess spliced into the files; None where it cannot be, or changes nothing."""
    files: dict[str, bytes] = {}
    spots: list[Spot] = []
    try:
        for number, edit in enumerate(guess.edits):
            before = files[edit.file] if edit.file in files else tree.read(edit.file)
            if before is None:
                return None
            after, pointer, line = _lined(before, edit) if isinstance(edit, LineEdit) else _spliced(before, edit)
            files[edit.file] = after
            spots.append(Spot(edit.file, line, pointer, guess.each[number] if guess.each else guess.label))
    except (Refused, KeyError, IndexError, UnicodeDecodeError):
        return None
    if all(tree.read(path) == data for path, data in files.items()):
        return None
    return Candidate(files, tuple(spots))


def _spliced(data: bytes, change: DocumentEdit) -> tuple[bytes, Pointer, int]:
    edit = _around(dict(values(change.file, data))[change.document], change.texts, change.edit)
    after = edited(change.file, data, [edit], document=change.document, dialect=Dialect.KUBERNETES)
    value = dict(values(change.file, after)).get(change.document)
    for pointer in change.texts:
        value = _value_at(value, pointer)
    inner = _new_element(change.edit, value)
    line = line_of(change.file, after, change.document, *change.texts, inner)
    return after, (*(part for text in change.texts for part in text), *inner), line


def _new_element(edit: Edit, tree: JSON) -> Pointer:
    """Where an edit landed in ``tree``; a new element of a list is its last one."""
    pointer = touched(edit)
    if isinstance(edit, AddEntry) and edit.key is None:
        elements = at(tree, pointer)
        return (*pointer, len(elements) - 1) if isinstance(elements, (list, tuple)) else pointer
    return pointer


def _around(tree: JSON, texts: Sequence[Pointer], edit: Edit) -> Edit:
    """An edit inside of texts as an edit of the tree around them: each text is spliced like a file of its own."""
    if not texts:
        return edit
    text = at(tree, texts[0])
    if not isinstance(text, str):
        raise KeyError(texts[0])
    inner = _around(inside(text), texts[1:], edit)
    return SetValue(texts[0], edited(_TEXT, text.encode(), [inner], document=0, dialect=Dialect.KUBERNETES).decode())


def _value_at(tree: JSON, pointer: Pointer) -> JSON:
    """What the text at a place says as YAML; None where it says nothing."""
    text = at(tree, pointer)
    return inside(text) if isinstance(text, str) else None


def _lined(data: bytes, edit: LineEdit) -> tuple[bytes, Pointer, int]:
    if edit.line == 0:
        return edit.text.encode(), (), 1
    lines = data.decode().splitlines(keepends=True)
    ending = lines[edit.line - 1][len(lines[edit.line - 1].rstrip("\r\n")) :]
    lines[edit.line - 1] = edit.text + ending
    return "".join(lines).encode(), (), edit.line


def dumped(edits: Iterable[FileEdit], tree: FileTree) -> dict[str, bytes]:
    """All ``edits`` in their files, written as JSON and without comments: quick, and only for rendering."""
    by_file: dict[str, list[FileEdit]] = defaultdict(list)
    for edit in edits:
        by_file[edit.file].append(edit)
    return {path: _dumped(path, tree.read(path) or b"", file_edits) for path, file_edits in by_file.items()}


def _dumped(path: str, data: bytes, edits: Sequence[FileEdit]) -> bytes:
    trees = dict(values(path, data))
    for edit in edits:
        if isinstance(edit, LineEdit):
            data = _lined(data, edit)[0]
        else:
            trees[edit.document] = _applied(trees[edit.document], edit.texts, edit.edit)
    if any(isinstance(edit, LineEdit) for edit in edits):
        return data
    return "\n---\n".join(_json(tree) for tree in trees.values()).encode() + b"\n"


def _applied(tree: JSON, texts: Sequence[Pointer], edit: Edit) -> JSON:
    if not texts:
        return applied(tree, edit)
    child = _applied(_value_at(tree, texts[0]), texts[1:], edit)
    return applied(tree, SetValue(texts[0], _json(child) + "\n"))


def _json(value: JSON) -> str:
    return json.dumps(value, default=jsonable)
