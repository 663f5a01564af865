"""Who may carry out a plan now: one run for each target, known by the target's journal. Used by :mod:`bot.flows.applying`.

A journal is a ledger of its own ref, so each of its entries is a compare-and-swap on the newest. That is the fence: a run
that lost its lease cannot write the intent of another action. A lease lasts as long as its run says something.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.model.ledger import Entry, EntryKind, LedgerView

LEASE: Final = "lease"
"""The key in an entry's detail for the id of the run that wrote it."""
HOLDER: Final = "process"
"""The key in the detail of the first entry of a run for the process that writes it."""
RELEASED: Final = "released"
"""The key in the detail of the last entry of a run."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The run that holds a target, who that is, and when it was last heard of."""

    run: str
    entry: Entry
    renewed: datetime

    @property
    def holder(self) -> str:
        """The process that holds it, as it calls itself; empty where it does not."""
        return self.entry.detail.get(HOLDER, "")

    def lasts(self, now: datetime, seconds: float) -> bool:
        """Whether nobody else may begin at ``now``. A clock that is ahead only makes it last."""
        return (now - self.renewed).total_seconds() < seconds


def lease(view: LedgerView) -> Lease | None:
    """The run that began last and did not end."""
    lease_entry, last_sign = None, None
    for entry in view.entries:
        run = entry.detail.get(LEASE)
        if run is None:
            continue
        if entry.kind is EntryKind.NOTE:
            lease_entry = None if RELEASED in entry.detail else entry
        last_sign = entry.at
    return (
        None if lease_entry is None or last_sign is None else Lease(lease_entry.detail[LEASE], lease_entry, last_sign)
    )
