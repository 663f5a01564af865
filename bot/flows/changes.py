"""The bytes of a remedy: which files change so that Git says what runs. Pure; called by the plan.

An artifact patch of a ``.cw`` resource is recorded as an overlay and rendered in the same commit; a patch of a plain
manifest edits the file itself. A configuration change edits what people wrote and renders the artifact that follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from bot.edits.adopt import adopt
from bot.edits.overlays import Overlays, dump, with_patch
from bot.errors import Refused
from bot.flows.declare import Declaration, Declarer
from bot.model.drift import Drift, DriftKind
from bot.model.proposal import Proposal
from bot.model.resource import Desired, ResourceId, SourceKind


@dataclass(frozen=True, slots=True)
class Changes:
    """Files that change (None deletes), sentences for the reader, and the declaration as it would be afterwards."""

    files: Mapping[str, bytes | None]
    notes: tuple[str, ...]
    declaration: Declaration


def patch(declaration: Declaration, proposal: Proposal, declarer: Declarer) -> Changes:
    """The artifact patch of a proposal. Raises ``Refused`` when a value cannot be written safely."""
    known = {desired.id: desired for desired in declaration.resources}
    files, overlays = dict(declaration.files), declaration.overlays
    plain: list[Drift] = []
    rendered: set[str] = set()
    for drift in _adopted(proposal):
        desired = known.get(drift.resource)
        if drift.kind is DriftKind.STALE_ARTIFACT:
            rendered.add(str(drift.path[0]))
        elif desired is None or not drift.adopt:
            raise Refused(_cannot(drift))
        else:
            match desired.source:
                case SourceKind.CW:
                    overlays = with_patch(overlays, desired, drift.adopt, (drift.id,))
                    rendered.add(desired.artifact or "")
                case SourceKind.KUBERNETES | SourceKind.COMPOSE | SourceKind.TERRAFORM | SourceKind.SETTINGS:
                    plain.append(drift)
                case _ as never:
                    assert_never(never)
    notes = _adopt(declaration, plain, files, declarer)
    changed: dict[str, bytes | None] = {
        path: data for path, data in files.items() if declaration.files.get(path) != data
    }
    if rendered:
        overlays, artifacts, dropped_notes = _rendered(declaration, overlays, rendered, declarer)
        changed.update(artifacts)
        notes += dropped_notes
    return _changes(declaration, changed, overlays, notes)


def config_change(declaration: Declaration, proposal: Proposal, declarer: Declarer) -> Changes:
    """The edit of what people wrote that a config pull request proposes. Raises ``Refused`` as :func:`patch` does."""
    drifts = _adopted(proposal)
    files = dict(declaration.files)
    notes = _adopt(declaration, drifts, files, declarer)
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
    return _changes(declaration, changed, declaration.overlays, notes)


def _adopted(proposal: Proposal) -> tuple[Drift, ...]:
    return tuple(decision.drift for decision in proposal.decisions)


def _cannot(drift: Drift) -> str:
    return f"no edit of Git can say what runs at {drift.resource} {drift.where}".rstrip()


def _adopt(declaration: Declaration, drifts: Sequence[Drift], files: dict[str, bytes], declarer: Declarer) -> list[str]:
    """Write what runs into ``files``; notes for the reader. All drifts of a resource are written at once.

    Whatever was written moves what comes after it in the same file, so the next resource is read again first.
    """
    by_resource: dict[ResourceId, list[Drift]] = {}
    for drift in drifts:
        by_resource.setdefault(drift.resource, []).append(drift)
    notes: list[str] = []
    for own_drifts in by_resource.values():
        now = declaration if files == declaration.files else declarer.with_files(files, declaration)
        config = None if now.assembly is None else now.assembly.config
        adoption = adopt(
            _resource_of(now, own_drifts), [edit for drift in own_drifts for edit in drift.adopt], files, cw=config
        )
        files.update(adoption.files)
        notes += adoption.notes
    return notes


def _resource_of(declaration: Declaration, drifts: Sequence[Drift]) -> Desired:
    """The resource that ``drifts`` are about. Raises ``Refused`` where one of them cannot be written into Git."""
    desired = next((known for known in declaration.resources if known.id == drifts[0].resource), None)
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
    kept = overlays.without([dropped.entry for dropped in bundle.dropped])
    notes = [f"Configuration wins for {dropped.task}: {dropped.reason}." for dropped in bundle.dropped]
    written = dump(kept)
    files: dict[str, bytes | None] = {path: bundle.files.get(path) for path in paths}
    files.update(dict.fromkeys(set(dump(declaration.overlays)) - set(written)))
    files.update(written)
    return kept, {path: data for path, data in files.items() if declaration.files.get(path) != data}, notes


def _changes(
    declaration: Declaration, changed: Mapping[str, bytes | None], overlays: Overlays, notes: list[str]
) -> Changes:
    files = {path: data for path, data in {**declaration.files, **changed}.items() if data is not None}
    return Changes(changed, tuple(dict.fromkeys(notes)), replace(declaration, files=files, overlays=overlays))
