"""The Docker and Podman observer: the containers, volumes and networks of the Compose projects that Git declares.

Settings: ``host`` (``unix://``, ``tcp://``, ``ssh://``; default DOCKER_HOST, CONTAINER_HOST or the usual socket),
``projects`` (name in Git to name on the engine where they differ), ``timeout`` seconds for one request, ``deadline``
seconds for everything, ``workers`` requests at a time, ``log_lines`` of an unhealthy container kept as evidence.

It only ever sends GET. All containers of a wanted project are returned, also those that Git does not declare. A
container that vanishes between the list and its inspect is gone; one that cannot be inspected for another reason is
``Unreachable``, and then nothing is claimed to be covered.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeVar

from bot.errors import Unavailable
from bot.model.json import JSON, Tree, get, mapping, mappings, text
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform, ResourceId, Unreachable
from bot.observers.documents import compose_named, services
from bot.observers.engine_api import EngineApi, connect, host_of
from bot.observers.placement import spelled
from bot.observers.progress import Phase
from bot.observers.sanitize import shown_url
from bot.ports import Tell, silent

_LABELS: Final = ("com.docker.compose.project", "io.podman.compose.project")
"""What names a container's project: docker/compose pkg/api/labels.go; containers/podman-compose podman_compose.py."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ContainerObserver:
    """Reads one container engine. Needs the ``docker`` library (extra ``docker``)."""

    host: str | None = None
    projects: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
    deadline: float = 60.0
    workers: int = 8
    log_lines: int = 5
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    tell: Tell = field(default=silent, repr=False, compare=False)
    name: str = "docker"
    platforms: frozenset[Platform] = frozenset({Platform.COMPOSE})

    def observe(self, declared: Sequence[Desired], *, now: datetime) -> Observation:
        mine = [desired for desired in declared if desired.id.platform is Platform.COMPOSE]
        if not mine:
            return Observation(now)
        host = self.host or host_of(self.environment)
        end = time.monotonic() + self.deadline
        try:
            api = connect(host, self.environment, timeout=self.timeout, deadline=end)
        except Unavailable as exc:
            return Observation(now, unreachable=(Unreachable(self.name, shown_url(host), exc.message),))
        look = _Look(api, self, host)
        try:
            return look.at(mine, now)
        finally:
            api.close()


