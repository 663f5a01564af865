"""Which hooks run with a plan, and where in it. Called by :mod:`bot.plans.plan`. Pure.

A hook runs where something of its release is changed, or where it declares something else than when it ran last; once
for each commit. What was begun at this commit and did not end well is run again. A release of which nothing runs and no hook
ever ran is installed, any other one upgraded.

Hooks that run before come after definitions and namespaces and before everything else, those that run after are last: one by
one by weight, kind and name (Helm's ``pkg/action/hooks.go``), each a wave of its own, so that the first that fails is the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bot.model.action import Action, Operation
from bot.model.decision import Lane
from bot.model.hooks import MADE_ONCE, Hook, HookRun, HookStage, hook_name
from bot.model.json import get
from bot.model.resource import Platform, ResourceId
from bot.plans.order import kind_rank, needed

_FIRST: Final = frozenset({"Namespace", "CustomResourceDefinition", "PriorityClass"})
"""Kinds that are made before any hook runs."""
_WHY: Final = {MADE_ONCE: "a chart's definitions are made when it is installed, where they are not there"}


@dataclass(frozen=True, slots=True)
class Releases:
    """The hooks of a target, the release of each resource (none where another tool runs its hooks), and what ran."""

    hooks: Sequence[Hook] = ()
    of: Mapping[ResourceId, str] = field(default_factory=dict)
    ran: Sequence[HookRun] = ()

    def release_of(self, resource: ResourceId) -> str | None:
        """The release of a resource. One that is declared no more was of the only one, where there is only one."""
        if resource in self.of or resource.platform is not Platform.KUBERNETES:
            return self.of.get(resource)
        releases = {*self.of.values(), *(hook.release for hook in self.hooks)}
        return next(iter(releases)) if len(releases) == 1 else None

    @property
    def ids(self) -> frozenset[ResourceId]:
        """The resources that are hooks."""
        return frozenset(hook.desired.id for hook in self.hooks)


@dataclass(frozen=True, slots=True)
class DueHook:
    """One run of a hook."""

    hook: Hook
    phase: str
    stage: HookStage

    @property
    def action(self) -> Action:
        """What a plan calls it."""
        desired = self.hook.desired
        return Action(
            operation=Operation.RUN,
            resource=desired.id,
            task=desired.task,
            differences=(),
            lane=Lane.NOTHING,
            risk="medium",
            rule="hook",
            reasons=(_WHY.get(self.phase, f"a {self.phase} hook runs once where its release changes"),),
            approval=False,
            declared_at=f"{desired.file}:{desired.line}" if desired.file else "",
            hook=self.phase,
            release=self.hook.release,
        )


def due(actions: Sequence[Action], releases: Releases, live: frozenset[ResourceId], commit: str) -> list[DueHook]:
    """The hooks that run with ``actions``, of resources of which those in ``live`` run now, in their order."""
    if not releases.hooks:
        return []
    changed = {releases.release_of(action.resource) for action in actions}
    due_hooks = [due_hook for due_hook in _all(releases, live, commit) if not _has_run(due_hook, releases.ran, commit)]
    changed |= {due_hook.hook.release for due_hook in due_hooks if _is_open(due_hook, releases.ran)}
    changed_hooks = [due_hook for due_hook in due_hooks if due_hook.hook.release in changed]
    return sorted(
        changed_hooks,
        key=lambda due_hook: (due_hook.hook.weight, kind_rank(due_hook.hook.desired), due_hook.hook.desired.id),
    )


def _all(releases: Releases, live: frozenset[ResourceId], commit: str) -> Iterator[DueHook]:
    running = {releases.of[id_] for id_ in live if id_ in releases.of}
    started_releases = {run.release for run in releases.ran if run.commit == commit and run.phase.endswith("install")}
    known_releases = {run.release for run in releases.ran} - started_releases
    for hook in releases.hooks:
        install = hook.release in started_releases or hook.release not in running | known_releases
        for phase, stage in hook.phases(install=install).items():
            yield DueHook(hook, phase, stage)


def _has_run(due_hook: DueHook, ran: Sequence[HookRun], commit: str) -> bool:
    return any(run.succeeded and run.commit == commit and run.phase == due_hook.phase for run in _runs(due_hook, ran))


def _is_open(due_hook: DueHook, ran: Sequence[HookRun]) -> bool:
    """Whether its last run did not end well, or was of something else than it declares by now."""
    last = next(reversed(_runs(due_hook, ran)), None)
    return last is not None and (not last.succeeded or last.digest != due_hook.hook.digest)


def _runs(due_hook: DueHook, ran: Sequence[HookRun]) -> list[HookRun]:
    return [run for run in ran if run.name == hook_name(due_hook.hook.desired.id)]


def with_hooks(actions: Sequence[Action], hooks: Sequence[DueHook]) -> tuple[Action, ...]:
    """The plan with the hooks that run before and after the ``actions``, which have their waves."""
    first = [action for action in actions if action.wave == 0 and action.resource.kind in _FIRST]
    later_actions = [action for action in actions if action not in first]
    before = [hook for hook in hooks if hook.stage is HookStage.BEFORE]
    after = [hook for hook in hooks if hook.stage is HookStage.AFTER]
    numbered: list[Action] = [*first]
    wave = int(bool(first))
    numbered += [replace(_needing(hook, actions), wave=wave + index) for index, hook in enumerate(before)]
    wave += len(before)
    lowest = min((action.wave for action in later_actions), default=0)
    defined = {hook.action.id: get(hook.hook.desired.tree, "spec", "group") for hook in before if _defines(hook)}
    for action in later_actions:
        needs = {*action.needs, *(id_ for id_, group in defined.items() if group == action.resource.group)}
        numbered.append(replace(action, wave=wave + action.wave - lowest, needs=tuple(sorted(needs))))
    wave = max((action.wave + 1 for action in numbered), default=0)
    return (*numbered, *(replace(_needing(hook, actions), wave=wave + index) for index, hook in enumerate(after)))


def _defines(due_hook: DueHook) -> bool:
    """Whether it makes a kind, without which nothing of that can be tried."""
    return due_hook.hook.desired.id.kind == "CustomResourceDefinition"


def _needing(due_hook: DueHook, actions: Sequence[Action]) -> Action:
    """The action with what it cannot be tried without: its namespace and the definition of its kind."""
    ids = needed(due_hook.hook.desired, actions)
    return replace(due_hook.action, needs=tuple(sorted(ids)))
