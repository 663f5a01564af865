"""Several observers looking at once, and what they saw as one observation. Called by the reconcile flow.

Each has a thread of its own and takes down nothing but its own look: one that hangs or breaks is ``Unreachable``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import reduce

from bot.errors import Invalid
from bot.extras import lacking
from bot.model.cluster import ServedApi
from bot.model.drift import IgnoreNote
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform, ResourceId, Unreachable
from bot.observers.contradiction import contradiction, same_state
from bot.ports import Observer, ObserverStep, Tell, silent
from bot.secrecy.sanitize import sanitized


def gather(
    observers: Sequence[Observer],
    declared: Sequence[Desired],
    *,
    now: datetime,
    deadline: float = 300.0,
    tell: Tell = silent,
) -> Observation:
    """What all ``observers`` saw together, after at most ``deadline`` seconds. ``tell`` is told who begins and ends.

    One that has not answered by then, or broke, is ``Unreachable``. Raises ``Invalid`` for an observer's bad settings.
    """
    end = time.monotonic() + deadline
    for observer in observers:
        tell(ObserverStep(observer.name, "looking"))
    running = [(observer, _started(observer, declared, now)) for observer in observers]
    observations: list[tuple[Observer, Observation]] = []
    for observer, future in running:
        try:
            observations.append((observer, future.result(max(end - time.monotonic(), 0))))
        except TimeoutError:
            observations.append((observer, _unreachable(observer, f"did not finish within {deadline:g} s", now)))
        tell(_ended(*observations[-1]))
    return merged(observations, now)


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _ended(observer: Observer, observation: Observation) -> ObserverStep:
    parts = [_many(len(observation.resources), "resource")] if observation.resources else []
    parts += [_many(len(observation.differences), "difference")] if observation.differences else []
    parts += [f"{len(observation.unreachable):,} unreachable"] if observation.unreachable else []
    return ObserverStep(observer.name, ", ".join(parts) or "nothing to see", 1, 1)


def _started(observer: Observer, declared: Sequence[Desired], now: datetime) -> Future[Observation]:
    """The observer in a daemon thread: one that hangs holds up neither the tick nor the end of the program.

    Whatever it raises but ``Invalid`` is a defect of it, such as a ``KeyError`` about an object that nobody thought of.
    """
    future: Future[Observation] = Future()

    def observe() -> None:
        try:
            future.set_result(observer.observe(declared, now=now))
        except Invalid as exc:
            future.set_exception(exc)
        except BaseException as exc:  # noqa: BLE001 - a thread has nobody above it: SystemExit would leave no answer
            if (mistake := lacking(exc)) is not None:
                future.set_exception(mistake)
                return
            future.set_result(_unreachable(observer, f"it failed with {_cause(exc)}", now))

    threading.Thread(target=observe, name=f"observer {observer.name}", daemon=True).start()
    return future


def _unreachable(observer: Observer, cause: str, now: datetime) -> Observation:
    return Observation(now, unreachable=(Unreachable(observer.name, observer.name, cause),))


def _cause(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {sanitized(str(exc))[:200]}".removesuffix(": ")


def merged(observer_pairs: Sequence[tuple[Observer, Observation]], now: datetime) -> Observation:
    """One observation out of several.

    A platform is covered only while no observer of that platform failed: what it did not list might be there. The
    first observer to name a resource wins; where another one says something else of it, that is noted.
    """
    resources: dict[ResourceId, Observed] = {}
    for _, observation in reversed(observer_pairs):
        resources.update(observation.resources)
    observations = [observation for _, observation in observer_pairs]
    return Observation(
        now,
        resources=resources,
        covered=frozenset(_covered(observer_pairs)),
        kinds=_kinds(observations),
        unreachable=tuple(failure for observation in observations for failure in observation.unreachable),
        differences=tuple(difference for observation in observations for difference in observation.differences),
        compared=frozenset(platform for observation in observations for platform in observation.compared),
        schemas=tuple(schema for observation in observations for schema in observation.schemas),
        notes=(*_joined(observations), *_contradictions(observer_pairs)),
        served=reduce(ServedApi.beside, (observation.served for observation in observations), ServedApi()),
    )


def _covered(observations: Sequence[tuple[Observer, Observation]]) -> Iterable[Platform]:
    covered = {platform for _, observation in observations for platform in observation.covered}
    failed = {
        platform
        for observer, observation in observations
        if observation.unreachable
        for platform in getattr(observer, "platforms", frozenset(Platform))
        if platform not in observation.covered
    }
    return covered - failed


def _kinds(observations: Iterable[Observation]) -> frozenset[tuple[str, str]] | None:
    """The Kubernetes kinds listed by anybody; None (all) where somebody covers everything or nobody anything."""
    kind_sets = [observation.kinds for observation in observations if Platform.KUBERNETES in observation.covered]
    narrow = [kinds for kinds in kind_sets if kinds is not None]
    return frozenset().union(*narrow) if narrow and len(narrow) == len(kind_sets) else None


def _joined(observations: Sequence[Observation]) -> Iterator[IgnoreNote]:
    """The notes of all, each remark once with everything that it is about."""
    about: dict[tuple[str, str], dict[str, None]] = {}
    for note in (note for observation in observations for note in observation.notes):
        about.setdefault((note.state, note.detail), {})[note.rule] = None
    return (IgnoreNote(", ".join(observer_names), state, detail) for (state, detail), observer_names in about.items())


def _contradictions(observations: Sequence[tuple[Observer, Observation]]) -> Iterator[IgnoreNote]:
    """For each two observers that say different things of the same objects, which ones, and whose word counts."""
    first: dict[ResourceId, tuple[str, Observed]] = {}
    contradicted: dict[tuple[str, str], list[str]] = {}
    for observer, observation in observations:
        name = observation.source or observer.name
        for id_, observed in observation.resources.items():
            first_name, first_observed = first.setdefault(id_, (name, observed))
            if first_observed is not observed and not same_state(first_observed.tree, observed.tree):
                contradicted.setdefault((first_name, name), []).append(str(id_))
    for (first_name, second_name), names in contradicted.items():
        yield contradiction(f"{first_name}, {second_name}", names, f"what {first_name} says counts")
