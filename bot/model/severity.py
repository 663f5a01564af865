"""How bad a difference or a finding is."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How bad it is. Compare with :attr:`rank`."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """0 for LOW up to 3 for CRITICAL."""
        return ("LOW", "MEDIUM", "HIGH", "CRITICAL").index(self.value)
