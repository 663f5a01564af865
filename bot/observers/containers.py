"""The Docker and Podman observer: the containers, volumes and networks of the Compose projects that Git declares.

Settings: ``host`` (``unix://``, ``tcp://``, ``ssh://``; default DOCKER_HOST, CONTAINER_HOST or the usual socket),
``timeout`` seconds for one request, ``deadline`` seconds for everything.

It only ever sends GET. All containers of a wanted project are returned, also those that Git does not declare. A
container that vanishes between the list and its inspect is gone; one that cannot be inspected for another reason is
``Unreachable``, and then nothing is claimed to be covered.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from bot.drift.compose.notation import PROJECT, label
from bot.engineapi import host_of
from bot.errors import Unavailable
from bot.model.json import JSON, get, mapping, mappings, text
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform, ResourceId, Unreachable
from bot.observers.documents import compose_observed, services
from bot.observers.engine_api import EngineApi, connect
from bot.observers.placement import spelled
from bot.observers.progress import Phase
from bot.observers.workers import workers
from bot.ports import Tell, silent
from bot.secrecy.sanitize import shown_url

_WORKERS: Final = 8
_LOG_LINES: Final = 5
"""Of an unhealthy container, kept as evidence."""
_NOT_DEPLOYED_TO: Final = (
    "a GitHub-hosted runner's own engine, which has nothing of what is declared: "
    "name the engine that is deployed to (observe: docker: host: in clockwork.yaml), or use a runner of your own"
)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ContainerObserver:
    """Reads one container engine. Needs the ``docker`` library (extra ``docker``)."""

    host: str | None = None
    timeout: float = 10.0
    deadline: float = 60.0
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    tell: Tell = field(default=silent, repr=False, compare=False)
    name: str = "docker"
    platforms: frozenset[Platform] = frozenset({Platform.COMPOSE})

    def observe(self, declared: Sequence[Desired], *, now: datetime) -> Observation:
        compose_resources = [desired for desired in declared if desired.id.platform is Platform.COMPOSE]
        if not compose_resources:
            return Observation(now)
        host = self.host or host_of(self.environment)
        end = time.monotonic() + self.deadline
        try:
            api = connect(host, self.environment, timeout=self.timeout, deadline=end)
        except Unavailable as exc:
            return Observation(now, unreachable=(Unreachable(self.name, shown_url(host), exc.message),))
        reading = _EngineReading(api, self, host)
        try:
            return reading.at(compose_resources, now)
        finally:
            api.close()


@dataclass(slots=True)
class _EngineReading:
    """One observation in the making."""

    api: EngineApi
    settings: ContainerObserver
    host: str
    failures: list[Unreachable] = field(default_factory=list)

    def at(self, declared: Sequence[Desired], now: datetime) -> Observation:
        with workers(_WORKERS, "containers") as pool:
            resources = self._all(declared, pool)
        if not (resources or self.failures) and self._thrown_away():
            self.failures.append(Unreachable(self.settings.name, self.host, _NOT_DEPLOYED_TO))
        covered = frozenset[Platform]() if self.failures else frozenset({Platform.COMPOSE})
        return Observation(now, resources=resources, covered=covered, unreachable=tuple(self.failures))

    def _thrown_away(self) -> bool:
        """Whether nobody named an engine and this is a machine that GitHub makes for one job and deletes after it.

        docs.github.com, "Variables reference", ``RUNNER_ENVIRONMENT``.
        """
        environment = self.settings.environment
        host = self.settings.host or environment.get("DOCKER_HOST") or environment.get("CONTAINER_HOST")
        return not host and environment.get("RUNNER_ENVIRONMENT") == "github-hosted"

    def _all(self, declared: Sequence[Desired], pool: ThreadPoolExecutor) -> dict[ResourceId, Observed]:
        projects = sorted({desired.id.scope for desired in declared})
        ids = sorted(
            {id_ for group in self._each(pool, self._ids, projects, "listing containers") if group for id_ in group}
        )
        containers = [
            tree for tree in map(mapping, self._each(pool, self.api.container, ids, "inspecting containers")) if tree
        ]
        images = sorted({text(container.get("Image")).removeprefix("sha256:") for container in containers} - {""})
        images_by_id = dict(
            zip(images, map(mapping, self._each(pool, self._image, images, "reading images")), strict=True)
        )
        resources = services(((container, self.api.engine) for container in containers), images_by_id)
        resources = dict(pool.map(self._with_log, resources.items()))
        for kind in ("volume", "network"):
            resources_asked = [desired for desired in declared if desired.id.kind == kind]
            ask = partial(self._labelled, kind)
            for group in self._each(pool, ask, [project for project in projects if project], f"listing {kind}s"):
                resources |= {observed.id: observed for observed in group or ()}
            resources |= {observed.id: observed for observed in self._outside(kind, resources_asked, resources)}
        return spelled(resources, declared)

    def _each(
        self, pool: ThreadPoolExecutor, ask: Callable[[str], _T], names: Sequence[str], doing: str
    ) -> Iterator[_T | None]:
        """Answers in the order of ``names``; None where there was none, with the failure kept."""
        futures: list[tuple[str, Future[_T]]] = [(name, pool.submit(ask, name)) for name in names]
        Phase(self.settings.tell, self.settings.name, doing, len(futures)).over(future for _, future in futures)
        for name, future in futures:
            try:
                yield future.result()
            except Unavailable as exc:
                self._failed(name[:64], exc)
                yield None

    def _failed(self, deed: str, exc: Unavailable) -> None:
        self.failures.append(Unreachable(self.settings.name, f"{shown_url(self.host)} {deed}".rstrip(), exc.message))

    def _ids(self, project: str) -> list[str]:
        """The ids of the project's containers, running or not; of every container for declarations without project."""
        filters = _filters(project) if project else [{}]
        rows = [
            row
            for query in filters
            for row in mappings(self.api.listed("/containers/json", {"all": "1", "filters": json.dumps(query)}))
        ]
        return [text(row.get("Id")) for row in rows if project or not label(mapping(row.get("Labels")), PROJECT)]

    def _image(self, id_: str) -> JSON:
        return self.api.listed(f"/images/sha256:{id_}/json", {})

    def _labelled(self, kind: str, project: str) -> list[Observed]:
        """The project's volumes or networks; volumes come inside of a mapping."""
        answers = [self.api.listed(f"/{kind}s", {"filters": json.dumps(query)}) for query in _filters(project)]
        trees = [get(mapping(answer), "Volumes") if kind == "volume" else answer for answer in answers]
        return [compose_observed(kind, tree) for tree_list in trees for tree in mappings(tree_list)]

    def _outside(
        self, kind: str, declared_outside: Sequence[Desired], resources: Mapping[ResourceId, Observed]
    ) -> Iterator[Observed]:
        """What Git names but Compose did not label: external volumes and networks, by their real name."""
        for desired in declared_outside:
            if desired.id in resources:
                continue
            name = _real_name(desired)
            try:
                tree = mapping(self.api.listed(f"/{kind}s/{name}", {}))
            except Unavailable as exc:
                self._failed(f"{kind} {name}", exc)
                continue
            if tree:
                yield replace(compose_observed(kind, tree), id=desired.id)

    def _with_log(self, entry: tuple[ResourceId, Observed]) -> tuple[ResourceId, Observed]:
        """An unhealthy service with the last lines it wrote."""
        id_, resource = entry
        if not resource.problems:
            return entry
        lines = self.api.log(text(get(resource.tree, "x-container", "id")), _LOG_LINES)
        evidence = tuple(f"log: {line}" for line in lines)
        first, *other_problems = resource.problems
        return id_, replace(resource, problems=(replace(first, evidence=(*first.evidence, *evidence)), *other_problems))


def _filters(project: str) -> list[Mapping[str, Sequence[str]]]:
    return [{"label": [f"{name}={project}"]} for name in PROJECT]


def _real_name(desired: Desired) -> str:
    """What the engine calls it: its ``name``, its key where it is external, else with the project before it."""
    id_, external = desired.id, desired.tree.get("external")
    default_name = f"{id_.scope}_{id_.name}" if id_.scope and not external else id_.name
    return text(desired.tree.get("name")) or text(get(mapping(external), "name")) or default_name
