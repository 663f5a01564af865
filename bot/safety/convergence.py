"""Who fights over a field: what was corrected again and again and keeps coming back.

The limit of the same name stops the corrections; this says what one issue then tells people. Used by flows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.model.ledger import LedgerView
from bot.safety.history import Attempt, history_of
from bot.safety.limits import Limits

MANAGER = "manager"
"""The key in an intent's detail that names who wrote the live value, as the platform knows."""


@dataclass(frozen=True, slots=True)
class Fight:
    """One field, when it was corrected (ledger order), who wrote the live values, and where the corrections are."""

    field: str
    task: str
    times: tuple[datetime, ...]
    managers: tuple[str, ...]
    links: tuple[str, ...]


def fights(view: LedgerView, limits: Limits, now: datetime) -> tuple[Fight, ...]:
    """Every field that reached the limit within the convergence window, by name."""
    if limits.convergence is None:
        return ()
    contested = []
    for name, timeline in sorted(history_of(view).by_field.items()):
        attempts = timeline.within(now, limits.convergence_window)
        if len(attempts) >= limits.convergence:
            contested.append(_fight(name, attempts))
    return tuple(contested)


def _fight(name: str, attempts: Sequence[Attempt]) -> Fight:
    intents = [attempt.intent for attempt in attempts]
    links = [attempt.outcome.link for attempt in attempts if attempt.outcome is not None and attempt.outcome.link]
    return Fight(
        field=name,
        task=intents[-1].task or "",
        times=tuple(intent.at for intent in intents),
        managers=_distinct(intent.detail.get(MANAGER, "") for intent in intents),
        links=tuple(links),
    )


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))
