"""Runs one hook: made anew, waited for to its end, and cleaned up as it says. Used by :mod:`bot.appliers.kubernetes_attempt`.

It is known again by the token of its work, so that whoever goes on after a crash waits for the run that was begun. What has its
name is deleted first where the hook says so, and only where that is a hook, too. Its own object is deleted after its
outcome was written (by :meth:`HookAttempt.health`), since one that is gone would be taken for one that never was.

Jobs and pods are waited for to their end (Helm docs, "Chart Hooks"); of Argo CD's hooks every kind until it is healthy (argo-cd
docs, "Resource Hooks").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.appliers.kubernetes_health import health_of
from bot.appliers.kubernetes_manifests import BY_WORK, created
from bot.appliers.kubernetes_objects import ClusterObjects, ObjectReference
from bot.appliers.kubernetes_refusals import ObjectMoved, WaitOver
from bot.errors import Refused
from bot.model.action import Evidence, HealthReport, HealthState, Work
from bot.model.hooks import MADE_ONCE, Hook, HookCleanup, cleanups_of, is_hook
from bot.model.json import Tree, get, text

_LOOK_AGAIN: Final = 1.0
_ENDS: Final = frozenset({("batch", "Job"), ("", "Pod")})
"""The kinds whose end is waited for, as Helm does (Helm docs, "Chart Hooks", "Hooks and the Release Lifecycle")."""


def is_left_over(live: Tree, now: datetime) -> bool:
    """Whether it is a hook of a run of ours that ended, which its own delete policy says is deleted then: that run died
    between writing down how it ended and cleaning up.
    """
    if not (is_hook(live) and text(get(live, "metadata", "annotations", BY_WORK))):
        return False
    ends = {HealthState.HEALTHY: HookCleanup.SUCCEEDED, HealthState.FAILED: HookCleanup.FAILED}
    return ends.get(health_of(live, now).state) in cleanups_of(live)


@dataclass(frozen=True, slots=True)
class HookAttempt:
    """One attempt at the run of a hook. ``await_deletion`` waits until an object is gone; ``try_creation`` asks whether the
    server would take it; ``pods`` tells what is wrong with those of an object.
    """

    work: Work
    hook: Hook
    objects: ClusterObjects
    ref: ObjectReference
    seconds: float
    sleep: Callable[[float], None]
    await_deletion: Callable[[Tree], None]
    try_creation: Callable[[], None]
    pods: Callable[[Tree, datetime], tuple[str, ...]]

    def rehearse(self) -> None:
        """Ask the server whether it would take the object."""
        live = self.objects.read(self.ref)
        if live is None:
            self.objects.create(self.ref, self._body, rehearsal=True)
        elif not (self._is_own(live) or self._once):
            self._check_may_go(live)
            self.try_creation()

    def carry_out(self) -> Evidence:
        """Run it to its end. ``Refused`` where it fails, and where something else has its name."""
        if self._once and (live := self.objects.read(self.ref)) is not None and not self._is_own(live):
            return Evidence(f"{self._name} is there already")
        self._begin()
        health = self._ended()
        if health.state is HealthState.FAILED:
            self._clean_up(HookCleanup.FAILED)
            raise Refused(f"{self._name}: the {self.work.action.hook} hook failed: {'; '.join(health.evidence)}")
        return Evidence(f"{self._name} ran as {self.work.action.hook} hook: {'; '.join(health.evidence)}")

    def health(self) -> HealthReport:
        """It ended well, or nobody would ask; what it leaves is cleaned up."""
        self._clean_up(HookCleanup.SUCCEEDED)
        return HealthReport(HealthState.HEALTHY, ("it ended well",))

    def _begin(self) -> None:
        """Make the object, unless an earlier attempt did."""
        live = self.objects.read(self.ref)
        if live is not None and not self._is_own(live):
            self._check_may_go(live)
            if not text(get(live, "metadata", "deletionTimestamp")):
                self.objects.delete(self.ref, live)
            self.await_deletion(live)
            live = None
        if live is None and self.objects.create(self.ref, self._body) is None:
            raise ObjectMoved(f"{self._name} was made at the same moment")

    def _ended(self) -> HealthReport:
        """How it ended."""
        if (
            not (self.hook.is_argos or self._once)
            and (self.hook.desired.id.group, self.hook.desired.id.kind) not in _ENDS
        ):
            return HealthReport(HealthState.HEALTHY, ("it is there",))
        waited = 0.0
        while True:
            live, now = self.objects.read(self.ref), self.work.at + timedelta(seconds=waited)
            if live is None or not self._is_own(live):
                raise Refused(f"{self._name}: the {self.work.action.hook} hook was deleted before it ended")
            health = health_of(live, now)
            if health.state is not HealthState.PROGRESSING:
                pods = self.pods(live, now) if health.state is HealthState.FAILED else ()
                return HealthReport(health.state, (*health.evidence, *pods))
            if waited >= self.seconds:
                evidence_text = "; ".join((*health.evidence, *self.pods(live, now)))
                raise WaitOver(
                    f"{self._name}: the {self.work.action.hook} hook did not end within {waited:g} s: {evidence_text}"
                )
            self.sleep(_LOOK_AGAIN)
            waited += _LOOK_AGAIN

    def _clean_up(self, when: HookCleanup) -> None:
        live = self.objects.read(self.ref) if when in self.hook.cleanups else None
        if live is not None and self._is_own(live) and not text(get(live, "metadata", "deletionTimestamp")):
            self.objects.delete(self.ref, live)

    def _check_may_go(self, live: Tree) -> None:
        if is_left_over(live, self.work.at):
            return
        if HookCleanup.BEFORE_CREATION not in self.hook.cleanups:
            raise Refused(
                f"{self._name} is there from an earlier run, and its delete policy does not let it be replaced",
                advice="delete it, or add before-hook-creation to its hook-delete-policy",
            )
        if not is_hook(live):
            raise Refused(
                f"{self._name} is there and is no hook, so it is not deleted for one",
                advice="give the hook another name",
            )

    @property
    def _once(self) -> bool:
        """Whether it is made only where it is not there."""
        return self.work.action.hook == MADE_ONCE

    @property
    def _body(self) -> Tree:
        return created(self.hook.desired.tree, self.ref, self.work.token)

    def _is_own(self, live: Tree) -> bool:
        return get(live, "metadata", "annotations", BY_WORK) == self.work.token

    @property
    def _name(self) -> str:
        return str(self.work.action.resource)
