"""One assessment: what Git declares at a commit, what runs, how they differ, and what the rules say about it. Writes nothing.

``drift`` prints it, ``reconcile`` plans from it, ``explain`` and ``simulate`` reason about it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.drift.cache import Memo
from bot.drift.compare import Seen, compare
from bot.drift.ignore import Ignores
from bot.drift.options import ComparisonOptions
from bot.flows.declare import Declaration
from bot.model.decision import Decision
from bot.model.drift import IgnoreNote, Report
from bot.model.json import Tree
from bot.model.resource import Desired, ResourceId, SourceError
from bot.policy.context import collect
from bot.policy.decide import decide
from bot.policy.rules import RuleSet
from bot.ports import Observation

Observe = Callable[[Sequence[Desired], datetime], Observation]


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """What a commit says about judging drift: rules, ignore rules, options of the comparison."""

    rules: RuleSet
    ignores: Ignores
    options: ComparisonOptions
    bases: Mapping[ResourceId, Tree] = field(default_factory=dict)
    memo: Memo | None = None
    """Remembers unchanged objects from one look to the next; None in a process that looks once."""
    errors: tuple[SourceError, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one look saw."""

    at: datetime
    declaration: Declaration
    observation: Observation
    report: Report
    decisions: tuple[Decision, ...]


def assess(declaration: Declaration, rules: RulesInForce, observe: Observe, *, now: datetime) -> Assessment:
    """Observe, compare and decide. A resource that could not be looked at is in ``report.unreachable``."""
    observation = observe(declaration.resources, now)
    report = _report(declaration, rules, observation, now)
    around = collect(declaration.resources)
    decisions = tuple(decide(drift, rules.rules, around) for drift in report.drift)
    return Assessment(now, declaration, observation, report, decisions)


def _report(declaration: Declaration, rules: RulesInForce, observation: Observation, now: datetime) -> Report:
    live = Seen(
        resources=observation.resources,
        covered=observation.covered,
        kinds=observation.kinds,
        unreachable=observation.unreachable,
        differences=(*observation.differences, *declaration.stale),
    )
    report = compare(
        declaration.resources,
        live,
        bases=rules.bases,
        ignores=rules.ignores,
        options=rules.options,
        memo=rules.memo,
        now=now,
    )
    errors = (*declaration.errors, *rules.errors, *report.errors)
    unknown = [
        IgnoreNote(f"{error.file}:{error.line}", "not compared", error.message) for error in errors if error.note
    ]
    notes = (*report.notes, *unknown, *_unobserved(declaration, observation))
    return replace(report, errors=tuple(error for error in errors if not error.note), notes=notes)


def _unobserved(declaration: Declaration, observation: Observation) -> Iterator[IgnoreNote]:
    """The platforms that no observer reads; silent where one tried and could not, which is reported by itself."""
    if observation.unreachable:
        return
    counts = Counter(desired.id.platform for desired in declaration.resources)
    for platform, count in sorted(counts.items()):
        if platform not in observation.covered | observation.compared:
            resources = f"{count} declared {'resource' if count == 1 else 'resources'}"
            detail = f"{resources}: no live-state source is configured for this platform"
            yield IgnoreNote(platform.value, "not compared", detail)


def looked_at(task: str, assessment: Assessment) -> bool:
    """Whether everything that belongs to ``task`` was really looked at, so that the absence of drift means something."""
    mine = [desired for desired in assessment.declaration.resources if desired.task == task]
    if not mine:
        return not assessment.report.errors and not assessment.report.unreachable
    return all(_covered(desired, assessment.observation) for desired in mine)


def _covered(desired: Desired, observation: Observation) -> bool:
    if desired.id in observation.resources or desired.id.platform in observation.compared:
        return True
    if desired.id.platform not in observation.covered:
        return False
    return observation.kinds is None or (desired.id.group, desired.id.kind) in observation.kinds
