"""Hooks: objects that run once around a change of what they belong to, and that nobody keeps as declared.

By annotations of Helm (Helm docs, "Chart Hooks"; ``pkg/action/hooks.go``: by weight, then name; without a policy what an
earlier run left is deleted first) and of Argo CD (argo-cd docs, "Resource Hooks", "Sync Phases and Waves"; the annotations of
Argo CD count where an object has both, "Helm": "Helm Hooks"). Hooks of tests, of deletions, roll-backs and failed syncs are
known and never run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.model.json import Tree, get, mapping, plain, text
from bot.model.resource import Desired, ResourceId

HELM_HOOK: Final = "helm.sh/hook"
"""Objects of a release that run once and are no part of what it keeps, tests among them."""
ARGO_HOOK: Final = "argocd.argoproj.io/hook"
"""Objects that Argo CD applies around a sync and does not keep in sync; there too: Helm's hooks are taken for its own."""
HOOK_RUNS: Final = "a hook runs once and is not kept"
"""Why a hook is not compared."""
MADE_ONCE: Final = "crds"
"""The phase of what is made before anything else where it is not there."""
_WAVE: Final = "argocd.argoproj.io/sync-wave"
_WEIGHT: Final = "helm.sh/hook-weight"
_POLICIES: Final = (f"{ARGO_HOOK}-delete-policy", f"{HELM_HOOK}-delete-policy")


class HookStage(StrEnum):
    """When a hook runs, as to what it belongs to."""

    BEFORE = "before"
    AMONG = "among"
    """In its wave, between objects."""
    AFTER = "after"


class HookCleanup(StrEnum):
    """When the object of a hook is deleted."""

    BEFORE_CREATION = "before-hook-creation"
    SUCCEEDED = "hook-succeeded"
    FAILED = "hook-failed"


# Helm docs, "Chart Hooks"; Argo CD docs, "Sync Phases and Waves".
_HELM: Final = {
    "pre-install": HookStage.BEFORE,
    "pre-upgrade": HookStage.BEFORE,
    "post-install": HookStage.AFTER,
    "post-upgrade": HookStage.AFTER,
}
_ARGO: Final = {"PreSync": HookStage.BEFORE, "Sync": HookStage.AMONG, "PostSync": HookStage.AFTER}
_CLEANUPS: Final = {
    "BeforeHookCreation": HookCleanup.BEFORE_CREATION,
    "HookSucceeded": HookCleanup.SUCCEEDED,
    "HookFailed": HookCleanup.FAILED,
    **{cleanup.value: cleanup for cleanup in HookCleanup},
}


def is_hook(tree: Tree) -> bool:
    """Whether an object is a hook of any sort."""
    return not {HELM_HOOK, ARGO_HOOK}.isdisjoint(_notes(tree))


def sync_wave(tree: Tree) -> int:
    """The wave that Argo CD applies an object in; 0 where it names none."""
    return _number(text(_notes(tree).get(_WAVE)))


def cleanups_of(tree: Tree) -> frozenset[HookCleanup]:
    """When an object that is a hook is deleted."""
    notes = _notes(tree)
    policies = text(notes.get(_POLICIES[0 if ARGO_HOOK in notes else 1]))
    cleanups = {
        _CLEANUPS[policy] for policy in (policy.strip() for policy in policies.split(",")) if policy in _CLEANUPS
    }
    return frozenset(cleanups or {HookCleanup.BEFORE_CREATION})


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook of a ``release``: the unit that it is rendered by, or what a target declares as plain files (empty)."""

    desired: Desired
    release: str = ""
    once: bool = False
    """Whether it is made at installing where it is not there, and never changed: what a chart's ``crds`` folder holds (Helm
    docs, "Custom Resource Definitions").
    """

    @property
    def is_argos(self) -> bool:
        """Whether it is one by Argo CD's annotation: then every kind of object is waited for."""
        return ARGO_HOOK in self._notes

    def phases(self, *, install: bool) -> Mapping[str, HookStage]:
        """The names of the phases in which it runs, when what it belongs to is installed or else changed."""
        if self.once:
            return {MADE_ONCE: HookStage.BEFORE} if install else {}
        phases = text(self._notes.get(ARGO_HOOK if self.is_argos else HELM_HOOK))
        stages_by_phase = (
            _ARGO if self.is_argos else {name: _HELM[name] for name in _HELM if name.endswith("install") is install}
        )
        return {
            name: stages_by_phase[name]
            for name in (phase.strip() for phase in phases.split(","))
            if name in stages_by_phase
        }

    @property
    def weight(self) -> int:
        """Lower ones run first."""
        if self.once:
            return -(2**31)
        if self.is_argos and _WAVE in self._notes:
            return sync_wave(self.desired.tree)
        return _number(text(self._notes.get(_WEIGHT)))

    @property
    def cleanups(self) -> frozenset[HookCleanup]:
        """When its object is deleted."""
        return cleanups_of(self.desired.tree)

    @property
    def digest(self) -> str:
        """64 hex digits over what it declares."""
        return hashlib.sha256(json.dumps(plain(self.desired.tree), sort_keys=True).encode()).hexdigest()

    @property
    def _notes(self) -> Tree:
        return _notes(self.desired.tree)


@dataclass(frozen=True, slots=True)
class HookRun:
    """What is remembered of one run of a hook: ``name`` and ``phase`` tell which, ``commit`` and ``digest`` of what."""

    name: str
    release: str
    phase: str
    commit: str
    digest: str
    succeeded: bool


def hook_name(id_: ResourceId) -> str:
    """What a hook is remembered by."""
    return f"{id_.platform} {id_.group} {id_.qualified}"


def _notes(tree: Tree) -> Tree:
    return mapping(get(tree, "metadata", "annotations"))


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0
