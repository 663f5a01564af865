"""Whether a drift is a gain of privilege: the live side may do, reach or run what Git does not grant it.

Asked by :mod:`bot.policy.decide`, which never offers such a drift for adoption, and by the judges, which let nothing
explain it away that is only likely.
"""

from __future__ import annotations

from typing import Final

from bot.drift.severity.fields import FIELD_PREFIX, OTHER_PREFIX
from bot.drift.severity.grants import PREFIX
from bot.drift.severity.rules import PRIVILEGES, RESTRICTIONS
from bot.model.drift import Drift
from bot.model.severity import Severity

_GENERAL: Final = {
    "restriction-lost": "it is held back less than Git says",
    "capability": "gains a capability",
    "host-path": "mounts a folder of the host",
    "public-exposure": "reachable from further away",
}
"""What rules of one id have in common, where they say several things."""
_MEANINGS: Final = (
    {rule.id: rule.meaning for rule in (*PRIVILEGES, *RESTRICTIONS)}
    | {
        "image-registry": "it runs an image of another registry",
        "image-repository": "it runs an image of another repository",
        "iam-everybody": "everybody may use it",
        "iam-wildcard": "it may do everything",
    }
    | _GENERAL
)


def meaning(rule: str) -> str | None:
    """What the privilege or restriction rule ``rule`` found, as words for people; None for any other rule."""
    if rule.startswith(PREFIX):
        return "a label or annotation that grants or exposes something"
    if rule.startswith((FIELD_PREFIX, OTHER_PREFIX)):
        return "a field that grants, guards or trusts something"
    return _MEANINGS.get(rule)


def is_gain(drift: Drift) -> bool:
    """Whether its severity is HIGH or worse by what the live side gained, or by a restriction that it lost."""
    if drift.severity.rank < Severity.HIGH.rank or drift.rule.startswith(OTHER_PREFIX):
        return False
    return meaning(drift.rule) is not None
