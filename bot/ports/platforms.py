"""What runs: looking at it, changing it, and telling how far a look is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from bot.model.dataclass import dataclass

if TYPE_CHECKING:
    from bot.model.action import Evidence, HealthReport, Work
    from bot.model.cluster import ServedApi
    from bot.model.observation import Observation
    from bot.model.resource import Desired


@dataclass(frozen=True, slots=True)
class ObserverStep:
    """How far one observer is with what it is doing. ``total`` is None where nobody knows how much there will be."""

    observer: str
    doing: str
    done: int = 0
    total: int | None = None
    objects: int = 0
    """How many objects it has read while doing so."""


Tell: TypeAlias = Callable[[ObserverStep], None]
"""Is told of progress, from any thread. It must neither raise nor make the caller wait."""


def silent(step: ObserverStep) -> None:
    """Nobody wants to know."""
    del step


@runtime_checkable
class Observer(Protocol):
    """Reads live state. Never writes, and raises nothing but ``Invalid`` (bad settings): failing to look is data."""

    @property
    def name(self) -> str: ...

    def observe(self, declared: Sequence[Desired], /, *, now: datetime) -> Observation:
        """What runs of the platforms and kinds that are declared."""
        ...


@runtime_checkable
class ClusterObserver(Protocol):
    """An observer that can say what its cluster serves, before anything is rendered for it."""

    def served(self, *, now: datetime) -> ServedApi:
        """The cluster's version and API versions. Raises ``Unavailable``."""
        ...


class Applier(Protocol):
    """Carries out actions on the platforms of one target. Every method may be called again for the same work after a
    crash at any instruction: what is done already is found and not repeated.
    """

    def rehearse(self, work: Work) -> None:
        """Raise what :meth:`carry_out` would raise, as far as the platform can say without doing anything."""
        ...

    def carry_out(self, work: Work) -> Evidence:
        """Do it. ``Stale`` when what runs is no longer what was seen, ``Refused`` when the platform says no (a conflict
        names the other owner and the field), ``Unavailable`` when trying again may work.
        """
        ...

    def health(self, work: Work, *, now: datetime) -> HealthReport:
        """How the resource is now, after :meth:`carry_out`."""
        ...
