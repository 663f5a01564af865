"""GitHub's primary rate limit, counted for real: so many requests per account and hour (docs.github.com, "Rate limits for
the REST API": 5,000; header names from there, too).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.records import UserRow

HOUR = 3600


@dataclass(slots=True)
class RateLimits:
    """Requests left per account in the current hour; a fake of GitHub's primary limit that counts for real."""

    now: Callable[[], float]
    limit: int = 5000
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _used: dict[int, tuple[float, int]] = field(default_factory=dict)

    def headers(self, actor: UserRow | None, *, cost: int) -> dict[str, str]:
        """The ``X-RateLimit-*`` headers after ``cost`` more requests of ``actor``."""
        figures = {
            f"X-RateLimit-{name.title()}": str(figure) for name, figure in self.figures(actor, cost=cost).items()
        }
        return {**figures, "X-RateLimit-Resource": "core"}

    def figures(self, actor: UserRow | None, *, cost: int = 0) -> dict[str, int]:
        """Limit, used, remaining and reset (seconds since 1970) of ``actor`` after ``cost`` more requests."""
        reset, used = self._spend(0 if actor is None else actor.id, cost)
        return {"limit": self.limit, "used": used, "remaining": max(self.limit - used, 0), "reset": int(reset)}

    def spent(self, actor: UserRow | None) -> bool:
        """Whether ``actor`` has nothing left until the window ends."""
        return self.figures(actor)["remaining"] == 0

    def set_remaining(self, actor: UserRow, remaining: int, *, reset_in: float = HOUR) -> None:
        """``actor`` has ``remaining`` requests until ``reset_in`` seconds from now."""
        with self._lock:
            self._used[actor.id] = (self.now() + reset_in, self.limit - remaining)

    def _spend(self, key: int, cost: int) -> tuple[float, int]:
        with self._lock:
            reset, used = self._used.get(key, (0.0, 0))
            if self.now() >= reset:
                reset, used = self.now() + HOUR, 0
            self._used[key] = (reset, used + cost)
            return self._used[key]
