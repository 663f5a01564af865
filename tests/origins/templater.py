"""A little templater, so that the search can be tested without any tool: files in, objects out.

``places/NAME/place.yaml`` names the ``templates`` and ``values`` files (the later one wins) of one target, and may hold
``images``, ``replicas`` and ``patches`` as a kustomization does. Templates are YAML with ``{{ key.of.values }}``; a document
that begins with ``# if key`` is left out where that value is false, and ``{{ random }}`` is another word each time. A key
that no values file has is an error: nothing of that target is rendered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import yaml

from bot.edits.values import applied, at
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.filetree import FileTree, content_id
from bot.model.json import Tree
from bot.model.resource import Platform, ResourceId
from bot.origins.effect import differences
from bot.origins.fitting import ImageReference
from bot.origins.scene import KustomizationLayer, Layer, Noise, Objects, Provenance, Scene, ValuesLayer


def tree_of(files: Mapping[str, str]) -> FileTree:
    blobs = {content_id(text.encode()): text.encode() for text in files.values()}
    return FileTree({path: content_id(text.encode()) for path, text in files.items()}, blobs.__getitem__)


@dataclass
class Templater:
    """Renders and counts how often it was asked to."""

    rendered: int = 0
    asked: list[frozenset[str]] = field(default_factory=list)

    def __call__(self, tree: FileTree, targets: frozenset[str]) -> Objects | None:
        self.rendered += 1
        self.asked.append(targets)
        try:
            return {target: dict(_objects(tree, target)) for target in targets}
        except (KeyError, yaml.YAMLError):
            return None

    def scene(self, files: Mapping[str, str], *, cheap: bool = False, again: bool = False) -> Scene:
        """The scene of ``files``. ``again``: rendered twice, to find what is random."""
        tree = tree_of(files)
        names = frozenset(path.split("/")[1] for path in files if path.endswith("/place.yaml"))
        objects = self(tree, names)
        assert objects is not None, "the files render"
        inputs = {name: _inputs(tree, name) for name in names}
        provenance = {name: {id_: _provenance(tree, name, cheap=cheap) for id_ in objects[name]} for name in names}
        second = self(tree, names) if again else objects
        assert second is not None
        self.rendered = 0
        self.asked.clear()
        return Scene(tree, objects, self, inputs, provenance, _noise(objects, second))


def _noise(first: Objects, second: Objects) -> Noise:
    """What two renderings of the same files make differently."""
    return {
        (target, id_): pointers
        for target, objects in first.items()
        for id_, tree in objects.items()
        if (pointers := frozenset(differences(tree, second[target][id_])))
    }


def _place(tree: FileTree, name: str) -> dict[str, Any]:
    loaded = yaml.safe_load(tree.read(f"places/{name}/place.yaml") or b"")
    return loaded if isinstance(loaded, dict) else {}


def _inputs(tree: FileTree, name: str) -> frozenset[str]:
    place = _place(tree, name)
    return frozenset({f"places/{name}/place.yaml", *place.get("templates", []), *place.get("values", [])})


def _provenance(tree: FileTree, name: str, *, cheap: bool) -> Provenance:
    place = _place(tree, name)
    file = f"places/{name}/place.yaml"
    values = place.get("values", [])
    layers: list[Layer] = []
    below: dict[str, Any] = {}
    for path in values:
        layers.insert(0, ValuesLayer(path, defaults=below))
        below = _merged(below, yaml.safe_load(tree.read(path) or b"") or {})
    layers.append(KustomizationLayer(file))
    near = frozenset({file, *values[-1:]})
    return Provenance(reach=(near, _inputs(tree, name) - near), layers=tuple(layers), cheap=cheap)


def _objects(tree: FileTree, name: str) -> Iterator[tuple[ResourceId, Tree]]:
    place = _place(tree, name)
    values: dict[str, Any] = {}
    for path in place.get("values", []):
        values = _merged(values, yaml.safe_load(tree.read(path) or b"") or {})
    for path in place.get("templates", []):
        for part in _template(tree, path).split("\n---\n"):
            condition = re.match(r"# if (\S+)\n", part)
            if condition is None or at(values, tuple(condition[1].split("."))):
                loaded = yaml.safe_load(re.sub(r"{{ (\S+) }}", lambda match: _text(match[1], values), part))
                id_ = ResourceId(Platform.KUBERNETES, loaded["kind"], "", loaded["metadata"]["name"])
                yield id_, _transformed(loaded, place)


def _template(tree: FileTree, path: str) -> str:
    data = tree.read(path)
    if data is None:
        raise KeyError(path)
    return data.decode()


def _text(key: str, values: dict[str, Any]) -> str:
    if key == "random":
        return uuid4().hex
    value = at(values, tuple(key.split(".")))
    return value if isinstance(value, str) else json.dumps(value)


def _transformed(tree: dict[str, Any], place: dict[str, Any]) -> Tree:
    name = tree["metadata"]["name"]
    for patch in place.get("patches", []):
        if patch["target"] == {"kind": tree["kind"], "name": name}:
            for step in yaml.safe_load(patch["patch"]):
                tree = applied(tree, edit_of(step))  # type: ignore[assignment]  # a mapping stays one
    for entry in place.get("replicas", []):
        if entry["name"] == name and "replicas" in tree.get("spec", {}):
            tree["spec"]["replicas"] = entry["count"]
    for entry in place.get("images", []):
        for container in tree.get("spec", {}).get("containers", []):
            image = ImageReference.of(container["image"])
            if image.name == entry["name"]:
                container["image"] = f"{entry.get('newName', image.name)}:{entry.get('newTag', image.tag)}"
    return tree


def edit_of(step: dict[str, Any]) -> Edit:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
    pointer = tuple(int(part) if part.isdecimal() else part for part in parts)
    match step["op"]:
        case "remove":
            return RemoveEntry(pointer)
        case "replace":
            return SetValue(pointer, step["value"])
        case _:
            last = pointer[-1]
            return AddEntry(pointer[:-1], None if last == "-" else str(last), step["value"])


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    made = dict(below)
    for key, value in above.items():
        held = made.get(key)
        made[key] = _merged(held, value) if isinstance(value, dict) and isinstance(held, dict) else value
    return made
