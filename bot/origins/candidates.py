"""Edits that may set a value, the likeliest first. Each is only a guess: rendering again tells.

Hints, in the order of what they cost when they are wrong: a leaf that says the old value, or part of it, near the
target; the same place in a document of the same object; a new entry in the nearest layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.edits.plain import edited
from bot.edits.values import applied, at
from bot.errors import Refused
from bot.intake.scalars import Dialect
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.filetree import FileTree
from bot.model.json import JSON, Pointer, Tree
from bot.model.resource import ResourceId
from bot.origins import entries
from bot.origins.leaves import Document, Leaf, documents, inside, leaves, line_of
from bot.origins.scene import Layer, Scene, Spot

_SLOW_MOST: Final = 40
_FAST_MOST: Final = 400
_SHORTEST: Final = 2
"""Characters that a text must share with a value before it counts as a part of it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One edit of one file."""

    file: str
    data: bytes
    spot: Spot


@dataclass(frozen=True, slots=True)
class Asked:
    """One wanted edit of one rendered object."""

    target: str
    id: ResourceId
    tree: Tree
    edit: Edit

    @property
    def pointer(self) -> Pointer:
        """Where the edit ends up in the rendered object."""
        if isinstance(self.edit, AddEntry):
            return self.edit.pointer if self.edit.key is None else (*self.edit.pointer, self.edit.key)
        return self.edit.pointer

    @property
    def old(self) -> JSON:
        """The rendered value as it is; None where there is none."""
        try:
            return at(self.tree, self.edit.pointer)
        except KeyError:
            return None


def candidates(asked: Asked, scene: Scene, tree: FileTree, *, written: bool = False) -> Iterator[Candidate]:
    """Edits worth trying for one wanted edit, each once; ``written``: only of what is written already."""
    listed = documents(tree, scene.inputs.get(asked.target, frozenset()))
    shared = {path: sum(path in inputs for inputs in scene.inputs.values()) for path in {d.file for d in listed}}
    most = _FAST_MOST if scene.fast else _SLOW_MOST
    tried: set[tuple[str, bytes]] = set()
    for guess in _guesses(asked, scene, listed, shared, written=written):
        made = _made(guess, tree)
        if made is None or (made.file, made.data) in tried:
            continue
        tried.add((made.file, made.data))
        yield made
        if len(tried) >= most:
            return


@dataclass(frozen=True, slots=True)
class Guess:
    """An edit of one document before it is written. ``inner``: inside of the text at that pointer."""

    file: str
    document: int
    edit: Edit
    what: str
    inner: Pointer | None = None


def _guesses(
    asked: Asked, scene: Scene, listed: Sequence[Document], shared: Mapping[str, int], *, written: bool
) -> Iterator[Guess]:
    """What only this target reads comes first, then new entries of its own, then what others read too."""
    own = [document for document in listed if shared.get(document.file, 1) <= 1]
    others = [document for document in listed if shared.get(document.file, 1) > 1]
    yield from _in_documents(asked, own, shared, scene, written=written)
    for layer in () if written else scene.layers:
        if shared.get(layer.file, 1) <= 1:
            yield from _in_layer(asked, layer)
    if scene.fast and not written:
        yield from _in_collections(asked, scene.layers, listed)
    yield from _in_documents(asked, others, shared, scene, written=written)


def _in_documents(
    asked: Asked, listed: Sequence[Document], shared: Mapping[str, int], scene: Scene, *, written: bool
) -> Iterator[Guess]:
    if isinstance(asked.edit, SetValue) and not isinstance(asked.edit.value, (Mapping, list)):
        yield from _by_value(asked, asked.edit.value, leaves(listed), shared)
    objects = _in_objects(asked, listed, shared, scene.began.get(asked.id, ""))
    yield from (guess for guess in objects if not written or _is_written(guess, listed))
    yield from _in_patches(asked, listed, shared)


# -- leaves that say the value -----------------------------------------------------------------------------------------


def _by_value(asked: Asked, new: JSON, found: Sequence[Leaf], shared: Mapping[str, int]) -> Iterator[Guess]:
    old = asked.old
    guesses: list[tuple[tuple[int, int, int, str], Guess]] = []
    for leaf in found:
        value = _replacement(leaf.value, old, new)
        if value is None:
            continue
        guess = Guess(leaf.file, leaf.document, SetValue(leaf.pointer if leaf.inner is None else leaf.inner, value[0]),
                      _called(leaf), None if leaf.inner is None else leaf.pointer)  # fmt: skip
        guesses.append(((value[1], -_alike(leaf.whole, asked.pointer), shared.get(leaf.file, 1), leaf.file), guess))
    yield from (guess for _, guess in sorted(guesses, key=lambda pair: pair[0]))


def _replacement(leaf: JSON, old: JSON, new: JSON) -> tuple[JSON, int] | None:
    """What a leaf must say so that the rendered ``old`` becomes ``new``, and how far-fetched that is; None where it
    cannot.
    """
    if isinstance(leaf, (Mapping, list)) or leaf is None or isinstance(old, (Mapping, list)):
        return None
    if type(leaf) is type(old) and leaf == old:
        return new, 0
    leaf_text, old_text, new_text = _text(leaf), _text(old), _text(new)
    if leaf_text == old_text and old is not None:
        return (new if not isinstance(leaf, str) else new_text), 1
    if not isinstance(leaf, str) or not isinstance(old, str) or not isinstance(new, str):
        if isinstance(leaf, str) and old is not None and len(old_text) >= _SHORTEST and leaf_text.count(old_text) == 1:
            return leaf_text.replace(old_text, new_text), 3
        return None
    if len(leaf) >= 1 and old.count(leaf) >= 1 and (part := _part(leaf, old, new)) is not None:
        return part, 2
    if len(old) >= _SHORTEST and leaf.count(old) == 1:
        return leaf.replace(old, new), 3
    return None


def _part(leaf: str, old: str, new: str) -> str | None:
    """The leaf is one part of the rendered text, which changes in that part alone."""
    start = old.find(leaf)
    while start >= 0:
        before, after = old[:start], old[start + len(leaf) :]
        if new.startswith(before) and new.endswith(after) and len(new) >= len(before) + len(after):
            middle = new[len(before) : len(new) - len(after)]
            if middle and middle != leaf:
                return middle
        start = old.find(leaf, start + 1)
    return None


def _text(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _alike(pointer: Pointer, asked: Pointer) -> int:
    """How many keys at the end two places share, with the names that kustomize and charts give to them."""
    score = 0
    theirs = [part for part in asked if isinstance(part, str)]
    mine = [part for part in pointer if isinstance(part, str)]
    for one, other in zip(reversed(mine), reversed(theirs), strict=False):
        if one != other:
            break
        score += 2
    synonyms = {
        "newTag": "image",
        "newName": "image",
        "digest": "image",
        "tag": "image",
        "count": "replicas",
        "replicaCount": "replicas",
    }
    if score == 0 and mine and theirs:
        score += synonyms.get(mine[-1]) == theirs[-1]
        score += any(part.lower() in {key.lower() for key in theirs} for part in mine)
    return score


def _called(leaf: Leaf) -> str:
    path = ".".join(str(part) for part in leaf.whole)
    return f"{path}"


# -- documents of the same object --------------------------------------------------------------------------------------


def _in_objects(asked: Asked, listed: Sequence[Document], shared: Mapping[str, int], began: str) -> Iterator[Guess]:
    """The same place in each document of the object: where it began, and patches of it."""
    same = [d for d in listed if d.kind == asked.id.kind and (d.name == asked.id.name or d.name in asked.id.name)]
    same.sort(key=lambda d: (shared.get(d.file, 1), d.file != began, d.name != asked.id.name))
    for document in same:
        for edit in translated(asked.edit, asked.tree, document.tree):
            yield Guess(document.file, document.index, edit, "manifest" if document.file == began else "patch")


def _is_written(guess: Guess, listed: Sequence[Document]) -> bool:
    document = next(each for each in listed if (each.file, each.index) == (guess.file, guess.document))
    try:
        at(document.tree, guess.edit.pointer)
    except KeyError:
        return False
    return True


def _in_patches(asked: Asked, listed: Sequence[Document], shared: Mapping[str, int]) -> Iterator[Guess]:
    """The same place in patches that are written as text inside of another document, or as operations (RFC 6902)."""
    for document in sorted(listed, key=lambda d: shared.get(d.file, 1)):
        for leaf in leaves([document]):
            if leaf.inner is not None or not isinstance(leaf.value, str) or "\n" not in leaf.value:
                continue
            held = inside(leaf.value)
            if isinstance(held, Mapping) and held.get("kind") == asked.id.kind:
                for edit in translated(asked.edit, asked.tree, held):
                    yield Guess(document.file, document.index, edit, "patch", leaf.pointer)


def translated(edit: Edit, rendered: Tree, document: JSON) -> Iterator[Edit]:
    """``edit`` of the rendered object as an edit of a document that says part of it: list elements are found by name."""
    pointer = _translated(edit.pointer, rendered, document)
    if pointer is None:
        return
    match edit:
        case SetValue(_, value):
            yield SetValue(pointer, value)
        case AddEntry(_, key, value):
            yield AddEntry(pointer, key, value)
        case RemoveEntry():
            yield RemoveEntry(pointer)


def _translated(pointer: Pointer, rendered: JSON, document: JSON) -> Pointer | None:
    made: list[str | int] = []
    for part in pointer:
        if isinstance(part, str):
            rendered = rendered.get(part) if isinstance(rendered, Mapping) else None
            document = document.get(part) if isinstance(document, Mapping) else None
            made.append(part)
            continue
        theirs = rendered[part] if isinstance(rendered, (list, tuple)) and part < len(rendered) else None
        index = _index(theirs, part, document)
        if index is None or not isinstance(document, (list, tuple)):
            return None
        rendered, document = theirs, document[index]
        made.append(index)
    return tuple(made)


def _index(element: JSON, position: int, listed: JSON) -> int | None:
    """Where the same element stands in another list: by the keys that name elements, else by equality, else by
    position.
    """
    if not isinstance(listed, (list, tuple)):
        return None
    if isinstance(element, Mapping):
        for key in ("name", "mountPath", "containerPort", "port", "key", "ip", "host", "path"):
            if key in element:
                same = [
                    i for i, each in enumerate(listed) if isinstance(each, Mapping) and each.get(key) == element[key]
                ]
                return same[0] if len(same) == 1 else None
    equal = [i for i, each in enumerate(listed) if each == element]
    if len(equal) == 1:
        return equal[0]
    return position if position < len(listed) and isinstance(element, Mapping) else None


# -- new entries -------------------------------------------------------------------------------------------------------


def _in_layer(asked: Asked, layer: Layer) -> Iterator[Guess]:
    if layer.values:
        for path, value in entries.overrides(asked.old, asked.edit, layer.defaults):
            edit = AddEntry((*layer.pointer, *path[:-1]), str(path[-1]), value)
            yield Guess(layer.file, layer.document, edit, f"values key {_dotted(path)}")
        return
    for key, entry in entries.kustomization(asked.id, asked.edit, asked.tree, layer.takes):
        yield Guess(layer.file, layer.document, AddEntry((*layer.pointer, key), None, entry), f"new entry in {key}")


def _in_collections(asked: Asked, layers: Sequence[Layer], listed: Sequence[Document]) -> Iterator[Guess]:
    """An entry for a mapping or list of a chart's values that templates copy as a whole (annotations, environment)."""
    for layer in layers:
        if not layer.values:
            continue
        document = next((d for d in listed if d.file == layer.file and d.index == layer.document), None)
        held: JSON = {}
        if document is not None:
            try:
                held = at(document.tree, layer.pointer)
            except KeyError:
                held = {}
        for path, value in entries.collections(asked.edit, asked.tree, layer.defaults, held):
            yield Guess(
                layer.file, layer.document, SetValue((*layer.pointer, *path), value), f"values key {_dotted(path)}"
            )


