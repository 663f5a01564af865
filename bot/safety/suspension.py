"""How long one task was suspended for. Read by limits, state and the command flow, which also writes it."""

from __future__ import annotations

from datetime import datetime

from bot.model.json import moment
from bot.model.ledger import Entry

UNTIL = "until"
"""The key in an entry's detail that holds the end as ISO 8601."""


def suspended_until(entry: Entry) -> datetime | None:
    """When the suspension ends; None when it ends only by hand, which is also what an unreadable end means."""
    return moment(entry.detail.get(UNTIL))
