"""What a kustomization says about one object in its own words: ``images``, ``replicas``, generators and ``patches``.

Entries that are there are changed; a new one is written where none is.
Source: kustomize docs, "The Kustomization File" (``images``, ``replicas``, ``configMapGenerator``, ``patches``).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.edits.values import at, touched
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.generated import base_name
from bot.model.json import JSON, Pointer
from bot.origins.changes import DocumentEdit, FileEdit, Guess
from bot.origins.desire import DesiredEdit
from bot.origins.fitting import ImageReference
from bot.origins.leaves import YamlDocument
from bot.origins.operations import operation, patch_text
from bot.origins.scene import KustomizationLayer

_SCALED: Final = frozenset({"Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"})
"""What ``replicas`` sets (kustomize docs, "replicas")."""
_GENERATORS: Final = {"ConfigMap": "configMapGenerator", "Secret": "secretGenerator"}
"""What makes them (kustomize docs, "configMapGenerator" and "secretGenerator")."""


@dataclass(frozen=True, slots=True)
class _Entries:
    """The part of a document that holds a kustomization's lists, and where."""

    document: YamlDocument
    layer: KustomizationLayer

    def listed(self, key: str) -> list[tuple[int, Mapping[str, JSON]]]:
        """The mappings of one list with their indexes."""
        try:
            value = at(self.document.tree, (*self.layer.pointer, key))
        except KeyError:
            return []
        return (
            [(i, entry) for i, entry in enumerate(value) if isinstance(entry, Mapping)]
            if isinstance(value, list)
            else []
        )

    def edit(self, edit: Edit) -> FileEdit:
        return DocumentEdit(self.document.file, self.document.index, edit)

    def at(self, *path: str | int) -> Pointer:
        return (*self.layer.pointer, *path)

    def new(self, key: str, entry: JSON) -> Guess:
        return Guess((self.edit(AddEntry(self.at(key), None, entry)),), f"new entry in {key}")


def changed(
    desire: DesiredEdit, documents: Iterable[YamlDocument], layers: Iterable[KustomizationLayer]
) -> Iterator[Guess]:
    """The entries about this object that kustomizations have, changed."""
    for entries in _all(documents, layers):
        yield from _changed_image(desire, entries)
        yield from _changed_count(desire, entries)
        yield from _changed_literal(desire, entries)


def _all(documents: Iterable[YamlDocument], layers: Iterable[KustomizationLayer]) -> Iterator[_Entries]:
    known_layers = {(layer.file, layer.document): layer for layer in layers}
    for document in documents:
        layer = known_layers.get((document.file, document.index))
        if layer is not None or document.is_kustomization:
            yield _Entries(document, layer or KustomizationLayer(document.file, document.index))


def added(
    desire: DesiredEdit, document: YamlDocument, layer: KustomizationLayer, names: Sequence[str]
) -> Iterator[Guess]:
    """New entries of a layer in its own words: an image, a count, a literal. ``names`` are those that the object may have
    there.
    """
    entries, edit = _Entries(document, layer), desire.edit
    if "images" in layer.takes and (image := _new_image(desire)) is not None and not _images(desire, entries):
        yield entries.new("images", image)
    if "replicas" in layer.takes and isinstance(edit, SetValue) and _is_count(desire):
        for name in names:
            yield entries.new("replicas", {"name": name, "count": edit.value})
    generator = _GENERATORS.get(desire.id.kind, "")
    if generator in layer.takes and (literal := _literal(desire)) is not None:
        for name in _generated_names(desire, names):
            if not any(entry.get("name") == name for _, entry in entries.listed(generator)):
                yield entries.new(generator, {"name": name, "behavior": "merge", "literals": [literal]})


def patched(
    desire: DesiredEdit, document: YamlDocument, layer: KustomizationLayer, names: Sequence[str]
) -> Iterator[Guess]:
    """A new patch of the object in a layer: by kind and name as people write it, then by group and namespace as well,
    where another object has the same kind and name.
    """
    entries = _Entries(document, layer)
    if "patches" not in layer.takes:
        return
    for name in names:
        target: dict[str, JSON] = {"kind": desire.id.kind, "name": re.escape(name).replace(r"\-", "-")}
        yield entries.new("patches", _patch(desire, target, entries))
        if desire.has_namesake:
            precise = {"group": desire.id.group} if desire.id.group else {}
            target = {**precise, **target, **({"namespace": desire.id.scope} if desire.id.scope else {})}
            yield entries.new("patches", _patch(desire, target, entries))


def _patch(desire: DesiredEdit, target: JSON, entries: _Entries) -> JSON:
    """A patch of one operation, with its keys in the order of the patches beside it."""
    patch: dict[str, JSON] = {"patch": patch_text(operation(desire.edit, desire.tree)), "target": target}
    first = next((list(patch_entry) for _, patch_entry in entries.listed("patches") if "target" in patch_entry), [])
    return patch if not first or first[0] != "target" else dict(reversed(patch.items()))


# -- images ------------------------------------------------------------------------------------------------------------


def _is_image(desire: DesiredEdit) -> bool:
    edit = desire.edit
    return isinstance(edit, SetValue) and edit.pointer[-1:] == ("image",) and isinstance(edit.value, str)


