"""The deletion guard: a tick that would remove many things stops and asks. Used by flows before any remedy of a tick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.safety.limits import Limits

_USUAL_PERCENT: Final = 30.0
_FEW: Final = 3
"""So many missing things are ordinary where no share is configured: in a small repository two of three is no flood."""


@dataclass(frozen=True, slots=True)
class TooManyDeletions:
    """Why a tick must not go on: a sentence and its figures by name, ``allowed`` only where a number is configured."""

    message: str
    figures: Mapping[str, int | float]


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
    too_many = limits.deletions is not None and removed > limits.deletions
    too_large = percent > allowed_percent and (share is not None or removed > _FEW)
    if not too_many and not too_large:
        return None
    allowed = {} if limits.deletions is None else {"allowed": limits.deletions}
    bounds = " or ".join([*map(str, allowed.values()), f"{allowed_percent:g} %"])
    return TooManyDeletions(
        f"this would remove {removed} of {total} things ({percent:.0f} %); more than {bounds} need a person to agree",
        {"removed": removed, "total": total, **allowed, "allowed_percent": allowed_percent},
    )
