"""Applies Compose projects service by service, with the tool that knows Compose and the engine that runs the containers.

``docker compose`` (as a plug-in or a program of its own) or ``podman-compose`` makes containers of what Git declares; the
engine's API tells what runs, removes and restarts. The order of services is the caller's: one is carried out at a time, and
nothing that it depends on is started.

What was done is told by the containers themselves. One that ``work.live`` names is still the old one; one that is not named
there and was made after ``work.at`` is of an earlier attempt at the same work; any other was made by somebody else in
between, which is ``Stale``. Times are the engine's: where its clock is behind, an attempt of ours looks like somebody else's
and the plan is made again.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from bot.appliers.commands import STEP_SECONDS, ApplyTool
from bot.appliers.container_health import service_health
from bot.appliers.engine import Engine, ServiceContainer, connected
from bot.drift.compose.notation import PROJECT, label
from bot.errors import Invalid, Refused, Stale
from bot.model.action import Evidence, HealthReport, HealthState, Operation, Work
from bot.model.json import Tree, get, mapping, text
from bot.model.resource import Observed

_IDS: Final = re.compile(r"(?:^|\+)([0-9a-f]{12,64}):")
"""The containers in the version of an observed service: ``ID:STARTED:…``, joined by ``+``."""
_TOOLS: Final = (("docker", "compose"), ("docker-compose",), ("podman-compose",))
"""The first that is there: what is a plug-in of Docker's command line is a program of its own elsewhere."""
_CREATES_CONTAINERS: Final = frozenset({Operation.CREATE, Operation.UPDATE, Operation.REPLACE})


