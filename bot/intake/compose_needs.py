"""Which services of a Compose project need which others, and where one of those is missing, left out or in a circle.

Called by :mod:`bot.intake.compose_check`. Source: ``GetDependencies`` of ``types/project.go`` and ``normalize.go`` of
compose-go, which make a dependency of each way to name another service.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.intake.compose_schema import SchemaFault, named, shown
from bot.intake.declared import nearest_name
from bot.intake.located import LocatedValue

_JOINED: Final = ("network_mode", "ipc", "pid", "uts")
"""Whose namespace a service joins, as ``service:NAME``."""
_ENABLE: Final = "its profile in COMPOSE_PROFILES or under 'compose: profiles:' in clockwork.yaml, or 'required: false'"


@dataclass(frozen=True, slots=True)
class _Need:
    """One service that another one names: under which key, how, and whether it may be left out."""

    key: str
    name: str
    value: LocatedValue
    verb: str
    optional: bool = False


def missing(name: str, services: Mapping[str, LocatedValue], enabled: Collection[str]) -> Iterator[SchemaFault]:
    """What the service ``name`` needs and the project does not run."""
    pointer = ("services", name)
    for need in _needs(services[name]):
        if need.value.location.unknown or need.name in enabled or (need.optional and need.name in services):
            continue
        absent = need.name not in services
        reason = "which is no service" if absent else "which none of the enabled profiles runs"
        message = f"{shown(pointer)} {need.verb} {named(need.value, need.name)}, {reason}"
        yield SchemaFault(
            (*pointer, need.key), need.value, message, nearest_name(need.name, services) if absent else _ENABLE
        )


def circle(services: Mapping[str, LocatedValue]) -> Iterator[SchemaFault]:
    """The first service that needs itself, be it over others."""
    visited: set[str] = set()
    for start in services:
        path = {start: _needs(services[start])} if start not in visited else {}
        while path:
            last = next(reversed(path))
            step = next(path[last], None)
            if step is None:
                visited.add(last)
                del path[last]
            elif step.name in path:
                yield _turning(services, _until(path, step.name))
                return
            elif step.name in services and step.name not in visited:
                path[step.name] = _needs(services[step.name])


def _turning(services: Mapping[str, LocatedValue], names: list[str]) -> SchemaFault:
    """That the services ``names`` need each other in this order."""
    first, second = names[0], names[1 % len(names)]
    need = next(need for need in _needs(services[first]) if need.name == second)
    message = f"services.{first} depends on itself: {' -> '.join([*names, first])}"
    return SchemaFault(("services", first, need.key), need.value, message)


def _until(path: Mapping[str, object], name: str) -> list[str]:
    names = [*path]
    return names[names.index(name) :]


def _needs(service: LocatedValue) -> Iterator[_Need]:
    fields = service.mapping
    for name, value in names(fields["depends_on"]).items() if "depends_on" in fields else ():
        required = value.mapping.get("required")
        yield _Need("depends_on", name, value, "depends on", required is not None and required.plain() is False)
    for item in fields["links"].elements if "links" in fields else ():
        yield _Need("links", (item.text or "").partition(":")[0], item, "links to")
    for item in fields["volumes_from"].elements if "volumes_from" in fields else ():
        kind, _, _ = (item.text or "").partition(":")
        if kind != "container":
            yield _Need("volumes_from", kind, item, "takes the volumes of")
    for key in _JOINED:
        mode = fields.get(key)
        joined = (mode.text or "").partition("service:")[2] if mode is not None else ""
        if mode is not None and joined:
            yield _Need(key, joined, mode, "joins")


def names(value: LocatedValue) -> Mapping[str, LocatedValue]:
    """The names in a list of them, or those that a mapping has."""
    return value.mapping or {str(item.plain()): item for item in value.elements}
