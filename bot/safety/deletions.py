"""The deletion guard: a tick that would remove many things stops and asks. Used by flows before any remedy of a tick."""

from __future__ import annotations

from dataclasses import dataclass

from bot.safety.limits import Limits

__all__ = ["TooManyDeletions", "deletion_guard"]


@dataclass(frozen=True, slots=True)
class TooManyDeletions:
    """Why a tick must not go on: a sentence and its figures."""

    message: str
    removed: int
    total: int
    allowed: int
    allowed_percent: float


def deletion_guard(removed: int, total: int, limits: Limits) -> TooManyDeletions | None:
    """None when removing ``removed`` of ``total`` things is ordinary.

    It is not when there are more than ``limits.deletions`` of them, or they are more than ``limits.deletion_percent``
    of the whole. Limits of 0 or less switch the respective half off.
    """
    if removed <= 0:
        return None
    percent = 100.0 * removed / max(total, removed)
    many = 0 < limits.deletions < removed
    much = 0 < limits.deletion_percent < percent
    if not many and not much:
        return None
    message = (
        f"this would remove {removed} of {total} things ({percent:.0f} %); "
        f"more than {limits.deletions} or {limits.deletion_percent:g} % need a person to agree"
    )
    return TooManyDeletions(message, removed, total, limits.deletions, limits.deletion_percent)
