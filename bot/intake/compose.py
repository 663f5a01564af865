"""Compose files as resources: one per service, network, volume, secret and config of each project.

A project is a folder's ``compose.yaml`` (or its older names) with its override file, or any other file with services that
nothing else includes or extends. Read by :mod:`bot.intake.read`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from bot.intake.compose_file import Project, assemble, merge_files
from bot.intake.compose_schema import DECLARED_KINDS, SERVICE, TOP
from bot.intake.declared import Declared, meant, sort_errors
from bot.intake.discover import folder_of, is_compose_name
from bot.intake.sited import Site, Sited, SitedOrigins, Sources
from bot.model.json import Pointer
from bot.model.resource import Desired, Platform, ResourceId, SourceKind
from bot.secrecy.credentials import is_secret

_DEFAULTS: Final = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""In the order of preference: Docker documentation, "How Compose works", "The Compose file"."""
_ATTACHED: Final = frozenset({"network", "volume"})
"""What services are attached to by name: their files also say which of those that exist already they take."""

_LOOKS: Final = re.compile(rb"^(services|include)\s*:", re.MULTILINE)
_RUNS: Final = re.compile(rb"\b(image|build|extends|include)[\"']?\s*:")
_KUBERNETES: Final = re.compile(rb"^(apiVersion|\s*- apiVersion)\s*:", re.MULTILINE)


def looks_like_compose(path: str, data: bytes) -> bool:
    """Whether a YAML file is for Compose, by its name or its top-level keys."""
    if not path.endswith((".yaml", ".yml")) or _KUBERNETES.search(data):
        return False
    if is_compose_name(path):
        return b"{{" not in data
    return _LOOKS.search(data) is not None and _RUNS.search(data) is not None


def read_compose(files: Mapping[str, bytes], roots: tuple[str, ...], *, project: str) -> Declared:
    """All projects among ``roots`` (the Compose files). ``files`` also holds ``.env`` files and what roots bring in.

    ``project`` names a project at the top of the repository that does not name itself.
    """
    sources = Sources(files)
    groups = _groups(roots)
    projects = [(group, Project(files, sources)) for group in groups]
    trees = [(group, own, _assembled(own, group)) for group, own in projects]
    brought = {path for group, own, _ in trees for path in own.used if path not in group}
    resources: list[Desired] = []
    errors = []
    for group, own, tree in trees:
        if brought.isdisjoint(group[:1]):
            if tree is not None:
                resources += _resources(own, tree, group[0], project)
            errors += own.errors
    return Declared(tuple(resources), sort_errors(errors))


