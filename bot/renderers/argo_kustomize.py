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
_KEPT: Final = "*"
"""In an image: what the kustomization says of it stays."""


def edit(options: Tree, variables: Mapping[str, str], folder: str, tree: FileTree) -> KustomizationEdit:
    """What becomes of the kustomization in ``folder``. ``variables`` are filled in where Argo CD does it."""
    missing = options.get("ignoreMissingComponents") is True
    components = [c for c in texts(options.get("components")) if not missing or tree.under(joined(folder, c) or "\0")]
    return partial(_edited, options=options, variables=variables, components=components)


def _edited(held: Tree, *, options: Tree, variables: Mapping[str, str], components: list[str]) -> Tree:
    edited = dict(held)
    for key in ("namePrefix", "nameSuffix", "namespace"):
        if text(options.get(key)):
            edited[key] = text(options.get(key))
    if images := [filled(each, variables) for each in texts(options.get("images"))]:
        edited["images"] = _images(held, images)
    if replicas := list(mappings(options.get("replicas"))):
        edited["replicas"] = _replicas(held, replicas)
    edited |= _labels(held, options, variables)
    if annotations := mapping(options.get("commonAnnotations")):
        on = options.get("commonAnnotationsEnvsubst") is True
        added = {key: filled(text(value), variables) if on else text(value) for key, value in annotations.items()}
        force = options.get("forceCommonAnnotations") is True
        edited["commonAnnotations"] = _added(mapping(held.get("commonAnnotations")), added, "annotation", force=force)
    if patches := list(mappings(options.get("patches"))):
        edited["patches"] = [*elements(held.get("patches")), *patches]
    if components:
        listed = texts(held.get("components"))
        edited["components"] = [*listed, *(each for each in dict.fromkeys(components) if each not in listed)]
    return edited


def image(written: str) -> Tree:
    """``[name=]new[:tag][@digest]``, as ``kustomize edit set image`` takes it. Raises ``Invalid`` for an image alone."""
    match = _IMAGE.fullmatch(written)
    if match is None or not (match["name"] or match["tag"] is not None or match["digest"] is not None):
        raise Invalid(f"kustomize.images has {written!r}, and not name=new, name:tag or name@digest")
    entry: dict[str, JSON] = {"name": match["name"] or match["new"]}
    if match["name"]:
        entry["newName"] = match["new"]
    if match["tag"]:
        entry["newTag"] = match["tag"]
    if match["digest"]:
        entry["digest"] = match["digest"]
    return entry


def _images(held: Tree, written: list[str]) -> list[JSON]:
    """All images by name: those of the source take the place of those of the same name, but for what they keep."""
    listed = {text(each.get("name")): each for each in mappings(held.get("images"))}
    for each in map(image, written):
        before = listed.get(text(each.get("name")), {})
        kept = {key: before.get(key) if value == _KEPT else value for key, value in each.items()}
        listed[text(each.get("name"))] = {key: value for key, value in kept.items() if value}
    return [listed[name] for name in sorted(listed)]


def _replicas(held: Tree, written: list[Tree]) -> list[JSON]:
    listed: dict[str, JSON] = {text(replica.get("name")): replica for replica in mappings(held.get("replicas"))}
    for each in written:
        name, count = text(each.get("name")), text(each.get("count"))
        if re.fullmatch(r"-?\d+", count, re.ASCII) is None:
            raise Invalid(f"kustomize.replicas has the count {count!r} for {name}, which is no whole number")
        listed[name] = {"name": name, "count": int(count)}
    return [listed[name] for name in sorted(listed)]


def _labels(held: Tree, options: Tree, variables: Mapping[str, str]) -> dict[str, JSON]:
    """``edit add label``: into ``commonLabels``, or into the ``labels`` that leave selectors alone."""
    labels = {key: filled(text(value), variables) for key, value in mapping(options.get("commonLabels")).items()}
    if not labels:
        return {}
    force, templates = options.get("forceCommonLabels") is True, options.get("labelIncludeTemplates") is True
    if options.get("labelWithoutSelector") is not True:
        if templates:
            raise Invalid("kustomize.labelIncludeTemplates needs labelWithoutSelector")
        return {"commonLabels": _added(mapping(held.get("commonLabels")), labels, "label", force=force)}
    listed = list(mappings(held.get("labels")))
    entry: Tree = {"pairs": {}, "includeTemplates": True} if templates else {"pairs": {}}
    index = next((i for i, each in enumerate(listed) if _flags(each) == _flags(entry)), len(listed))
    alike = listed[index] if index < len(listed) else entry
    changed = {**alike, "pairs": _added(mapping(alike.get("pairs")), labels, "label", force=force)}
    return {"labels": [*listed[:index], changed, *listed[index + 1 :]]}


def _flags(label: Tree) -> tuple[bool, bool]:
    return label.get("includeSelectors") is True, label.get("includeTemplates") is True


def _added(held: Tree, added: Mapping[str, str], what: str, *, force: bool) -> Tree:
    again = sorted(key for key in added if key in held)
    if again and not force:
        option = f"forceCommon{what.capitalize()}s"
        raise Invalid(f"the {what} {again[0]} is in the kustomization already, which Argo CD refuses without {option}")
    return {**held, **added}
