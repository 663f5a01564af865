"""One Compose file with what it brings in: variables filled in, ``include`` and ``extends`` followed, mistakes collected.

Sources: the Compose specification, "Interpolation", "Include" (a resource that is declared on both sides is a mistake) and
"Services", "extends".
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from bot.intake.compose_merge import merge
from bot.intake.compose_schema import DECLARED_KINDS, NOT_EXTENDED
from bot.intake.discover import folder_of
from bot.intake.interpolate import EnvLine, fill, parse_env
from bot.intake.scalars import Dialect
from bot.intake.sited import Site, Sited, Sources, mapped, sited
from bot.intake.text import NotText, Text, text_error
from bot.intake.yamltree import Broken, load
from bot.model.resource import SourceError, Through

_SECTIONS: Final = ("services", *DECLARED_KINDS)


@dataclass(slots=True)
class Project:
    """What is known while one Compose project is read. ``used`` are the files that belong to it."""

    files: Mapping[str, bytes]
    sources: Sources
    errors: list[SourceError] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    trees: dict[tuple[str, str], Sited | None] = field(default_factory=dict)

    def report(self, site: Site, message: str, expected: str | None = None, *, note: bool = False) -> None:
        """Remember a mistake at a value, or (``note``) that its value is not known."""
        origin = self.sources.origin(site)
        text = self.sources.file(site.file).text
        line, column = (origin.line, origin.column) if origin else (1, 1)
        self.errors.append(replace(text.error_at(line, column, message, expected), note=note))

    def environment(self, path: str) -> Mapping[str, str]:
        """What the ``.env`` file beside the file at ``path`` sets."""
        return {line.key: line.value for line in self.env_lines(_relative(path, ".env"))}

    def env_lines(self, path: str) -> tuple[EnvLine, ...]:
        """The assignments of one file; none where it is not in the repository."""
        data = self.files.get(path)
        try:
            return parse_env(Text.of(path, data).chars) if data is not None else ()
        except NotText as problem:
            self.errors.append(text_error(path, problem))
            return ()


def read_tree(project: Project, path: str, variables: Mapping[str, str]) -> Sited | None:
    """The file with variables filled in; None (and the mistake reported) where it is no YAML mapping."""
    key = (path, repr(sorted(variables.items())))
    if key not in project.trees:
        project.used.add(path)
        project.trees[key] = _read(project, path, variables)
    return project.trees[key]


def _read(project: Project, path: str, variables: Mapping[str, str]) -> Sited | None:
    try:
        text = Text.of(path, project.files[path])
        documents = load(text, Dialect.COMPOSE)
    except NotText as problem:
        project.errors.append(text_error(path, problem))
        return None
    except Broken as problem:
        if "{{" not in text.chars:
            project.errors.append(problem.error)
        return None
    whole: Sited | None = None
    for index, document in enumerate(documents):
        if document is None:
            continue
        if not isinstance(document.value, dict):
            project.errors.append(text.error_at(document.line, 1, "not a Compose file", "a mapping with 'services'"))
            return None
        for line, column, name in document.duplicates:
            project.errors.append(text.error_at(line, column, f"the key {name!r} is written twice in one mapping"))
        part = mapped(sited(document.value, Site(path, index, ())), lambda leaf: _filled(project, leaf, variables))
        whole = part if whole is None or part is None else merge_files(whole, part)
    return whole


def _filled(project: Project, leaf: Sited, variables: Mapping[str, str]) -> Sited | None:
    """The scalar with its variables filled in; as written, and marked, when one of them is unknown."""
    if leaf.text is None or "$" not in leaf.text:
        return leaf
    filled = fill(leaf.text, variables)
    unset = [*filled.problems, *(f"the variable {name} is not set in the repository" for name in filled.unset)]
    for message in unset:
        project.report(leaf.site, message, note=True)
    if unset:
        return replace(leaf, site=replace(leaf.site, through=Through.VARIABLE, unknown=True))
    if not filled.uses:
        return replace(leaf, data=filled.text)
    names = {use.name for use in filled.uses}
    through = Through.VARIABLE if len(names) == 1 else Through.EXPRESSION
    return Sited(filled.text, replace(leaf.site, through=through, name=min(names)))


def merge_files(base: Sited, over: Sited) -> Sited:
    """Two whole files: sections by name, services by the rules for services."""
    entries = dict(base.mapping)
    for section, child in over.mapping.items():
        entries[section] = _merge_section(entries[section], child) if section in entries else child
    return replace(base, data=entries)


def _merge_section(base: Sited, over: Sited) -> Sited:
    if not base.mapping or not over.mapping:
        return base if over.data is None else over
    entries = dict(base.mapping)
    for name, child in over.mapping.items():
        entries[name] = merge(entries[name], child) if name in entries else child
    return replace(base, data=entries)


def assemble(
    project: Project, path: str, variables: Mapping[str, str], open_files: tuple[str, ...] = ()
) -> Sited | None:
    """The file with its includes joined and every ``extends`` of its services resolved."""
    tree = read_tree(project, path, variables)
    if tree is None or path in open_files:
        return tree
    tree = _extended(project, tree, path, variables)
    include = tree.mapping.get("include")
    for item in include.elements if include else []:
        for included in _included(project, item, path, variables, (*open_files, path)):
            tree = _joined(project, tree, included)
    return tree


def _included(
    project: Project, item: Sited, path: str, variables: Mapping[str, str], open_files: tuple[str, ...]
) -> list[Sited]:
    listed = item.mapping.get("path", item) if item.mapping else item
    trees: list[Sited] = []
    for name in listed.elements or [listed]:
        target = _relative(path, name.text or "")
        if target in open_files:
            project.report(name.site, f"{target} includes itself")
        elif target not in project.files:
            project.report(name.site, f"there is no file {target}", "a Compose file of this repository")
        else:
            tree = assemble(project, target, {**project.environment(target), **variables}, open_files)
            if tree is not None:
                trees.append(tree)
    return trees


def _joined(project: Project, tree: Sited, included: Sited) -> Sited:
    entries = dict(tree.mapping)
    for section in _SECTIONS:
        brought = included.mapping.get(section)
        if brought is None:
            continue
        known = entries.get(section, Sited({}, brought.site))
        for name in set(known.mapping) & set(brought.mapping):
            if known.mapping[name].plain() != brought.mapping[name].plain():
                project.report(
                    brought.mapping[name].site, f"{name} is already declared in {known.mapping[name].site.file}"
                )
        entries[section] = replace(known, data={**brought.mapping, **known.mapping})
    return replace(tree, data=entries)


def _relative(path: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(folder_of(path), name))


def _extended(project: Project, tree: Sited, path: str, variables: Mapping[str, str]) -> Sited:
    services = tree.mapping.get("services")
    if services is None or not services.mapping:
        return tree
    done = {
        name: _service(project, child, variables, services, ((path, name),)) for name, child in services.mapping.items()
    }
    return replace(tree, data={**tree.mapping, "services": replace(services, data=done)})


def _service(
    project: Project,
    service: Sited,
    variables: Mapping[str, str],
    siblings: Sited,
    chain: tuple[tuple[str, str], ...],
) -> Sited:
    """The service with what it extends below it. ``chain`` are the (file, service) pairs on the way here."""
    extends = service.mapping.get("extends")
    if extends is None:
        return service
    path, _ = chain[-1]
    own = replace(service, data={key: child for key, child in service.mapping.items() if key != "extends"})
    base_name = extends.mapping.get("service", extends).text or ""
    file = extends.mapping.get("file")
    source = _relative(path, file.text or "") if file else path
    if (source, base_name) in chain:
        project.report(extends.site, f"{base_name} extends itself")
        return own
    if source not in project.files:
        project.report(extends.site, f"there is no file {source}", "a Compose file of this repository")
        return own
    tree = read_tree(project, source, variables) if source != path else None
    pool = (tree.mapping.get("services") if tree else None) if source != path else siblings
    base = pool.mapping.get(base_name) if pool else None
    if base is None or pool is None:
        project.report(extends.site, f"{source} has no service {base_name}")
        return own
    whole = _service(project, base, variables, pool, (*chain, (source, base_name)))
    inherited = {key: child for key, child in whole.mapping.items() if key not in NOT_EXTENDED}
    return merge(replace(whole, data=inherited), own)
