"""Edits that may set a value, the likeliest and most natural first. Each is only a guess: rendering again tells.

What only this target reads comes first: entries and lines that say the value, then new entries of its own. What other
targets read as well comes last, for it moves them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final, TypeAlias

from bot.edits.values import touched
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.generated import base_name
from bot.model.json import JSON, Pointer, Tree, value_at
from bot.origins import chart_values, kustomizations
from bot.origins.changes import Candidate, DocumentEdit, FileEdit, Guess, written
from bot.origins.desire import DesiredEdit
from bot.origins.fitting import ImageReference, text_of
from bot.origins.leaves import YamlDocument, documents, inside
from bot.origins.manifests import manifest_guesses
from bot.origins.scene import CarriedLayer, KustomizationLayer, Layer, ValuesLayer
from bot.origins.slots import FittingSlot, Slot, combined, default_slots, fitting, leaf_slots, line_slots
from bot.origins.templates import literal_slots
from bot.origins.trials import Trials

AT_ONCE: Final = 2
"""Slots that are tried one by one before the others are marked."""
_DEEPEST: Final = 2
"""Carriers that carry one another's values."""

_NewEntries: TypeAlias = Callable[[DesiredEdit, YamlDocument, KustomizationLayer, Sequence[str]], Iterator[Guess]]


def candidates(desire: DesiredEdit, trials: Trials) -> Iterator[Candidate]:
    """Edits worth trying for one wanted edit, each once, until the budget is used up."""
    tried_contents: set[tuple[tuple[str, bytes], ...]] = set()
    for guess in Search(desire, trials).guesses():
        candidate = written(guess, trials.tree)
        if candidate is not None and (key := tuple(sorted(candidate.files.items()))) not in tried_contents:
            tried_contents.add(key)
            yield candidate
        if trials.exhausted:
            return


