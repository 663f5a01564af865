"""The plan: one action for each resource that differs, with what it changes and who has to agree.

Called by :mod:`bot.flows.action_plan`. Pure. What is decided about differences (lanes, risks, rules) comes from the same rules
as remedies; the direction is the other one: what runs becomes what Git says.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from bot.model.action import Action, ActionList, FieldChange, NotPlanned, Operation
from bot.model.decision import Decision, Lane
from bot.model.drift import Drift, DriftKind
from bot.model.globs import name_matches
from bot.model.hooks import HookStage
from bot.model.json import JSON, canonical, get, text
from bot.model.resource import Desired, Observed, Platform, ResourceId
from bot.plans.hooks import Releases, due, with_hooks
from bot.plans.immutable import cannot_change
from bot.plans.order import ordered

_CARE: Final = (Lane.NOTHING, Lane.ARTIFACT_PATCH, Lane.RESTORE, Lane.CONFIG_PULL_REQUEST, Lane.RUNBOOK_ISSUE)
"""From the lane that asks nobody to the one in which only people act."""
_RISKS: Final = ("low", "medium", "high")
_NEW: Final = frozenset({Operation.CREATE, Operation.RUN})
"""Takes nothing away: whoever merged it agreed, although bringing it back would be a person's work for a remedy."""
_RUNS_ONCE: Final = frozenset({("batch", "Job")})


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """What a plan is made from: one target's declared resources and what was seen of them, with what was decided.

    ``live`` is by the identity of the declaration; ``gaps`` are sentences for what could not be looked at.
    """

    target: str
    commit: str
    at: datetime
    decisions: Sequence[Decision]
    declared: Mapping[ResourceId, Desired]
    live: Mapping[ResourceId, Observed]
    gaps: Sequence[NotPlanned] = ()
    releases: Releases = field(default_factory=Releases)


def plan(inputs: PlanInputs) -> ActionList:
    """Everything that has to be done, in order, and what differs and is left."""
    grouped: dict[ResourceId, list[Decision]] = defaultdict(list)
    hooks = inputs.releases.ids
    for decision in inputs.decisions:
        if decision.drift.resource not in hooks:
            grouped[decision.drift.resource].append(decision)
    planned_actions = [_action(resource, decisions, inputs) for resource, decisions in sorted(grouped.items())]
    actions = _with_hooks([action for action in planned_actions if isinstance(action, Action)], inputs)
    not_planned = [action for action in planned_actions if isinstance(action, NotPlanned)]
    return ActionList(inputs.target, inputs.commit, _observed(inputs), inputs.at, actions, (*inputs.gaps, *not_planned))


def of_tasks(action_list: ActionList, tasks: Sequence[str]) -> ActionList:
    """The actions about some tasks alone (names with ``*``), and those that they need."""
    if not tasks:
        return action_list
    by_id = {action.id: action for action in action_list.actions}
    kept_ids = {action.id for action in action_list.actions if any(name_matches(task, action.task) for task in tasks)}
    waiting = [*kept_ids]
    while waiting:
        more_ids = {need for need in by_id[waiting.pop()].needs if need in by_id} - kept_ids
        kept_ids |= more_ids
        waiting += more_ids
    remaining_actions = [action for action in action_list.actions if action.id in kept_ids]
    waves = {wave: number for number, wave in enumerate(sorted({action.wave for action in remaining_actions}))}
    return replace(
        action_list,
        actions=tuple(replace(action, wave=waves[action.wave]) for action in remaining_actions),
        tasks=tuple(sorted(tasks)),
    )


def _with_hooks(planned_actions: Sequence[Action], inputs: PlanInputs) -> tuple[Action, ...]:
    """The actions in their order, and the hooks of what they change among them."""
    running = due(planned_actions, inputs.releases, frozenset(inputs.live), inputs.commit)
    releases = {due_hook.hook.release for due_hook in running}
    of = inputs.releases.release_of
    tied = [
        replace(action, release=name) if (name := of(action.resource)) in releases else action
        for action in planned_actions
    ]
    among = [due_hook.action for due_hook in running if due_hook.stage is HookStage.AMONG]
    return with_hooks(ordered([*tied, *among], inputs.declared), running)


