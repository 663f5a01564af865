"""One container as an engine shows it, said in the words of a Compose service.

Pure. The container observer and the snapshot observer call :func:`observed`; the diff compares its tree with a declared
service in canonical long Compose syntax. The readers of the single fields are in :mod:`bot.drift.containers`.

What a container has from its image or from its engine is not what somebody chose for it, so it is left out of the tree
and kept below ``x-inherited`` in the same vocabulary: there a comparison finds the live value of something that Git
states although it is the default (``restart: "no"``, an environment variable equal to the image's).

Beside the Compose keys a tree has:

``x-image``     {"id": "sha256:...", "digests": ["repo@sha256:...", ...]}
``x-state``     {"status", "health", "exit_code", "restarts", "oom_killed", "started_at"}
``x-container`` {"id", "name", "engine"}
``x-inherited`` what came from the image and the engine
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from bot.drift.container_facts import Defaults, Facts, facts, short_name
from bot.drift.containers import FIELDS
from bot.drift.health import container_problems
from bot.drift.peek import get, mapping, text, texts, whole
from bot.model.resource import JSON, Observed, Platform, ResourceId, Tree

__all__ = ["INHERITED", "Defaults", "identity", "is_one_off", "merged", "observed", "short_name", "split"]

INHERITED: Final = "x-inherited"

Engine = Literal["docker", "podman"]

_PROJECT: Final = ("com.docker.compose.project", "io.podman.compose.project")
_SERVICE: Final = ("com.docker.compose.service", "io.podman.compose.service")
_STACK: Final = "com.docker.stack.namespace"
_SWARM_SERVICE: Final = "com.docker.swarm.service.name"


def observed(
    container: Tree, image: Tree | None = None, engine: Engine = "docker", defaults: Defaults | None = None
) -> Observed:
    """The service that one inspected container runs.

    ``image`` is the inspect of its image where known: without it, what the image brings counts as given to the
    container. ``defaults`` are the engine's where they are not the usual ones (log driver, ulimits, ...).
    """
    shown = facts(container, image, engine, defaults or Defaults.of(engine))
    return Observed(identity(container), _tree(shown), container_problems(container), _version(container))


def identity(container: Tree) -> ResourceId:
    """Project and service from the labels that Compose tools set; else no project and the container's name."""
    labels = mapping(get(container, "Config", "Labels"))
    project = next((text(labels[key]) for key in (*_PROJECT, _STACK) if key in labels), "")
    service = next((text(labels[key]) for key in _SERVICE if key in labels), "")
    if not service and _SWARM_SERVICE in labels:
        service = text(labels[_SWARM_SERVICE]).removeprefix(f"{project}_")
    name = text(container.get("Name")).removeprefix("/")
    return ResourceId(Platform.COMPOSE, "service", project, service or name)


def is_one_off(container: Tree) -> bool:
    """Whether ``docker compose run`` made it, or it is a pod's infrastructure: no replica of its service."""
    labels = mapping(get(container, "Config", "Labels"))
    return text(labels.get("com.docker.compose.oneoff")).lower() == "true" or container.get("IsInfra") is True


def merged(replicas: Sequence[Observed]) -> Observed:
    """One service from its containers: the tree of the first by name, ``scale``, everybody's problems.

    The order in which containers were listed makes no difference.
    """
    ordered = sorted(replicas, key=lambda one: text(get(one.tree, "x-container", "name")))
    first = ordered[0]
    if len(ordered) == 1:
        return first
    problems = tuple(
        replace(problem, message=f"{text(get(one.tree, 'x-container', 'name'))}: {problem.message}")
        for one in ordered
        for problem in one.problems
    )
    tree = {**first.tree, "scale": len(ordered)}
    return Observed(first.id, tree, problems, "+".join(one.version for one in ordered))


def _tree(shown: Facts) -> dict[str, JSON]:
    given: dict[str, JSON] = {}
    inherited: dict[str, JSON] = {}
    for key, read in FIELDS.items():
        value, ground = read(shown)
        mine, theirs = split(value, ground)
        if mine is not None:
            given[key] = mine
        if theirs is not None:
            inherited[key] = theirs
    return {**given, **_annotations(shown), INHERITED: inherited}


def split(value: JSON, ground: JSON) -> tuple[JSON, JSON]:
    """``value`` parted into what was given and what equals the ground it stands on; None for nothing.

    Mappings part by entry, everything else is given or inherited as a whole.
    """
    if isinstance(value, Mapping):
        below = mapping(ground)
        parts = {key: split(entry, below.get(key)) for key, entry in value.items()}
        mine = {key: part for key, (part, _) in parts.items() if part is not None}
        theirs = {key: part for key, (_, part) in parts.items() if part is not None}
        if not value:
            return (None, {}) if ground == {} else ({}, None)
        return mine or None, theirs or None
    return (None, value) if value == ground else (value, None)


def _annotations(shown: Facts) -> dict[str, JSON]:
    container, state = shown.container, mapping(shown.container.get("State"))
    health = text(get(state, "Health", "Status") or get(state, "Healthcheck", "Status"))
    id_ = text(container.get("Image"))
    digest = text(container.get("ImageDigest"))
    return {
        "x-image": {
            "id": id_ if not id_ or id_.startswith("sha256:") else f"sha256:{id_}",
            "digests": list(texts(shown.image.get("RepoDigests"))) or ([digest] if digest else []),
        },
        "x-state": {
            "status": text(state.get("Status")),
            "health": health if health not in {"", "none"} else None,
            "exit_code": whole(state.get("ExitCode")),
            "restarts": whole(container.get("RestartCount")),
            "oom_killed": state.get("OOMKilled") is True,
            "started_at": text(state.get("StartedAt")),
        },
        "x-container": {
            "id": text(container.get("Id")),
            "name": text(container.get("Name")).removeprefix("/"),
            "engine": shown.engine,
        },
    }


def _version(container: Tree) -> str:
    state = mapping(container.get("State"))
    parts = (
        text(container.get("Id")),
        text(state.get("StartedAt")),
        text(state.get("Status")),
        text(get(state, "Health", "Status")),
        str(whole(container.get("RestartCount"))),
    )
    return ":".join(parts)
