"""One wanted edit of one rendered object, and how near the names around a written value are to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from bot.edits.values import at, touched
from bot.model.drift import Edit
from bot.model.json import JSON, Pointer, Tree
from bot.model.resource import ResourceId
from bot.origins.fitting import ImageReference
from bot.origins.leaves import YamlDocument, words_of
from bot.origins.scene import Provenance, Scene

_SYNONYMS: Final = {
    "newtag": "image",
    "newname": "image",
    "digest": "image",
    "tag": "image",
    "repository": "image",
    "registry": "image",
    "count": "replicas",
    "replicacount": "replicas",
}
"""What kustomize and charts call what a field of a Kubernetes object says."""
_NO_HINT: Final = frozenset({"spec", "template", "metadata", "value", "values", "data", "containers"})
"""Names that are on the way to almost everything."""


@dataclass(frozen=True)
class DesiredEdit:
    """One edit of ``tree``, the object ``id`` of ``target`` as it is rendered now. ``has_namesake``: another object has its
    kind and name, in another namespace or group.
    """

    target: str
    id: ResourceId
    tree: Tree
    edit: Edit
    provenance: Provenance
    has_namesake: bool = False

    @staticmethod
    def of(
        target: str,
        id_: ResourceId,
        edit: Edit,
        objects: Mapping[ResourceId, Tree],
        scene: Scene,
        *,
        known_as: ResourceId | None = None,
    ) -> DesiredEdit:
        """The edit among all ``objects`` of its target. ``known_as``: the name under which the scene knows the object."""
        namesakes = sum((resource.kind, resource.name) == (id_.kind, id_.name) for resource in objects)
        provenance = scene.provenance_of(target, known_as or id_)
        return DesiredEdit(target, id_, objects[id_], edit, provenance, has_namesake=namesakes > 1)

    @property
    def pointer(self) -> Pointer:
        """Where the edit ends up in the rendered object; the list itself for a new element."""
        return touched(self.edit)

    @cached_property
    def old(self) -> JSON:
        """The rendered value as it is; None where there is none."""
        return self.value_in(self.tree)

    def value_in(self, tree: Tree) -> JSON:
        """The value at the edit's place in another rendering of the object; None where there is none."""
        try:
            return at(tree, self.pointer)
        except KeyError:
            return None

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """The names around the value: the object's own, those on the way, and the image's where it is one."""
        terms = words_of(self.tree, self.pointer)
        image = (
            ImageReference.of(self.old).name.rpartition("/")[2]
            if terms[-1:] == ("image",) and isinstance(self.old, str)
            else ""
        )
        return tuple(_plain(term) for term in (self.id.name, image, *terms) if term)

    def is_path(self, terms: tuple[str, ...]) -> bool:
        """Whether ``terms`` lead to this very place of an object, in its manifest or in a patch."""
        path = tuple(_plain(term) for term in words_of(self.tree, self.pointer))
        return tuple(map(_plain, terms[-len(path) :])) == path

    def likeness(self, terms: tuple[str, ...]) -> int:
        """How much the names around a written value have to do with this edit: more is nearer. What stands beside an
        element of another name has less to do with it than what says nothing.
        """
        synonyms = [_SYNONYMS.get(term, term) for term in map(_plain, terms)]
        score = 0
        for term, own_term in zip(reversed(synonyms), reversed(self.terms), strict=False):
            if term != own_term:
                break
            score += 4
        shared = {term for term in synonyms if term in self.terms} - _NO_HINT
        return score + 2 * len(shared)

    def may_affect(self, document: YamlDocument) -> bool:
        """Whether a document may well have a say in this object: it is no manifest of another one."""
        if document.kind in {"", self.id.kind} or document.is_kustomization or document.is_builtin:
            may_be_meant = not document.name or document.name in self.id.name or self.begins_in(document)
            return document.kind != self.id.kind or may_be_meant
        return any(
            document.kind == carrier.kind and document.name in carrier.name for carrier in self.provenance.carriers
        )

    def begins_in(self, document: YamlDocument) -> bool:
        """Whether a document is the object's own manifest; what its name is may be substituted only later
        (``${APP}``, kustomize-controller docs, "Post build variable substitution").
        """
        may_be_meant = document.name in self.id.name or "$" in document.name
        return document.file == self.provenance.file and document.kind == self.id.kind and may_be_meant

    def level(self, file: str) -> int:
        """How far away a file is: its index in the reach."""
        reach = self.provenance.reach
        return next((index for index, files in enumerate(reach) if file in files), len(reach))


def _plain(term: str) -> str:
    return re.sub(r"[^a-z0-9]", "", term.lower())
