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
from bot.intake.located import LocatedValue, ValueLocation
from bot.model.resource import Through


@dataclass(frozen=True, slots=True)
class _File:
    """One entry of ``env_file`` or ``label_file``."""

    entry: LocatedValue
    path: str
    raw: bool = False
    required: bool = True


def whole_service(project: Project, service: LocatedValue, around: FileSurroundings) -> LocatedValue:
    """The service with everything that files of variables give it, below what it says itself."""
    service = _with_files(project, _with_values(project, service, around), "env_file", "environment", around.variables)
    return _with_files(project, service, "label_file", "labels", {})


def with_listed_values(project: Project, tree: LocatedValue, around: FileSurroundings) -> LocatedValue:
    """The project whose services have for each name alone in a list of variables the value that it has here."""
    services = tree.mapping.get("services")
    if services is None or not around.variables:
        return tree
    valued = {
        name: _with_values(project, child, around) if child.child(("environment", 0)) is not None else child
        for name, child in services.mapping.items()
    }
    return replace(tree, data={**tree.mapping, "services": replace(services, data=valued)}) if valued else tree


def _with_values(project: Project, service: LocatedValue, around: FileSurroundings) -> LocatedValue:
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


def _valued(project: Project, leaf: LocatedValue, name: str, value: str, *, before: str = "") -> LocatedValue:
    unknown, secret = isinstance(value, Unsettled), project.is_secret(name, value)
    location = replace(leaf.location, through=Through.EXPRESSION, name=name, secret=secret, unknown=unknown)
    return LocatedValue(f"{before}{value}", location)


def _files(project: Project, service: LocatedValue, key: str) -> Iterator[_File]:
    file_list = service.mapping.get(key)
    if file_list is None or file_list.location.unknown:
        return
    for entry in file_list.elements or [file_list]:
        name = entry.mapping.get("path", entry)
        if name.text and not name.location.unknown:
            home = FileSurroundings(project.homes.get(name.location.file, ""), {})
            kind, is_required = entry.mapping.get("format"), entry.mapping.get("required")
            optional = is_required is not None and is_required.plain() in {False, "false"}
            yield _File(entry, home.path(name.text), kind is not None and kind.plain() == "raw", not optional)


def _with_files(
    project: Project, service: LocatedValue, key: str, section: str, variables: Mapping[str, str]
) -> LocatedValue:
    """The service with the variables of its files put below its own ones in ``section``, which win. Files of labels know no
    variables but their own ones: another one is empty there.
    """
    section_tree = service.mapping.get(section)
    variables_known = {**_own_values(section_tree), **variables} if key == "env_file" else {}
    brought: dict[str, LocatedValue] = {}
    earlier: dict[str, str] = {}
    absent: list[LocatedValue] = []
    for file in _files(project, service, key):
        lines = project.env_lines(file.path, variables_known, earlier, raw=file.raw)
        if lines is None:
            absent.append(file.entry)
            _tell_absent(project, file, key)
        for line in lines or ():
            earlier[line.key] = line.value
            leaf = _leaf(file.path, line, secret=project.is_secret(line.key, line.value))
            brought[line.key] = (
                leaf if key == "env_file" else replace(leaf, location=replace(leaf.location, unknown=False))
            )
    if absent:
        hidden = service.mapping[key]
        hidden = replace(hidden, location=replace(hidden.location, unknown=True))
        service = replace(service, data={**service.mapping, key: hidden})
    return _joined(service, section, brought) if brought else service


def _tell_absent(project: Project, file: _File, key: str) -> None:
    if file.required:
        name = named(file.entry.mapping.get("path", file.entry), file.path)
        message = f"{name} is not in the repository: what it alone sets is not compared"
        project.report(file.entry.location, message, f"the file, or 'required: false' if {key} may lack it", note=True)


def _leaf(path: str, line: EnvLine, *, secret: bool) -> LocatedValue:
    return LocatedValue(
        str(line.value), ValueLocation(path, 0, (), line=line.line, unknown=bool(line.unset), secret=secret)
    )


def _own_values(environment: LocatedValue | None) -> dict[str, str]:
    """What the service itself gives variables."""
    if environment is None:
        return {}
    pairs = (str(item.plain()).partition("=") for item in environment.elements)
    values_by_name = {name: value for name, equals, value in pairs if equals}
    return values_by_name | {
        key: str(child.plain()) for key, child in environment.mapping.items() if child.data is not None
    }


def _joined(service: LocatedValue, section: str, brought: Mapping[str, LocatedValue]) -> LocatedValue:
    section_tree = service.mapping.get(section)
    if section_tree is not None and isinstance(section_tree.data, list):
        own_names = {str(item.plain()).partition("=")[0] for item in section_tree.elements}
        extra = [replace(leaf, data=f"{key}={leaf.text}") for key, leaf in brought.items() if key not in own_names]
        joined = replace(section_tree, data=section_tree.data + extra)
    else:
        missing = replace(service.location, pointer=(*service.location.pointer, section))
        joined = LocatedValue(
            {**brought, **(section_tree.mapping if section_tree else {})},
            section_tree.location if section_tree else missing,
        )
    return replace(service, data={**service.mapping, section: joined})