def _action(resource: ResourceId, decisions: Sequence[Decision], inputs: PlanInputs) -> Action | NotPlanned:
    desired = inputs.declared.get(resource)
    operation = _operation(resource, [decision.drift for decision in decisions], inputs)
    if isinstance(operation, str) and not isinstance(operation, Operation):
        return NotPlanned(resource.qualified, operation)
    if desired is not None and (reason := _cannot_be_said(desired)) is not None:
        return NotPlanned(resource.qualified, reason)
    careful = max(decisions, key=lambda decision: (_CARE.index(decision.lane), _risk(decision)))
    return Action(
        operation=operation,
        resource=resource,
        task=decisions[0].drift.task,
        differences=tuple(_difference(decision.drift) for decision in decisions if _is_mended(decision.drift)),
        lane=careful.lane,
        risk=careful.risk,
        rule=careful.rule,
        reasons=careful.reasons,
        approval=operation.removes or (operation not in _NEW and any(decision.needs_person for decision in decisions)),
        declared_at=next((decision.drift.declared_at for decision in decisions if decision.drift.declared_at), ""),
    )


def _risk(decision: Decision) -> int:
    return _RISKS.index(decision.risk) if decision.risk in _RISKS else len(_RISKS)


def _operation(resource: ResourceId, drifts: Sequence[Drift], inputs: PlanInputs) -> Operation | str:
    """What is done, or why nothing is."""
    mended = [drift for drift in drifts if _is_mended(drift)]
    if not mended:
        return _why_nothing(drifts)
    whole_kinds = {drift.kind for drift in mended if not drift.path}
    if resource not in inputs.declared:
        return Operation.DELETE if DriftKind.REMOVED in whole_kinds else _UNDECLARED
    if DriftKind.MISSING in whole_kinds:
        return Operation.RUN if (resource.group, resource.kind) in _RUNS_ONCE else Operation.CREATE
    if _replaces(resource, mended, inputs):
        return Operation.REPLACE
    if all(drift.kind is DriftKind.IMAGE_MOVED for drift in mended):
        return Operation.RESTART
    return Operation.UPDATE


_UNDECLARED: Final = "Git does not declare it and never did, so it is not Clockwork's to delete."


def _replaces(resource: ResourceId, drifts: Sequence[Drift], inputs: PlanInputs) -> bool:
    """Whether a field changes that cannot. What Terraform compares says so itself."""
    if any(drift.rule == "TF-REPLACE" for drift in drifts):
        return True
    live = inputs.live.get(resource)
    tree = {} if live is None else live.tree
    changed = [drift for drift in drifts if drift.kind is not DriftKind.IMAGE_MOVED]
    return any(drift.path and cannot_change(resource, drift.path, tree) for drift in changed)


def _is_mended(drift: Drift) -> bool:
    return drift.kind not in {DriftKind.UNMANAGED, DriftKind.UNHEALTHY, DriftKind.STALE_ARTIFACT}


def _why_nothing(drifts: Sequence[Drift]) -> str:
    kinds = {drift.kind for drift in drifts}
    if DriftKind.STALE_ARTIFACT in kinds:
        return "its artifact in Git is not what its .cw files render to; render and commit it first"
    if DriftKind.UNMANAGED in kinds:
        return _UNDECLARED
    messages = dict.fromkeys(drift.message for drift in drifts if drift.message)
    return f"it is as declared and not healthy, so applying would change nothing: {'; '.join(messages)}"


def _cannot_be_said(desired: Desired) -> str | None:
    """Why Git alone does not tell what would have to be applied. Compose fills in variables of its own shell."""
    if desired.unknown and desired.id.platform is Platform.KUBERNETES:
        return "it holds values that Git alone does not tell (encrypted, or filled in while deploying)"
    return None


def _difference(drift: Drift) -> FieldChange:
    return FieldChange(drift.where, drift.observed, drift.desired, drift.id, sensitive=drift.sensitive)


def _observed(inputs: PlanInputs) -> str:
    """64 hex digits over what differed, which objects those were, and what could not be looked at."""
    facts: list[JSON] = [
        sorted(decision.drift.id for decision in inputs.decisions),
        sorted([resource.qualified, _identity(observed)] for resource, observed in inputs.live.items()),
        [[gap.subject, gap.reason] for gap in inputs.gaps],
    ]
    return hashlib.sha256(canonical(facts)).hexdigest()


def _identity(observed: Observed) -> str:
    """What stays while the same thing runs: a version changes with every report of status."""
    return text(get(observed.tree, "metadata", "uid")) or observed.version
