"""How long one task was suspended for. Read by limits and state, written by :mod:`bot.safety.entries`."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.model.ledger import Entry

__all__ = ["UNTIL", "suspended_until"]

UNTIL = "until"
"""The key in an entry's detail that holds the end as ISO 8601."""


def suspended_until(entry: Entry) -> datetime | None:
    """When the suspension ends; None when it ends only by hand, which is also what an unreadable end means."""
    text = entry.detail.get(UNTIL)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
