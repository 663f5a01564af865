"""Slots: where a value is written that may have a say in a rendered one, or could be written over a default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.edits.values import applied, at
from bot.errors import Refused
from bot.model.drift import AddEntry, Edit, SetValue
from bot.model.filetree import FileTree
from bot.model.json import JSON, Pointer, Tree
from bot.origins.changes import DocumentEdit, FileEdit, Guess, LineEdit
from bot.origins.desire import DesiredEdit
from bot.origins.fitting import CONTAINS, Fit, fit
from bot.origins.leaves import SUFFIXES, Leaf, YamlDocument, inside, leaves, line_of, words_of
from bot.origins.scene import Spot

Placement: TypeAlias = Callable[[Edit], Iterator[tuple[FileEdit, ...]]]
"""The edits of files that carry out one edit of values, the best one first."""

_LONGEST: Final = 1_000_000
"""Bytes of a file that is looked into."""
_TAKEN_IN: Final = frozenset(
    {"apiVersion", "kind", "resources", "bases", "components", "crds", "configurations", "generators", "transformers"}
)
"""The keys of a kustomization that name other files, and what it is (kustomize docs, "The Kustomization File")."""
_STRUCTURE: Final = frozenset({"kind", "apiVersion", "name", "namespace", "nameOverride", "fullnameOverride"})
"""Values by which tools and templates find what belongs together."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One value, with the names on the way to it and how another is written in its place.

    ``file`` is where it is written, or would be; ``leaf`` or ``line`` is there where it is written already.
    """

    file: str
    value: JSON
    terms: tuple[str, ...]
    label: str
    edits_for: Callable[[JSON], Iterator[tuple[FileEdit, ...]]]
    pointer: Pointer = ()
    leaf: Leaf | None = None
    line: int = 0

    def spot(self, tree: FileTree) -> Spot:
        """Where it is written in ``tree``."""
        leaf, data = self.leaf, tree.read(self.file)
        if leaf is None or data is None:
            return Spot(self.file, max(self.line, 1), self.pointer, self.label)
        line = line_of(self.file, data, leaf.document.index, *leaf.texts, leaf.pointer)
        return Spot(self.file, line, self.pointer, self.label)

    @property
    def may_be_marked(self) -> bool:
        """Whether any other value leaves the rendering whole, as far as the name tells. Of what a chart says of itself, only
        the version of its application is free (Helm docs, "The appVersion Field").
        """
        about_chart = self.file.rpartition("/")[2] == "Chart.yaml" and self.terms != ("appVersion",)
        return not about_chart and not _STRUCTURE.intersection(self.terms[-1:])

    def guesses(self, value: JSON) -> Iterator[Guess]:
        """The slot with another value."""
        yield from (Guess(edits, self.label) for edits in self.edits_for(value))


def leaf_slots(documents: Iterable[YamlDocument]) -> list[Slot]:
    """The values written in documents. What a kustomization takes in by its path sets nothing itself."""
    return [
        _leaf_slot(leaf)
        for leaf in leaves(documents)
        if not isinstance(leaf.value, (Mapping, list, tuple))
        and not (leaf.document.is_kustomization and (leaf.terms[0] in _TAKEN_IN or leaf.pointer[-1] == "path"))
    ]


def _leaf_slot(leaf: Leaf) -> Slot:
    def edits_for(value: JSON) -> Iterator[tuple[FileEdit, ...]]:
        edit = SetValue(leaf.pointer, value)
        yield (DocumentEdit(leaf.document.file, leaf.document.index, edit, leaf.texts),)

    terms = leaf.terms
    if isinstance(leaf.value, str) and "=" in leaf.value:
        terms = (*terms, leaf.value.partition("=")[0])
    return Slot(leaf.document.file, leaf.value, terms, described(leaf), edits_for, leaf.full_pointer, leaf)


def described(leaf: Leaf) -> str:
    """What a leaf is to people."""
    document, path = leaf.document, dotted(leaf.full_pointer)
    if document.is_kustomization:
        return f"{path} of the kustomization"
    if document.file.rpartition("/")[2] == "Chart.yaml":
        return f"{path} of the chart"
    if not document.kind:
        return f"values key {path}" if isinstance(document.tree, Mapping) else "patch"
    return f"{path} of {document.kind} {document.name}".rstrip()


def dotted(pointer: Pointer) -> str:
    """A pointer as people write it for values."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in pointer).removeprefix(".")


def line_slots(tree: FileTree, paths: Iterable[str], old: JSON) -> Iterator[Slot]:
    """The lines ``KEY=value`` of files that are no YAML (``envs`` of a generator), and files that say ``old`` as a
    whole (``files`` of a generator).
    """
    for path in sorted(paths):
        data = tree.read(path)
        if data is None or len(data) > _LONGEST:
            continue
        try:
            text = data.decode()
        except UnicodeDecodeError:
            continue
        if text == old:
            yield Slot(path, text, tuple(path.split("/")), "the whole file", _whole_file_edits(path))
        if path.endswith(SUFFIXES) or "sops_mac=" in text:  # what is encrypted has a checksum over all of it
            continue
        for number, line in enumerate(text.splitlines(), 1):
            key, sign, value = line.partition("=")
            if sign and key and not key.startswith("#") and " " not in key:
                yield Slot(path, value, (key,), f"{key} of the file", _line(path, number, key), (key,), None, number)


