"""New entries in the layer nearest to a target: overrides of a chart's values, and what a kustomization takes for one
object.

Source: the kustomization file's reference, ``images``, ``replicas`` and ``patches`` (kubectl.docs.kubernetes.io).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bot.edits.values import applied, at
from bot.errors import Refused
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer, Tree
from bot.model.resource import ResourceId

_SCALED: Final = frozenset({"Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"})
"""What ``replicas`` of a kustomization sets (kustomize's ``builtinpluginconsts``, "replicas")."""


def overrides(old: JSON, edit: Edit, defaults: Tree) -> Iterator[tuple[Pointer, JSON]]:
    """Keys of a chart's own values that say the old value, with the new one: overriding them may set it."""
    from bot.origins.candidates import _replacement

    if not isinstance(edit, SetValue) or isinstance(edit.value, (Mapping, list)):
        return
    ranked = []
    for pointer, value in _scalars(defaults, ()):
        made = _replacement(value, old, edit.value)
        if made is not None and all(isinstance(part, str) for part in pointer):
            ranked.append((made[1], len(pointer), pointer, made[0]))
    yield from ((pointer, value) for _, _, pointer, value in sorted(ranked, key=lambda each: each[:3]))
    for pointer, value in _scalars(defaults, ()):
        if value is None or value == "":
            yield pointer, edit.value


def collections(edit: Edit, rendered: Tree, defaults: Tree, held: JSON) -> Iterator[tuple[Pointer, JSON]]:
    """Mappings and lists of a chart's values with the edit applied to them as they are rendered."""
    pointer = edit.pointer if isinstance(edit, AddEntry) else edit.pointer[:-1]
    last = None if isinstance(edit, AddEntry) else edit.pointer[-1]
    try:
        around = at(rendered, pointer)
    except KeyError:
        around = None
    written: Tree = held if isinstance(held, Mapping) else {}
    for path, default in _collections({**defaults, **written}, ()):
        try:
            value = at(held, path)
        except KeyError:
            value = default
        if isinstance(around, (Mapping, list)) and value and not _within(value, around):
            continue
        small: Edit
        match edit:
            case AddEntry(_, key, new):
                small = AddEntry((), key, new)
            case SetValue(_, new) if last is not None:
                small = SetValue((last,), new)
            case _ if last is not None:
                small = RemoveEntry((last,))
            case _:
                continue
        if isinstance(small, AddEntry) and (small.key is None) == isinstance(value, Mapping):
            continue
        try:
            yield path, applied(value, small)
        except Refused:
            continue


def kustomization(id_: ResourceId, edit: Edit, rendered: Tree, takes: frozenset[str]) -> Iterator[tuple[str, JSON]]:
    """Entries for lists of a kustomization (its key, and the entry) that set one value of one object."""
    scaled = isinstance(edit, SetValue) and edit.pointer == ("spec", "replicas") and id_.kind in _SCALED
    if "replicas" in takes and scaled and isinstance(edit, SetValue) and isinstance(edit.value, int):
        yield "replicas", {"name": id_.name, "count": edit.value}
    if (
        "images" in takes
        and isinstance(edit, SetValue)
        and edit.pointer[-1:] == ("image",)
        and isinstance(edit.value, str)
    ):
        image = _image(_text_at(rendered, edit.pointer), edit.value)
        if image is not None:
            yield "images", image
    patch = _operations(edit, rendered)
    if "patches" in takes and patch is not None:
        target: dict[str, JSON] = {"kind": id_.kind, "name": id_.name}
        yield "patches", {"target": {"group": id_.group, **target} if id_.group else target, "patch": patch}


def _text_at(tree: Tree, pointer: Pointer) -> str:
    try:
        value = at(tree, pointer)
    except KeyError:
        return ""
    return value if isinstance(value, str) else ""


def _image(old: str, new: str) -> JSON:
    """An ``images`` entry that turns one reference into the other; None where they have another name."""
    name, tag, digest = _parts(old)
    other, new_tag, new_digest = _parts(new)
    entry: dict[str, JSON] = {"name": name}
    if other != name:
        entry["newName"] = other
    if new_digest and new_digest != digest:
        entry["digest"] = new_digest
    elif new_tag and new_tag != tag:
        entry["newTag"] = new_tag
    return entry if len(entry) > 1 and name else None


def _parts(reference: str) -> tuple[str, str, str]:
    """Name, tag and digest of an image reference."""
    rest, _, digest = reference.partition("@")
    folder, slash, last = rest.rpartition("/")
    name, _, tag = last.partition(":")
    return folder + slash + name, tag, digest


def _operations(edit: Edit, rendered: Tree) -> str | None:
    """The edit as a JSON patch in YAML (RFC 6902)."""
    match edit:
        case SetValue(pointer, value):
            try:
                at(rendered, pointer)
                operation = "replace"
            except KeyError:
                operation = "add"
            return _operation(operation, pointer, value)
        case AddEntry(pointer, key, value):
            try:
                around = at(rendered, pointer)
            except KeyError:
                around = None
            if around is None:
                return _operation("add", pointer, [value] if key is None else {key: value})
            return _operation("add", (*pointer, "-" if key is None else key), value)
        case RemoveEntry(pointer):
            return f"- op: remove\n  path: {_path(pointer)}\n"


def _operation(name: str, pointer: Pointer, value: JSON) -> str:
    return f"- op: {name}\n  path: {_path(pointer)}\n  value: {_flow(value)}\n"


def _flow(value: JSON) -> str:
    """A value as YAML on one line. JSON is YAML; plain words need no quotes."""
    if (
        isinstance(value, str)
        and value
        and value.isascii()
        and value[0].isalpha()
        and all(c.isalnum() or c in "-_./" for c in value)
    ):
        return (
            value
            if value.lower() not in {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
            else json.dumps(value)
        )
    return json.dumps(value, default=dict)


def _path(pointer: Pointer) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in pointer)


def _scalars(value: JSON, at_: Pointer) -> Iterator[tuple[Pointer, JSON]]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _scalars(entry, (*at_, key))
    elif not isinstance(value, Sequence) or isinstance(value, str):
        yield at_, value


def _collections(value: JSON, at_: Pointer) -> Iterator[tuple[Pointer, JSON]]:
    if isinstance(value, Mapping):
        if at_:
            yield at_, value
        for key, entry in value.items():
            yield from _collections(entry, (*at_, key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield at_, value


def _within(value: JSON, around: JSON) -> bool:
    """Whether what values say is part of what was rendered, as a template that copies it makes it."""
    if isinstance(value, Mapping) and isinstance(around, Mapping):
        return all(key in around and around[key] == entry for key, entry in value.items())
    if isinstance(value, (list, tuple)) and isinstance(around, (list, tuple)):
        return all(each in around for each in value)
    return False