@dataclass(slots=True)
class Search:
    """The guesses for one wanted edit. ``depth`` counts the carriers on the way to it."""

    desire: DesiredEdit
    trials: Trials
    depth: int = 0
    _documents: list[YamlDocument] = field(default_factory=list)

    def guesses(self) -> Iterator[Guess]:
        """What only this part of what is deployed reads, then what others read too. Where all of that shows nothing, any
        value is looked at, if rendering is cheap, and at last what the chart says of itself and what its template says.
        """
        about = [document for document in self.documents if _is_about_chart(document)]
        for shared in (False, True):
            found_documents = [
                document
                for document in self.documents
                if self._is_shared(document.file) == shared and document not in about
            ]
            layers = [layer for layer in self.desire.provenance.layers if self._layer_is_shared(layer) == shared]
            yield from self._of(self._by_level(found_documents), layers, shared=shared)
        if self.desire.provenance.cheap and not self.trials.reached:
            yield from self._probed()
        if isinstance(self.desire.edit, SetValue) and not self.trials.reached:
            yield from self._fitting(leaf_slots(about))
            for slot in literal_slots(self.desire, self.trials.tree):
                yield from slot.guesses(self.desire.edit.value)

    def _of(self, found_documents: Sequence[YamlDocument], layers: Sequence[Layer], *, shared: bool) -> Iterator[Guess]:
        """What is written is changed; else a new entry in the words of a layer; else more is said where something is
        said of the object already; else something new is said of it.
        """
        kustomized = [
            kustomization
            for kustomization in self.desire.provenance.layers
            if isinstance(kustomization, KustomizationLayer)
        ]
        slots = [*leaf_slots(found_documents), *self._lines(shared=shared)]
        manifests = manifest_guesses(self.desire, found_documents)
        yield from kustomizations.changed(self.desire, found_documents, kustomized)
        yield from self._set(slots)
        yield from manifests.written
        yield from self._removed(slots)
        for layer in layers:
            if isinstance(layer, KustomizationLayer):
                yield from self._in_kustomization(layer, kustomizations.added)
            else:
                yield from self._in_values(layer, slots)
        yield from manifests.added
        for layer in layers:
            if isinstance(layer, KustomizationLayer):
                yield from self._in_kustomization(layer, kustomizations.patched)

    @property
    def documents(self) -> list[YamlDocument]:
        """Every document that may have a say."""
        if not self._documents:
            self._documents += documents(self.trials.tree, self._reach())
        return self._documents

    def _reach(self) -> frozenset[str]:
        return frozenset().union(*self.desire.provenance.reach)

    def _is_shared(self, file: str) -> bool:
        return self.trials.scene.is_shared(file)

    def _layer_is_shared(self, layer: Layer) -> bool:
        return not isinstance(layer, CarriedLayer) and self._is_shared(layer.file)

    # -- what is written -------------------------------------------------------------------------------------------

    def _set(self, slots: Sequence[Slot]) -> Iterator[Guess]:
        """Slots that say the value, or parts of it."""
        if isinstance(self.desire.edit, SetValue):
            yield from self._fitting(slots)
            yield from self._image_parts(slots)

    def _removed(self, slots: Sequence[Slot]) -> Iterator[Guess]:
        """Lines of values that say what shall go: without them a template may leave it out."""
        old = self.desire.old
        if not isinstance(self.desire.edit, RemoveEntry):
            return
        same = [
            candidate
            for candidate in slots
            if candidate.leaf is not None and candidate.value == old and self._carries(candidate.leaf.document)
        ]
        same.sort(key=lambda slot: (self.desire.level(slot.file), -self.desire.likeness(slot.terms)))
        for slot in same[:AT_ONCE]:
            leaf = slot.leaf
            if leaf is not None and not leaf.texts:
                yield Guess(
                    (DocumentEdit(leaf.document.file, leaf.document.index, RemoveEntry(leaf.pointer)),), slot.label
                )

    def _carries(self, document: YamlDocument) -> bool:
        """Whether a document says something about other objects: values, a kustomization, a carrier."""
        return document.kind != self.desire.id.kind and self.desire.may_affect(document)

    def _by_level(self, found_documents: Iterable[YamlDocument]) -> list[YamlDocument]:
        return sorted(found_documents, key=lambda document: (self.desire.level(document.file), document.file))

    def _lines(self, *, shared: bool) -> Iterator[Slot]:
        paths = (path for path in self._reach() if self._is_shared(path) == shared)
        return line_slots(self.trials.tree, paths, self.desire.old)

    def _fitting(self, slots: Sequence[Slot]) -> Iterator[Guess]:
        """The slots that say the value: the first ones at once, of many others those that show up when marked."""
        ranked = fitting(self.desire, slots, self._bears)
        first = [slot for slot in ranked if slot.is_near][:AT_ONCE]
        yield from _guesses(first)
        later_slots = [slot for slot in ranked if slot not in first]
        marked = [
            slot.slot for slot in later_slots if slot.slot.may_be_marked and not isinstance(slot.slot.value, bool)
        ]
        feeding = self.trials.slots_in_value(self.desire, marked, by_fit=True) if len(marked) > 1 else marked
        yield from _guesses(candidate for candidate in later_slots if any(candidate.slot is slot for slot in feeding))
        yield from _guesses(
            [
                candidate
                for candidate in later_slots
                if candidate.is_near and not any(candidate.slot is slot for slot in marked)
            ][:AT_ONCE]
        )

    def ranked(self) -> list[FittingSlot]:
        """Every written value whose text fits, the likeliest first."""
        slots = [*leaf_slots(self.documents), *line_slots(self.trials.tree, self._reach(), self.desire.old)]
        return fitting(self.desire, slots, self._bears)

    def values(self) -> list[Slot]:
        """Every value of a chart that is written and may be marked."""
        return [
            slot
            for slot in leaf_slots(document for document in self.documents if not document.kind)
            if slot.may_be_marked
        ]

    def _bears(self, slot: Slot) -> bool:
        return slot.leaf is None or self.desire.may_affect(slot.leaf.document)

    def _image_parts(self, slots: Sequence[Slot]) -> Iterator[Guess]:
        """Repository and tag in slots of their own, where both change."""
        edit, old = self.desire.edit, self.desire.old
        if not isinstance(edit, SetValue) or not isinstance(edit.value, str) or not isinstance(old, str):
            return
        for parts in _image_parts(old, edit.value):
            yield from combined(self.desire, parts, slots)

    # -- new entries -----------------------------------------------------------------------------------------------

    def _in_kustomization(self, layer: KustomizationLayer, entries: _NewEntries) -> Iterator[Guess]:
        document = self._document(layer.file, layer.document)
        if document is not None:
            yield from entries(self.desire, document, layer, self._names(document, layer))

    def _in_values(self, layer: ValuesLayer | CarriedLayer, value_slots: Sequence[Slot]) -> Iterator[Guess]:
        """Keys of a layer over the values below it; together with ``value_slots`` ones where both make up the value."""
        slots = list(self._defaults(layer))
        if isinstance(self.desire.edit, SetValue):
            yield from self._fitting(slots)
            yield from self._image_parts([*value_slots, *slots])
        for edit in chart_values.overrides(self.desire, self._below(layer), self._value_of(layer)):
            if any(self._named(touched(edit)[-2:])):
                yield from (Guess(edits, _key(edit)) for edits in self._placed(layer, edit))

    def _names(self, document: YamlDocument, layer: KustomizationLayer) -> list[str]:
        """The names that the object may have in a layer: without what this and other layers put around it."""
        name = base_name(self.desire.id.name)
        tree = document.tree if isinstance(document.tree, Mapping) and not layer.pointer else {}
        prefix, suffix = tree.get("namePrefix"), tree.get("nameSuffix")
        if isinstance(prefix, str):
            name = name.removeprefix(prefix)
        if isinstance(suffix, str):
            name = name.removesuffix(suffix)
        templates = [
            yaml_document.name
            for yaml_document in self.documents
            if self.desire.begins_in(yaml_document) and "$" in yaml_document.name
        ]
        return templates or [name]

    def _document(self, file: str, index: int) -> YamlDocument | None:
        return next((document for document in documents(self.trials.tree, [file]) if document.index == index), None)

    # -- values of charts -------------------------------------------------------------------------------------------

    def _value_of(self, layer: ValuesLayer | CarriedLayer) -> JSON:
        """The values that a layer says itself. Of a carrier's, those that no other part of what is deployed reads."""
        if isinstance(layer, ValuesLayer):
            document = self._document(layer.file, layer.document)
            value = None if document is None else value_at(document.tree, layer.pointer)
            return (inside(value) or {}) if isinstance(value, str) else value or {}
        layer_values = (
            value_at(yaml_document.tree, layer.pointer)
            for yaml_document in self.documents
            if (yaml_document.kind, yaml_document.name) == (layer.carrier.kind, layer.carrier.name)
            and not self._is_shared(yaml_document.file)
        )
        merged_values: Tree = {}
        for values in layer_values:
            merged_values = chart_values.merged(merged_values, values)
        return merged_values

    def _below(self, layer: ValuesLayer | CarriedLayer) -> Tree:
        """The values over which a layer lies: of a carrier's, what others say of it as well."""
        if isinstance(layer, ValuesLayer):
            return layer.defaults
        carrier = self.trials.objects.get(self.desire.target, {}).get(layer.carrier, {})
        return chart_values.merged(layer.defaults, value_at(carrier, layer.pointer))

    def _file(self, layer: ValuesLayer | CarriedLayer) -> str:
        return layer.file if isinstance(layer, ValuesLayer) else ""

    def _placed(self, layer: ValuesLayer | CarriedLayer, edit: Edit) -> Iterator[tuple[FileEdit, ...]]:
        """An edit of a layer's values as edits of files."""
        if isinstance(layer, CarriedLayer):
            yield from self._carried(layer, _below(layer.pointer, edit))
            return
        document = self._document(layer.file, layer.document)
        if layer.pointer and document is not None and isinstance(value_at(document.tree, layer.pointer), str):
            yield (DocumentEdit(layer.file, layer.document, edit, (layer.pointer,)),)
        else:
            yield (DocumentEdit(layer.file, layer.document, _below(layer.pointer, edit)),)

    def _carried(self, layer: CarriedLayer, edit: Edit) -> Iterator[tuple[FileEdit, ...]]:
        """An edit of an object that carries values: where only this target writes it, else by a new patch of it, else
        where others write it too.
        """
        target, carrier = self.desire.target, layer.carrier
        objects = self.trials.objects.get(target, {})
        if carrier not in objects or self.depth >= _DEEPEST:
            return
        desire = DesiredEdit.of(target, carrier, edit, objects, self.trials.scene)
        search = Search(desire, self.trials, self.depth + 1)
        yield from islice((guess.edits for guess in search.placements()), 3)

    def placements(self) -> Iterator[Guess]:
        """The edit where only this part says something of the object, as a new patch, or where others say it too."""
        own_guesses = manifest_guesses(
            self.desire, [document for document in self.documents if not self._is_shared(document.file)]
        )
        yield from (*own_guesses.written, *own_guesses.added)
        for layer in self.desire.provenance.layers:
            if isinstance(layer, KustomizationLayer) and not self._is_shared(layer.file):
                yield from self._in_kustomization(layer, kustomizations.patched)
        shared_guesses = manifest_guesses(
            self.desire, [document for document in self.documents if self._is_shared(document.file)]
        )
        yield from (*shared_guesses.written, *shared_guesses.added)

    # -- probing ----------------------------------------------------------------------------------------------------

    def _probed(self) -> Iterator[Guess]:
        """Any value of a chart that shows up in the rendered one, whatever it says now; else switches turned over."""
        slots = self.values()
        for layer in self.desire.provenance.layers:
            if not isinstance(layer, KustomizationLayer):
                slots += [slot for slot in self._defaults(layer) if slot.may_be_marked]
        edit = self.desire.edit
        if not isinstance(edit, RemoveEntry) and not isinstance(edit.value, (Mapping, list, tuple)):
            for slot in self.trials.slots_in_value(self.desire, slots, by_fit=False):
                value = self.trials.needed(self.desire, slot, text_of(edit.value))
                if value is not None:
                    yield from slot.guesses(edit.value if value == text_of(edit.value) else value)
        for slot in self.trials.turned(self.desire, self._switches(slots)):
            yield from slot.guesses(not slot.value)

    def _defaults(self, layer: ValuesLayer | CarriedLayer) -> Iterator[Slot]:
        placement = partial(self._placed, layer)
        return default_slots(self._below(layer), self._value_of(layer), placement, self._file(layer))

    def _switches(self, slots: Iterable[Slot]) -> list[Slot]:
        """The switches that the object's template may ask, where turning one over may make the wanted value: something comes
        or goes, or the template says that value.
        """
        literal = re.escape(text_of(self.desire.edit.value)) if isinstance(self.desire.edit, SetValue) else ""
        if not re.search(rf"(?<![\w.-]){literal}(?![\w.-])", self._template()):
            return []
        return [slot for slot in slots if isinstance(slot.value, bool) and all(self._named(slot.pointer[-2:]))]

    def _named(self, keys: Pointer) -> list[bool]:
        """Which keys of values the object's template, or a helper, names; all of them where nobody knows the template."""
        template = self._template()
        return [not template or f".{key}" in template for key in keys]

    def _template(self) -> str:
        """The text of the object's template and of all helpers; empty where it begins elsewhere."""
        provenance = self.desire.provenance
        templates = (
            [path for path in self._reach() if path == provenance.file or path.endswith(".tpl")]
            if provenance.is_template
            else []
        )
        return "\n".join((self.trials.tree.read(path) or b"").decode(errors="replace") for path in templates)


