"""One look at what Git declares and what runs, told as plans: what would have to be done, for each target by itself.

Called by ``clockwork plan`` and ``apply``. Writes nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from bot.drift.presence import Presence
from bot.errors import Invalid
from bot.flows.declare import Declaration
from bot.flows.hooks import releases_of
from bot.flows.observation import Assessment
from bot.intake.declared import suggestion
from bot.model.action import ActionList, NotPlanned
from bot.model.drift import Drift
from bot.model.filetree import content_id
from bot.model.globs import name_matches
from bot.model.hooks import HookRun
from bot.model.resource import Desired, Observed, ResourceId
from bot.plans.plan import PlanInputs, of_tasks, plan

HooksRan: TypeAlias = Callable[[str], Sequence[HookRun]]
_SHA: Final = re.compile(r"[0-9a-f]{40}")
_NOT_COMPARED: Final = "not compared"


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """The plan of one target, with what its actions are about: by the identity that names the target."""

    actions: ActionList
    declared: Mapping[ResourceId, Desired]
    live: Mapping[ResourceId, Observed]
    drifts: Mapping[ResourceId, tuple[Drift, ...]]


def plans(
    assessment: Assessment, ran: HooksRan = lambda _target: (), *, tasks: Sequence[str] = ()
) -> tuple[TargetPlan, ...]:
    """A plan for each target that was compared, by name; those of targets where nothing is to be done among them. ``ran``
    tells of the hooks that ran for a target. With ``tasks`` only what is about them, and what that needs; ``Invalid`` where one
    is about nothing.
    """
    check_tasks(_tasks(assessment), tasks)
    declared = {desired.id: desired for desired in assessment.declaration.resources}
    live = dict(live_of(assessment))
    all_plans = (_of_target(name, assessment, declared, live, ran) for name in _names(assessment))
    return tuple(replace(target_plan, actions=of_tasks(target_plan.actions, tasks)) for target_plan in all_plans)


def check_tasks(known_tasks: Collection[str], tasks: Sequence[str]) -> None:
    """Raise ``Invalid`` for one of ``tasks`` (names with ``*``) that is none of those that are known."""
    for named_task in tasks:
        if not any(name_matches(named_task, task) for task in known_tasks):
            raise Invalid(
                f"there is no task {named_task!r}",
                advice=suggestion(named_task, known_tasks, otherwise="See `clockwork plan`."),
            )


def _tasks(assessment: Assessment) -> frozenset[str]:
    """The tasks that something declared or running is of."""
    declared = {desired.task for desired in assessment.declaration.resources}
    return frozenset(declared | {decision.drift.task for decision in assessment.decisions})


def about(assessment: Assessment, tasks: Sequence[str]) -> Assessment:
    """What an assessment says of some tasks (names with ``*``); all of it without any."""
    if not tasks:
        return assessment
    check_tasks(_tasks(assessment), tasks)

    def is_named(drift: Drift) -> bool:
        return any(name_matches(task, drift.task) for task in tasks)

    report = replace(assessment.report, drift=tuple(drift for drift in assessment.report.drift if is_named(drift)))
    decisions = tuple(decision for decision in assessment.decisions if is_named(decision.drift))
    return replace(assessment, report=report, decisions=decisions)


def _names(assessment: Assessment) -> list[str]:
    """The targets that were compared; the unnamed one where something of it is declared or differs, or there is no other."""
    target_names = sorted(assessment.report.targets)
    unnamed = any(not desired.id.target for desired in assessment.declaration.resources)
    unnamed |= any(not decision.drift.resource.target for decision in assessment.decisions)
    return ["", *target_names] if unnamed or not target_names else target_names


def _of_target(
    name: str,
    assessment: Assessment,
    declared: Mapping[ResourceId, Desired],
    live: Mapping[ResourceId, Observed],
    ran: HooksRan,
) -> TargetPlan:
    declared_here = {id_: desired for id_, desired in declared.items() if id_.target == name}
    running = {id_: observed for id_, observed in live.items() if id_.target == name}
    decisions = [own_decision for own_decision in assessment.decisions if own_decision.drift.resource.target == name]
    commit = commit_of(assessment.declaration)
    releases = releases_of(name, assessment.declaration, declared_here, commit)
    if releases.hooks:
        releases = replace(releases, ran=ran(name))
    inputs = PlanInputs(
        target=name,
        commit=commit,
        at=assessment.at,
        decisions=decisions,
        declared=declared_here,
        live=running,
        gaps=tuple(_gaps(name, assessment)),
        releases=releases,
    )
    drifts: dict[ResourceId, tuple[Drift, ...]] = {}
    for decision in decisions:
        resource = decision.drift.resource
        drifts[resource] = (*drifts.get(resource, ()), decision.drift)
    hooks = {hook.desired.id: hook.desired for hook in releases.hooks}
    return TargetPlan(plan(inputs), {**declared_here, **hooks}, running, drifts)


def live_of(assessment: Assessment) -> Iterator[tuple[ResourceId, Observed]]:
    """What runs of what Git declares or declared, by the identity that reports use."""
    deployment = assessment.declaration.deployment
    observer_of = {} if deployment is None else {target.name: target.observer for target in deployment.targets}
    groups = {group.observer: group for group in assessment.groups}
    presences = {name: Presence(group.observation.resources, group.resources) for name, group in groups.items()}
    for desired in assessment.declaration.resources:
        observer = observer_of.get(desired.id.target, "")
        if observer in presences and (match := presences[observer].matching(_local(desired))) is not None:
            yield desired.id, match
    for decision in assessment.decisions:
        resource = decision.drift.resource
        group = groups.get(observer_of.get(resource.target, ""))
        if group is not None and (observed := group.observation.resources.get(resource.local)) is not None:
            yield resource, observed


def _local(desired: Desired) -> Desired:
    return replace(desired, id=desired.id.local)


def _gaps(name: str, assessment: Assessment) -> Iterator[NotPlanned]:
    """What could not be looked at: nothing is planned for it, and that is no sign that nothing has to be done."""
    report = assessment.report
    for gap in report.unreachable:
        yield NotPlanned(f"{gap.observer} {gap.target}".strip(), gap.cause)
    for note in report.notes:
        if note.state == _NOT_COMPARED:
            yield NotPlanned(note.rule, note.detail)
    if name in assessment.idle:
        yield NotPlanned(name, "nothing of it runs where this was looked at, and no setting says that it belongs there")


def commit_of(declaration: Declaration) -> str:
    """The commit that was read; of files as they lie a digest of them."""
    if _SHA.fullmatch(declaration.commit):
        return declaration.commit
    files = sorted(declaration.files.items())
    listing = "".join(f"{path}\0{content_id(data)}\n" for path, data in files)
    return f"files-{hashlib.sha256(listing.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"
