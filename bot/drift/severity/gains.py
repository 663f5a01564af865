"""Whether a drift is a gain of privilege: the live side may do, reach or run what Git does not grant it.

Asked by :mod:`bot.policy.decide`, which never offers such a drift for adoption, and by the judges, which let nothing
explain it away that is only likely.
"""

from __future__ import annotations

from typing import Final

from bot.drift.severity.grants import PREFIX
from bot.drift.severity.rules import PRIVILEGES, RESTRICTIONS
from bot.model.drift import Drift, Severity

FOREIGN_IMAGES: Final = frozenset({"image-registry", "image-repository"})
_RULES: Final = frozenset(rule.id for rule in (*PRIVILEGES, *RESTRICTIONS)) | FOREIGN_IMAGES


def is_gain(drift: Drift) -> bool:
    """Whether its severity is CRITICAL by privilege."""
    return drift.severity is Severity.CRITICAL and (drift.rule in _RULES or drift.rule.startswith(PREFIX))
