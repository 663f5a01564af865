"""One assessment: what Git declares at a commit, what runs, how they differ, and what the rules say about it. Writes
nothing.

``drift`` prints it, ``reconcile`` plans from it, ``explain`` and ``simulate`` reason about it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from bot.drift import ignore
from bot.drift.cache import Memo
from bot.drift.compare import compare
from bot.drift.ignore import Ignores, LabelsOf
from bot.drift.labels import Labelled
from bot.drift.options import ComparisonOptions
from bot.drift.presence import Presence
from bot.flows.declare import Declaration
from bot.flows.deployment import Deployment
from bot.flows.quiet import without_idle, without_marks, without_opaque
from bot.model.decision import Decision
from bot.model.drift import Drift, DriftKind, IgnoreNote, Report, Suppressed
from bot.model.json import Tree
from bot.model.observation import Observation
from bot.model.resource import Desired, Platform, ResourceId, SourceError, SourceKind
from bot.model.wording import counted
from bot.policy.context import Context, collect
from bot.policy.decide import decide
from bot.policy.restoring import Restorable
from bot.policy.rules import RuleSet
from bot.targets.desired import made_once
from bot.targets.exceptions import exceptions

Observe = Callable[[str, Sequence[Desired], datetime], Observation]
"""What the named target's own observers saw (empty: the repository's), of what these resources declare."""


Locate: TypeAlias = Callable[[Declaration, Sequence[Drift]], tuple[Drift, ...]]
"""Drifts with the lines that set what Git says, in the same order."""


def _as_declared(_declaration: Declaration, drifts: Sequence[Drift]) -> tuple[Drift, ...]:
    """Each with the line at which its resource is declared."""
    return tuple(drifts)


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
    restorable: Restorable = field(default_factory=Restorable)
    """What settings let be put back to what Git says."""


@dataclass(frozen=True, slots=True)
class ObserverGroup:
    """What one set of observers looked at: targets that share it, their resources, and what was seen of them.

    Resources and observation are within the group: their identities name no target. What is made of them does.
    """

    observer: str
    resources: tuple[Desired, ...]
    observation: Observation


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one look saw."""

    at: datetime
    declaration: Declaration
    groups: tuple[ObserverGroup, ...]
    report: Report
    decisions: tuple[Decision, ...]
    idle: frozenset[str] = frozenset()
    """Targets that only were found, and of which nothing runs where this was looked at."""


def assess(
    declaration: Declaration, rules: RulesInForce, observe: Observe, *, now: datetime, locate: Locate = _as_declared
) -> Assessment:
    """Observe, compare and decide. A resource that could not be looked at is in ``report.unreachable``."""
    groups = tuple(
        ObserverGroup(
            observer,
            resources,
            observe(observer, (*resources, *_beside(declaration, rules, observer)), now),
        )
        for observer, resources in _by_observer(declaration).items()
    )
    reports = [_report(declaration, rules, group) for group in groups]
    idle = _idle(declaration, groups, reports)
    report = _joined(declaration, rules, reports, groups, idle=idle, now=now)
    report = replace(report, drift=locate(declaration, report.drift))
    contexts = {group.observer: _context(declaration, rules, group) for group in groups} if report.drift else {}
    observer_of = _observer_of(declaration)
    decisions = tuple(
        decide(drift, rules.rules, contexts[observer_of.get(drift.resource.target, "")]) for drift in report.drift
    )
    return Assessment(now, declaration, groups, report, decisions, idle)


def _context(declaration: Declaration, rules: RulesInForce, group: ObserverGroup) -> Context:
    return replace(collect(_of(declaration, group.observer)), restorable=rules.restorable)


def _order(drift: Drift) -> tuple[int, str, str, str]:
    return (-drift.severity.rank, drift.resource.qualified, drift.where, drift.kind)


def _observer_of(declaration: Declaration) -> Mapping[str, str]:
    deployment = declaration.deployment
    return {} if deployment is None else {target.name: target.observer for target in deployment.targets}


