"""The whole chain of decision about one task, proposal or drift: observation, rule, limits, ledger, what would change it.

Prints the same values the run acts on; nothing is worked out a second time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.errors import Invalid
from bot.flows.observation import Assessment, assess
from bot.flows.plan import DELETIONS, EVERYTHING, Intention, Memory, plan, request
from bot.flows.reconcile import Loop, remember, stopped
from bot.flows.recover import as_recovered
from bot.model.decision import Decision, Lane
from bot.model.json import JSON
from bot.model.ledger import Entry, LedgerView
from bot.model.proposal import Effect
from bot.safety.limits import LimitCheck, examine


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one subject. ``entries`` are the ledger's, oldest first.

    ``limits`` holds every limit that was asked about each intention, by its fingerprint. ``blocked`` says why nothing at
    all may be written.
    """

    subject: str
    decisions: tuple[Decision, ...]
    intentions: tuple[Intention, ...]
    entries: tuple[Entry, ...]
    limits: Mapping[str, Sequence[LimitCheck]] = field(default_factory=dict)
    blocked: str | None = None

    def text(self) -> str:
        """For people, one fact a line."""
        lines = [self.subject, *([f"  blocked  {self.blocked}"] if self.blocked else [])]
        for decision in self.decisions:
            lines += _decision(decision)
        for one in self.intentions:
            lines += _intention(one)
            lines += [_limit(check) for check in self._asked(one)]
        lines += [_entry(entry) for entry in self.entries]
        if not self.decisions:
            lines.append("  no drift now")
        return "\n".join(lines)

    def as_json(self) -> dict[str, JSON]:
        """For programs, the same facts."""
        return {
            "subject": self.subject,
            "blocked": self.blocked,
            "decisions": [
                {
                    "drift": d.drift.id,
                    "resource": str(d.drift.resource),
                    "path": d.drift.where,
                    "severity": d.drift.severity.value,
                    "severity_rule": d.drift.rule,
                    "remedy": d.lane.value,
                    "direction": d.direction.value,
                    "rule": d.rule,
                    "risk": d.risk,
                    "reasons": list(d.reasons),
                }
                for d in self.decisions
            ],
            "plan": [
                {
                    "fingerprint": one.proposal.fingerprint,
                    "effect": one.effect.value,
                    "message": one.message,
                    "limit": one.denied.limit if one.denied else None,
                    "figures": {k: str(v) for k, v in one.denied.figures.items()} if one.denied else {},
                    "limits": [_limit_json(check) for check in self._asked(one)],
                    "would_change": would_change(one),
                }
                for one in self.intentions
            ],
            "ledger": [
                {
                    "id": e.id,
                    "kind": e.kind.value,
                    "at": e.at.isoformat(),
                    "by": e.actor.login,
                    "reason": e.reason,
                    "link": e.link,
                }
                for e in self.entries
            ],
        }

    def _asked(self, one: Intention) -> Sequence[LimitCheck]:
        """The limits it met. The guard's refusal was asked none: those of its fingerprint are the issue's that asks people."""
        return () if one.denied is not None and one.kind == DELETIONS else self.limits.get(one.proposal.fingerprint, ())


def explain(loop: Loop, subject: str) -> Explanation:
    """Everything known about ``subject``: a task, a proposal's fingerprint, or a drift's id. ``Invalid`` if unknown."""
    now = loop.run.clock.now()
    loop.run.repository.fetch()
    head = loop.run.repository.head(loop.run.branch)
    if head is None:
        raise Invalid(f"the repository has no branch {loop.run.branch}")
    seen = assess(loop.declarer.at(head), loop.rules(head), loop.observe, now=now)
    memory = as_recovered(remember(loop), head, loop.run, now=now)
    intentions = plan(seen.decisions, seen.declaration, memory, loop.declarer, now=now)
    found = _about(subject, seen, intentions, memory.view)
    asked = {one.proposal.fingerprint: _limits(one, memory, now) for one in found.intentions}
    return replace(found, limits=asked, blocked=stopped(memory.view, memory.limits, now))


def _limits(one: Intention, memory: Memory, now: datetime) -> Sequence[LimitCheck]:
    """Every limit as the plan asked it; asked now where the plan had no reason to."""
    if one.permit is not None:
        return one.permit.checks
    if one.denied is not None and one.denied.checks:
        return one.denied.checks
    return examine(memory.view, request(one.proposal), memory.limits, now)


