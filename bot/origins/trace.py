"""Where a rendered value comes from: the line that decides it, proven by rendering with another value there, the lines
that this one overrides, and what else it sets. For ``clockwork origin``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.edits.values import at
from bot.errors import Refused
from bot.model.drift import SetValue
from bot.model.json import JSON, Pointer, Tree
from bot.model.paths import format_path
from bot.model.resource import ResourceId
from bot.origins.candidates import AT_ONCE, Search
from bot.origins.changes import dumped
from bot.origins.desire import DesiredEdit
from bot.origins.effect import differences, successors
from bot.origins.leaves import Leaf, YamlDocument, line_of
from bot.origins.manifests import position
from bot.origins.scene import (
    CarriedLayer,
    Chain,
    Feed,
    Goal,
    KustomizationLayer,
    Link,
    NoEdit,
    Objects,
    Scene,
    Spot,
)
from bot.origins.search import find_edit
from bot.origins.slots import Slot, dotted
from bot.origins.templates import literal_slots
from bot.origins.trials import CHEAP_MOST, SLOW_MOST, Trials

_FEW: Final = 4
"""Renderings for a line that is told in passing."""


def trace(target: str, id_: ResourceId, pointer: Pointer, scene: Scene, *, with_edit: bool = True) -> Chain | NoEdit:
    """The chain of one rendered value. :class:`NoEdit` says why there is none: no such object, or no single value.
    ``with_edit``: the edit that would set another value is searched for as well.
    """
    objects = scene.objects.get(target, {})
    if id_ not in objects:
        return NoEdit(f"{target or 'this repository'} has no {id_}")
    try:
        value = at(objects[id_], pointer)
    except KeyError:
        return NoEdit(f"{id_} has nothing at {format_path(pointer)}")
    encoded_value = another(value, encoded=id_.kind == "Secret" and pointer[0] == "data")
    if encoded_value is None:
        obstacle = "not in base64" if isinstance(value, str) else "no single value"
        return NoEdit(f"{format_path(pointer)} of {id_} is {obstacle}")
    desire = DesiredEdit.of(target, id_, SetValue(pointer, encoded_value), objects, scene)
    most = CHEAP_MOST if desire.provenance.cheap else SLOW_MOST
    trials = Trials(scene, scene.tree, scene.objects, most=most)
    return _Trace(scene, desire, trials, Search(desire, trials)).chain(value, encoded_value, with_edit=with_edit)


def deciding(target: str, id_: ResourceId, pointer: Pointer, scene: Scene) -> Spot | None:
    """The line that decides one rendered value, where few renderings find it."""
    objects = scene.objects.get(target, {})
    try:
        value = at(objects[id_], pointer)
    except KeyError:
        return None
    encoded_value = another(value, encoded=id_.kind == "Secret" and pointer[0] == "data")
    if encoded_value is None:
        return None
    desire = DesiredEdit.of(target, id_, SetValue(pointer, encoded_value), objects, scene)
    trials = Trials(scene, scene.tree, scene.objects, most=_FEW)
    slot = _Trace(scene, desire, trials, Search(desire, trials)).slot()
    return None if slot is None else slot.spot(scene.tree)


def another(value: JSON, *, encoded: bool = False) -> JSON:
    """Another value of the same type, which a rendering shows; None where nothing sensible is another. ``encoded``: it is
    base64, as the data of a Secret is.
    """
    match value:
        case str() if encoded:
            try:
                return base64.b64encode(base64.b64decode(value) + b"x").decode()
            except binascii.Error:
                return None
        case bool():
            return not value
        case int():
            return value + 1
        case float():
            return value + 1.0
        case str():
            return f"{value}x"
        case _:
            return None


@dataclass(frozen=True, slots=True)
class _Trace:
    scene: Scene
    desire: DesiredEdit
    trials: Trials
    search: Search

    def chain(self, value: JSON, encoded_value: JSON, *, with_edit: bool) -> Chain:
        """The chain of ``value``, and the edit that would make it ``encoded_value``."""
        desire, slot = self.desire, self.slot()
        links: list[Link] = []
        if slot is not None:
            links.append(Link(slot.spot(self.scene.tree), slot.value, decides=True))
        link_places = {(link.spot.file, link.spot.line) for link in links}
        for link in self._other_links(slot):
            if (link.spot.file, link.spot.line) not in link_places:
                link_places.add((link.spot.file, link.spot.line))
                links.append(link)
        feeds = () if slot is None else tuple(self._feeds(slot))
        goal = Goal(desire.target, {desire.id: (SetValue(desire.pointer, encoded_value),)})
        edit = find_edit(goal, self.scene) if with_edit else None
        note = "" if slot is not None else self._note()
        return Chain(desire.target, desire.id, desire.pointer, value, tuple(links), feeds, edit, note)

    def slot(self) -> Slot | None:
        """The written value that decides; none where every rendering makes the value anew."""
        return None if self._is_noise() else self._deciding()

    def _deciding(self) -> Slot | None:
        """The written value that shows in the rendered one: one whose text fits, else (where rendering is cheap) any."""
        desire, trials = self.desire, self.trials
        ranked = self.search.ranked()
        for near_slot in [ranked_slot for ranked_slot in ranked if ranked_slot.is_near][:AT_ONCE]:
            if trials.moves_value(desire, near_slot.slot, near_slot.fit.value):
                return near_slot.slot
        marked = [ranked_slot.slot for ranked_slot in ranked if ranked_slot.slot.may_be_marked]
        feeding = trials.slots_in_value(desire, marked, by_fit=True)
        if not feeding and desire.provenance.cheap:
            values = self.search.values()
            feeding = trials.slots_in_value(desire, values, by_fit=False)
            switches = (slot for slot in values if isinstance(slot.value, bool))
            feeding = feeding or [slot for slot in switches if trials.moves_value(desire, slot, not slot.value)][:1]
        lines = literal_slots(desire, self.scene.tree) if not feeding else []
        deciding_slots = (slot for slot in lines if trials.moves_value(desire, slot, another(slot.value)))
        return next(iter(feeding), None) or next(deciding_slots, None)

    # -- what it overrides ------------------------------------------------------------------------------------------

    def _other_links(self, slot: Slot | None) -> Iterator[Link]:
        """The other lines that say something about the value, nearest first: the same key of values below, patches and
        the manifest, the template.
        """
        if slot is not None and slot.leaf is not None:
            yield from self._same_key(slot.leaf)
        yield from self._manifests()
        file = self.desire.provenance.file
        if self.desire.provenance.is_template:
            yield Link(Spot(file, self._template_line(file, slot), (), "template"), None)

    def _same_key(self, leaf: Leaf) -> Iterator[Link]:
        key = self._values_key(leaf)
        for document in self._near_first() if key else ():
            for start in self._values_starts(document):
                pointer = (*start, *key)
                if (document.file, pointer) != (leaf.document.file, leaf.full_pointer):
                    yield from self._link(document, pointer, f"values key {dotted(key)}")

    def _values_key(self, leaf: Leaf) -> Pointer:
        """The key of a chart's values that a leaf is; empty where it is none."""
        starts = sorted(self._values_starts(leaf.document), key=len, reverse=True)
        return next((leaf.full_pointer[len(s) :] for s in starts if leaf.full_pointer[: len(s)] == s), ())

    def _values_starts(self, document: YamlDocument) -> set[Pointer]:
        """Where values of a chart begin in a document."""
        starts: set[Pointer] = set()
        for layer in self.desire.provenance.layers:
            if isinstance(layer, CarriedLayer) and (document.kind, document.name) == (
                layer.carrier.kind,
                layer.carrier.name,
            ):
                starts.add(layer.pointer)
            elif not isinstance(layer, (CarriedLayer, KustomizationLayer)):
                starts |= {layer.pointer} if (layer.file, layer.document) == (document.file, document.index) else set()
        has_values = any(not isinstance(layer, KustomizationLayer) for layer in self.desire.provenance.layers)
        if has_values and not document.kind and isinstance(document.tree, Mapping) and not document.is_kustomization:
            starts.add(())
        return starts

    def _manifests(self) -> Iterator[Link]:
        """What documents of the object say at the same place."""
        desire = self.desire
        for document in self._near_first():
            if document.kind != desire.id.kind or not desire.may_affect(document):
                continue
            pointer = position(desire.pointer, desire.tree, document.tree)
            if pointer is not None:
                role = "manifest" if document.file == desire.provenance.file else "patch"
                yield from self._link(document, pointer, role)

    def _link(self, document: YamlDocument, pointer: Pointer, role: str) -> Iterator[Link]:
        try:
            value = at(document.tree, pointer)
        except KeyError:
            return
        line = line_of(document.file, self.scene.tree.read(document.file) or b"", document.index, pointer)
        yield Link(Spot(document.file, line, pointer, role), value)

    def _near_first(self) -> list[YamlDocument]:
        return sorted(self.search.documents, key=lambda document: self.desire.level(document.file))

    def _template_line(self, file: str, slot: Slot | None) -> int:
        """The line of a template that reads the deciding value, or writes the field; the first where none does."""
        lines = (self.scene.tree.read(file) or b"").decode(errors="replace").splitlines()
        key = self._values_key(slot.leaf) if slot is not None and slot.leaf is not None else ()
        field = next((part for part in reversed(self.desire.pointer) if isinstance(part, str)), "")
        for text in ([f".Values.{dotted(key)}"] if key else []) + [f"{field}:"]:
            for number, line in enumerate(lines, 1):
                if text in line:
                    return number
        return max(self.desire.provenance.line, 1)

    # -- what else it sets ------------------------------------------------------------------------------------------

    def _feeds(self, slot: Slot) -> Iterator[Feed]:
        """Every other place of every target that changes with the slot."""
        placed = next(slot.edits_for(another(slot.value)), None)
        if placed is None:
            return
        try:
            files = dumped(placed, self.scene.tree)
        except (Refused, KeyError, IndexError):
            return
        readers = self.scene.readers(slot.file) | {self.desire.target}
        outcome: Objects = self.scene.render(self.scene.tree.with_changes(files), readers) or {}
        for target, objects in outcome.items():
            before = self.scene.objects.get(target, {})
            renamed = successors(before, objects)
            for id_, tree in before.items():
                now = objects.get(renamed.get(id_, id_))
                for pointer in self._changed(target, id_, tree, now):
                    if (target, id_, pointer) != (self.desire.target, self.desire.id, self.desire.pointer):
                        yield Feed(target, id_, pointer)

    def _changed(self, target: str, id_: ResourceId, before: Tree, now: Tree | None) -> Iterator[Pointer]:
        """The places of an object that changed, its generated name aside; the whole of it where it is gone."""
        if now is None:
            yield ()
        elif now is not before:
            aside = {("metadata", "name")} | self.scene.noise.get((target, id_), frozenset())
            yield from (pointer for pointer in differences(before, now) if pointer not in aside)

    def _is_noise(self) -> bool:
        desire = self.desire
        pointers = self.scene.noise.get((desire.target, desire.id), frozenset())
        return any(desire.pointer[: len(pointer)] == pointer for pointer in pointers)

    def _note(self) -> str:
        """Why no line decides the value."""
        desire, file = self.desire, self.desire.provenance.file
        if self._is_noise():
            return "it is made anew at each rendering"
        if desire.provenance.is_template:
            return f"the template {file} makes it, and no value of the chart changes it"
        if file:
            return f"no line that sets it was found; its object begins at {file}:{max(desire.provenance.line, 1)}"
        return "no line that sets it was found"
