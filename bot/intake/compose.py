"""Compose files as resources: one per service, network, volume, secret and config of each project.

A project is a folder's ``compose.yaml`` (or its older names) with its override file, or any other file with services that
nothing else includes or extends. Read by :mod:`bot.intake.read`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.intake.compose_allowance import Excessive, ReadingAllowance
from bot.intake.compose_check import check
from bot.intake.compose_environment import whole_service
from bot.intake.compose_file import assemble
from bot.intake.compose_project import FileSurroundings, Project, layers_of
from bot.intake.compose_schema import DECLARED_KINDS
from bot.intake.compose_secrets import without_secret_keys
from bot.intake.compose_select import ProjectFiles, groups, without_env_file
from bot.intake.compose_tags import hidden
from bot.intake.declared import Declared, nearest_name, sort_errors
from bot.intake.discover import folder_of, looks_like_compose
from bot.intake.located import LocatedOrigins, LocatedValue, Sources, ValueLocation
from bot.model.json import Pointer
from bot.model.resource import Desired, Platform, ResourceId, SourceError, SourceKind

_RUN_FROM: Final = frozenset({"image", "build", "provider"})
_NAME: Final = "lower-case letters, digits, dashes and underscores"
_ASKING: Final = (b"COMPOSE_PROJECT_NAME", b"include", b"extends")
"""What stands in a file that asks for the project's name, or that may bring one in that does."""
_ATTACHED: Final = frozenset({"network", "volume"})
"""What services are attached to by name: their files also say which of those that exist already they take."""


def read_compose(
    files: Mapping[str, bytes], roots: tuple[str, ...], *, project: str, named_projects: Sequence[ProjectFiles] = ()
) -> Declared:
    """All projects among ``roots`` (the Compose files). ``files`` also holds ``.env`` files and what roots bring in.

    ``project`` names a project at the top of the repository that does not name itself; ``named_projects`` are the projects
    whose files settings name.
    """
    sources, allowance = Sources(files), ReadingAllowance()
    folders = {folder_of(path) for path in files if path.rpartition("/")[2] == ".env"}
    file_groups = groups(roots, named_projects, folders, lambda folder: _variables_beside(files, folder))
    readings = [
        _Reading.of(Project(files, sources, allowance=allowance), selected, (project, tuple(named_projects)))
        for selected in file_groups.projects
    ]
    brought = {path for reading in readings for path in reading.project.used if path not in reading.selected.files}
    resources: list[Desired] = []
    errors = [_unread(path, first) for path, first in file_groups.unread.items() if path not in brought]
    for reading in readings:
        if reading.selected.explicit or brought.isdisjoint(reading.selected.files[:1]):
            resources += reading.resources()
            errors += reading.project.errors
    missing = frozenset(path for reading in readings for path in reading.project.missing)
    return Declared(tuple(resources), sort_errors(errors), missing)


def project_files(files: Mapping[str, bytes], named_projects: Sequence[ProjectFiles] = ()) -> tuple[ProjectFiles, ...]:
    """The files of each project among ``files``, as :func:`read_compose` takes them."""
    roots = [path for path in sorted(files) if looks_like_compose(path, files[path])]
    folders = {folder_of(path) for path in files if path.rpartition("/")[2] == ".env"}
    return groups(roots, named_projects, folders, lambda folder: _variables_beside(files, folder)).projects


def _variables_beside(files: Mapping[str, bytes], folder: str) -> Mapping[str, str]:
    project = Project(files, Sources(files))
    return project.environment([posixpath.join(folder, ".env")], {})


def _variables(project: Project, selected: ProjectFiles, paths: Sequence[str]) -> Mapping[str, str]:
    """What the files of variables at ``paths`` set for the files of the project."""
    if selected.env_files is not None and not selected.chooser:
        return project.environment(paths, {})
    first = project.environment(paths[-1:], {})
    disabled = without_env_file(first)
    if disabled is None:
        project.errors.append(
            SourceError(paths[-1], 1, 1, "COMPOSE_DISABLE_ENV_FILE is no truth value", "true or false")
        )
    if disabled:
        return {name: value for name, value in first.items() if name.startswith("COMPOSE_")}
    return project.environment(paths[:-1], first) if paths[:-1] else first


def _too_much(selected: ProjectFiles) -> SourceError:
    message = "not read: with what they repeat, the Compose files come to far more than is written in them"
    return SourceError(selected.files[0], 1, 1, message, "fewer 'extends', 'include', files of variables and aliases")


