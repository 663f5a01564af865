"""An observer that looks at nothing: it tells what somebody assumes, for ``clockwork simulate --assume``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.drift.assumed import read
from bot.errors import Invalid
from bot.model.resource import Desired, Platform
from bot.ports import Observation


@dataclass(frozen=True, slots=True)
class AssumedObserver:
    """The drifts of a report that ``clockwork drift --json`` printed."""

    file: Path
    name: str = "assumed"

    def observe(self, wanted: Sequence[Desired], *, now: datetime) -> Observation:
        try:
            data = self.file.read_bytes()
        except OSError as exc:
            raise Invalid(f"cannot read {self.file}: {exc.strerror or exc}") from exc
        declared = {(desired.id.platform, str(desired.id)): desired.id for desired in wanted}
        drifts = read(data, str(self.file), declared)
        return Observation(now, differences=drifts, compared=frozenset(Platform))