def _of(declaration: Declaration, observer: str) -> list[Desired]:
    """The resources that one set of observers looks at."""
    observer_names = _observer_of(declaration)
    return [desired for desired in declaration.resources if observer_names.get(desired.id.target, "") == observer]


def _by_observer(declaration: Declaration) -> Mapping[str, tuple[Desired, ...]]:
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


def _beside(declaration: Declaration, rules: RulesInForce, observer: str) -> Iterator[Desired]:
    """What is looked for beside what Git declares."""
    yield from _dropped(declaration, rules, observer)
    yield from _defining(declaration, observer)


def _dropped(declaration: Declaration, rules: RulesInForce, observer: str) -> Iterator[Desired]:
    """What was applied and Git no longer declares: it is looked for too, also where Git has nothing more of its kind."""
    declared = {desired.id for desired in _of(declaration, observer)}
    for id_, tree in _bases(declaration, rules, observer).items():
        if id_ not in declared and id_.platform in {Platform.KUBERNETES, Platform.COMPOSE}:
            yield Desired(id_.local, str(id_.local), SourceKind.APPLIED, tree, "", 0)


def _defining(declaration: Declaration, observer: str) -> Iterator[Desired]:
    """The definitions that charts make when they are installed: of a kind that they define, nothing can be there before."""
    deployment = declaration.deployment
    for name, observer_name in _observer_of(declaration).items() if deployment is not None else ():
        if observer_name == observer and deployment is not None:
            yield from (replace(desired, id=desired.id.local) for _, desired in made_once(deployment.expansions[name]))


def _report(declaration: Declaration, rules: RulesInForce, group: ObserverGroup) -> Report:
    """The comparison of one place, each drift in its target's name, before any rule."""
    observation = group.observation
    bases = _bases(declaration, rules, group.observer)
    names = _Names.of(declaration, group.observer, bases)
    differences = (*names.without_others(observation.differences), *(declaration.stale if not group.observer else ()))
    report = compare(
        group.resources,
        replace(observation, differences=differences),
        bases={id_.local: tree for id_, tree in bases.items()},
        options=rules.options,
        memo=None if rules.memo is None else rules.memo.of(group.observer),
    )
    return replace(
        report,
        drift=tuple(names.stamped(drift) for drift in report.drift if names.concerns(drift)),
        suppressed=tuple(
            replace(suppressed, drift=names.stamped(suppressed.drift))
            for suppressed in report.suppressed
            if names.concerns(suppressed.drift)
        ),
        notes=(*report.notes, *_unobserved(group)),
    )


def _bases(declaration: Declaration, rules: RulesInForce, observer: str) -> Mapping[ResourceId, Tree]:
    """What was last applied to the targets that ``observer`` looks at.

    What a target no longer declares counts as dropped only where nothing of the target is left out: else it may just
    not have been rendered.
    """
    if declaration.deployment is None:
        return rules.bases
    declared = {desired.id for desired in _of(declaration, observer)}
    deployment, observer_names = declaration.deployment, _observer_of(declaration)
    expansions = deployment.expansions
    target_names = [name for name, observer_name in observer_names.items() if observer_name == observer]
    complete = {name for name in target_names if not (expansions[name].misses or expansions[name].conflicts)}
    if not observer and deployment.only is None:
        complete.add("")
    return {id_: tree for id_, tree in rules.bases.items() if id_ in declared or id_.target in complete}


