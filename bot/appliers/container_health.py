"""Whether a service's containers do what they were started for. Used by :mod:`bot.appliers.compose`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.appliers.engine import ServiceContainer
from bot.model.action import HealthReport, HealthState

_SETTLED: Final = timedelta(seconds=10)
"""How long a container that was restarted has to run before that was the last time: the engine waits at most that long
between early restarts and starts counting anew after 10 s (docker run reference, restart policies).
"""
_WORST: Final = (HealthState.FAILED, HealthState.PROGRESSING, HealthState.HEALTHY)


def service_health(
    containers: Sequence[ServiceContainer], *, now: datetime, is_gone: bool, since: datetime
) -> HealthReport:
    """The worst of its containers, each with a sentence; ``is_gone`` where there are to be none. ``since`` is when the work
    began: what started before that time is told, for nobody started it again.
    """
    if is_gone or not containers:
        state = HealthState.HEALTHY if is_gone is (not containers) else HealthState.FAILED
        return HealthReport(
            state, tuple(_sentence(container, since) for container in containers) or ("no container exists",)
        )
    states = {_state(container, now) for container in containers}
    return HealthReport(
        next(state for state in _WORST if state in states),
        tuple(line for container in containers for line in (_sentence(container, since), *_lines(container))),
    )


def _state(container: ServiceContainer, now: datetime) -> HealthState:
    if container.problems:
        return HealthState.FAILED
    if container.status == "running":
        starting = container.health == "starting"
        fresh = container.restarts > 0 and not container.started_before(now - _SETTLED)
        return HealthState.PROGRESSING if starting or fresh else HealthState.HEALTHY
    ended = container.status in {"exited", "stopped"} and container.exit_code == 0
    return HealthState.HEALTHY if ended else HealthState.PROGRESSING


def _sentence(container: ServiceContainer, since: datetime) -> str:
    facts = [
        f"{container.name} is {container.status}",
        f"its health check says {container.health}" if container.health else "",
        f"it was restarted {container.restarts} times" if container.restarts else "",
        f"it ended with exit code {container.exit_code}" if container.status in {"exited", "stopped"} else "",
        "it was started before this" if container.started and container.started < since else "",
    ]
    return ", ".join(filter(None, facts))


def _lines(container: ServiceContainer) -> tuple[str, ...]:
    return tuple(line for problem in container.problems for line in (problem.message, *problem.evidence))
