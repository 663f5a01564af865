"""What people tell the bot: halt, resume, suspend, retry, ignore. Written into the ledger, so every run hears it.

Called by the command line, by ``/clockwork …`` comments and by the dashboard. Who may say it is asked before.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.errors import Refused
from bot.flows.remedy import Hands, record
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView


def tell(
    hands: Hands,
    kind: EntryKind,
    *,
    reason: str,
    actor: Actor | None = None,
    task: str | None = None,
    fingerprint: str | None = None,
    detail: Mapping[str, str] | None = None,
    link: str | None = None,
) -> LedgerView:
    """The ledger with that entry added. Raises ``Refused`` when ``reason`` is empty."""
    if not reason.strip():
        raise Refused(f"{kind.value} needs a reason", advice="Say why: others will read it in the ledger.")
    entry = Entry(
        id=hands.new_id(),
        kind=kind,
        at=hands.clock.now(),
        actor=actor or hands.actor,
        task=task,
        fingerprint=fingerprint,
        reason=reason.strip(),
        link=link or hands.run_link,
        detail=dict(detail or {}),
    )
    return record(hands.ledger, hands.ledger.read(), [entry])
