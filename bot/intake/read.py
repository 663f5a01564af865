"""Plain files of a repository as desired resources: the first step of every tick that looks at Git.

Kubernetes manifests, Compose projects and Terraform files, told apart by content. ``.cw`` files are
:mod:`bot.assembly.assemble`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bot.intake import manifest
from bot.intake.compose_select import ProjectFiles
from bot.intake.declared import Declared, joined
from bot.intake.discover import looks_like_compose
from bot.model.json import Tree
from bot.model.resource import Desired, ResourceId, SourceError

__all__ = ["Declared", "read", "read_manifest"]


def read(
    files: Mapping[str, bytes],
    *,
    project: str,
    compose: Sequence[ProjectFiles] = (),
    other_files: Mapping[str, bytes] = MappingProxyType({}),
) -> Declared:
    """Everything that ``files`` (path to bytes) declare, and every mistake in them.

    ``project`` names a Compose project at the top of the repository that does not name itself, ``compose`` are the projects
    whose files settings name. ``other_files`` are files that declare nothing here and that Compose projects may refer to. A
    resource that is declared twice is left out, and the second place is an error that names the first.
    """
    projects = tuple(compose)
    roots = tuple(path for path in sorted(files) if looks_like_compose(path, files[path]))
    special = {*roots, *(path for selected in projects for path in selected.files)}
    parts = [
        read_manifest(path, files[path])
        for path in sorted(files)
        if path.endswith((".yaml", ".yml", ".json")) and path not in special
    ]
    if roots or projects:
        from bot.intake.compose import read_compose

        parts.append(read_compose({**other_files, **files}, roots, project=project, named_projects=projects))
    terraform = {path: data for path, data in files.items() if path.endswith(".tf")}
    if terraform:
        from bot.intake.terraform import read_terraform

        parts.append(read_terraform(terraform))
    return without_duplicates(joined(parts))


def read_manifest(path: str, data: bytes) -> Declared:
    """The Kubernetes objects that one file declares. Depends on its arguments alone, so a caller may cache it by blob id.

    A list of objects that all have a uid and a resource version was printed by a cluster (``kubectl get -o json``): it
    tells what ran once and declares nothing. That is noted.
    """
    declared = manifest.read_manifest(path, data)
    item_trees = [desired.tree for desired in declared.resources if desired.root[:1] == ("items",)]
    if (
        not item_trees
        or len(item_trees) < len(declared.resources)
        or not all(_came_from_a_cluster(tree) for tree in item_trees)
    ):
        return declared
    objects = f"{len(item_trees)} objects with uid and resourceVersion"
    message = f"this list of {objects} is what a cluster printed; it declares nothing"
    return Declared(errors=(SourceError(path, declared.resources[0].line, 1, message, note=True),))


def _came_from_a_cluster(tree: Tree) -> bool:
    meta = tree.get("metadata")
    return isinstance(meta, dict) and bool(meta.get("uid")) and bool(meta.get("resourceVersion"))


def without_duplicates(declared: Declared) -> Declared:
    """Each resource once. What two files declare for one place is declared by neither: nobody can tell which one is meant.

    Each further declaration is an error that names the first.
    """
    first: dict[ResourceId, Desired] = {}
    repeats: list[SourceError] = []
    repeated: set[ResourceId] = set()
    for resource in declared.resources:
        earlier = first.setdefault(resource.id, resource)
        if earlier is not resource:
            location = f"{earlier.file}:{earlier.line}"
            message = f"duplicate of {location}: {resource.id} is left alone until one of them is gone"
            expected = "each cluster's files in a target of their own (targets: or sources.include in clockwork.yaml)"
            repeats.append(SourceError(resource.file, resource.line, 1, message, expected))
            repeated.add(resource.id)
    if not repeats:
        return declared
    kept_resources = tuple(resource for id_, resource in first.items() if id_ not in repeated)
    return Declared(kept_resources, (*declared.errors, *repeats), declared.missing)
