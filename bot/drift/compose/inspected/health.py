"""What a container's own state says is wrong with it, although it may have been created as declared.

Called where a container is read, and by nobody who judges differences. Source: ``State`` of the Docker engine API
(ContainerInspect) and of ``podman inspect``, which also knows the states ``configured`` and ``stopped``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bot.model.json import Tree, get, integer, mapping, mappings, moment, text
from bot.model.resource import Problem

_KEPT_RUNNING: Final = frozenset({"always", "unless-stopped"})
"""Docker documentation, Start containers automatically: restart policies."""


def container_problems(container: Tree) -> tuple[Problem, ...]:
    """What is wrong with one container, from ``docker inspect`` or ``podman inspect``.

    One that the engine is to keep running and that is not was stopped by hand, whatever it ended with.
    """
    state = mapping(container.get("State"))
    is_kept_running = text(get(container, "HostConfig", "RestartPolicy", "Name")) in _KEPT_RUNNING
    return tuple(_container_problems(state, integer(container.get("RestartCount")), is_kept_running=is_kept_running))


def _container_problems(state: Tree, restarts: int, *, is_kept_running: bool) -> Iterable[Problem]:
    status, code = text(state.get("Status")), integer(state.get("ExitCode"))
    since = moment(state.get("FinishedAt"))
    failure = text(state.get("Error"))
    facts = tuple(filter(None, (f"restarts: {restarts}" if restarts else "", f"error: {failure}" if failure else "")))
    if state.get("OOMKilled") is True:
        yield Problem("OOMKilled", "the container ran out of memory", facts, since)
    if state.get("Dead") is True or status == "dead":
        yield Problem("Dead", "the engine could not remove the container", facts, since)
    elif state.get("Restarting") is True or status == "restarting":
        yield Problem("Restarting", f"the container keeps ending with exit code {code}", facts, since)
    elif status in {"exited", "stopped"} and code != 0:
        yield Problem("Exited", f"the container ended with exit code {code}", facts, since)
    elif status in {"exited", "stopped"} and is_kept_running:
        yield Problem(
            "Exited", "the container is stopped, although its restart policy is to keep it running", facts, since
        )
    elif status == "created" and failure:
        yield Problem("NotStarted", "the container could not be started", facts)
    elif status in {"created", "configured"} and is_kept_running:
        yield Problem(
            "NotStarted", "the container was never started, although its restart policy is to keep it running", facts
        )
    elif status == "paused" or state.get("Paused") is True:
        yield Problem("Paused", "the container is paused", facts)
    health = mapping(state.get("Health") or state.get("Healthcheck"))
    if health.get("Status") == "unhealthy":
        yield Problem(
            "Unhealthy", f"{integer(health.get('FailingStreak'))} health checks failed in a row", _log(health)
        )


def _log(health: Tree) -> tuple[str, ...]:
    """The last three probe outputs, each cut to 200 characters."""
    entries = list(mappings(health.get("Log")))[-3:]
    return tuple(f"exit {integer(e.get('ExitCode'))}: {text(e.get('Output')).strip()[:200]}" for e in entries)