def _about(subject: str, seen: Assessment, intentions: Sequence[Intention], view: LedgerView) -> Explanation:
    """What concerns ``subject``. A plan about the whole repository holds everything back, so it concerns everybody."""
    tasks = {desired.task for desired in seen.declaration.resources} | {d.drift.task for d in seen.decisions}
    matching = tuple(
        one
        for one in intentions
        if subject in {one.proposal.task, one.proposal.fingerprint, one.proposal.key, *one.proposal.drifts}
    )
    decisions = tuple(d for d in seen.decisions if subject in {d.drift.task, d.drift.id, str(d.drift.resource)})
    decisions = decisions or tuple(d for one in matching for d in one.proposal.decisions)
    entries = tuple(e for e in view.entries if subject in {e.task, e.fingerprint, e.id, *e.drifts})
    if subject not in tasks and not matching and not decisions and not entries:
        raise Invalid(
            f"nothing is known about {subject!r}",
            advice="Name a task (clockwork drift lists them), a proposal's fingerprint or a drift's id.",
        )
    held = tuple(one for one in intentions if one.proposal.task == EVERYTHING and one not in matching)
    return Explanation(subject, decisions, (*matching, *held), entries)


def would_change(one: Intention) -> str:
    """One sentence: what would make the next run do otherwise."""
    match one.effect:
        case Effect.DENIED if one.denied is not None and one.denied.next_eligible is not None:
            return f"Time: it may be done from {one.denied.next_eligible:%Y-%m-%d %H:%M:%S UTC} on."
        case Effect.DENIED if one.kind == DELETIONS:
            return (
                "Bringing these things back, removing them from Git, "
                "or raising fixes.max_removed and fixes.max_removed_percent in clockwork.yaml."
            )
        case Effect.DENIED:
            return "A person: see the limit's message."
        case Effect.REJECTED:
            return f"`clockwork retry {one.proposal.fingerprint}`, or another live value."
        case Effect.UNCHANGED:
            return f"Merging or closing #{one.number}."
        case Effect.IN_PROGRESS:
            return "The other run's end."
        case Effect.HANDED_OVER:
            return f"Whoever committed to #{one.number}: merge it, close it, or delete its branch."
        case Effect.UNSUPPORTED if one.proposal.lane is Lane.RUNBOOK_ISSUE:
            return "A code host, and a token that may file issues there."
        case Effect.UNSUPPORTED:
            return "An edit of the file by hand, or a code host to propose it on."
        case _:
            return "A rule before the one that matched, or an ignore rule with a reason."


def _decision(decision: Decision) -> list[str]:
    drift = decision.drift
    who = f", written by {drift.manager}" if drift.manager else ""
    values = f"{json.dumps(drift.desired, default=str)} -> {json.dumps(drift.observed, default=str)}"
    return [
        f"  saw      {drift.resource} {drift.where} {drift.kind.value}: {values}{who}",
        f"  severity {drift.severity.value} by {drift.rule}",
        f"  decided  {decision.lane.value} ({decision.direction.value}, risk {decision.risk}) by {decision.rule}",
        *(f"           {reason}" for reason in decision.reasons),
    ]


def _intention(one: Intention) -> list[str]:
    lines = [
        f"  plan     {one.effect.value}: {one.message}",
        f"  changes  {would_change(one)}",
        f"  id       {one.proposal.fingerprint}",
    ]
    if one.denied is not None and not one.denied.checks:
        lines.append(f"  limit    {one.denied.limit} says no ({_figures(one.denied.figures)})")
    return lines


def _figures(figures: Mapping[str, str | int | float]) -> str:
    return ", ".join(f"{name} {figure}" for name, figure in figures.items() if figure != "")


def _limit(check: LimitCheck) -> str:
    said = "passes" if check.passed else "says no"
    figures = f" ({shown})" if (shown := _figures(check.figures)) else ""
    return f"  limit    {check.limit} {said}: {check.message}{figures}"


def _limit_json(check: LimitCheck) -> dict[str, JSON]:
    return {
        "limit": check.limit,
        "passed": check.passed,
        "message": check.message,
        "figures": dict(check.figures),
        "next_eligible": check.next_eligible.isoformat() if check.next_eligible else None,
    }


def _entry(entry: Entry) -> str:
    result = f" {entry.result.value}" if entry.result else ""
    return f"  ledger   {entry.at:%Y-%m-%d %H:%M:%S} {entry.kind.value}{result} by {entry.actor.login}: {entry.reason}"
