"""Several observers looking at once, and what they saw as one observation. Called by the reconcile flow."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from datetime import datetime

from bot.model.resource import Desired, Observed, Platform, ResourceId, Unreachable
from bot.ports import Observation, Observer, ObserverStep, Tell, silent


def gather(
    observers: Sequence[Observer],
    wanted: Sequence[Desired],
    *,
    now: datetime,
    deadline: float = 300.0,
    tell: Tell = silent,
) -> Observation:
    """What all ``observers`` saw together, after at most ``deadline`` seconds. ``tell`` is told who begins and ends.

    One that has not answered by then is ``Unreachable``. Raises what an observer raises (``Invalid``: bad settings).
    """
    end = time.monotonic() + deadline
    for observer in observers:
        tell(ObserverStep(observer.name, "looking"))
    running = [(observer, _started(observer, wanted, now)) for observer in observers]
    seen: list[tuple[Observer, Observation]] = []
    for observer, future in running:
        try:
            seen.append((observer, future.result(max(end - time.monotonic(), 0))))
        except TimeoutError:
            late = Unreachable(observer.name, observer.name, f"did not finish within {deadline:g} s")
            seen.append((observer, Observation(now, unreachable=(late,))))
        tell(_ended(*seen[-1]))
    return merged(seen, now)


def _ended(observer: Observer, found: Observation) -> ObserverStep:
    parts = [f"{len(found.resources):,} resources"] if found.resources else []
    parts += [f"{len(found.differences):,} differences"] if found.differences else []
    parts += [f"{len(found.unreachable):,} unreachable"] if found.unreachable else []
    return ObserverStep(observer.name, ", ".join(parts) or "nothing to see", 1, 1)


def _started(observer: Observer, wanted: Sequence[Desired], now: datetime) -> Future[Observation]:
    """The observer in a daemon thread: one that hangs holds up neither the tick nor the end of the program."""
    future: Future[Observation] = Future()

    def look() -> None:
        try:
            future.set_result(observer.observe(wanted, now=now))
        except BaseException as exc:  # noqa: BLE001 - raised again where the result is waited for
            future.set_exception(exc)

    threading.Thread(target=look, name=f"observer {observer.name}", daemon=True).start()
    return future


def merged(seen: Sequence[tuple[Observer, Observation]], now: datetime) -> Observation:
    """One observation out of several.

    A platform is covered only while no observer of that platform failed: what it did not list might be there. The
    first observer to name a resource wins.
    """
    resources: dict[ResourceId, Observed] = {}
    for _, observation in reversed(seen):
        resources.update(observation.resources)
    observations = [observation for _, observation in seen]
    return Observation(
        now,
        resources=resources,
        covered=frozenset(_covered(seen)),
        kinds=_kinds(observations),
        unreachable=tuple(one for observation in observations for one in observation.unreachable),
        differences=tuple(one for observation in observations for one in observation.differences),
        compared=frozenset(platform for observation in observations for platform in observation.compared),
    )


def _covered(seen: Sequence[tuple[Observer, Observation]]) -> Iterable[Platform]:
    covered = {platform for _, observation in seen for platform in observation.covered}
    failed = {
        platform
        for observer, observation in seen
        if observation.unreachable
        for platform in getattr(observer, "platforms", frozenset(Platform))
        if platform not in observation.covered
    }
    return covered - failed


def _kinds(observations: Iterable[Observation]) -> frozenset[tuple[str, str]] | None:
    """The Kubernetes kinds listed by anybody; None (all) where somebody covers everything or nobody anything."""
    listed = [one.kinds for one in observations if Platform.KUBERNETES in one.covered]
    narrow = [kinds for kinds in listed if kinds is not None]
    return frozenset().union(*narrow) if narrow and len(narrow) == len(listed) else None
