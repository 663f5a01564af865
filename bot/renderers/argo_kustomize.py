"""What Argo CD makes of a kustomization for the options of a source: it runs ``kustomize edit`` on a copy of it.

Sources: ``Build`` in argo-cd's ``util/kustomize/kustomize.go``; ``kustomize/commands/edit`` of kubernetes-sigs/kustomize.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree, elements, mapping, mappings, text, texts
from bot.renderers.kustomize import KustomizationEdit
from bot.targets.argo_source import filled
from bot.targets.paths import joined

_IMAGE: Final = re.compile(r"(?:(?P<name>[^=]+)=)?(?P<new>(?:[^/@]*/)?[^:@]*)(?::(?P<tag>[^@]*))?(?:@(?P<digest>.*))?")
_UNCHANGED: Final = "*"
"""In an image: what the kustomization says of it stays."""


def edit(options: Tree, variables: Mapping[str, str], folder: str, tree: FileTree) -> KustomizationEdit:
    """What becomes of the kustomization in ``folder``. ``variables`` are filled in where Argo CD does it."""
    missing = options.get("ignoreMissingComponents") is True
    components = [c for c in texts(options.get("components")) if not missing or tree.under(joined(folder, c) or "\0")]
    return partial(_edited, options=options, variables=variables, components=components)


def _edited(kustomization: Tree, *, options: Tree, variables: Mapping[str, str], components: list[str]) -> Tree:
    edited = dict(kustomization)
    for key in ("namePrefix", "nameSuffix", "namespace"):
        if text(options.get(key)):
            edited[key] = text(options.get(key))
    if images := [filled(image_text, variables) for image_text in texts(options.get("images"))]:
        edited["images"] = _images(kustomization, images)
    if replicas := list(mappings(options.get("replicas"))):
        edited["replicas"] = _replicas(kustomization, replicas)
    edited |= _labels(kustomization, options, variables)
    if annotations := mapping(options.get("commonAnnotations")):
        on = options.get("commonAnnotationsEnvsubst") is True
        added = {key: filled(text(value), variables) if on else text(value) for key, value in annotations.items()}
        force = options.get("forceCommonAnnotations") is True
        edited["commonAnnotations"] = _added(
            mapping(kustomization.get("commonAnnotations")), added, "annotation", force=force
        )
    if patches := list(mappings(options.get("patches"))):
        edited["patches"] = [*elements(kustomization.get("patches")), *patches]
    if components:
        existing = texts(kustomization.get("components"))
        edited["components"] = [
            *existing,
            *(component for component in dict.fromkeys(components) if component not in existing),
        ]
    return edited


def image(image_text: str) -> Tree:
    """``[name=]new[:tag][@digest]``, as ``kustomize edit set image`` takes it. Raises ``Invalid`` for an image alone."""
    match = _IMAGE.fullmatch(image_text)
    if match is None or not (match["name"] or match["tag"] is not None or match["digest"] is not None):
        raise Invalid(f"kustomize.images has {image_text!r}, and not name=new, name:tag or name@digest")
    entry: dict[str, JSON] = {"name": match["name"] or match["new"]}
    if match["name"]:
        entry["newName"] = match["new"]
    if match["tag"]:
        entry["newTag"] = match["tag"]
    if match["digest"]:
        entry["digest"] = match["digest"]
    return entry


def _images(kustomization: Tree, overrides: list[str]) -> list[JSON]:
    """All images by name: those of the source take the place of those of the same name, but for what they keep."""
    existing = {text(entry.get("name")): entry for entry in mappings(kustomization.get("images"))}
    for override in map(image, overrides):
        before = existing.get(text(override.get("name")), {})
        changed_fields = {key: before.get(key) if value == _UNCHANGED else value for key, value in override.items()}
        existing[text(override.get("name"))] = {key: value for key, value in changed_fields.items() if value}
    return [existing[name] for name in sorted(existing)]


def _replicas(kustomization: Tree, overrides: list[Tree]) -> list[JSON]:
    existing: dict[str, JSON] = {
        text(replica.get("name")): replica for replica in mappings(kustomization.get("replicas"))
    }
    for override in overrides:
        name, count = text(override.get("name")), text(override.get("count"))
        if re.fullmatch(r"-?\d+", count, re.ASCII) is None:
            raise Invalid(f"kustomize.replicas has the count {count!r} for {name}, which is no whole number")
        existing[name] = {"name": name, "count": int(count)}
    return [existing[name] for name in sorted(existing)]


def _labels(kustomization: Tree, options: Tree, variables: Mapping[str, str]) -> dict[str, JSON]:
    """``edit add label``: into ``commonLabels``, or into the ``labels`` that leave selectors alone."""
    labels = {key: filled(text(value), variables) for key, value in mapping(options.get("commonLabels")).items()}
    if not labels:
        return {}
    force, templates = options.get("forceCommonLabels") is True, options.get("labelIncludeTemplates") is True
    if options.get("labelWithoutSelector") is not True:
        if templates:
            raise Invalid("kustomize.labelIncludeTemplates needs labelWithoutSelector")
        return {"commonLabels": _added(mapping(kustomization.get("commonLabels")), labels, "label", force=force)}
    existing = list(mappings(kustomization.get("labels")))
    entry: Tree = {"pairs": {}, "includeTemplates": True} if templates else {"pairs": {}}
    index = next((i for i, other_labels in enumerate(existing) if _flags(other_labels) == _flags(entry)), len(existing))
    target = existing[index] if index < len(existing) else entry
    changed = {**target, "pairs": _added(mapping(target.get("pairs")), labels, "label", force=force)}
    return {"labels": [*existing[:index], changed, *existing[index + 1 :]]}


def _flags(label: Tree) -> tuple[bool, bool]:
    return label.get("includeSelectors") is True, label.get("includeTemplates") is True


def _added(kustomization: Tree, added: Mapping[str, str], field: str, *, force: bool) -> Tree:
    again = sorted(key for key in added if key in kustomization)
    if again and not force:
        option = f"forceCommon{field.capitalize()}s"
        raise Invalid(f"the {field} {again[0]} is in the kustomization already, which Argo CD refuses without {option}")
    return {**kustomization, **added}
