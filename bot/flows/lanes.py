"""Which way a decision can really go: trying its edit tells. Called by the plan before anything is proposed.

A commit that would change more than was asked for needs a person's yes, and what no file sets needs a person's hands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from bot.errors import Refused
from bot.flows.changes import Changes, NotSet
from bot.flows.intention import Intention
from bot.model.decision import Decision, Direction, Lane
from bot.model.ledger import Entry, LedgerView
from bot.model.proposal import Proposal
from bot.model.wording import minute
from bot.safety.closures import Closure
from bot.safety.history import history_of

ADOPTING: Final = frozenset({Lane.ARTIFACT_PATCH, Lane.CONFIG_PULL_REQUEST})
"""The lanes that change Git to what runs."""
ORDERED: Final = "order#restore"
"""The rule of a decision that a person took."""
NO_AUTO_MERGE: Final = (
    'It does not merge by itself: "Allow auto-merge" is off (repository settings, General, Pull Requests).'
)
WIDE: Final = "Its edit changes other objects too, which is never committed without a person's yes."


@dataclass(frozen=True, slots=True)
class Relaned:
    """Decisions of one proposal that cannot go by its lane, each in the lane that is left, with the reason. Never empty."""

    decisions: tuple[Decision, ...]


def by_open_lanes(
    decisions: Sequence[Decision], closed: Mapping[Lane, Closure], *, auto_merge: bool
) -> Sequence[Decision]:
    """The decisions, those that would be committed as pull requests where the branch takes no commit. None of them merges
    by itself where the host does not let pull requests do so.
    """
    decisions = decisions if auto_merge else [_by_hand(decision) for decision in decisions]
    closure = closed.get(Lane.ARTIFACT_PATCH)
    if closure is None:
        return decisions
    reason = (
        f"It would be committed without asking, but the branch takes no direct commit: {closure.reason.rstrip('.')}."
    )
    return [
        replace(_by(decision, Lane.CONFIG_PULL_REQUEST, reason), safe=True, merges=auto_merge and _may_merge(decision))
        if decision.lane is Lane.ARTIFACT_PATCH
        else decision
        for decision in decisions
    ]


def _may_merge(decision: Decision) -> bool:
    """Whether its rule leaves it to the host when its pull request merges."""
    return decision.automerge is not False and not decision.draft


def _by_hand(decision: Decision) -> Decision:
    if not decision.merges:
        return decision
    return replace(decision, merges=False, reasons=(*decision.reasons, NO_AUTO_MERGE))


def by_orders(decisions: Sequence[Decision], view: LedgerView) -> Sequence[Decision]:
    """The decisions, those that people chose to restore as issues with the steps. The choice is about what runs now: once
    something else does, it is proposed again.
    """
    restores = history_of(view).restores
    return [
        _restored(decision, order)
        if (order := restores.get(decision.drift.task)) is not None
        and decision.drift.id in order.drifts
        and (decision.lane in ADOPTING or decision.by_hand is None)
        else decision
        for decision in decisions
    ]


def _restored(decision: Decision, order: Entry) -> Decision:
    reason = f"{order.actor.login} chose to restore it ({minute(order.at)}), so Git stays as it is."
    return _to_restore(decision, reason)


def _to_restore(decision: Decision, reason: str) -> Decision:
    """By Clockwork where settings let it, else by people."""
    lane = Lane.RESTORE if decision.by_hand is None else Lane.RUNBOOK_ISSUE
    reasons = (reason,) if decision.by_hand is None else (reason, decision.by_hand)
    return replace(
        decision, lane=lane, direction=Direction.RESTORE, rule=ORDERED, reasons=reasons, safe=False, merges=False
    )


def by_closing(proposal: Proposal, rejection: Intention) -> Relaned | None:
    """What closing the pull request restores; None where settings let it restore nothing, or not all of it can be."""
    if any(decision.by_hand is not None for decision in proposal.decisions):
        return None
    reason = f"#{rejection.number} was closed, which puts back what Git says here (apply.restore)."
    return Relaned(tuple(_to_restore(decision, reason) for decision in proposal.decisions))


def tried(proposal: Proposal, write: Callable[[Proposal], Changes]) -> Changes | Relaned:
    """The changes of a proposal, or those of its decisions that need another lane: the ones that fail by themselves, and
    all of them where they only fail together. Raises ``Refused`` as ``write`` does, but for ``NotSet``.
    """
    try:
        changes = write(proposal)
    except NotSet as exc:
        lane, reason = Lane.RUNBOOK_ISSUE, f"{exc.message}."
    else:
        if not (changes.moves and proposal.lane is Lane.ARTIFACT_PATCH):
            return changes
        lane, reason = Lane.CONFIG_PULL_REQUEST, WIDE
    failing = [] if len(proposal.decisions) == 1 else list(_failing_alone(proposal, write))
    return Relaned(tuple(failing or (_by(decision, lane, reason) for decision in proposal.decisions)))


def _failing_alone(proposal: Proposal, write: Callable[[Proposal], Changes]) -> Iterator[Decision]:
    for decision in proposal.decisions:
        with suppress(Refused):  # it is told once nothing else of the task depends on it
            outcome = tried(replace(proposal, decisions=(decision,)), write)
            if isinstance(outcome, Relaned):
                yield from outcome.decisions


def _by(decision: Decision, lane: Lane, reason: str) -> Decision:
    return replace(decision, lane=lane, reasons=(*decision.reasons, reason))