@dataclass(frozen=True, slots=True)
class _Names:
    """The targets of one place's resources. ``only``: an undeclared resource that no target is known for is nobody's."""

    declared: Mapping[ResourceId, str]
    dropped: Mapping[ResourceId, str]
    observer: str
    only: bool

    @staticmethod
    def of(declaration: Declaration, observer: str, bases: Mapping[ResourceId, Tree]) -> _Names:
        deployment = declaration.deployment
        if deployment is None or not deployment.targets:
            return _Names({}, {}, "", only=False)
        return _Names(
            {desired.id.local: desired.id.target for desired in _of(declaration, observer)},
            {id_.local: id_.target for id_ in bases},
            observer,
            only=deployment.only is not None,
        )

    def _target(self, id_: ResourceId) -> str:
        target = self.declared.get(id_)
        return self.dropped.get(id_, self.observer) if target is None else target

    def concerns(self, drift: Drift) -> bool:
        """Whether it is about something of this run: where one target was asked for, others may declare the rest."""
        return not self.only or bool(self._target(drift.resource))

    def without_others(self, differences: Sequence[Drift]) -> list[Drift]:
        """Differences that came compared, within the place; those that name another target are not about it."""
        return [
            replace(drift, resource=drift.resource.local) if drift.resource.target else drift
            for drift in differences
            if drift.resource.target in {"", self._target(drift.resource.local)}
        ]

    def stamped(self, drift: Drift) -> Drift:
        """The drift with the target of its resource in its name, and of its task where that is the resource's own."""
        target = self._target(drift.resource)
        if not target:
            return drift
        task = drift.task if drift.resource in self.declared else f"{target}/{drift.task}"
        return replace(drift, resource=drift.resource._replace(target=target), task=task)


def _joined(
    declaration: Declaration,
    rules: RulesInForce,
    reports: Sequence[Report],
    groups: Sequence[ObserverGroup],
    *,
    idle: frozenset[str],
    now: datetime,
) -> Report:
    """One report out of those of all groups, after the ignore rules: a rule is unused where it hides nothing anywhere."""
    deployment = declaration.deployment
    all_exceptions = (
        [exceptions(deployment.expansions[name]) for name in sorted(deployment.compared_names)] if deployment else []
    )
    ignores = rules.ignores + Ignores(
        tuple(rule for target_exceptions in all_exceptions for rule in target_exceptions.rules)
    )
    ignores += ignore.of_resources(declaration.resources)
    compared = without_marks([drift for report in reports for drift in report.drift], declaration)
    sorted_ = ignore.apply_ignores(compared, ignores, now, _labels(declaration, groups))
    drift, opaque = without_opaque(sorted_.reported, declaration.resources)
    drift, unseen = without_idle(drift, declaration, idle)
    errors = (*declaration.errors, *rules.errors)
    unknown = [
        IgnoreNote(f"{error.file}:{error.line}", "not compared", error.message) for error in errors if error.note
    ]
    ignored = [note for note in sorted_.notes if note.state != "unused" or deployment is None or not deployment.only]
    notes = [*ignored, *(note for report in reports for note in report.notes), *opaque, *unseen]
    notes += [note for target_exceptions in all_exceptions for note in target_exceptions.notes]
    return Report(
        resources=sum(report.resources for report in reports),
        drift=tuple(sorted(drift, key=_order)),
        errors=tuple(error for error in errors if not error.note),
        unreachable=(
            *(gap for report in reports for gap in report.unreachable),
            *(() if deployment is None else deployment.unreachable),
        ),
        suppressed=(*_suppressed(reports), *sorted_.suppressed),
        targets=_targets(declaration, idle),
        left_out=sum((Counter(report.left_out) for report in reports), Counter()),
        notes=(*dict.fromkeys([*notes, *unknown]), *(() if deployment is None else deployment.notes)),
    )


def _idle(declaration: Declaration, groups: Sequence[ObserverGroup], reports: Sequence[Report]) -> frozenset[str]:
    """The targets that only were found, and of which something is missing and nothing runs: they may be deployed
    elsewhere, or nowhere.
    """
    deployment, drifts = declaration.deployment, [drift for report in reports for drift in report.drift]
    if deployment is None:
        return frozenset()
    missing_targets = {drift.resource.target for drift in drifts if drift.kind is DriftKind.MISSING and not drift.path}
    idle = missing_targets & {target.name for target in deployment.targets if not target.declared}
    idle -= {drift.resource.target for drift in drifts if drift.kind is not DriftKind.MISSING or drift.path}
    for group in groups if idle else ():
        live = Presence(group.observation.resources, group.resources)
        idle -= {
            desired.id.target
            for desired in _of(declaration, group.observer)
            if desired.id.target in idle and live.matching(replace(desired, id=desired.id.local)) is not None
        }
    return frozenset(idle)


