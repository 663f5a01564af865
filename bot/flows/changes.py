"""The bytes of a remedy: which files change so that Git says what runs. Pure; called by the plan.

An artifact patch of a ``.cw`` resource is recorded as an overlay and rendered in the same commit; a patch of a plain
manifest edits the file itself. A configuration change edits what people wrote and renders the artifact that follows.
A value that a tool renders is edited where it is set: that edit is searched for (:mod:`bot.origins.search`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import assert_never

from bot.edits.adopt import adopt
from bot.edits.overlays import Overlays, dump, with_patch
from bot.edits.together import EditedTogether, edited_together
from bot.edits.values import paired
from bot.errors import Refused
from bot.flows.declare import Declaration, Declarer
from bot.flows.edit_notes import edit_notes
from bot.flows.tracing import scene_of
from bot.model.drift import Drift, DriftKind
from bot.model.proposal import Proposal
from bot.model.resource import Desired, ResourceId, SourceKind
from bot.origins.scene import EditPlan, Goal, NoEdit


@dataclass(frozen=True, slots=True)
class Changes:
    """Files that change (None deletes), sentences for the reader, and the declaration as it would be afterwards."""

    files: Mapping[str, bytes | None]
    notes: tuple[str, ...]
    declaration: Declaration
    moves: tuple[str, ...] = ()
    """Other objects that change too, by target and name: a person must see them before anything is committed."""


class NotSet(Refused):
    """No file of the repository sets a value, as far as rendering can tell: people must act."""


def patch(declaration: Declaration, proposal: Proposal, declarer: Declarer) -> Changes:
    """The artifact patch of a proposal. Raises ``Refused`` when a value cannot be written safely."""
    resources_by_id = {desired.id: desired for desired in declaration.resources}
    files, overlays = dict(declaration.files), declaration.overlays
    plain: list[Drift] = []
    rendered: set[str] = set()
    for drift in _adopted(proposal):
        desired = resources_by_id.get(drift.resource)
        if drift.kind is DriftKind.STALE_ARTIFACT:
            rendered.add(str(drift.path[0]))
        elif desired is None or not drift.adopt:
            raise Refused(_cannot(drift))
        else:
            match desired.source:
                case SourceKind.CW:
                    overlays = with_patch(overlays, desired, drift.adopt, (drift.id,))
                    rendered.add(desired.artifact or "")
                case (
                    SourceKind.KUBERNETES
                    | SourceKind.COMPOSE
                    | SourceKind.TERRAFORM
                    | SourceKind.SETTINGS
                    | SourceKind.RENDERED
                    | SourceKind.APPLIED
                ):
                    plain.append(drift)
                case _ as never:
                    assert_never(never)
    adopted = _adopt(declaration, plain, files, declarer)
    notes = adopted.notes
    changed: dict[str, bytes | None] = {
        path: data for path, data in files.items() if declaration.files.get(path) != data
    }
    if rendered:
        overlays, artifacts, dropped_notes = _rendered(declaration, overlays, rendered, declarer)
        changed.update(artifacts)
        notes += dropped_notes
    return _changes(declaration, changed, overlays, adopted)


def config_change(declaration: Declaration, proposal: Proposal, declarer: Declarer) -> Changes:
    """The edit of what people wrote that a config pull request proposes. Raises ``Refused`` as :func:`patch` does."""
    drifts = _adopted(proposal)
    files = dict(declaration.files)
    adopted = _adopt(declaration, drifts, files, declarer)
    touched = {drift.resource for drift in drifts}
    artifacts = {
        resource.artifact
        for resource in declaration.resources
        if resource.artifact is not None and resource.id in touched
    }
    changed: dict[str, bytes | None] = {
        path: data for path, data in files.items() if declaration.files.get(path) != data
    }
    if artifacts:
        after = declarer.with_files(changed, declaration)
        rendered = {} if after.bundle is None else after.bundle.files
        changed.update({p: rendered.get(p) for p in artifacts if rendered.get(p) != declaration.files.get(p)})
    return _changes(declaration, changed, declaration.overlays, adopted)


def _adopted(proposal: Proposal) -> tuple[Drift, ...]:
    return tuple(decision.drift for decision in proposal.decisions)


def _cannot(drift: Drift) -> str:
    return f"no edit of Git can say what runs at {drift.resource} {drift.where}".rstrip()


@dataclass(slots=True)
class _Adopted:
    """What the reader of a change should know beside its lines."""

    notes: list[str] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)


def _adopt(declaration: Declaration, drifts: Sequence[Drift], files: dict[str, bytes], declarer: Declarer) -> _Adopted:
    """Write what runs into ``files``. All drifts of a resource are written at once.

    Whatever was written moves what comes after it in the same file, so the next resource there is read again first.
    """
    by_resource: dict[ResourceId, list[Drift]] = {}
    for drift in drifts:
        by_resource.setdefault(drift.resource, []).append(drift)
    adopted = _Adopted()
    together = _adopted_together(declaration, by_resource, files, declarer, adopted)
    shared = EditedTogether()
    if len(by_resource) > 1 and not together:
        parts = [
            (_resource_of(declaration, resource_drifts), [e for drift in resource_drifts for e in drift.adopt])
            for resource_drifts in by_resource.values()
        ]
        shared = edited_together(parts, files)
        files.update(shared.files)
    for own_drifts in (resource_drifts for id_, resource_drifts in by_resource.items() if id_ not in together):
        now = (
            declaration if _reads_unchanged(declaration, own_drifts, files) else declarer.with_files(files, declaration)
        )
        config = None if now.assembly is None else now.assembly.config
        desired = _resource_of(now, own_drifts)
        previous = shared.done.get(desired.id, ())
        edits = [edit for drift in own_drifts for edit in drift.adopt if edit not in previous]
        if desired.source is SourceKind.RENDERED:
            goal = Goal(desired.id.target, {desired.id.local: tuple(paired(desired.tree, edits))})
            _take(_planned(now, goal, declarer), desired.id.target, files, adopted)
        else:
            adoption = adopt(desired, edits, files, cw=config)
            files.update(adoption.files)
            adopted.notes += adoption.notes
    return adopted


def _reads_unchanged(declaration: Declaration, drifts: Sequence[Drift], files: Mapping[str, bytes]) -> bool:
    """Whether the resource reads as it did in spite of what was written: a manifest depends on its own file alone."""
    desired = _resource_of(declaration, drifts)
    if desired.source is SourceKind.KUBERNETES:
        return files.get(desired.file) == declaration.files.get(desired.file)
    return files == declaration.files


def _adopted_together(
    declaration: Declaration,
    by_resource: Mapping[ResourceId, Sequence[Drift]],
    files: dict[str, bytes],
    declarer: Declarer,
    adopted: _Adopted,
) -> frozenset[ResourceId]:
    """The rendered resources whose values one search set, so that a line that sets them all is changed once."""
    targets: dict[str, dict[ResourceId, Desired]] = {}
    for id_, drifts in by_resource.items():
        desired = _resource_of(declaration, drifts)
        if desired.source is SourceKind.RENDERED:
            targets.setdefault(id_.target, {})[id_] = desired
    adopted_ids: frozenset[ResourceId] = frozenset()
    for target, rendered in targets.items():
        if len(rendered) == 1 or files != declaration.files:
            continue
        edits = {
            id_.local: tuple(paired(desired.tree, [edit for drift in by_resource[id_] for edit in drift.adopt]))
            for id_, desired in rendered.items()
        }
        with suppress(NotSet):  # each is tried by itself then, and says what is in its way
            _take(_planned(declaration, Goal(target, edits), declarer), target, files, adopted)
            adopted_ids |= frozenset(rendered)
    return adopted_ids


def _take(plan: EditPlan, target: str, files: dict[str, bytes], adopted: _Adopted) -> None:
    files.update(plan.files)
    adopted.notes += edit_notes(plan, target)
    adopted.moves += [f"{folder}/{moved}" for folder, moved in plan.moves]


def _planned(declaration: Declaration, goal: Goal, declarer: Declarer) -> EditPlan:
    """The edit of files that renders to what runs. Raises ``NotSet`` when there is none."""
    deployment, reader = declaration.deployment, declarer.targets
    if deployment is None or reader is None:
        raise NotSet(f"nothing renders {', '.join(map(str, goal.edits))} any more")
    plan = reader.plans.find(goal, scene_of(deployment, goal.target, reader))
    if isinstance(plan, NoEdit):
        raise NotSet(plan.reason)
    return plan


def _resource_of(declaration: Declaration, drifts: Sequence[Drift]) -> Desired:
    """The resource that ``drifts`` are about. Raises ``Refused`` where one of them cannot be written into Git."""
    desired = next((candidate for candidate in declaration.resources if candidate.id == drifts[0].resource), None)
    silent = next((drift for drift in drifts if not drift.adopt), None)
    if desired is None or silent is not None:
        raise Refused(_cannot(silent or drifts[0]))
    return desired


def _rendered(
    declaration: Declaration, overlays: Overlays, paths: set[str], declarer: Declarer
) -> tuple[Overlays, Mapping[str, bytes | None], Sequence[str]]:
    """The overlays that still hold, the artifacts at ``paths`` and the overlay files whose bytes change, and notes."""
    if declaration.assembly is None:
        return overlays, dict.fromkeys(paths), ()
    bundle = declarer.renderer(declaration.assembly.config, overlays)
    kept_overlays = overlays.without([dropped.entry for dropped in bundle.dropped])
    notes = [f"Configuration wins for {dropped.task}: {dropped.reason}." for dropped in bundle.dropped]
    content = dump(kept_overlays)
    files: dict[str, bytes | None] = {path: bundle.files.get(path) for path in paths}
    files.update(dict.fromkeys(set(dump(declaration.overlays)) - set(content)))
    files.update(content)
    return kept_overlays, {path: data for path, data in files.items() if declaration.files.get(path) != data}, notes


def _changes(
    declaration: Declaration, changed: Mapping[str, bytes | None], overlays: Overlays, adopted: _Adopted
) -> Changes:
    files = {path: data for path, data in {**declaration.files, **changed}.items() if data is not None}
    after = replace(declaration, files=files, overlays=overlays)
    return Changes(changed, tuple(dict.fromkeys(adopted.notes)), after, tuple(dict.fromkeys(adopted.moves)))
