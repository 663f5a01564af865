"""Which proposals people turned down by closing an item: it stays closed until they say retry or something else runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from bot.errors import Stale
from bot.flows.context import RunContext
from bot.flows.identity import closed_by_us
from bot.flows.intention import BREAKER, Intention, marker
from bot.flows.intents import TRIES
from bot.flows.memory import Memory, Situation
from bot.model.codehost import Issue, ItemState, PullRequest
from bot.model.ledger import Entry, EntryKind, LedgerView
from bot.model.proposal import Effect, Proposal
from bot.model.wording import minute
from bot.safety.history import JOINED
from bot.safety.spans import span
from bot.safety.state import state

Item: TypeAlias = PullRequest | Issue


def shows(item: Item, proposal: Proposal) -> bool:
    """Whether the item shows exactly this proposal."""
    return item.marker is not None and item.marker.digest == proposal.digest


def rejected_intention(proposal: Proposal, situation: Situation, *, kind: str | None = None) -> Intention | None:
    """The answer to a proposal that somebody rejected, by what is closed about it; None when it may be made."""
    closed = situation.memory.closed(marker(proposal, kind=kind), proposal.fingerprint)
    return _rejection(proposal, [item for item in closed if item.state is ItemState.CLOSED], situation, kind=kind)


def _rejection(
    proposal: Proposal, closed: Sequence[Item], situation: Situation, *, kind: str | None = None
) -> Intention | None:
    """The answer to a proposal that somebody rejected; None when nobody did, or when it may be made again.

    ``closed`` are the closed items about it, newest first; what the ledger knows to be rejected needs none.
    """
    by_hand = [item for item in closed if not item.closed_by_us and _is_about(item, proposal, kind, situation)]
    newest = by_hand[0] if by_hand else None
    rejections = situation.state.rejected.get(proposal.fingerprint)
    if newest is not None and (rejections is not None or not _forgiven(newest, proposal, situation.memory.view)):
        text = (
            f"#{newest.number} was closed, which rejects it until what runs changes or somebody says /clockwork retry."
        )
        return Intention(proposal, Effect.REJECTED, text, number=newest.number, url=newest.url, kind=kind)
    if rejections is not None:
        text = f"This exact proposal was rejected at {minute(rejections.at)}: {rejections.reason}."
        number = rejections.detail.get("number", "")
        shown_number = int(number) if number.isdigit() else None
        return Intention(proposal, Effect.REJECTED, text, number=shown_number, url=rejections.link, kind=kind)
    return None


def _is_about(item: Item, proposal: Proposal, kind: str | None, situation: Situation) -> bool:
    """Whether a closed item is about this proposal; one about a fight is so for as long as the fight counts."""
    if kind != BREAKER or item.updated_at is None:
        return shows(item, proposal)
    return situation.now - item.updated_at < span(situation.memory.limits.convergence_window)


def _forgiven(item: Item, proposal: Proposal, view: LedgerView) -> bool:
    """Whether somebody said retry about this very item, and not about an earlier one with the same content.

    The ledger's order decides: clocks of the host and of the bot may differ. Times count only once the item's opening
    was folded away.
    """
    retried: datetime | None = None
    was_opened = False
    for entry in view.entries:
        if entry.fingerprint != proposal.fingerprint:
            continue
        if entry.kind is EntryKind.RETRY:
            retried = entry.at
        elif entry.kind is EntryKind.OUTCOME and entry.detail.get("number") == str(item.number):
            retried, was_opened = None, True
    return retried is not None and (was_opened or item.updated_at is None or item.updated_at <= retried)


def _rejected(proposal: Proposal) -> Sequence[Proposal]:
    """What is rejected with it: its parts by themselves too, lest they come again in other company."""
    return (proposal, *proposal.apart) if proposal.joins else (proposal,)


def _joined(proposal: Proposal, joined_proposal: Proposal) -> dict[str, str]:
    return {} if proposal is joined_proposal else {JOINED: joined_proposal.fingerprint}


def record_rejections(intentions: Sequence[Intention], memory: Memory, run: RunContext, *, now: datetime) -> None:
    """Write each rejection into the ledger once, so that it outlives the closed pull request. What another run of ours closed
    since the plan was made is nobody's no. Raises ``Stale`` after many lost races.

    The plan keeps the view it was made from: whatever came in since must show as news when an intent is begun.
    """
    rejections = [
        Entry(
            id=run.new_id(),
            kind=EntryKind.REJECT,
            at=now,
            actor=run.actor,
            task=proposal.task,
            lane=proposal.lane,
            fingerprint=proposal.fingerprint,
            reason=f"#{intention.number} was closed",
            link=intention.url,
            detail={"number": str(intention.number)} | _joined(proposal, intention.proposal),
        )
        for intention in intentions
        for proposal in _rejected(intention.proposal)
        if intention.effect is Effect.REJECTED and intention.number is not None
    ]
    view = memory.view
    for _ in range(TRIES):
        news = _news(rejections, view, memory, now)
        if not news:
            return
        try:
            run.ledger.append(view, news)
        except Stale:
            view = run.ledger.read()
            continue
        run.reached("rejection")
        return
    raise Stale("the ledger moved every time; another run is very busy")


def _news(rejections: Sequence[Entry], view: LedgerView, memory: Memory, now: datetime) -> Sequence[Entry]:
    earlier_rejections, own_closings = state(view, now, memory.limits).rejected, closed_by_us(view)
    return [
        entry
        for entry in rejections
        if entry.fingerprint not in earlier_rejections and entry.detail["number"] not in own_closings
    ]