def _targets(declaration: Declaration, idle: frozenset[str]) -> Mapping[str, int]:
    """How many resources each target declares that is compared."""
    looked_at_targets = (
        frozenset[str]() if declaration.deployment is None else declaration.deployment.compared_names - idle
    )
    counts = Counter(desired.id.target for desired in declaration.resources if desired.id.target in looked_at_targets)
    return {name: counts[name] for name in sorted(looked_at_targets)}


def _suppressed(reports: Sequence[Report]) -> Iterator[Suppressed]:
    for report in reports:
        yield from report.suppressed


def _labels(declaration: Declaration, groups: Sequence[ObserverGroup]) -> LabelsOf:
    """The labels of a resource, in the place that its target is in."""
    labelled = {group.observer: Labelled(group.resources, group.observation.resources) for group in groups}
    observer_of = _observer_of(declaration)
    return lambda id_: labelled[observer_of.get(id_.target, "")].of(id_.local)


def _unobserved(group: ObserverGroup) -> Iterator[IgnoreNote]:
    """The platforms that no observer reads; silent where one tried and could not, which is reported by itself."""
    observation = group.observation
    if observation.unreachable:
        return
    counts = Counter(desired.id.platform for desired in group.resources)
    for platform, count in sorted(counts.items()):
        if platform not in observation.covered | observation.compared:
            detail = f"{counted(count, 'declared resource')}: no live-state source is configured for this platform"
            yield IgnoreNote(
                f"{group.observer}: {platform}" if group.observer else platform.value, "not compared", detail
            )


def is_observed(task: str, assessment: Assessment) -> bool:
    """Whether everything that belongs to ``task`` was really looked at, so that the absence of drift means something.

    What its target's part that does not render may have to say counts: whether there is such a resource, and what a
    variable in it stands for.
    """
    deployment = assessment.declaration.deployment
    if deployment is not None and not _compared(task, deployment, assessment.idle):
        return False
    is_complete = deployment is None or _renders_whole(task, deployment)
    task_resources = [
        (group, resource) for group in assessment.groups for resource in group.resources if resource.task == task
    ]
    if not task_resources:
        return is_complete and not assessment.report.errors and not assessment.report.unreachable
    return all(
        _covered(desired, group.observation) and (is_complete or not desired.unknown)
        for group, desired in task_resources
    )


def _compared(task: str, deployment: Deployment, idle: frozenset[str]) -> bool:
    """Whether the target of ``task`` was compared with something that runs; one that is gone from Git has nothing to
    compare.
    """
    target = task.partition("/")[0]
    if target in {known_target.name for known_target in deployment.discovery.targets}:
        return target in deployment.compared_names and target not in idle
    return deployment.only is None


def _renders_whole(task: str, deployment: Deployment) -> bool:
    """Whether all of the target of ``task`` is rendered. One that is not found may be among what is left out."""
    target, _, resource = task.partition("/")
    if target in deployment.expansions:
        return not deployment.expansions[target].left_out
    return not (deployment.discovery.left_out and _of_target(resource))


def _of_target(resource: str) -> bool:
    """Whether what follows in a task is a Kubernetes resource, so that a target's name stood before it: kinds are in
    CamelCase (Kubernetes API conventions, "Types (Kinds)").
    """
    return "/" in resource and resource[:1].isupper()


def _covered(desired: Desired, observation: Observation) -> bool:
    if desired.id in observation.resources or desired.id.platform in observation.compared:
        return True
    if desired.id.platform not in observation.covered:
        return False
    return observation.kinds is None or (desired.id.group, desired.id.kind) in observation.kinds
