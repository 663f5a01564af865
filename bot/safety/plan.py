"""The order in which one tick asks for its remedies, and what it is granted in all.

A scheduled run that comes rarely finds more than its budgets allow; asking in order of severity and then of age lets it
catch up with what matters first, and lets nothing starve. Used by flows; ``clockwork simulate`` prints the same plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from bot.model.ledger import LedgerView
from bot.safety.limits import Denied, Limits, Permit, Request, permit

__all__ = ["order", "plan"]

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


def order(requests: Iterable[Request]) -> list[Request]:
    """The requests by severity, the worst first, then by age, the oldest first; the rest by name, so that it is stable."""
    return sorted(requests, key=_place)


def plan(view: LedgerView, requests: Iterable[Request], limits: Limits, now: datetime) -> list[Permit | Denied]:
    """The answer to each request in :func:`order`, each permit counted against those after it."""
    granted: list[Request] = []
    answers: list[Permit | Denied] = []
    for request in order(requests):
        answer = permit(view, request, limits, now, pending=granted)
        answers.append(answer)
        if isinstance(answer, Permit):
            granted.append(request)
    return answers


def _place(request: Request) -> tuple[int, datetime, str, str, str]:
    return -request.severity.rank, request.since or _NEVER, request.task, request.lane, request.fingerprint or ""
