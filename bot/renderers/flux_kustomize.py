"""What Flux's specs add to a kustomization and to what comes of it: for ``Kustomization`` and for the ``postRenderers`` of a
``HelmRelease``.

Sources: kustomize-controller docs, "Target namespace", "Patches", "Images", "Components", "Common metadata";
helm-controller docs, "Post renderers".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree, elements, mapping, mappings, text, texts
from bot.model.target import RenderedObject, Unit
from bot.renderers.kustomize import KustomizationEdit
from bot.renderers.objects import as_json
from bot.targets.paths import joined


def edit(unit: Unit, tree: FileTree) -> KustomizationEdit:
    """What the spec of a ``Kustomization`` changes of the kustomization in its folder."""
    spec = unit.spec
    replaced: dict[str, JSON] = {}
    for key, target_key in (
        ("namespace", "targetNamespace"),
        ("namePrefix", "namePrefix"),
        ("nameSuffix", "nameSuffix"),
    ):
        if text(spec.get(target_key)):
            replaced[key] = text(spec.get(target_key))
    if build_metadata := texts(spec.get("buildMetadata")):
        replaced["buildMetadata"] = build_metadata
    lists = _lists(spec, ("patches", "patchesStrategicMerge", "patchesJson6902"))
    components = [
        component
        for component in texts(spec.get("components"))
        if spec.get("ignoreMissingComponents") is not True or tree.under(joined(unit.path, component) or "\0")
    ]
    if components:
        lists["components"] = tuple(components)
    return partial(_edited, replaced=replaced, lists=lists, images=tuple(mappings(spec.get("images"))))


def post_edit(spec: Tree) -> KustomizationEdit:
    """``postRenderers[].kustomize`` (helm-controller docs, "Post renderers")."""
    lists = _lists(spec, ("patches", "patchesStrategicMerge", "patchesJson6902"))
    return partial(_edited, replaced={}, lists=lists, images=tuple(mappings(spec.get("images"))))


def _edited(
    kustomization: Tree, *, replaced: Tree, lists: Mapping[str, tuple[JSON, ...]], images: Sequence[Tree]
) -> Mapping[str, JSON]:
    appended: dict[str, JSON] = {key: [*elements(kustomization.get(key)), *added] for key, added in lists.items()}
    merged: dict[str, JSON] = (
        {"images": _merged_images(mappings(kustomization.get("images")), images)} if images else {}
    )
    return {**kustomization, **replaced, **appended, **merged}


def _merged_images(kustomizations: Iterable[Tree], added: Sequence[Tree]) -> list[JSON]:
    """Images of a controller over those of the file, by name: a new name, and the tag and digest as one ("Images";
    ``GenerateManifest`` in fluxcd/pkg's ``kustomize_generator.go``).
    """
    merged: list[Tree] = list(kustomizations)
    for image in added:
        index = next((i for i, tree in enumerate(merged) if tree.get("name") == image.get("name")), None)
        if index is None:
            merged.append(image)
            continue
        over = dict(merged[index])
        if image.get("newName"):
            over["newName"] = image["newName"]
        if image.get("newTag") or image.get("digest"):
            over = {key: value for key, value in over.items() if key not in {"newTag", "digest"}}
            over |= {key: image[key] for key in ("newTag", "digest") if image.get(key)}
        merged[index] = over
    return list(merged)


def _lists(spec: Tree, keys: Sequence[str]) -> dict[str, tuple[JSON, ...]]:
    """Patches as kustomize takes them: those that Flux's API has as YAML objects become texts."""
    patches_by_list: dict[str, tuple[JSON, ...]] = {}
    for key in keys:
        entries: list[JSON] = []
        for tree in mappings(spec.get(key)):
            if key == "patchesStrategicMerge":
                entries.append(as_json(tree))
            elif key == "patchesJson6902" and not isinstance(tree.get("patch"), str):
                entries.append({**tree, "patch": as_json(tree.get("patch"))})
            else:
                entries.append(tree)
        if entries:
            patches_by_list[key] = tuple(entries)
    return patches_by_list


def with_metadata(rendered: RenderedObject, spec: Tree) -> RenderedObject:
    """The object with ``commonMetadata`` set, over what it says itself."""
    common = mapping(spec.get("commonMetadata"))
    added = {part: mapping(common.get(part)) for part in ("labels", "annotations") if mapping(common.get(part))}
    if not added:
        return rendered
    meta = mapping(rendered.tree.get("metadata"))
    metadata_parts = {part: {**mapping(meta.get(part)), **entries} for part, entries in added.items()}
    return replace(rendered, tree={**rendered.tree, "metadata": {**meta, **metadata_parts}})