def _images(desire: DesiredEdit, entries: _Entries) -> list[tuple[int, Mapping[str, JSON]]]:
    """The entries that made the rendered image, or would change it."""
    name = ImageReference.of(desire.old).name if isinstance(desire.old, str) else ""
    return [
        (i, image_entry)
        for i, image_entry in entries.listed("images")
        if name and name in {image_entry.get("name"), image_entry.get("newName")}
    ]


def _changed_image(desire: DesiredEdit, entries: _Entries) -> Iterator[Guess]:
    if not _is_image(desire) or not isinstance(desire.edit, SetValue):
        return
    new = ImageReference.of(str(desire.edit.value))
    for index, entry in _images(desire, entries):
        fields = {
            "newName": "" if new.name == entry.get("name") else new.name,
            "newTag": "" if new.digest else new.tag,
            "digest": new.digest,
        }
        edits: list[FileEdit] = []
        for key, value in fields.items():
            if value and entry.get(key) != value:
                edits.append(entries.edit(_set_edit(entries.at("images", index), key, value, entry)))
            elif not value and key in entry:
                edits.append(entries.edit(RemoveEntry(entries.at("images", index, key))))
        if edits:
            yield Guess(tuple(edits), f"images entry {entry.get('name')}")


def _set_edit(pointer: Pointer, key: str, value: JSON, entry: Mapping[str, JSON]) -> Edit:
    return SetValue((*pointer, key), value) if key in entry else AddEntry(pointer, key, value)


def _new_image(desire: DesiredEdit) -> JSON:
    """An ``images`` entry that turns one reference into the other; None where there is no such entry."""
    if not _is_image(desire) or not isinstance(desire.edit, SetValue) or not isinstance(desire.old, str):
        return None
    old, new = ImageReference.of(desire.old), ImageReference.of(str(desire.edit.value))
    entry: dict[str, JSON] = {"name": old.name}
    if new.name != old.name:
        entry["newName"] = new.name
    if new.digest and new.digest != old.digest:
        entry["digest"] = new.digest
    elif new.tag and (new.tag != old.tag or old.digest):
        entry["newTag"] = new.tag
    return entry if len(entry) > 1 else None


# -- replicas ----------------------------------------------------------------------------------------------------------


def _is_count(desire: DesiredEdit) -> bool:
    edit = desire.edit
    return (
        isinstance(edit, SetValue)
        and edit.pointer == ("spec", "replicas")
        and desire.id.kind in _SCALED
        and type(edit.value) is int
    )


def _changed_count(desire: DesiredEdit, entries: _Entries) -> Iterator[Guess]:
    if not _is_count(desire) or not isinstance(desire.edit, SetValue):
        return
    for index, entry in entries.listed("replicas"):
        if isinstance(name := entry.get("name"), str) and name in desire.id.name and "count" in entry:
            edit = SetValue(entries.at("replicas", index, "count"), desire.edit.value)
            yield Guess((entries.edit(edit),), f"replicas entry {name}")


# -- generators --------------------------------------------------------------------------------------------------------


def _entry_key(desire: DesiredEdit) -> str | None:
    """The key of the data of a ConfigMap or Secret that the edit is about."""
    pointer = touched(desire.edit)
    if desire.id.kind in _GENERATORS and len(pointer) == 2 and pointer[0] == "data" and isinstance(pointer[1], str):
        return pointer[1]
    return None


def _literal(desire: DesiredEdit) -> str | None:
    """``KEY=value`` for the new entry of a ConfigMap or Secret; None where a literal cannot say it."""
    key = _entry_key(desire)
    value = desire.edit.value if not isinstance(desire.edit, RemoveEntry) else None
    if key is None or not isinstance(value, str):
        return None
    if desire.id.kind == "Secret":
        try:
            value = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            return None
    return None if "\n" in value else f"{key}={value}"


def _generated_names(desire: DesiredEdit, names: Iterable[str]) -> Iterator[str]:
    yield from dict.fromkeys(base_name(name) for name in names if base_name(desire.id.name) != desire.id.name)


def _changed_literal(desire: DesiredEdit, entries: _Entries) -> Iterator[Guess]:
    key = _entry_key(desire)
    generator = _GENERATORS.get(desire.id.kind, "")
    for index, entry in entries.listed(generator) if key is not None else ():
        name, literals = entry.get("name"), entry.get("literals")
        if not isinstance(name, str) or name not in desire.id.name:
            continue
        description = f"literal {key} of the {generator} {name}"
        texts = literals if isinstance(literals, list) else []
        numbers = [
            i
            for i, literal_text in enumerate(texts)
            if isinstance(literal_text, str) and literal_text.partition("=")[0] == key
        ]
        literal = _literal(desire)
        if isinstance(desire.edit, RemoveEntry):
            yield from (
                Guess((entries.edit(RemoveEntry(entries.at(generator, index, "literals", i))),), description)
                for i in numbers
            )
        elif literal is not None:
            for number in numbers:
                yield Guess(
                    (entries.edit(SetValue(entries.at(generator, index, "literals", number), literal)),), description
                )
            if not numbers:
                yield Guess(
                    (entries.edit(AddEntry(entries.at(generator, index, "literals"), None, literal)),), description
                )
