"""How many requests a code host still takes, as it tells in its answers. Shared by who asks it and who plans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RequestsLeft:
    """The primary rate limit of one account: ``remaining`` of ``limit`` requests until ``resets`` (UTC)."""

    limit: int
    remaining: int
    resets: datetime