def _unread(path: str, first: str) -> SourceError:
    """That nothing selects a file which looks like a part of a project."""
    message = f"not read: the project of {first} does not name this file"
    env = posixpath.join(folder_of(first), ".env")
    expected = f"its name under 'compose: files:' in clockwork.yaml, or in COMPOSE_FILE of {env}"
    return SourceError(path, 1, 1, message, expected, note=True)


def _with_name(around: FileSurroundings, project: Project, selected: ProjectFiles) -> FileSurroundings:
    """With the project's own name as a variable, where one of its files asks for it and it is not a guess."""
    files = project.files
    if not any(mention in files.get(path, b"") for path in selected.files for mention in _ASKING):
        return around
    first = Project(files, project.sources, allowance=project.allowance)
    names = [
        name.text
        for path in selected.files
        if path in files
        for layer in layers_of(first, path, around) or ()
        if (name := layer.tree.mapping.get("name")) is not None and not name.location.unknown
    ]
    project_name_given = selected.name or around.variables.get("COMPOSE_PROJECT_NAME") or (names[-1] if names else None)
    scope = project_name(project_name_given or folder_of(selected.files[0]).rpartition("/")[2])
    return around if not scope else FileSurroundings(around.folder, {**around.variables, "COMPOSE_PROJECT_NAME": scope})


@dataclass(frozen=True, slots=True)
class _Reading:
    """One project, read. ``tree`` is None where a file cannot be read."""

    project: Project
    selected: ProjectFiles
    around: FileSurroundings
    tree: LocatedValue | None
    fallback: str
    named: tuple[ProjectFiles, ...]

    @staticmethod
    def of(
        project: Project, selected: ProjectFiles, name_and_projects: tuple[str, tuple[ProjectFiles, ...]]
    ) -> _Reading:
        home = FileSurroundings(selected.folder, {})
        try:
            return _Reading._of(project, selected, home, name_and_projects)
        except Excessive:
            project.errors.append(_too_much(selected))
            return _Reading(project, selected, home, None, *name_and_projects)

    @staticmethod
    def _of(
        project: Project,
        selected: ProjectFiles,
        home: FileSurroundings,
        name_and_projects: tuple[str, tuple[ProjectFiles, ...]],
    ) -> _Reading:
        paths = [home.path(".env")] if selected.env_files is None else [*selected.env_files]
        around = FileSurroundings(selected.folder, _variables(project, selected, paths))
        name = around.variables.get("COMPOSE_PROJECT_NAME", "")
        if name != project_name(name) and not selected.name:
            project.errors.append(SourceError(paths[-1], 1, 1, "COMPOSE_PROJECT_NAME is no name of a project", _NAME))
        around = _with_name(around, project, selected)
        absent = [path for path in selected.files if project.data(path) is None]
        if absent:
            env_file = selected.chooser or (selected.env_files or (home.path(".env"),))[0]
            message = f"the project names {', '.join(absent)}, which is not in the repository"
            project.errors.append(SourceError(env_file, 1, 1, message, "files of this repository"))
        tree = None if absent else assemble(project, selected.files, around)
        return _Reading(project, selected, around, tree, *name_and_projects)

    def resources(self) -> list[Desired]:
        """What the project declares; what is wrong with it is reported."""
        try:
            return [] if self.tree is None else [*self._declared(self.tree)]
        except Excessive:
            self.project.errors.append(_too_much(self.selected))
            return []

    def _declared(self, tree: LocatedValue) -> Iterator[Desired]:
        project, variables = self.project, self.around.variables
        if secret := _secretly_named(project, tree, variables):
            project.report(
                secret, "the name of the project would show a secret variable", "a variable that is no secret"
            )
            return
        scope = self.selected.name or _project_name(tree, self.selected.files[0], variables, self.fallback)
        profiles = self.selected.profiles
        enabled = (
            {name.strip() for name in variables.get("COMPOSE_PROFILES", "").split(",")}
            if profiles is None
            else {*profiles}
        )
        services = tree.mapping.get("services")
        running = [name for name, child in (services.mapping if services else {}).items() if _enabled(child, enabled)]
        tree = without_secret_keys(project, _checked(project, tree, running))
        services = tree.mapping.get("services")
        for name in running:
            service = services.mapping[name] if services else tree
            if isinstance(service.data, dict) and not service.location.unknown:
                yield self._desired("service", scope, name, whole_service(project, service, self.around))
        for section, kind in DECLARED_KINDS.items():
            section_tree = tree.mapping.get(section)
            for name, child in (section_tree.mapping if section_tree else {}).items():
                if not _external(child):
                    yield self._desired(kind, scope, name, child if child.mapping else replace(child, data={}))
                elif kind in _ATTACHED:
                    yield self._desired(kind, scope, name, _existing(child))

    def _desired(self, kind: str, scope: str, name: str, tree: LocatedValue) -> Desired:
        identity = ResourceId(Platform.COMPOSE, kind, scope, name)
        plain = tree.plain()
        return Desired(
            id=identity,
            task=str(identity),
            source=SourceKind.COMPOSE,
            tree=plain if isinstance(plain, dict) else {},
            file=tree.location.file,
            line=self.project.sources.key_line(tree.location),
            origins=LocatedOrigins(tree, self.project.sources, self.named),
            document=tree.location.document,
            root=tree.location.pointer,
            sensitive=_sensitive(self.project, kind, tree),
            unknown=frozenset(pointer for pointer, value in tree.walk() if value.location.unknown),
        )