def _is_about_chart(document: YamlDocument) -> bool:
    """Whether a document is a chart's own description, which changes when the chart does (Helm docs, "The Chart.yaml File")."""
    return document.file.rpartition("/")[2] == "Chart.yaml"


def _guesses(ranked: Iterable[FittingSlot]) -> Iterator[Guess]:
    for slot in ranked:
        yield from slot.slot.guesses(slot.fit.value)


def _image_parts(old: str, new: str) -> Iterator[list[tuple[JSON, JSON]]]:
    """How a change of an image may be spread over several values: name and tag, or registry, repository and tag."""
    before, after = ImageReference.of(old), ImageReference.of(new)
    if not before.tag or not after.tag or before.digest or after.digest or before.name == after.name:
        return
    tags: list[tuple[JSON, JSON]] = [(before.tag, after.tag)] if before.tag != after.tag else []
    yield [(before.name, after.name), *tags]
    registry, _, repository = before.name.partition("/")
    new_registry, _, new_repository = after.name.partition("/")
    if repository and new_repository:
        parts: list[tuple[JSON, JSON]] = [(registry, new_registry), (repository, new_repository), *tags]
        yield [part for part in parts if part[0] != part[1]]


def _below(pointer: Pointer, edit: Edit) -> Edit:
    """An edit of values as one of the document around them."""
    match edit:
        case SetValue(remaining_pointer, value):
            return SetValue((*pointer, *remaining_pointer), value)
        case AddEntry(remaining_pointer, key, value):
            return AddEntry((*pointer, *remaining_pointer), key, value)
        case RemoveEntry(remaining_pointer):
            return RemoveEntry((*pointer, *remaining_pointer))


def _key(edit: Edit) -> str:
    return "values key " + ".".join(str(part) for part in touched(edit))