def compose_command(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The first words of the Compose tool on ``environment``'s PATH. ``Refused`` where there is none."""
    for command in _TOOLS:
        program = shutil.which(command[0], path=environment.get("PATH", ""))
        if program and (len(command) == 1 or _has_plugin(program, environment)):
            return (program, *command[1:])
    raise Refused(
        "there is no docker compose and no podman-compose on PATH",
        advice="install the Compose plug-in of Docker, or: pip install podman-compose",
    )


def _has_plugin(docker: str, environment: Mapping[str, str]) -> bool:
    return ApplyTool((docker,), Path(), environment, seconds=20).run("compose", "version").exit_code == 0


@dataclass(frozen=True, slots=True)
class ComposeApplier:
    """Applies the services of one checkout.

    ``files`` are the Compose files below ``folder``, in the order in which they are laid over one another; ``host`` is the
    engine (``unix://``, ``tcp://``, ``ssh://``). ``variables`` are what the files interpolate: they are given to the tool in
    its environment, and their values are never shown. ``command`` are the tool's first words, found on PATH where empty.
    Needs the ``docker`` library (extra ``docker``).
    """

    folder: Path
    files: tuple[str, ...]
    host: str
    environment: Mapping[str, str] = field(repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: tuple[str, ...] = ()
    """Further options of the tool, such as profiles and files of variables."""
    command: tuple[str, ...] = ()
    seconds: float = STEP_SECONDS

    def rehearse(self, work: Work) -> None:
        with self._attempt(work) as attempt:
            attempt.check()

    def carry_out(self, work: Work) -> Evidence:
        with self._attempt(work) as attempt:
            return attempt.carry_out()

    def health(self, work: Work, *, now: datetime) -> HealthReport:
        with self._attempt(work) as attempt:
            return attempt.health(now)

    @contextmanager
    def _attempt(self, work: Work) -> Iterator[_Attempt]:
        with connected(self.host, self.environment, seconds=self.seconds) as engine:
            service = work.action.resource.kind == "service"
            yield _ServiceAttempt(work, engine, self) if service else _PartAttempt(work, engine)

    def tool(self, project: str) -> ApplyTool:
        """The Compose tool for ``project``."""
        argv = self.command or compose_command(self.environment)
        files = [argument for file in self.files for argument in ("-f", str(self.folder.resolve() / file))]
        project_option = ["-p", project] if project else []
        environment = {**self.environment, "DOCKER_HOST": self.host, "CONTAINER_HOST": self.host}
        return ApplyTool(
            (*argv, *project_option, *files, *self.options), self.folder, environment, self.variables, self.seconds
        )


@dataclass(frozen=True, slots=True)
class _ServiceAttempt:
    """One attempt at one action on a service."""

    work: Work
    engine: Engine
    settings: ComposeApplier

    def check(self) -> None:
        """Everything that can be told without doing anything."""
        self._not_moved(self._containers())
        operation = self.work.action.operation
        if operation is Operation.RUN:
            raise Refused(f"{self._name}: a Compose service is started, not run once", advice="plan it again")
        if operation in _CREATES_CONTAINERS:
            self._compose("config", "--quiet")

    def carry_out(self) -> Evidence:
        self.check()
        match self.work.action.operation:
            case Operation.DELETE:
                return self._delete()
            case Operation.RESTART:
                return self._restart()
            case _:
                return self._make()

    def health(self, now: datetime) -> HealthReport:
        return service_health(
            self._containers(), now=now, is_gone=self.work.action.operation is Operation.DELETE, since=self.work.at
        )

    def _make(self) -> Evidence:
        """Containers as declared in the place of those that were seen.

        What an earlier attempt made and never started is taken away, since a tool that was ended in the middle leaves
        such a container under a name that is not its own.
        """
        containers = self._containers()
        for container in containers:
            if container.never_started and container.id not in self._live_ids:
                self.engine.remove(container)
        old = [container for container in containers if container.id in self._live_ids]
        new = [container for container in self._containers() if container.id not in self._live_ids]
        self._up(old, replaced_by_tool=bool(old) and not new)
        return self._evidence("is as declared", old)

    def _up(self, old: Sequence[ServiceContainer], *, replaced_by_tool: bool) -> None:
        """``replaced_by_tool``: Docker's own keeps anonymous volumes. podman-compose would take the services that depend on
        this one down as well (podman_compose.py, compose_up), so that the old containers go before it is asked.
        """
        if self._by_podman or not replaced_by_tool:
            for container in old:
                self.engine.remove(container)
        mode = ["--no-recreate"] if self._by_podman else ["--force-recreate"] if replaced_by_tool else []
        self._compose("up", "-d", "--no-deps", "--no-build", *mode, self.work.action.resource.name)

    def _delete(self) -> Evidence:
        old = [container for container in self._containers() if container.id in self._live_ids]
        for container in old:
            self.engine.remove(container)
        return self._evidence("is gone", old)

    def _restart(self) -> Evidence:
        containers = self._containers()
        if not containers:
            raise Stale(f"{self._name} has no container to restart")
        for container in containers:
            if container.started_before(self.work.at):
                self.engine.restart(container)
        return self._evidence("was started again", ())

    def _not_moved(self, containers: Sequence[ServiceContainer]) -> None:
        """Raise ``Stale`` where a container is neither one that was seen nor one that this work made."""
        live, deletes = self._live_ids, self.work.action.operation is Operation.DELETE
        for container in containers:
            if container.id in live:
                continue
            if container.made_before(self.work.at):
                raise Stale(f"{self._name}: container {container.name} was not there when this was planned")
            if deletes:
                raise Stale(f"{self._name}: container {container.name} was started after this was planned")

    def _compose(self, *arguments: str) -> None:
        tool = self.settings.tool(self.work.action.resource.scope)
        ended = tool.run(*arguments)
        if ended.exit_code != 0:
            raise Refused(
                f"{self._name}: compose {arguments[0]} ended with exit code {ended.exit_code}: {tool.last_output(ended)}"
            )

    def _evidence(self, deed: str, old: Sequence[ServiceContainer]) -> Evidence:
        now = self._containers()
        facts = {
            "containers": ", ".join(f"{container.name} {container.id[:12]}" for container in now),
            "image": ", ".join(sorted({container.image for container in now})),
            "in place of": ", ".join(container.id[:12] for container in old),
        }
        return Evidence(f"{self._name} {deed}", {name: fact for name, fact in facts.items() if fact})

    def _containers(self) -> tuple[ServiceContainer, ...]:
        id_ = self.work.action.resource
        return self.engine.containers(id_.scope, id_.name)

    @property
    def _live_ids(self) -> frozenset[str]:
        return container_ids(self.work.live)

    @property
    def _by_podman(self) -> bool:
        argv = self.settings.command or compose_command(self.settings.environment)
        return any(Path(argument).name.startswith("podman") for argument in argv)

    @property
    def _name(self) -> str:
        return str(self.work.action.resource)


@dataclass(frozen=True, slots=True)
class _PartAttempt:
    """One attempt at one action on a network or volume: made where it is missing, removed where nothing uses it."""

    work: Work
    engine: Engine

    def check(self) -> None:
        """Nothing but making and removing is done: a change would take containers or data along."""
        id_, operation = self.work.action.resource, self.work.action.operation
        if id_.kind not in {"network", "volume"}:
            raise Refused(f"{id_}: a {id_.kind} is applied with the services that use it")
        if operation not in {Operation.CREATE, Operation.DELETE}:
            raise Refused(f"{id_}: {operation} would take what uses it down", advice="remove and create it by hand")
        labels = self.engine.labels_of(id_.kind, self._real_name)
        if labels is not None and label(labels, PROJECT) != id_.scope:
            raise Refused(f"{id_}: {self._real_name} does not belong to the project {id_.scope}")

    def carry_out(self) -> Evidence:
        self.check()
        id_, facts = self.work.action.resource, {"name": self._real_name}
        if self.work.action.operation is Operation.DELETE:
            self.engine.discard(id_.kind, self._real_name)
            return Evidence(f"{id_} is gone", facts)
        if self.engine.labels_of(id_.kind, self._real_name) is None:
            self.engine.create(id_.kind, self._real_name, self._labels, self._tree)
        return Evidence(f"{id_} is there", facts)

    def health(self, now: datetime) -> HealthReport:
        del now
        id_ = self.work.action.resource
        exists = self.engine.labels_of(id_.kind, self._real_name) is not None
        well = exists is (self.work.action.operation is not Operation.DELETE)
        state = HealthState.HEALTHY if well else HealthState.FAILED
        return HealthReport(state, (f"{self._real_name} {'exists' if exists else 'does not exist'}",))

    @property
    def _tree(self) -> Tree:
        return self.work.desired.tree if self.work.desired is not None else {}

    @property
    def _real_name(self) -> str:
        """What the engine calls it: as it was seen, as Git names it, else with the project before it."""
        id_ = self.work.action.resource
        live_name = text(self.work.live.tree.get("name")) if self.work.live is not None else ""
        return (
            live_name
            or text(self._tree.get("name"))
            or text(get(mapping(self._tree.get("external")), "name"))
            or (f"{id_.scope}_{id_.name}" if id_.scope else id_.name)
        )

    @property
    def _labels(self) -> Mapping[str, str]:
        """Those by which Compose tools know their own (docker/compose pkg/api/labels.go; podman_compose.py)."""
        id_ = self.work.action.resource
        own_labels = {text(key): text(value) for key, value in mapping(self._tree.get("labels")).items()}
        return {**own_labels, **dict.fromkeys(PROJECT, id_.scope), f"com.docker.compose.{id_.kind}": id_.name}


_Attempt = _ServiceAttempt | _PartAttempt


def container_ids(live: Observed | None) -> frozenset[str]:
    """The ids of the containers that an observed service was; none where nothing was seen."""
    ids = frozenset(_IDS.findall(live.version)) if live is not None else frozenset[str]()
    if live is not None and not ids:
        raise Invalid(f"{live.id}: the version {live.version!r} names no container")
    return ids
