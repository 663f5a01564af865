"""The files of one Compose project as one tree: variables filled in, ``include`` and ``extends`` followed, overrides laid on
each other, mistakes collected.

Sources: the Compose specification, "Interpolation", "Include", "Merge" and "Services", "extends"; the order of steps is that of
``loadYamlFile`` in ``loader/loader.go`` of compose-go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from bot.intake.compose_environment import with_listed_values
from bot.intake.compose_extends import extended
from bot.intake.compose_merge import merge, without_repeats
from bot.intake.compose_project import FileSurroundings, Project, is_remote, layers_of
from bot.intake.compose_schema import DECLARED_KINDS, named
from bot.intake.declared import nearest_name
from bot.intake.discover import folder_of
from bot.intake.located import LocatedValue

_DEEPEST: Final = 20
"""Files that include each other: nobody reads further, and each costs what all below it declare."""
_INCLUDING: Final = ("path", "env_file", "project_directory")
_SECTIONS: Final = ("services", *DECLARED_KINDS, "models")


def assemble(
    project: Project, files: Sequence[str], around: FileSurroundings, open_files: tuple[str, ...] = ()
) -> LocatedValue | None:
    """``files`` as one tree, each laid on those before it; None where one cannot be read. Raises
    :class:`~bot.intake.compose_allowance.Excessive`.
    """
    combined: LocatedValue | None = None
    for path in files:
        layers = layers_of(project, path, around)
        if layers is None:
            return None
        for at, layer in enumerate(layers):
            tree = extended(project, layer, (path, at), around)
            if combined is not None:
                combined = layer.laid_on(combined)
            tree = _with_includes(project, tree, around, (*open_files, path))
            services = tree.mapping.get("services")
            changed = services.mapping.keys() if services is not None else ()
            combined = _unified(tree if combined is None else _merged(project, combined, tree), changed)
    return None if combined is None else with_listed_values(project, combined, around)


def _merged(project: Project, base: LocatedValue, over: LocatedValue) -> LocatedValue:
    """Two whole files: sections by name, services by the rules for services."""
    return merge(base, over, (), project.clash)


def _unified(tree: LocatedValue, changed: Iterable[str]) -> LocatedValue:
    """The whole file with the lists of its ``changed`` services without repeats; those of the others are so already."""
    services = tree.mapping.get("services")
    if services is None or not services.mapping:
        return tree
    once = {name: without_repeats(services.mapping[name]) for name in changed if name in services.mapping}
    return replace(tree, data={**tree.mapping, "services": replace(services, data={**services.mapping, **once})})


def _with_includes(
    project: Project, tree: LocatedValue, around: FileSurroundings, open_files: tuple[str, ...]
) -> LocatedValue:
    """The file with what it includes, whose own includes come first."""
    include = tree.mapping.get("include")
    if include is None:
        return tree
    if include.elements and len(open_files) > _DEEPEST:
        project.report(include.location, f"files that include each other more than {_DEEPEST} deep")
        return replace(tree, data={key: child for key, child in tree.mapping.items() if key != "include"})
    if include.text is not None:
        project.report(include.location, "'include' is a text", "a list")
    for item in include.elements:
        included = _included(project, item, around, open_files)
        if included is not None:
            tree = _joined(project, tree, included)
    return replace(tree, data={key: child for key, child in tree.mapping.items() if key != "include"})


def _included(
    project: Project, item: LocatedValue, around: FileSurroundings, open_files: tuple[str, ...]
) -> LocatedValue | None:
    """What one entry of ``include`` brings: one file, or the first of several with the others laid on it."""
    path_value = item.mapping.get("path", item) if item.mapping else item
    for key in item.mapping.keys() - _INCLUDING:
        message, expected = f"'include' has no key {key!r}: Compose passes over it", nearest_name(key, _INCLUDING)
        project.report(item.mapping[key].location, message, expected, note=True)
    paths: list[str] = []
    for name in path_value.elements or [path_value]:
        if is_remote(name.text or ""):
            project.report(
                name.location,
                f"{named(name, name.text or '')} is not in the repository: what it brings is not compared",
                note=True,
            )
            return None
        target = around.path(name.text or "")
        if target in open_files:
            project.report(name.location, f"{named(name, target)} includes itself")
            return None
        if project.data(target) is None:
            project.report(
                name.location, f"there is no file {named(name, target)}", "a Compose file of this repository"
            )
            return None
        paths.append(target)
    inner = _inner(project, item, paths[0], around)
    return assemble(project, paths, inner, open_files) if paths else None


def _inner(project: Project, item: LocatedValue, first: str, around: FileSurroundings) -> FileSurroundings:
    """What surrounds an included file: its own folder and variables, behind those of who includes it."""
    directory, files = item.mapping.get("project_directory"), item.mapping.get("env_file")
    folder = around.path(directory.text) if directory is not None and directory.text else folder_of(first)
    home = FileSurroundings(folder, around.variables)
    if files is None:
        return FileSurroundings(folder, project.environment([home.path(".env")], around.variables))
    names = [name for name in files.elements or [files] if name.text and name.text != "/dev/null"]
    paths = [around.path(name.text or "") for name in names]
    for name, path in zip(names, paths, strict=True):
        if project.data(path) is None:
            message = f"{named(name, path)} is not in the repository: variables that it sets are not known"
            project.report(name.location, message, "the file", note=True)
    return FileSurroundings(folder, project.environment(paths, around.variables))


def _joined(project: Project, tree: LocatedValue, included: LocatedValue) -> LocatedValue:
    entries = dict(tree.mapping)
    for section in _SECTIONS:
        brought = included.mapping.get(section)
        if brought is None:
            continue
        project.allowance.spend(len(brought.mapping))
        earlier = entries.get(section, LocatedValue({}, brought.location))
        for name in brought.mapping.keys() & earlier.mapping.keys():
            if earlier.mapping[name].plain() != brought.mapping[name].plain():
                first = earlier.mapping[name].location.file
                project.report(brought.mapping[name].location, f"{name} is already declared in {first}")
        entries[section] = replace(earlier, data={**brought.mapping, **earlier.mapping})
    return replace(tree, data=entries)