@dataclass(slots=True)
class _Look:
    """One observation in the making."""

    api: EngineApi
    settings: ContainerObserver
    host: str
    failures: list[Unreachable] = field(default_factory=list)

    def at(self, declared: Sequence[Desired], now: datetime) -> Observation:
        pool = ThreadPoolExecutor(self.settings.workers, thread_name_prefix="containers")
        try:
            resources = self._all(declared, pool)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        covered = frozenset[Platform]() if self.failures else frozenset({Platform.COMPOSE})
        return Observation(now, resources=resources, covered=covered, unreachable=tuple(self.failures))

    def _all(self, declared: Sequence[Desired], pool: ThreadPoolExecutor) -> dict[ResourceId, Observed]:
        projects = sorted({desired.id.scope for desired in declared})
        ids = sorted(
            {id_ for group in self._each(pool, self._ids, projects, "listing containers") if group for id_ in group}
        )
        containers = [
            tree for tree in map(mapping, self._each(pool, self.api.container, ids, "inspecting containers")) if tree
        ]
        images = sorted({text(container.get("Image")).removeprefix("sha256:") for container in containers} - {""})
        known = dict(zip(images, map(mapping, self._each(pool, self._image, images, "reading images")), strict=True))
        resources = services(((container, self.api.engine) for container in containers), known)
        resources = dict(pool.map(self._with_log, resources.items()))
        for kind, listed in (("volume", self._volumes), ("network", self._networks)):
            asked = [desired for desired in declared if desired.id.kind == kind]
            for group in self._each(pool, listed, [project for project in projects if project], f"listing {kind}s"):
                resources |= dict(_identified(kind, group or ()))
            resources |= dict(self._outside(kind, asked, resources))
        named = {self._in_git(id_): replace(resource, id=self._in_git(id_)) for id_, resource in resources.items()}
        return spelled(named, declared)

    def _each(
        self, pool: ThreadPoolExecutor, ask: Callable[[str], _T], names: Sequence[str], doing: str
    ) -> Iterator[_T | None]:
        """Answers in the order of ``names``; None where there was none, with the failure kept."""
        asked: list[tuple[str, Future[_T]]] = [(name, pool.submit(ask, name)) for name in names]
        Phase(self.settings.tell, self.settings.name, doing, len(asked)).over(future for _, future in asked)
        for name, future in asked:
            try:
                yield future.result()
            except Unavailable as exc:
                self._failed(name[:64], exc)
                yield None

    def _failed(self, what: str, exc: Unavailable) -> None:
        self.failures.append(Unreachable(self.settings.name, f"{shown_url(self.host)} {what}".rstrip(), exc.message))

    def _live(self, project: str) -> str:
        return self.settings.projects.get(project, project)

    def _in_git(self, id_: ResourceId) -> ResourceId:
        back = {live: git for git, live in self.settings.projects.items()}
        return id_._replace(scope=back.get(id_.scope, id_.scope))

    def _filters(self, project: str) -> Iterable[Mapping[str, Sequence[str]]]:
        return ({"label": [f"{label}={self._live(project)}"]} for label in _LABELS)

    def _ids(self, project: str) -> list[str]:
        """The ids of the project's containers, running or not; of every container for declarations without project."""
        filters: Iterable[Mapping[str, Sequence[str]]] = self._filters(project) if project else ({},)
        rows = [
            row
            for query in filters
            for row in mappings(self.api.listed("/containers/json", {"all": "1", "filters": json.dumps(query)}))
        ]
        return [text(row.get("Id")) for row in rows if project or not _project(row)]

    def _image(self, id_: str) -> JSON:
        return self.api.listed(f"/images/sha256:{id_}/json", {})

    def _volumes(self, project: str) -> list[Tree]:
        return [
            volume
            for query in self._filters(project)
            for volume in mappings(get(mapping(self.api.listed("/volumes", {"filters": json.dumps(query)})), "Volumes"))
        ]

    def _networks(self, project: str) -> list[Tree]:
        return [
            network
            for query in self._filters(project)
            for network in mappings(self.api.listed("/networks", {"filters": json.dumps(query)}))
        ]

    def _outside(
        self, kind: str, asked: Sequence[Desired], resources: Mapping[ResourceId, Observed]
    ) -> Iterator[tuple[ResourceId, Observed]]:
        """What Git names but Compose did not label: external volumes and networks, by their real name."""
        for desired in asked:
            id_ = desired.id._replace(scope=self._live(desired.id.scope))
            if id_ in resources:
                continue
            for name in _real_names(desired, id_):
                try:
                    tree = mapping(self.api.listed(f"/{kind}s/{name}", {}))
                except Unavailable as exc:
                    self._failed(f"{kind} {name}", exc)
                    break
                if tree:
                    yield id_, Observed(id_, compose_named(kind, tree)[1])
                    break

    def _with_log(self, entry: tuple[ResourceId, Observed]) -> tuple[ResourceId, Observed]:
        """An unhealthy service with the last lines it wrote."""
        id_, resource = entry
        if not resource.problems or not self.settings.log_lines:
            return entry
        lines = self.api.log(text(get(resource.tree, "x-container", "id")), self.settings.log_lines)
        evidence = tuple(f"log: {line}" for line in lines)
        first, *rest = resource.problems
        return id_, replace(resource, problems=(replace(first, evidence=(*first.evidence, *evidence)), *rest))


def _project(row: Tree) -> str:
    return text(next((get(row, "Labels", label) for label in _LABELS if get(row, "Labels", label)), None))


def _identified(kind: str, trees: Iterable[Tree]) -> Iterator[tuple[ResourceId, Observed]]:
    for tree in trees:
        id_, shown = compose_named(kind, tree)
        yield id_, Observed(id_, shown)


def _real_names(desired: Desired, id_: ResourceId) -> tuple[str, ...]:
    """What the engine calls it: its ``name``, its key where it is external, else with the project before it."""
    stated = text(desired.tree.get("name"))
    if stated:
        return (stated,)
    external = desired.tree.get("external")
    if external:
        return (text(get(mapping(external), "name")) or id_.name,)
    return (f"{id_.scope}_{id_.name}",) if id_.scope else (id_.name,)