def _whole_file_edits(path: str) -> Callable[[JSON], Iterator[tuple[FileEdit, ...]]]:
    def edits_for(value: JSON) -> Iterator[tuple[FileEdit, ...]]:
        if isinstance(value, str):
            yield (LineEdit(path, 0, value),)

    return edits_for


def _line(path: str, number: int, key: str) -> Callable[[JSON], Iterator[tuple[FileEdit, ...]]]:
    def edits_for(value: JSON) -> Iterator[tuple[FileEdit, ...]]:
        if isinstance(value, str) and "\n" not in value:
            yield (LineEdit(path, number, f"{key}={value}"),)

    return edits_for


def default_slots(defaults: Tree, values_held: JSON, placement: Placement, file: str) -> Iterator[Slot]:
    """The scalars of a chart's defaults that ``values_held``, the values of a layer, do not say yet. A list is overridden as a
    whole (Helm docs, "Values Files": lists are replaced).
    """
    for pointer, value in _scalars(defaults, ()):
        first = next((index for index, part in enumerate(pointer) if isinstance(part, int)), len(pointer))
        outer_pointer, inner_pointer = pointer[:first], pointer[first:]
        try:
            if not isinstance(at(values_held, outer_pointer), Mapping):
                continue
        except KeyError:
            pass
        yield Slot(file, value, words_of(defaults, pointer), f"values key {dotted(outer_pointer)}",
                   _override(defaults, outer_pointer, inner_pointer, placement), pointer)  # fmt: skip


def _override(
    defaults: Tree, outer_pointer: Pointer, inner_pointer: Pointer, placement: Placement
) -> Callable[[JSON], Iterator[tuple[FileEdit, ...]]]:
    def edits_for(value: JSON) -> Iterator[tuple[FileEdit, ...]]:
        new = applied(at(defaults, outer_pointer), SetValue(inner_pointer, value)) if inner_pointer else value
        yield from placement(AddEntry(outer_pointer[:-1], str(outer_pointer[-1]), new))

    return edits_for


def _scalars(value: JSON, pointer: Pointer) -> Iterator[tuple[Pointer, JSON]]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _scalars(entry, (*pointer, key))
    elif isinstance(value, (list, tuple)):
        for index, element in enumerate(value):
            yield from _scalars(element, (*pointer, index))
    elif pointer:
        yield pointer, value


@dataclass(frozen=True, slots=True)
class FittingSlot:
    """A slot with the value that it must have, as far as text tells."""

    slot: Slot
    fit: Fit
    is_near: bool
    """Whether a name on the way to it is one on the way to the rendered value."""


def fitting(desire: DesiredEdit, slots: Iterable[Slot], bearing: Callable[[Slot], bool]) -> list[FittingSlot]:
    """The slots of ``slots`` whose text fits a change of a scalar, the likeliest first."""
    if not isinstance(desire.edit, SetValue):
        return []
    new = desire.edit.value
    ranked: list[tuple[tuple[object, ...], int, FittingSlot]] = []
    for slot in slots:
        fitted = fit(slot.value, desire.old, new)
        if fitted is not None and not (fitted.distance > 1 and _holds_yaml(slot.value)):
            hint = (not bearing(slot), not desire.is_path(slot.terms), fitted.distance == CONTAINS)
            rank = (
                *hint,
                desire.level(slot.file),
                -desire.likeness(slot.terms),
                fitted.distance,
                len(slot.terms),
                slot.file,
            )
            ranked.append((rank, len(ranked), FittingSlot(slot, fitted, desire.likeness(slot.terms) > 0)))
    return [fitting_slot for _, _, fitting_slot in sorted(ranked, key=lambda entry: entry[:2])]


def _holds_yaml(value: JSON) -> bool:
    """Whether a text is YAML itself, whose own leaves are slots as well."""
    return isinstance(value, str) and inside(value) is not None


def combined(desire: DesiredEdit, parts: Sequence[tuple[JSON, JSON]], all_slots: Sequence[Slot]) -> Iterator[Guess]:
    """Several slots that each say one part of the value (a repository and a tag), each with its new part."""
    edits: list[FileEdit] = []
    names: list[str] = []
    for old, new in parts:
        slots = [slot for slot in all_slots if slot.value == old and type(slot.value) is type(old)]
        slots.sort(key=lambda slot: (desire.level(slot.file), -desire.likeness(slot.terms)))
        first_slot = next(iter(slots), None)
        placed = None if first_slot is None else next(first_slot.edits_for(new), None)
        if first_slot is None or placed is None:
            return
        edits += placed
        names += [first_slot.label] * len(placed)
    yield Guess(tuple(edits), " and ".join(names), tuple(names))


def simple(value: JSON, edit: Edit) -> JSON:
    """``value`` after ``edit``; None where it does not fit."""
    try:
        return applied(value, edit)
    except Refused:
        return None
