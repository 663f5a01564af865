"""The whole chain of decision about one task, proposal or drift: observation, rule, limits, ledger, what would change
it.

Prints the same values the run acts on; nothing is worked out a second time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from bot.drift.masking import HIDDEN
from bot.errors import Invalid
from bot.flows.intention import DELETIONS, EVERYTHING, Intention, request, settled
from bot.flows.memory import Memory, remember, stopped
from bot.flows.messages import values_of
from bot.flows.observation import Assessment, is_observed
from bot.flows.plan import plan
from bot.flows.reconcile import Loop
from bot.flows.recover import as_recovered
from bot.intake.declared import suggestion
from bot.model.decision import Decision, Direction, Lane
from bot.model.json import JSON, facts
from bot.model.ledger import Entry, LedgerView
from bot.model.proposal import Effect, Proposal
from bot.model.wording import second
from bot.report.contrast import contrasted
from bot.report.json import decision_json
from bot.safety.limits import LimitCheck, examine

_DIRECTIONS: Final[Mapping[Direction, str]] = {
    Direction.ADOPT: "change Git to what runs",
    Direction.RESTORE: "change what runs to what Git says",
}
_NOT_COMPARED: Final = "no drift is known, but not all of it was compared: `clockwork drift` says why"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one subject. ``entries`` are the ledger's, oldest first.

    ``limits`` holds every limit that was asked about each intention, by its fingerprint. ``blocked`` says why nothing
    at all may be written. ``compared`` is False where not all of what it is about could be looked at.
    """

    subject: str
    decisions: tuple[Decision, ...]
    intentions: tuple[Intention, ...]
    entries: tuple[Entry, ...]
    limits: Mapping[str, Sequence[LimitCheck]] = field(default_factory=dict)
    blocked: str | None = None
    compared: bool = True

    def text(self) -> str:
        """For people, one fact a line."""
        lines = [self.subject, *([_line("blocked", self.blocked)] if self.blocked else [])]
        for decision in self.decisions:
            lines += _decision(decision)
        for intention in self.intentions:
            lines += _intention(intention)
            lines += [_limit(check) for check in self._limit_checks(intention)]
        lines += [_entry(entry) for entry in self.entries]
        if not self.decisions:
            lines.append("  in sync: no drift now" if self.compared else f"  {_NOT_COMPARED}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, JSON]:
        """For programs, the same facts."""
        return {
            "subject": self.subject,
            "blocked": self.blocked,
            "compared": self.compared,
            "decisions": [decision_json(decision) for decision in self.decisions],
            "plan": [
                {
                    **facts(intention, "fingerprint=proposal.fingerprint effect message"),
                    "limit": intention.denied.limit if intention.denied else None,
                    "figures": {k: str(v) for k, v in intention.denied.figures.items()} if intention.denied else {},
                    "limits": [
                        facts(check, "limit passed message figures next_eligible")
                        for check in self._limit_checks(intention)
                    ],
                    "would_change": next_step(intention),
                }
                for intention in self.intentions
            ],
            "ledger": [facts(e, "id kind at by=actor.login reason link") for e in self.entries],
        }

    def _limit_checks(self, intention: Intention) -> Sequence[LimitCheck]:
        """The limits it met. The guard's refusal was asked none: those of its fingerprint are the issue's that asks
        people.
        """
        return (
            ()
            if intention.denied is not None and intention.kind == DELETIONS
            else self.limits.get(intention.proposal.fingerprint, ())
        )


def explain(loop: Loop, subject: str) -> Explanation:
    """Everything known about ``subject``: a task, a proposal's fingerprint, or a drift's id. ``Invalid`` if unknown."""
    now = loop.run.clock.now()
    loop.run.repository.fetch()
    head = loop.run.head()
    assessment = loop.assess(head, now)
    memory = as_recovered(remember(loop.run), head, loop.run, now=now)
    intentions = plan(assessment.decisions, assessment.declaration, memory, loop.declarer, now=now)
    explanation = _about(subject, assessment, intentions, memory.view)
    checks_by_fingerprint = {
        intention.proposal.fingerprint: _limits(intention, memory, now) for intention in explanation.intentions
    }
    return replace(explanation, limits=checks_by_fingerprint, blocked=stopped(memory.view, memory.limits, now))


def _limits(intention: Intention, memory: Memory, now: datetime) -> Sequence[LimitCheck]:
    """Every limit as the plan asked it; asked now where the plan had no reason to."""
    if intention.permit is not None:
        return intention.permit.checks
    if intention.denied is not None and intention.denied.checks:
        return intention.denied.checks
    return examine(memory.view, request(intention), memory.limits, now)


def _advice(subject: str, assessment: Assessment) -> str:
    """What to name instead; for a resource of a target that is not compared, why it is not."""
    target = subject.partition("/")[0]
    notes = (note for note in assessment.report.notes if note.state == "not compared" and note.rule == target)
    if (note := next(notes, None)) is not None:
        return f"Target {target} is not compared: {note.detail}."
    tasks = _tasks(assessment) | {str(decision.drift.resource) for decision in assessment.decisions}
    hint = "Name a task (clockwork drift lists them), a proposal's fingerprint or a drift's id."
    return suggestion(subject, tasks, otherwise=hint)


def _tasks(assessment: Assessment) -> set[str]:
    """The tasks that are declared or differ."""
    declared = {resource.task for resource in assessment.declaration.resources}
    return declared | {decision.drift.task for decision in assessment.decisions}


def _about(subject: str, assessment: Assessment, intentions: Sequence[Intention], view: LedgerView) -> Explanation:
    """What concerns ``subject``. A plan about the whole repository holds everything back, so it concerns everybody."""
    tasks = _tasks(assessment)
    subject = _in_its_target(subject, assessment) if subject not in tasks else subject
    matching = tuple(intention for intention in intentions if subject in _names(intention.proposal))
    settled_decisions = settled(assessment.decisions, intentions)
    decisions = tuple(d for d in settled_decisions if subject in {d.drift.task, d.drift.id, str(d.drift.resource)})
    decisions = decisions or tuple(d for intention in matching for d in intention.proposal.decisions)
    entries = tuple(e for e in view.entries if subject in {e.task, e.fingerprint, e.id, *e.drifts})
    if subject not in tasks and not matching and not decisions and not entries:
        raise Invalid(f"nothing is known about {subject!r}", advice=_advice(subject, assessment))
    open_intentions = tuple(
        intention for intention in intentions if intention.proposal.task == EVERYTHING and intention not in matching
    )
    about = {*([subject] if subject in tasks else []), *(entry.task for entry in entries if entry.task)}
    compared = all(is_observed(task, assessment) for task in about)
    return Explanation(subject, decisions, (*matching, *open_intentions), entries, compared=compared)


def _names(proposal: Proposal) -> frozenset[str]:
    """What a proposal can be called by."""
    return frozenset({proposal.task, proposal.fingerprint, proposal.key, *proposal.joins, *proposal.drifts})


def _in_its_target(subject: str, assessment: Assessment) -> str:
    """The task of a resource that is named without its target; ``Invalid`` where several targets have one."""
    declared = {r.task for r in assessment.declaration.resources if r.id.target and str(r.id) == subject}
    drifted = {
        d.drift.task for d in assessment.decisions if d.drift.resource.target and str(d.drift.resource) == subject
    }
    tasks = sorted(declared | drifted)
    if len(tasks) > 1:
        raise Invalid(f"several targets have {subject}", advice=f"Name one: {', '.join(tasks)}.")
    return tasks[0] if tasks else subject


def next_step(intention: Intention) -> str:
    """One sentence: what would make the next run do otherwise."""
    match intention.effect:
        case Effect.DENIED if intention.denied is not None and intention.denied.next_eligible is not None:
            return f"Wait: it may be done from {second(intention.denied.next_eligible)} on."
        case Effect.DENIED if intention.kind == DELETIONS:
            return (
                "Bring these things back, remove them from Git, "
                "or raise fixes.max_removed and fixes.max_removed_percent in clockwork.yaml."
            )
        case Effect.DENIED:
            return "A person must act: see the limit's message."
        case Effect.REJECTED:
            return f"`clockwork retry {intention.proposal.fingerprint} -m why`, or another live value."
        case Effect.UNCHANGED if intention.proposal.lane is Lane.RUNBOOK_ISSUE:
            return f"Follow the steps of #{intention.number}, or close it to reject."
        case Effect.UNCHANGED:
            return f"Merge #{intention.number} to accept, or close it to reject."
        case Effect.IN_PROGRESS:
            return "Wait until the other run ends."
        case Effect.HANDED_OVER:
            return f"Whoever committed to #{intention.number}: merge it, close it, or delete its branch."
        case Effect.UNSUPPORTED if intention.proposal.lane is Lane.RUNBOOK_ISSUE:
            return "Configure a code host, and a token that may open issues there."
        case Effect.UNSUPPORTED:
            return "Edit the file by hand, or configure a code host to propose it on."
        case _:
            return "To have it otherwise: a rule before the one that matched, or an ignore rule with a reason."


_LONG: Final = 200
"""Characters of a value; a longer one is cut around what is different."""


def _line(label: str, text: str) -> str:
    return f"  {label:<9} {text}"


def _decision(decision: Decision) -> list[str]:
    drift = decision.drift
    writer = f", written by {drift.manager}" if drift.manager else ""
    declared, live = values_of(drift)
    hidden = declared == live == HIDDEN
    sides = contrasted(json.dumps(declared, default=str), json.dumps(live, default=str), _LONG)
    values = "(value hidden)" if hidden else " -> ".join(sides)
    direction = f"{decision.direction.value}: {_DIRECTIONS[decision.direction]}"
    return [
        _line("observed", f"{drift.resource.qualified} {drift.where} {drift.kind.value}: {values}{writer}"),
        *([_line("declared", drift.declared_at)] if drift.declared_at else []),
        _line("severity", f"{drift.severity.value} by {drift.rule}"),
        _line("decision", f"{decision.lane.value} ({direction}; risk {decision.risk}) by {decision.rule}"),
        *(_line("reason", reason) for reason in decision.reasons),
    ]


def _intention(intention: Intention) -> list[str]:
    lines = [
        _line("plan", f"{intention.effect.value}: {intention.message}"),
        _line("next step", next_step(intention)),
        _line("proposal", intention.proposal.fingerprint),
    ]
    if intention.denied is not None and not intention.denied.checks:
        lines.append(_line("limit", f"{intention.denied.limit} denied ({_figures(intention.denied.figures)})"))
    return lines


def _figures(figures: Mapping[str, str | int | float]) -> str:
    return ", ".join(f"{name} {figure}" for name, figure in figures.items() if figure != "")


def _limit(check: LimitCheck) -> str:
    figures = f" ({figures_text})" if (figures_text := _figures(check.figures)) else ""
    return _line("limit", f"{check.limit} {'ok' if check.passed else 'denied'}: {check.message}{figures}")


def _entry(entry: Entry) -> str:
    result = f" {entry.result.value}" if entry.result else ""
    text = f"{entry.at:%Y-%m-%d %H:%M:%S} {entry.kind.value}{result} by {entry.actor.login}: {entry.reason}"
    return _line("ledger", text)
