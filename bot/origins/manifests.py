"""An edit of a rendered object as edits of documents that say part of it: its manifest, and patches of it.

List elements are found by what names them. In a strategic merge patch, an element that is not there yet is added by its
name alone (kubernetes docs, "Update API Objects in Place Using kubectl patch": merge keys).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.edits.values import at, touched
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer, Tree
from bot.origins.changes import DocumentEdit, Guess
from bot.origins.desire import DesiredEdit
from bot.origins.leaves import NAMES, Leaf, YamlDocument, inside, leaves
from bot.origins.operations import operation


@dataclass(frozen=True, slots=True)
class ManifestGuesses:
    """Edits of documents of one object. ``written``: where its place is written already; ``added``: where it is not yet."""

    written: tuple[Guess, ...]
    added: tuple[Guess, ...]


def manifest_guesses(desire: DesiredEdit, documents: Sequence[YamlDocument]) -> ManifestGuesses:
    """The same edit in each document of the object, and in the patches of it that other documents hold as text."""
    guesses = [*_in_documents(desire, documents), *_in_patches(desire, documents)]
    late = [guess for guess, is_written in guesses if not is_written]
    return ManifestGuesses(
        tuple(guess for guess, is_written in guesses if is_written), tuple(sorted(late, key=lambda guess: guess.label))
    )


def _in_documents(desire: DesiredEdit, documents: Iterable[YamlDocument]) -> Iterator[tuple[Guess, bool]]:
    same = [
        candidate
        for candidate in documents
        if candidate.kind == desire.id.kind and desire.may_affect(candidate) and candidate.name
    ]
    began = desire.provenance.file
    same.sort(
        key=lambda candidate: (desire.level(candidate.file), candidate.file == began, candidate.name != desire.id.name)
    )
    for document in same:
        role = "manifest" if document.file == began or _is_whole(document.tree) else "patch"
        edit = translated(desire.edit, desire.tree, document.tree)
        if edit is None and role == "patch":
            edit = extended(desire.edit, desire.tree, document.tree)
        if edit is not None:
            guess = Guess((DocumentEdit(document.file, document.index, edit),), role)
            yield guess, _is_written(document.tree, touched(edit))


def _is_whole(tree: JSON) -> bool:
    """Whether a document looks like a whole manifest of a workload, and not like a patch of one."""
    spec = tree.get("spec") if isinstance(tree, Mapping) else None
    return isinstance(spec, Mapping) and "selector" in spec


def _is_written(tree: JSON, pointer: Pointer) -> bool:
    try:
        at(tree, pointer)
    except KeyError:
        return False
    return True


def _in_patches(desire: DesiredEdit, documents: Sequence[YamlDocument]) -> Iterator[tuple[Guess, bool]]:
    """The same edit in patches that are written as text, and in lists of operations (RFC 6902) that a kustomization
    applies to the object.
    """
    for document in documents:
        for leaf in leaves([document]):
            if isinstance(leaf.value, str) and (nested_tree := inside(leaf.value)) is not None:
                yield from _in_text(desire, leaf, nested_tree)
    for file in _operation_files(desire, documents):
        for document in documents:
            if document.file == file and isinstance(document.tree, list):
                yield _appended(desire, document.file, document.index, ()), False


def _in_text(desire: DesiredEdit, leaf: Leaf, nested_tree: Tree | list[JSON]) -> Iterator[tuple[Guess, bool]]:
    document = leaf.document
    if isinstance(nested_tree, Mapping) and nested_tree.get("kind") == desire.id.kind:
        inner = YamlDocument(document.file, 0, nested_tree)
        if inner.name not in desire.id.name and not _is_target(desire, _entry_of(leaf)):
            return
        edit = translated(desire.edit, desire.tree, nested_tree) or extended(desire.edit, desire.tree, nested_tree)
        if edit is not None:
            guess = Guess((DocumentEdit(document.file, document.index, edit, (*leaf.texts, leaf.pointer)),), "patch")
            yield guess, _is_written(nested_tree, touched(edit))
    elif isinstance(nested_tree, list) and leaf.pointer[-1:] == ("patch",) and _is_target(desire, _entry_of(leaf)):
        yield _appended(desire, document.file, document.index, (*leaf.texts, leaf.pointer)), False


def _entry_of(leaf: Leaf) -> JSON:
    """What the text stands in."""
    tree = leaf.document.tree
    for pointer in leaf.texts:
        text = at(tree, pointer)
        tree = inside(text) if isinstance(text, str) else None
    return at(tree, leaf.pointer[:-1])


def _appended(desire: DesiredEdit, file: str, document: int, texts: tuple[Pointer, ...]) -> Guess:
    step = operation(desire.edit, desire.tree)
    return Guess((DocumentEdit(file, document, AddEntry((), None, step), texts),), "patch")


def _is_target(desire: DesiredEdit, entry: JSON) -> bool:
    """Whether a patch names this object and no other: a selector of several would move them all."""
    target = entry.get("target") if isinstance(entry, Mapping) else None
    if not isinstance(target, Mapping):
        return False
    name = target.get("name")
    return target.get("kind") == desire.id.kind and isinstance(name, str) and name in desire.id.name


def _operation_files(desire: DesiredEdit, documents: Iterable[YamlDocument]) -> Iterator[str]:
    """The files of operations that kustomizations apply to this object."""
    for document in documents:
        patches = document.tree.get("patches") if isinstance(document.tree, Mapping) else None
        for entry in patches if isinstance(patches, list) else ():
            if isinstance(entry, Mapping) and _is_target(desire, entry) and isinstance(path := entry.get("path"), str):
                folder = document.file.rpartition("/")[0]
                yield f"{folder}/{path}" if folder else path


def translated(edit: Edit, rendered: Tree, document: JSON) -> Edit | None:
    """``edit`` of the rendered object as an edit of a document that says part of it; None where it says nothing around
    that place.
    """
    pointer = position(edit.pointer, rendered, document)
    if pointer is None:
        return None
    match edit:
        case SetValue(_, value):
            return SetValue(pointer, value)
        case AddEntry(_, key, value):
            return AddEntry(pointer, key, value)
        case RemoveEntry():
            return RemoveEntry(pointer) if _is_written(document, pointer) else None


def position(pointer: Pointer, rendered: JSON, document: JSON) -> Pointer | None:
    """Where in ``document`` the same place is, list elements found by their names; None where an element is missing."""
    steps: list[str | int] = []
    for part in pointer:
        if isinstance(part, str):
            rendered = rendered.get(part) if isinstance(rendered, Mapping) else None
            document = document.get(part) if isinstance(document, Mapping) else None
            steps.append(part)
            continue
        element = rendered[part] if isinstance(rendered, (list, tuple)) and part < len(rendered) else None
        index = _index(element, part, document)
        if index is None or not isinstance(document, (list, tuple)):
            return None
        rendered, document = element, document[index]
        steps.append(index)
    return tuple(steps)


def _index(element: JSON, number: int, elements: JSON) -> int | None:
    """Where the same element stands in another list: by what names it, else by equality, else by its number."""
    if not isinstance(elements, (list, tuple)):
        return None
    key = name_key(element)
    if key is not None and isinstance(element, Mapping):
        same = [i for i, entry in enumerate(elements) if isinstance(entry, Mapping) and entry.get(key) == element[key]]
        return same[0] if len(same) == 1 else None
    equal = [i for i, entry in enumerate(elements) if entry == element]
    if len(equal) == 1:
        return equal[0]
    return number if number < len(elements) and isinstance(element, Mapping) else None


def name_key(element: JSON) -> str | None:
    """The key that tells an element of a list apart from the others."""
    return next((key for key in NAMES if key in element), None) if isinstance(element, Mapping) else None


def extended(edit: Edit, rendered: Tree, document: JSON) -> Edit | None:
    """``edit`` as the least that a strategic merge patch must say more; None where it cannot say that."""
    if not isinstance(edit, SetValue) and not (isinstance(edit, AddEntry) and edit.key is not None):
        return None
    pointer, value = touched(edit), edit.value
    for depth in range(len(pointer), 0, -1):
        outer = position(pointer[: depth - 1], rendered, document)
        if outer is None:
            continue
        new = _nested(pointer[depth:], pointer[:depth], rendered, value)
        last = pointer[depth - 1]
        if isinstance(last, int):
            return None if new is None else AddEntry(outer, None, new)
        if not _is_written(document, (*outer, last)):
            return AddEntry(outer, last, new)
    return None


def _nested(remaining_pointer: Pointer, before: Pointer, rendered: Tree, value: JSON) -> JSON:
    """``value`` below ``before`` and ``remaining_pointer``, with the names of list elements on the way, or None."""
    new = value
    for depth in range(len(remaining_pointer), -1, -1):
        full_pointer = (*before, *remaining_pointer[:depth])
        if depth < len(remaining_pointer):
            part = remaining_pointer[depth]
            new = {part: new} if isinstance(part, str) else [new]
        if isinstance(full_pointer[-1], int):
            element = at(rendered, full_pointer)
            key = name_key(element)
            if key is None or not isinstance(element, Mapping) or not isinstance(new, Mapping):
                return None
            new = {key: element[key], **new}
    return new
