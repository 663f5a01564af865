"""``extends``: a service with what it takes over from another one, of its own file or another.

Called by :mod:`bot.intake.compose_file`. Sources: the Compose specification, "Services", "extends"; ``loader/extends.go`` of
compose-go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bot.intake.compose_merge import merge
from bot.intake.compose_project import FileSurroundings, Project, ProjectLayer, is_remote, layers_of
from bot.intake.compose_schema import named
from bot.intake.compose_tags import without
from bot.intake.discover import folder_of
from bot.intake.located import LocatedValue
from bot.model.json import Pointer

_LONGEST_CHAIN: Final = 100


def extended(project: Project, layer: ProjectLayer, source: tuple[str, int], around: FileSurroundings) -> LocatedValue:
    """The document's tree with every ``extends`` of its services followed. ``source`` is its file and its number there."""
    services = layer.tree.mapping.get("services")
    if services is None or not any("extends" in child.mapping for child in services.mapping.values()):
        return layer.tree
    chain = _Extending(project, layer, around)
    services_done = {name: chain.service(name, source[0]) for name in services.mapping}
    complete_services = {name: child for name, child in services_done.items() if child is not None}
    return replace(layer.tree, data={**layer.tree.mapping, "services": replace(services, data=complete_services)})


@dataclass(frozen=True, slots=True)
class _Link:
    """One service on the way from what extends to what is extended last."""

    file: str
    name: str
    service: LocatedValue
    pool: ProjectLayer
    around: FileSurroundings


@dataclass(slots=True)
class _Extending:
    """The services of one document and what they extend, each made once."""

    project: Project
    layer: ProjectLayer
    around: FileSurroundings
    extended: dict[tuple[int, str], tuple[LocatedValue, int]] = field(default_factory=dict)
    """Services with how many extends are below them."""
    cleared: dict[int, dict[str, list[Pointer]]] = field(default_factory=dict)

    def service(self, name: str, file: str) -> LocatedValue | None:
        """The service with what it extends below it."""
        service = _services(self.layer).get(name)
        if service is None:
            return None
        links = [_Link(file, name, service, self.layer, self.around)]
        visited = {(file, name)}
        base: tuple[LocatedValue, int] | None = None
        while (link := links[-1]).service.mapping.get("extends") is not None:
            if (id(link.pool), link.name) in self.extended:
                base = self.extended[id(link.pool), link.name]
                links.pop()
                break
            following = self._next(link)
            if following is None:
                break
            _, below = self.extended.get((id(following.pool), following.name), (None, 0))
            circle = (following.file, following.name) in visited
            if circle or len(links) + below >= _LONGEST_CHAIN:
                message = (
                    f"{following.name} extends itself" if circle else f"more than {_LONGEST_CHAIN} extends in a row"
                )
                self.project.report(link.service.mapping["extends"].location, message)
                break
            visited.add((following.file, following.name))
            links.append(following)
        return self._extended(links, base)

    def _extended(self, links: list[_Link], base: tuple[LocatedValue, int] | None) -> LocatedValue | None:
        """From the last link to the first."""
        service, depth = base or (None, 0)
        for link in reversed(links):
            entries = {key: child for key, child in link.service.mapping.items() if key != "extends"}
            own_service = replace(link.service, data=entries) if link.service.mapping else link.service
            if service is not None:
                own_service = merge(without(service, self._cleared(link)), own_service, clash=self.project.clash)
                self.project.allowance.spend(own_service.size())
                depth += 1
            service = own_service
            self.extended[id(link.pool), link.name] = service, depth
        return service

    def _cleared(self, link: _Link) -> Sequence[Pointer]:
        """The places of the service that its document clears."""
        key = id(link.pool)
        if key not in self.cleared:
            self.cleared[key] = {}
            for section, name, *remaining_pointer in (pointer for pointer in link.pool.cleared if len(pointer) > 1):
                if section == "services":
                    self.cleared[key].setdefault(str(name), []).append(tuple(remaining_pointer))
        return self.cleared[key].get(link.name, ())

    def _next(self, link: _Link) -> _Link | None:
        """What ``link`` extends; None (and reported) where there is no such thing."""
        extends = link.service.mapping["extends"]
        name = extends.mapping.get("service", extends).text or ""
        file = extends.mapping.get("file")
        source, around, pool = link.file, link.around, link.pool
        if file is not None and is_remote(file.text or ""):
            message = f"{named(file, file.text or '')} is not in the repository: what it brings is not compared"
            self.project.report(extends.location, message, note=True)
            return None
        if file is not None:
            source = link.around.path(file.text or "")
            if self.project.data(source) is None:
                expected = "a Compose file of this repository"
                self.project.report(extends.location, f"there is no file {named(file, source)}", expected)
                return None
            around = FileSurroundings(folder_of(source), self.around.variables)
            layers = layers_of(self.project, source, around)
            if layers is None:
                return None
            pool = next((layer for layer in reversed(layers) if name in _services(layer)), layers[-1])
        base = _services(pool).get(name)
        if base is None:
            file_shown = source if file is None else named(file, source)
            name_shown = named(extends.mapping.get("service", extends), name)
            self.project.report(extends.location, f"{file_shown} has no service {name_shown}")
            return None
        return _Link(source, name, base, pool, around)


def _services(layer: ProjectLayer) -> Mapping[str, LocatedValue]:
    services = layer.tree.mapping.get("services")
    return {} if services is None else services.mapping