def _dotted(path: Pointer) -> str:
    return ".".join(str(part) for part in path)


# -- writing -----------------------------------------------------------------------------------------------------------


def _made(guess: Guess, tree: FileTree) -> Candidate | None:
    """The guess as bytes; None where it cannot be written, or changes nothing."""
    data = tree.read(guess.file)
    if data is None:
        return None
    try:
        edit = guess.edit if guess.inner is None else _through(guess, data)
        made = edited(guess.file, data, [edit], document=guess.document, dialect=Dialect.KUBERNETES)
    except (Refused, KeyError, IndexError):
        return None
    if made == data:
        return None
    pointer = edit.pointer
    return Candidate(
        guess.file, made, Spot(guess.file, line_of(guess.file, made, guess.document, pointer), pointer, guess.what)
    )


def _through(guess: Guess, data: bytes) -> Edit:
    """An edit inside of a text as an edit of the text around it: the text is spliced like a file of its own."""
    held = documents(_One(guess.file, data), [guess.file])
    outer = next(document for document in held if document.index == guess.document)
    pointer = guess.inner or ()
    text = at(outer.tree, pointer)
    if not isinstance(text, str):
        raise KeyError(pointer)
    return SetValue(
        pointer, edited("(text).yaml", text.encode(), [guess.edit], document=0, dialect=Dialect.KUBERNETES).decode()
    )


class _One(FileTree):
    """A tree of one file."""

    def __init__(self, path: str, data: bytes) -> None:
        super().__init__({}, lambda _blob: b"", {path: data})


def after(asked: Asked) -> JSON:
    """The rendered object as it is wanted. Raises ``Refused`` where the edit does not fit it."""
    return applied(asked.tree, asked.edit)
