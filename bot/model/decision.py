"""What a rule says should happen about one drift, with its reasons; every surface renders this same object."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.model.drift import Drift


class Lane(StrEnum):
    """The remedy: how Git is changed, from the smallest to the most careful."""

    NOTHING = "nothing"
    ARTIFACT_PATCH = "artifact-patch"
    CONFIG_PULL_REQUEST = "config-pull-request"
    RUNBOOK_ISSUE = "runbook-issue"


class Direction(StrEnum):
    """``adopt`` writes the live value into Git; ``restore`` leaves Git alone and re-applies it."""

    ADOPT = "adopt"
    RESTORE = "restore"


class FixLevel(StrEnum):
    """The four auto-fix policy levels (AutoFixPolicy)."""

    DISABLED = "disabled"
    CONSERVATIVE = "conservative"
    MODERATE = "moderate"
    AGGRESSIVE = "aggressive"


@dataclass(frozen=True, slots=True)
class Decision:
    """The remedy of one drift (FixDecision). ``rule`` names the rule as ``file#id``; ``reasons`` are full sentences."""

    drift: Drift
    lane: Lane
    direction: Direction
    rule: str
    risk: str
    reasons: tuple[str, ...]

    @property
    def should_auto_apply(self) -> bool:
        """Whether it is committed without asking; limits may still say not now."""
        return self.lane is Lane.ARTIFACT_PATCH
