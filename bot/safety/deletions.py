"""The deletion guard: a tick that would remove many things stops and asks. Used by flows before any remedy of a tick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.safety.limits import Limits

__all__ = ["TooManyDeletions", "deletion_guard"]

_USUAL_PERCENT: Final = 30.0
_FEW: Final = 3
"""So many missing things are ordinary where no share is configured: in a small repository two of three is no flood."""


@dataclass(frozen=True, slots=True)
class TooManyDeletions:
    """Why a tick must not go on: a sentence and its figures. ``allowed`` is None where no number is configured."""

    message: str
    removed: int
    total: int
    allowed: int | None
    allowed_percent: float


def deletion_guard(removed: int, total: int, limits: Limits) -> TooManyDeletions | None:
    """None when removing ``removed`` of ``total`` things is ordinary.

    It is not when there are more than ``limits.deletions`` of them, or they are more than ``limits.deletion_percent``
    of the whole. Where no share is configured, they are also too many when they are more than three and more than 30 %.
    """
    if removed <= 0:
        return None
    percent = 100.0 * removed / max(total, removed)
    share = limits.deletion_percent
    allowed_percent = _USUAL_PERCENT if share is None else share
    many = limits.deletions is not None and removed > limits.deletions
    much = percent > allowed_percent and (share is not None or removed > _FEW)
    if not many and not much:
        return None
    allowed = [] if limits.deletions is None else [f"{limits.deletions}"]
    message = (
        f"this would remove {removed} of {total} things ({percent:.0f} %); "
        f"more than {' or '.join([*allowed, f'{allowed_percent:g} %'])} need a person to agree"
    )
    return TooManyDeletions(message, removed, total, limits.deletions, allowed_percent)
