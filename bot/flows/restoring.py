"""Puts fields back to what Git says, each proposal between its intent and its outcome like every other remedy.

Called by :mod:`bot.flows.remedy`. The appliers find what an interrupted attempt did already, by the intent's id and time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from bot.errors import BotError, Refused, Stale, Unavailable
from bot.flows.action_plan import live_of
from bot.flows.context import RunContext
from bot.flows.intention import action_of
from bot.flows.intents import Ending, StartedIntent, check_in_time
from bot.flows.observation import Assessment
from bot.model.action import Action, Evidence, Operation, Work
from bot.model.drift import Drift
from bot.model.ledger import Result
from bot.model.proposal import Effect
from bot.model.proposal import TakenAction as Line
from bot.model.resource import Desired, Observed, ResourceId
from bot.ports import Applier
from bot.secrecy.redaction import redact


@dataclass
class Restoring:
    """What a run restores with: one look, and what reaches where each target runs."""

    assessment: Assessment
    run: RunContext
    _appliers: dict[str, Callable[[ResourceId], Applier | None]] = field(default_factory=dict)

    @cached_property
    def _live(self) -> dict[ResourceId, Observed]:
        return dict(live_of(self.assessment))

    @cached_property
    def _declared(self) -> dict[ResourceId, Desired]:
        return {desired.id: desired for desired in self.assessment.declaration.resources}

    def restore(self, started: StartedIntent) -> tuple[Ending, Line]:
        """Restore one proposal: how its intent ends, and its line of the report. What could not be reached, or has moved
        since it was looked at, is nobody's failure.
        """
        intention = started.intention
        try:
            check_in_time(started, self.run)
            evidence = [self._applier(work.action.resource).carry_out(work) for work in self._works(started)]
        except BotError as exc:
            passing = isinstance(exc, Stale | Unavailable)
            ending = Ending(Result.ABANDONED if passing else Result.FAILED, redact(exc.message))
            return ending, action_of(intention, effect=Effect.FAILED, message=redact(str(exc)))
        self.run.reached("restored")
        message = "; ".join(evidence_line.message for evidence_line in evidence)
        return Ending(Result.SUCCEEDED, message, detail=_facts(evidence)), action_of(intention, message=message)

    def _works(self, started: StartedIntent) -> Iterator[Work]:
        """One work for each resource that the proposal is about."""
        drifts: dict[ResourceId, tuple[Drift, ...]] = {}
        decisions = started.intention.proposal.decisions
        for decision in decisions:
            resource = decision.drift.resource
            drifts[resource] = (*drifts.get(resource, ()), decision.drift)
        for resource, named_drifts in drifts.items():
            desired, live = self._declared.get(resource), self._live.get(resource)
            if desired is None or live is None:
                raise Stale(f"{resource.qualified} is not there any more")
            first = next(decision for decision in decisions if decision.drift.resource == resource)
            action = Action(Operation.UPDATE, resource, first.drift.task, (), first.lane, first.risk, first.rule)
            yield Work(action, desired, live, started.entry.id, started.entry.at, named_drifts, partial=True)

    def _applier(self, resource: ResourceId) -> Applier:
        if resource.target not in self._appliers:
            self._appliers[resource.target] = self.run.appliers(self.assessment.declaration, resource.target)
        applier = self._appliers[resource.target](resource)
        if applier is None:
            raise Refused(
                f"nothing is configured that reaches {resource.qualified}",
                advice="Restoring needs an observer of its own: observe: kubernetes or docker in clockwork.yaml.",
            )
        return applier


def _facts(evidence: list[Evidence]) -> dict[str, str]:
    return {name: fact for evidence_part in evidence for name, fact in evidence_part.facts.items()}
