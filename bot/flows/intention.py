"""What a run would do about one proposal, or why it would not: the value that plan, run and explanation share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.flows.changes import Changes
from bot.model.codehost import Marker
from bot.model.decision import Decision, Lane
from bot.model.proposal import Effect, Proposal, TakenAction
from bot.safety.limits import Denied, Permit, Request

BREAKER: Final = "breaker"
"""The kind of the one issue about a field that somebody else keeps writing."""
DELETIONS: Final = "deletions"
"""The kind of the one issue about a run that would remove many things."""
SWITCH: Final = "switch"
"""The kind of the one issue about proposals that wait because the host lets us open no pull request."""
TASKS: Final = "tasks"
"""The key in an intent's detail for the tasks that a joined proposal is about, one a line."""
EVERYTHING: Final = "the whole repository"
"""The task of what is about no task in particular."""
LANE_OF_KIND: Final = {lane.value: lane for lane in Lane} | dict.fromkeys(
    (BREAKER, DELETIONS, SWITCH), Lane.RUNBOOK_ISSUE
)
"""The lane of a proposal by the kind of its marker. Markers of other kinds are on comments."""


@dataclass(frozen=True, slots=True)
class Intention:
    """One thing the run would do, or why it would not. ``effect`` is what the run will report if nothing interferes.

    ``kind`` is the marker's where it is not the lane: :data:`BREAKER`, :data:`DELETIONS` or :data:`SWITCH`.
    """

    proposal: Proposal
    effect: Effect
    message: str
    changes: Changes | None = None
    permit: Permit | None = None
    denied: Denied | None = None
    number: int | None = None
    url: str | None = None
    kind: str | None = None
    beside: int | None = None
    """How many of our pull requests are open already, where this opens another that waits for people."""

    @property
    def marker(self) -> Marker:
        """What ties the pull request or issue to this proposal."""
        return marker(self.proposal, kind=self.kind)


def settled(decisions: Sequence[Decision], intentions: Sequence[Intention]) -> tuple[Decision, ...]:
    """The decisions as the plan took them: each in the lane that its edit left it."""
    planned = {decision.drift.id: decision for intention in intentions for decision in intention.proposal.decisions}
    return tuple(planned.get(decision.drift.id, decision) for decision in decisions)


def marker(proposal: Proposal, *, kind: str | None = None) -> Marker:
    """The marker of a proposal: its kind from the lane unless named, its key from the task, its digest from the drifts."""
    return Marker(kind or proposal.lane.value, proposal.task, proposal.digest)


def request(intention: Intention) -> Request:
    """What the limits are asked about it. A proposal that merges by itself is a fix, however it is written."""
    proposal = intention.proposal
    return Request(
        task=proposal.task,
        lane=Lane.ARTIFACT_PATCH if proposal.merges else proposal.lane,
        severity=proposal.severity,
        fields=proposal.fields,
        fingerprint=proposal.fingerprint,
        beside=intention.beside,
    )


def action_of(intention: Intention, **changes: object) -> TakenAction:
    """The line of the report for an intention; ``changes`` replace what carrying it out made different."""
    proposal, denied = intention.proposal, intention.denied
    action = TakenAction(
        effect=intention.effect,
        lane=proposal.lane,
        task=proposal.task,
        message=intention.message,
        severity=proposal.severity,
        fingerprint=proposal.fingerprint,
        url=intention.url,
        number=intention.number,
        limit=denied.limit if denied else None,
        next_eligible=denied.next_eligible if denied else None,
        drifts=proposal.drifts,
        name=proposal.name,
    )
    return replace(action, **changes)  # type: ignore[arg-type]


def as_planned(intention: Intention) -> TakenAction:
    """The line of the report for an intention that is not carried out."""
    return action_of(intention, effect=Effect.PLANNED) if intention.effect.wrote else action_of(intention)
