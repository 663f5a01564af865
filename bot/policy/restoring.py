"""Whether exactly the fields of a drift can be put back to what Git says, without asking people and without their hands.

Asked by :mod:`bot.policy.decide`; the answer goes with the decision, for whoever orders it later. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.model.drift import Drift, DriftKind
from bot.model.resource import Platform
from bot.plans.immutable import cannot_change

_FIELDS: Final = frozenset({DriftKind.CHANGED, DriftKind.ADDED, DriftKind.MISSING})
_PLATFORMS: Final = frozenset({Platform.KUBERNETES, Platform.COMPOSE})


@dataclass(frozen=True, slots=True)
class Restorable:
    """Which targets are restored (``apply.restore``): ``targets`` by name where they say so themselves, else all or none."""

    everywhere: bool = False
    targets: Mapping[str, bool] = field(default_factory=dict)

    def why_not(self, drift: Drift, danger: str | None) -> str | None:
        """A sentence; None where it can be. ``danger`` tells what restoring it would destroy."""
        if not self.targets.get(drift.resource.target, self.everywhere):
            owner = drift.resource.target or "this repository"
            return f"Restoring is switched off for {owner} (apply.restore in clockwork.yaml), so people do it."
        if drift.resource.platform not in _PLATFORMS:
            return f"Nothing restores single fields of {drift.resource.platform.value}, so people do it."
        if drift.kind not in _FIELDS or not drift.path:
            return "It is about a whole resource, which only people bring back."
        if drift.sensitive:
            return "It is about a secret, which only people bring back."
        if cannot_change(drift.resource, drift.path, {}):
            return "The field cannot be changed while the resource is there, so people do it."
        return danger
