"""One assessment: what Git declares at a commit, what runs, how they differ, and what the rules say about it. Writes
nothing.

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
from bot.flows.quiet import without_idle, without_opaque
from bot.model.decision import Decision
from bot.model.drift import Drift, IgnoreNote, Report
from bot.model.json import Tree
from bot.model.resource import Desired, ResourceId, SourceError
from bot.policy.context import collect
from bot.policy.decide import decide
from bot.policy.rules import RuleSet
from bot.ports import Observation

Observe = Callable[[str, Sequence[Desired], datetime], Observation]
"""What the named target's own observers saw (empty: the repository's), of what these resources declare."""


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
class Place:
    """What one set of observers looked at: targets that share it, their resources, and what was seen of them.

    Resources and observation are within the place: their identities name no target.
    """

    observer: str
    resources: tuple[Desired, ...]
    observation: Observation


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one look saw."""

    at: datetime
    declaration: Declaration
    places: tuple[Place, ...]
    report: Report
    decisions: tuple[Decision, ...]


def assess(declaration: Declaration, rules: RulesInForce, observe: Observe, *, now: datetime) -> Assessment:
    """Observe, compare and decide. A resource that could not be looked at is in ``report.unreachable``."""
    places: list[Place] = []
    reports: list[Report] = []
    decisions: list[Decision] = []
    for observer, resources in _places(declaration).items():
        place = Place(observer, resources, observe(observer, resources, now))
        report = _report(declaration, rules, place, now)
        around = collect(resources)
        places.append(place)
        target_of = {desired.id.local: desired.id for desired in _of(declaration, observer)}
        made = [decide(drift, rules.rules, around) for drift in report.drift]
        decisions += [replace(each, drift=_named(each.drift, target_of)) for each in made]
        reports.append(replace(report, drift=tuple(_named(drift, target_of) for drift in report.drift)))
    report = _joined(declaration, rules, reports)
    return Assessment(now, declaration, tuple(places), report, tuple(sorted(decisions, key=_worst_first)))


def _worst_first(decision: Decision) -> tuple[int, str, str, str]:
    drift = decision.drift
    return (-drift.severity.rank, drift.resource.qualified, drift.where, drift.kind)


def _observer_of(declaration: Declaration) -> Mapping[str, str]:
    deployment = declaration.deployment
    return {} if deployment is None else {target.name: target.observer for target in deployment.targets}


def _of(declaration: Declaration, observer: str) -> list[Desired]:
    """The resources that one set of observers looks at."""
    known = _observer_of(declaration)
    return [desired for desired in declaration.resources if known.get(desired.id.target, "") == observer]


def _places(declaration: Declaration) -> Mapping[str, tuple[Desired, ...]]:
    """The resources by who observes them, within their place. The repository's own observers always look."""
    if not any(desired.id.target for desired in declaration.resources):
        return {"": declaration.resources}
    names = dict.fromkeys(["", *_observer_of(declaration).values()])
    only = None if declaration.deployment is None else declaration.deployment.only
    return {
        name: tuple(replace(desired, id=desired.id.local) for desired in _of(declaration, name))
        for name in names
        if only is None or name in _observer_of(declaration).values()
    }


def _named(drift: Drift, target_of: Mapping[ResourceId, ResourceId]) -> Drift:
    """The drift with the target of its resource in its name."""
    full = target_of.get(drift.resource)
    return drift if full is None or not full.target else replace(drift, resource=full)


def _report(declaration: Declaration, rules: RulesInForce, place: Place, now: datetime) -> Report:
    observation = place.observation
    live = Seen(
        resources=observation.resources,
        covered=observation.covered,
        kinds=observation.kinds,
        unreachable=observation.unreachable,
        differences=(*observation.differences, *(declaration.stale if not place.observer else ())),
    )
    own = {desired.id for desired in _of(declaration, place.observer)}
    report = compare(
        place.resources,
        live,
        bases={id_.local: tree for id_, tree in rules.bases.items() if id_ in own or not id_.target},
        ignores=rules.ignores,
        options=rules.options,
        memo=None if rules.memo is None else rules.memo.of(place.observer),
        now=now,
    )
    drift, notes = without_opaque(report.drift, place.resources)
    drift, idle = without_idle(drift, place.resources, declaration)
    return replace(report, drift=drift, notes=(*report.notes, *_unobserved(place), *notes, *idle))


def _joined(declaration: Declaration, rules: RulesInForce, reports: Sequence[Report]) -> Report:
    """One report out of those of all places."""
    deployment = declaration.deployment
    errors = (*declaration.errors, *rules.errors, *(error for report in reports for error in report.errors))
    unknown = [
        IgnoreNote(f"{error.file}:{error.line}", "not compared", error.message) for error in errors if error.note
    ]
    notes = [note for report in reports for note in report.notes]
    return Report(
        resources=sum(report.resources for report in reports),
        drift=tuple(drift for report in reports for drift in report.drift),
        errors=tuple(error for error in errors if not error.note),
        unreachable=(
            *(each for report in reports for each in report.unreachable),
            *(() if deployment is None else deployment.unreachable),
        ),
        suppressed=tuple(each for report in reports for each in report.suppressed),
        notes=(*dict.fromkeys([*notes, *unknown]), *(() if deployment is None else deployment.notes)),
    )


def _unobserved(place: Place) -> Iterator[IgnoreNote]:
    """The platforms that no observer reads; silent where one tried and could not, which is reported by itself."""
    observation = place.observation
    if observation.unreachable:
        return
    counts = Counter(desired.id.platform for desired in place.resources)
    for platform, count in sorted(counts.items()):
        if platform not in observation.covered | observation.compared:
            resources = f"{count} declared {'resource' if count == 1 else 'resources'}"
            detail = f"{resources}: no live-state source is configured for this platform"
            yield IgnoreNote(
                f"{place.observer}: {platform}" if place.observer else platform.value, "not compared", detail
            )


def looked_at(task: str, assessment: Assessment) -> bool:
    """Whether everything that belongs to ``task`` was really looked at, so that the absence of drift means something."""
    deployment = assessment.declaration.deployment
    if deployment is not None:
        target = task.partition("/")[0]
        known = {each.name for each in deployment.discovery.targets}
        if (target in known and target not in deployment.looked) or (
            target not in known and deployment.only is not None
        ):
            return False
    mine = [(place, each) for place in assessment.places for each in place.resources if each.task == task]
    if not mine:
        return not assessment.report.errors and not assessment.report.unreachable
    return all(_covered(desired, place.observation) for place, desired in mine)


def _covered(desired: Desired, observation: Observation) -> bool:
    if desired.id in observation.resources or desired.id.platform in observation.compared:
        return True
    if desired.id.platform not in observation.covered:
        return False
    return observation.kinds is None or (desired.id.group, desired.id.kind) in observation.kinds
