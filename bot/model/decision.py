"""What a rule says should happen about one drift, with its reasons; every surface renders this same object."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.model.choices import FixLevel as FixLevel  # noqa: PLC0414 - those who decide look for it here
from bot.model.drift import Drift


class Lane(StrEnum):
    """The remedy: how Git is changed, from the smallest to the most careful."""

    NOTHING = "nothing"
    ARTIFACT_PATCH = "artifact-patch"
    RESTORE = "restore"
    """Git stays as it is, and what runs is put back to what it says: field by field."""
    CONFIG_PULL_REQUEST = "config-pull-request"
    RUNBOOK_ISSUE = "runbook-issue"


class PatchType(StrEnum):
    """The kinds of patch, by the names that other systems have for them."""

    ARTIFACT = "artifact_patch"
    CONFIG = "config_patch"
    RESTORE = "restore"
    RUNBOOK = "runbook"
    NONE = "none"


_PATCHES: Final = {
    Lane.ARTIFACT_PATCH: PatchType.ARTIFACT,
    Lane.RESTORE: PatchType.RESTORE,
    Lane.CONFIG_PULL_REQUEST: PatchType.CONFIG,
    Lane.RUNBOOK_ISSUE: PatchType.RUNBOOK,
    Lane.NOTHING: PatchType.NONE,
}


class Direction(StrEnum):
    """``adopt`` writes the live value into Git; ``restore`` leaves Git alone and re-applies it."""

    ADOPT = "adopt"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Attention:
    """Whom a proposal is given to: logins of assignees; logins, or ``org/team``, of whoever is asked for a review."""

    assignees: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()

    def __or__(self, more: Attention) -> Attention:
        return Attention(
            tuple(dict.fromkeys((*self.assignees, *more.assignees))),
            tuple(dict.fromkeys((*self.reviewers, *more.reviewers))),
        )


NOBODY: Final = Attention()


@dataclass(frozen=True, slots=True)
class Decision:
    """The remedy of one drift (FixDecision). ``rule`` names the rule as ``file#id``; ``reasons`` are full sentences."""

    drift: Drift
    lane: Lane
    direction: Direction
    rule: str
    risk: str
    reasons: tuple[str, ...]
    safe: bool = False
    """Whether it would be committed without asking, but its branch takes no commit: a pull request is only the way."""
    merges: bool = False
    """Whether that pull request merges by itself once its checks are green."""
    attention: Attention = NOBODY
    """Whom its rule gives it to."""
    needs_person: bool = False
    """Whether a person has to agree before what runs is made what Git says: a rule leaves it to people, or it could destroy
    something.
    """
    draft: bool = False
    """Whether its rule wants a pull request about it to be opened as a draft."""
    automerge: bool | None = None
    """Whether its rule wants that pull request to merge by itself; None where it does not say."""
    by_hand: str | None = "Whether it can be restored was not asked."
    """Why only people can put it back to what Git says; None where Clockwork can and settings let it."""

    @property
    def patch_type(self) -> PatchType:
        return _PATCHES[self.lane]

    @property
    def should_auto_apply(self) -> bool:
        """Whether it is carried out without asking a person, limits permitting."""
        return self.lane in {Lane.ARTIFACT_PATCH, Lane.RESTORE}

    @property
    def risk_level(self) -> str:
        return self.risk

    @property
    def reason(self) -> str:
        """All reasons as one text."""
        return " ".join(self.reasons)
