"""The requests to a code host that runs of one account share: an app's installation, or a token.

What is left is what the host tells with its answers (docs.github.com, "Rate limits for the REST API": 5,000 an hour for a
token, 5,000 and more for an installation). A share of it is kept for urgent repositories.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.model.requests import RequestsLeft

_SAME: Final = timedelta(minutes=1)
"""Windows whose ends are closer are one window: ends are told in whole seconds."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one account may still ask. ``promised`` requests are reckoned for runs that go on."""

    reserve: float
    left: RequestsLeft | None = None
    promised: int = 0

    def remaining(self, now: datetime) -> int | None:
        """Requests that nobody was promised, None before the host told of any; all of them once the window is over."""
        if self.left is None:
            return None
        return (self.left.limit if now >= self.left.resets else self.left.remaining) - self.promised

    def allows(self, cost: int, *, urgent: bool, now: datetime) -> bool:
        """Whether a run of so many requests may begin: one that is not urgent leaves the reserve untouched."""
        remaining = self.remaining(now)
        if remaining is None or self.left is None:
            return True
        return remaining - cost >= (0 if urgent else int(self.left.limit * self.reserve))

    def with_run(self, cost: int) -> Allowance:
        """With a run more."""
        return replace(self, promised=self.promised + cost)

    def settled(self, cost: int, requests_left: RequestsLeft | None) -> Allowance:
        """With a run less, and what the host told it at last. Answers may come in any order: in one window the fewest count."""
        budget, known_budget = requests_left, self.left
        if requests_left is None or (known_budget is not None and requests_left.resets < known_budget.resets - _SAME):
            budget = known_budget
        elif known_budget is not None and abs(requests_left.resets - known_budget.resets) < _SAME:
            budget = requests_left if requests_left.remaining <= known_budget.remaining else known_budget
        return replace(self, left=budget, promised=max(self.promised - cost, 0))
