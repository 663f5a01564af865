"""The bytes of a remedy: which files change so that Git says what runs. Pure; called by the plan.

An artifact patch of a ``.cw`` resource is recorded as an overlay and rendered in the same commit; a patch of a plain
manifest edits the file itself. A configuration change edits what people wrote and renders the artifact that follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.assembly.config import Config
from bot.edits.adopt import adopt
from bot.edits.overlays import Overlays, dump, with_patch
from bot.errors import Refused
from bot.flows.declare import Declaration, Declarer
from bot.model.drift import Drift, DriftKind
from bot.model.proposal import Proposal
from bot.model.resource import SourceKind


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
    notes: list[str] = []
    rendered: set[str] = set()
    for drift in _adopted(proposal):
        desired = known.get(drift.resource)
        if drift.kind is DriftKind.STALE_ARTIFACT:
            rendered.add(str(drift.path[0]))
        elif desired is None or not drift.adopt:
            raise Refused(_cannot(drift))
        elif desired.source is SourceKind.CW:
            overlays = with_patch(overlays, desired, drift.adopt, (drift.id,))
            rendered.add(desired.artifact or "")
        else:
            adoption = adopt(desired, drift.adopt, files)
            files.update(adoption.files)
            notes += adoption.notes
    changed: dict[str, bytes | None] = {
        path: data for path, data in files.items() if declaration.files.get(path) != data
    }
    if rendered:
        overlays, artifacts, said = _rendered(declaration, overlays, rendered, declarer)
        changed.update(artifacts)
        notes += said
    return _changes(declaration, changed, overlays, notes)


def config_change(declaration: Declaration, proposal: Proposal, declarer: Declarer) -> Changes:
    """The edit of what people wrote that a config pull request proposes. Raises ``Refused`` as :func:`patch` does."""
    known = {desired.id: desired for desired in declaration.resources}
    files = dict(declaration.files)
    notes: list[str] = []
    artifacts: set[str] = set()
    config = None if declaration.assembly is None else declaration.assembly.config
    for drift in _adopted(proposal):
        desired = known.get(drift.resource)
        if desired is None or not drift.adopt:
            raise Refused(_cannot(drift))
        adoption = adopt(desired, drift.adopt, files, cw=config)
        files.update(adoption.files)
        notes += adoption.notes
        if desired.artifact is not None:
            artifacts.add(desired.artifact)
            config = _config(declaration, files, declarer)
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


def _config(declaration: Declaration, files: Mapping[str, bytes], declarer: Declarer) -> Config | None:
    after = declarer.with_files(files, declaration).assembly
    return None if after is None else after.config


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
