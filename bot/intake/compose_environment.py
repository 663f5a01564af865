"""The variables and labels that a service has from elsewhere: ``env_file``, ``label_file``, and names without a value.

Called by :mod:`bot.intake.compose`. Sources: the Compose specification, 05-services.md, env_file, label_file and environment;
``WithServicesEnvironmentResolved`` in ``types/project.go`` of compose-go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bot.intake.compose_project import FileSurroundings, Project
from bot.intake.compose_schema import named
from bot.intake.dotenv import EnvLine
from bot.intake.interpolate import Unsettled
from bot.intake.sited import Site, Sited
from bot.model.resource import Through


@dataclass(frozen=True, slots=True)
class _File:
    """One entry of ``env_file`` or ``label_file``."""

    entry: Sited
    path: str
    raw: bool = False
    required: bool = True


def whole_service(project: Project, service: Sited, around: FileSurroundings) -> Sited:
    """The service with everything that files of variables give it, below what it says itself."""
    service = _with_files(project, _with_values(project, service, around), "env_file", "environment", around.variables)
    return _with_files(project, service, "label_file", "labels", {})


def with_listed_values(project: Project, tree: Sited, around: FileSurroundings) -> Sited:
    """The project whose services have for each name alone in a list of variables the value that it has here."""
    services = tree.mapping.get("services")
    if services is None or not around.variables:
        return tree
    valued = {
        name: _with_values(project, child, around) if child.child(("environment", 0)) is not None else child
        for name, child in services.mapping.items()
    }
    return replace(tree, data={**tree.mapping, "services": replace(services, data=valued)}) if valued else tree


def _with_values(project: Project, service: Sited, around: FileSurroundings) -> Sited:
    """The service whose variables without a value have that of the project's variables, where there is one."""
    environment = service.mapping.get("environment")
    if environment is None or not (environment.mapping or environment.elements):
        return service
    variables = around.variables
    if isinstance(environment.data, list):
        items = [
            _valued(project, item, item.text, variables[item.text], before=f"{item.text}=")
            if item.text and item.text in variables
            else item
            for item in environment.data
        ]
        with_values = replace(environment, data=items)
    else:
        entries = {
            key: _valued(project, child, key, variables[key]) if child.data is None and key in variables else child
            for key, child in environment.mapping.items()
        }
        with_values = replace(environment, data=entries)
    return replace(service, data={**service.mapping, "environment": with_values})


def _valued(project: Project, leaf: Sited, name: str, value: str, *, before: str = "") -> Sited:
    unknown, secret = isinstance(value, Unsettled), project.is_secret(name, value)
    site = replace(leaf.site, through=Through.EXPRESSION, name=name, secret=secret, unknown=unknown)
    return Sited(f"{before}{value}", site)


def _files(project: Project, service: Sited, key: str) -> Iterator[_File]:
    file_list = service.mapping.get(key)
    if file_list is None or file_list.site.unknown:
        return
    for entry in file_list.elements or [file_list]:
        name = entry.mapping.get("path", entry)
        if name.text and not name.site.unknown:
            home = FileSurroundings(project.homes.get(name.site.file, ""), {})
            kind, is_required = entry.mapping.get("format"), entry.mapping.get("required")
            optional = is_required is not None and is_required.plain() in {False, "false"}
            yield _File(entry, home.path(name.text), kind is not None and kind.plain() == "raw", not optional)


def _with_files(project: Project, service: Sited, key: str, section: str, variables: Mapping[str, str]) -> Sited:
    """The service with the variables of its files put below its own ones in ``section``, which win. Files of labels know no
    variables but their own ones: another one is empty there.
    """
    section_tree = service.mapping.get(section)
    variables_known = {**_own_values(section_tree), **variables} if key == "env_file" else {}
    brought: dict[str, Sited] = {}
    earlier: dict[str, str] = {}
    absent: list[Sited] = []
    for file in _files(project, service, key):
        lines = project.env_lines(file.path, variables_known, earlier, raw=file.raw)
        if lines is None:
            absent.append(file.entry)
            _tell_absent(project, file, key)
        for line in lines or ():
            earlier[line.key] = line.value
            leaf = _leaf(file.path, line, secret=project.is_secret(line.key, line.value))
            brought[line.key] = leaf if key == "env_file" else replace(leaf, site=replace(leaf.site, unknown=False))
    if absent:
        hidden = service.mapping[key]
        hidden = replace(hidden, site=replace(hidden.site, unknown=True))
        service = replace(service, data={**service.mapping, key: hidden})
    return _joined(service, section, brought) if brought else service


def _tell_absent(project: Project, file: _File, key: str) -> None:
    if file.required:
        name = named(file.entry.mapping.get("path", file.entry), file.path)
        message = f"{name} is not in the repository: what it alone sets is not compared"
        project.report(file.entry.site, message, f"the file, or 'required: false' if {key} may lack it", note=True)


def _leaf(path: str, line: EnvLine, *, secret: bool) -> Sited:
    return Sited(str(line.value), Site(path, 0, (), line=line.line, unknown=bool(line.unset), secret=secret))


def _own_values(environment: Sited | None) -> dict[str, str]:
    """What the service itself gives variables."""
    if environment is None:
        return {}
    pairs = (str(item.plain()).partition("=") for item in environment.elements)
    values_by_name = {name: value for name, equals, value in pairs if equals}
    return values_by_name | {
        key: str(child.plain()) for key, child in environment.mapping.items() if child.data is not None
    }


def _joined(service: Sited, section: str, brought: Mapping[str, Sited]) -> Sited:
    section_tree = service.mapping.get(section)
    if section_tree is not None and isinstance(section_tree.data, list):
        own_names = {str(item.plain()).partition("=")[0] for item in section_tree.elements}
        extra = [replace(leaf, data=f"{key}={leaf.text}") for key, leaf in brought.items() if key not in own_names]
        joined = replace(section_tree, data=section_tree.data + extra)
    else:
        missing = replace(service.site, pointer=(*service.site.pointer, section))
        joined = Sited(
            {**brought, **(section_tree.mapping if section_tree else {})},
            section_tree.site if section_tree else missing,
        )
    return replace(service, data={**service.mapping, section: joined})