def _checked(project: Project, tree: LocatedValue, running: Sequence[str]) -> LocatedValue:
    """The project, in which values that are no such thing are known to nobody; each is reported."""
    told_sites: set[ValueLocation] = set()
    strange: list[Pointer] = []
    for fault in check(tree, running):
        if fault.value.location not in told_sites:
            told_sites.add(fault.value.location)
            project.report(
                fault.value.location,
                fault.message,
                fault.expected or (nearest_name(str(fault.key_path[-1]), fault.names) if fault.names else None),
            )
        if not fault.names and fault.hides:
            strange.append(fault.key_path)
    tree = hidden(tree, strange)
    services = tree.mapping.get("services")
    for name in running:
        service = services.mapping.get(name) if services else None
        if service is not None and isinstance(service.data, dict) and not project.errors and not _runs(service):
            project.report(
                service.location, f"the service {name} has neither 'image' nor 'build'", "'image' or 'build'"
            )
    return tree


def _runs(service: LocatedValue) -> bool:
    """Whether a service says what it runs, be it by a variable that nobody knows."""
    run_values = (service.mapping.get(key) for key in _RUN_FROM)
    return any(value is not None and value.data not in ("", None) for value in run_values)


def _project_name(tree: LocatedValue, path: str, variables: Mapping[str, str], project: str) -> str:
    """Lower-case letters, digits, dashes and underscores; the variable comes before what a file says (Docker documentation,
    "Specify a project name").
    """
    name_value = tree.mapping.get("name")
    folder = folder_of(path).rpartition("/")[2]
    chosen_name = (
        variables.get("COMPOSE_PROJECT_NAME") or (name_value.text if name_value else None) or folder or project
    )
    return project_name(chosen_name) or "default"


def project_name(chosen_name: str) -> str:
    """``chosen_name`` as Compose writes it (``NormalizeProjectName`` in ``loader/loader.go`` of compose-go)."""
    return re.sub(r"[^a-z0-9_-]", "", chosen_name.lower()).lstrip("_-")


def _secretly_named(project: Project, tree: LocatedValue, variables: Mapping[str, str]) -> ValueLocation | None:
    """Where the project gets a name that holds a secret."""
    if given_name := variables.get("COMPOSE_PROJECT_NAME"):
        return tree.location if project.is_secret("COMPOSE_PROJECT_NAME", given_name) else None
    name_value = tree.mapping.get("name")
    return name_value.location if name_value is not None and name_value.location.secret else None


def _enabled(service: LocatedValue, profiles: set[str]) -> bool:
    """A service without profiles always is (Docker documentation, "Using profiles with Compose")."""
    profile_list = service.mapping.get("profiles")
    names = {str(item.plain()) for item in profile_list.elements} if profile_list else set()
    return not names or "*" in profiles or not names.isdisjoint(profiles)


def _external(child: LocatedValue) -> bool:
    mark = child.mapping.get("external")
    return mark is not None and mark.plain() not in {False, "false", None} if not (mark and mark.mapping) else True


def _existing(child: LocatedValue) -> LocatedValue:
    """What exists already, in today's syntax: ``external: true`` and its ``name`` where it has one of its own."""
    mark = child.mapping["external"]
    return replace(child, data={**mark.mapping, **child.mapping, "external": replace(mark, data=True)})


def _sensitive(project: Project, kind: str, tree: LocatedValue) -> frozenset[Pointer]:
    if kind == "secret":
        return frozenset({("content",)})
    pointers = {pointer for pointer, value in tree.walk() if value.location.secret}
    environment = tree.mapping.get("environment")
    for key, child in (environment.mapping if environment else {}).items():
        if project.looks_secret(key, str(child.plain() or "")):
            pointers.add(("environment", key))
    for index, item in enumerate(environment.elements if environment else []):
        name, _, value = str(item.plain()).partition("=")
        if project.looks_secret(name, value):
            pointers.add(("environment", index))
    return frozenset(pointers)