def _groups(roots: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Files that make one project: the default file of a folder with its override; each other file alone."""
    groups: list[tuple[str, ...]] = []
    for folder in sorted({folder_of(path) for path in roots}):
        here = {path.rpartition("/")[2]: path for path in roots if folder_of(path) == folder}
        default = next((name for name in _DEFAULTS if name in here), None)
        if default is None:
            groups += [(path,) for _, path in sorted(here.items())]
            continue
        stem, _, _ = default.rpartition(".")
        overrides = [here[name] for ext in ("yaml", "yml") if (name := f"{stem}.override.{ext}") in here]
        groups.append((here[default], *overrides[:1]))
        groups += [(path,) for name, path in sorted(here.items()) if not is_compose_name(name)]
    return groups


def _assembled(own: Project, group: tuple[str, ...]) -> Sited | None:
    variables = own.environment(group[0])
    whole: Sited | None = None
    for path in group:
        tree = assemble(own, path, variables)
        whole = tree if whole is None or tree is None else merge_files(whole, tree)
    return whole


def _resources(own: Project, tree: Sited, path: str, project: str) -> Iterator[Desired]:
    variables = own.environment(path)
    scope = _project_name(tree, path, variables, project)
    _check_keys(own, tree, TOP, "a Compose file")
    services = tree.mapping.get("services")
    if services is not None and services.data is not None and not isinstance(services.data, dict):
        own.report(services.site, "'services' is not a mapping", "a mapping of names to services")
    enabled = set(variables.get("COMPOSE_PROFILES", "").split(","))
    for name, service in (services.mapping if services else {}).items():
        if _valid(own, name, service) and _enabled(service, enabled):
            yield _desired(own, "service", scope, name, _with_env_files(own, service, path))
    for section, kind in DECLARED_KINDS.items():
        listed = tree.mapping.get(section)
        for name, child in (listed.mapping if listed else {}).items():
            if not _external(child):
                yield _desired(own, kind, scope, name, child if child.mapping else replace(child, data={}))
            elif kind in _ATTACHED:
                yield _desired(own, kind, scope, name, _taken(child))


def _project_name(tree: Sited, path: str, variables: Mapping[str, str], project: str) -> str:
    """Lower-case letters, digits, dashes and underscores (Docker documentation, "Specify a project name")."""
    named = tree.mapping.get("name")
    folder = folder_of(path).rpartition("/")[2]
    chosen = (named.text if named else None) or variables.get("COMPOSE_PROJECT_NAME") or folder or project
    return re.sub(r"[^a-z0-9_-]", "", chosen.lower()).lstrip("_-") or "default"


def _check_keys(own: Project, tree: Sited, known: frozenset[str], where: str) -> None:
    for key, child in tree.mapping.items():
        if key not in known and not key.startswith("x-"):
            own.report(child.site, f"{where} has no key {key!r}", meant(key, known))


def _valid(own: Project, name: str, service: Sited) -> bool:
    if not isinstance(service.data, dict):
        own.report(service.site, f"the service {name} is not a mapping", "a mapping with 'image' or 'build'")
        return False
    _check_keys(own, service, SERVICE, "a service")
    if service.mapping.keys().isdisjoint({"image", "build", "provider"}) and not own.errors:
        own.report(service.site, f"the service {name} has neither 'image' nor 'build'", "'image' or 'build'")
    return True


def _enabled(service: Sited, profiles: set[str]) -> bool:
    """A service without profiles always is (Docker documentation, "Using profiles with Compose")."""
    needed = service.mapping.get("profiles")
    names = {str(item.plain()) for item in needed.elements} if needed else set()
    return not names or "*" in profiles or not names.isdisjoint(profiles)


def _external(child: Sited) -> bool:
    mark = child.mapping.get("external")
    return mark is not None and mark.plain() not in {False, "false", None} if not (mark and mark.mapping) else True


def _taken(child: Sited) -> Sited:
    """What exists already, in today's syntax: ``external: true`` and its ``name`` where it has one of its own."""
    mark = child.mapping["external"]
    return replace(child, data={**mark.mapping, **child.mapping, "external": replace(mark, data=True)})


def _with_env_files(own: Project, service: Sited, path: str) -> Sited:
    """The service with variables from its ``env_file`` put under ``environment``, which wins over them."""
    listed = service.mapping.get("env_file")
    if listed is None:
        return service
    brought: dict[str, Sited] = {}
    for item in listed.elements or [listed]:
        name = item.mapping.get("path", item).text
        target = posixpath.normpath(posixpath.join(folder_of(item.site.file or path), name or ""))
        for line in own.env_lines(target) if name else ():
            brought[line.key] = Sited(line.value, Site(target, 0, (), line=line.line))
    environment = service.mapping.get("environment")
    if not brought:
        return service
    if environment is not None and isinstance(environment.data, list):
        known = {str(item.plain()).partition("=")[0] for item in environment.elements}
        extra = [replace(leaf, data=f"{key}={leaf.text}") for key, leaf in brought.items() if key not in known]
        joined = replace(environment, data=environment.data + extra)
    else:
        own_entries = environment.mapping if environment else {}
        missing = replace(service.site, pointer=(*service.site.pointer, "environment"))
        joined = Sited({**brought, **own_entries}, environment.site if environment else missing)
    return replace(service, data={**service.mapping, "environment": joined})


def _desired(own: Project, kind: str, scope: str, name: str, tree: Sited) -> Desired:
    identity = ResourceId(Platform.COMPOSE, kind, scope, name)
    plain = tree.plain()
    return Desired(
        id=identity,
        task=str(identity),
        source=SourceKind.COMPOSE,
        tree=plain if isinstance(plain, dict) else {},
        file=tree.site.file,
        line=own.sources.key_line(tree.site),
        origins=SitedOrigins(tree, own.sources),
        document=tree.site.document,
        root=tree.site.pointer,
        sensitive=_sensitive(kind, tree),
        unknown=frozenset(pointer for pointer, value in tree.walk() if value.site.unknown),
    )


def _sensitive(kind: str, tree: Sited) -> frozenset[Pointer]:
    if kind == "secret":
        return frozenset({("content",)})
    pointers: set[Pointer] = set()
    environment = tree.mapping.get("environment")
    for key, child in (environment.mapping if environment else {}).items():
        if is_secret(key, str(child.plain() or "")):
            pointers.add(("environment", key))
    for index, item in enumerate(environment.elements if environment else []):
        name, _, value = str(item.plain()).partition("=")
        if is_secret(name, value):
            pointers.add(("environment", index))
    return frozenset(pointers)
