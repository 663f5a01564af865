"""An observer that looks at nothing: it tells what somebody assumes, for ``clockwork simulate --assume``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from bot.errors import Invalid
from bot.model.observation import Observation
from bot.model.resource import Desired, Platform, Unreachable
from bot.report.reading import read

_LOOKS_AT: Final = {
    "docker": frozenset({Platform.COMPOSE}),
    "kubernetes": frozenset({Platform.KUBERNETES}),
    "terraform": frozenset({Platform.TERRAFORM}),
    "http": frozenset({Platform.HTTP}),
}
"""The platforms that a report's observer looks at, by its name; any other may look at all of them."""


@dataclass(frozen=True, slots=True)
class AssumedObserver:
    """The drifts of a report that ``clockwork drift --json`` printed. Where that look could not see, neither can this."""

    file: Path
    name: str = "assumed"

    def observe(self, declared: Sequence[Desired], *, now: datetime) -> Observation:
        try:
            data = self.file.read_bytes()
        except OSError as exc:
            raise Invalid(f"cannot read {self.file}: {exc.strerror or exc}") from exc
        ids = {(desired.id.platform, str(desired.id)): desired.id for desired in declared}
        report = read(data, str(self.file), ids)
        seen_platforms = frozenset(Platform) - _unseen(report.unreachable)
        return Observation(now, differences=report.drifts, compared=seen_platforms, unreachable=report.unreachable)


def _unseen(unreachable: Iterable[Unreachable]) -> frozenset[Platform]:
    """The platforms about which the absence of drift means nothing."""
    return frozenset(
        platform for failure in unreachable for platform in _LOOKS_AT.get(failure.observer, frozenset(Platform))
    )
