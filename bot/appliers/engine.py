"""The container engine's Docker-compatible API as far as applying needs it: one Compose service's containers, and what is
done to one container, network or volume.

Used by :mod:`bot.appliers.compose`. Whatever the ``docker`` library raises becomes an error of :mod:`bot.errors`; what is
gone already counts as removed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot.drift.compose.inspected.health import container_problems
from bot.drift.compose.notation import PROJECT, SERVICE, label
from bot.engineapi import client
from bot.errors import Refused, Unavailable
from bot.model.json import JSON, Tree, get, integer, mapping, mappings, moment, text
from bot.model.resource import Problem
from bot.secrecy.redaction import redact

_NEVER_STARTED: Final = frozenset({"created", "configured", "initialized"})
"""Docker engine API, ContainerState; the latter two are podman's (libpod/define/containerstate.go)."""
_ONE_OFF: Final = "com.docker.compose.oneoff"
"""The label of containers of ``docker compose run``, which are no replicas (docker/compose ``pkg/api/labels.go``)."""


@dataclass(frozen=True, slots=True)
class ServiceContainer:
    """One container of a service. ``created`` and ``started`` are the engine's times, None where it never was."""

    id: str
    name: str
    image: str
    status: str
    health: str
    created: datetime | None
    started: datetime | None
    exit_code: int
    restarts: int
    problems: tuple[Problem, ...] = ()

    @property
    def never_started(self) -> bool:
        return self.status in _NEVER_STARTED

    def made_before(self, at: datetime) -> bool:
        return self.created is None or self.created < at

    def started_before(self, at: datetime) -> bool:
        return self.started is None or self.started < at


@dataclass(frozen=True, slots=True)
class Engine:
    """One connected engine."""

    client: Any  # docker.APIClient: the library has no types

    def containers(self, project: str, service: str) -> tuple[ServiceContainer, ...]:
        """The containers of that service of that project, running or not, by name; none of ``compose run``."""
        ids = {text(row.get("Id")) for key in PROJECT for row in self._listed(f"{key}={project}", service)}
        trees = [tree for id_ in ids if (tree := self._inspected(id_))]
        return tuple(sorted(map(_container, trees), key=lambda container: container.name))

    def remove(self, container: ServiceContainer) -> None:
        """Stopped as its own settings say, then gone."""
        with _translated(f"container {container.name}", is_gone=True):
            self.client.stop(container.id)
        with _translated(f"container {container.name}", is_gone=True):
            self.client.remove_container(container.id, force=True)

    def restart(self, container: ServiceContainer) -> None:
        with _translated(f"container {container.name}"):
            self.client.restart(container.id)

    def labels_of(self, kind: str, name: str) -> Tree | None:
        """The labels of a network or volume with that name on the engine; None where there is none."""
        from docker.errors import NotFound

        ask = self.client.inspect_volume if kind == "volume" else self.client.inspect_network
        with _translated(f"{kind} {name}"):
            try:
                answer = mapping(ask(name))
            except NotFound:
                return None
        return mapping(answer.get("Labels"))

    def create(self, kind: str, name: str, labels: Mapping[str, str], tree: Tree) -> None:
        """A network or volume with the driver and the options that ``tree`` names."""
        driver, options = text(tree.get("driver")) or None, dict(mapping(tree.get("driver_opts")))
        with _translated(f"{kind} {name}"):
            if kind == "volume":
                self.client.create_volume(name, driver=driver or "local", driver_opts=options, labels=dict(labels))
            else:
                is_internal = tree.get("internal") is True
                self.client.create_network(
                    name, driver=driver or "bridge", options=options, labels=dict(labels), internal=is_internal
                )

    def discard(self, kind: str, name: str) -> None:
        """The network or volume is gone. ``Refused`` while something uses it."""
        with _translated(f"{kind} {name}", is_gone=True):
            (self.client.remove_volume if kind == "volume" else self.client.remove_network)(name)

    def _listed(self, project: str, service: str) -> Iterator[Tree]:
        with _translated("the containers"):
            rows: JSON = self.client.containers(all=True, filters={"label": [project]})
        for row in mappings(rows):
            labels = mapping(row.get("Labels"))
            if label(labels, SERVICE) == service and text(labels.get(_ONE_OFF)).lower() != "true":
                yield row

    def _inspected(self, id_: str) -> Tree:
        from docker.errors import NotFound

        with _translated(f"container {id_[:12]}"):
            try:
                return mapping(self.client.inspect_container(id_))
            except NotFound:
                return {}


@contextmanager
def connected(host: str, environment: Mapping[str, str], *, seconds: float) -> Iterator[Engine]:
    """The engine at ``host``; ``seconds`` is for one request. Raises as :func:`bot.engineapi.client` does."""
    try:
        engine_client = client(host, environment, seconds=seconds, purpose="applying Compose")
    except Unavailable as exc:
        raise Unavailable(f"the engine does not answer at {host}: {exc.message}") from exc
    try:
        yield Engine(engine_client)
    finally:
        engine_client.close()


@contextmanager
def _translated(deed: str, *, is_gone: bool = False) -> Iterator[None]:
    """The library's errors as ours; with ``is_gone`` it is well where there is no such thing."""
    from docker.errors import APIError, DockerException, NotFound
    from requests.exceptions import RequestException

    try:
        yield
    except NotFound as exc:
        if not is_gone:
            raise Refused(f"{deed} is gone: {_cause(exc)}") from exc
    except APIError as exc:
        kind = Refused if exc.is_client_error() else Unavailable
        raise kind(f"the engine says of {deed}: {_cause(exc)}") from exc
    except (DockerException, RequestException, ValueError) as exc:
        raise Unavailable(f"{deed} could not be reached: {_cause(exc)}") from exc


def _cause(exc: Exception) -> str:
    explanation = text(getattr(exc, "explanation", "")) or str(exc)
    return redact(" ".join(json.dumps(explanation, ensure_ascii=True).strip('"').split()), opaque=True)[:300]


def _container(tree: Tree) -> ServiceContainer:
    state = mapping(tree.get("State"))
    health = mapping(state.get("Health") or state.get("Healthcheck"))
    return ServiceContainer(
        id=text(tree.get("Id")),
        name=text(tree.get("Name")).removeprefix("/"),
        image=text(get(tree, "Config", "Image")),
        status=text(state.get("Status")),
        health=text(health.get("Status")),
        created=moment(tree.get("Created")),
        started=moment(state.get("StartedAt")),
        exit_code=integer(state.get("ExitCode")),
        restarts=integer(tree.get("RestartCount")),
        problems=container_problems(tree),
    )
