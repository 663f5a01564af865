"""Services of a Compose project that share a value through an anchor, changed alike in one edit.

Called by :mod:`bot.flows.changes` before each service is edited by itself (:mod:`bot.edits.compose`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.edits.compose import doubled_dollars, trees_of
from bot.edits.plain import edited_anchors
from bot.edits.values import applied, same
from bot.intake.located import LocatedOrigins
from bot.intake.scalars import Dialect
from bot.model.drift import Edit, SetValue
from bot.model.json import JSON
from bot.model.resource import Desired, ResourceId, Through


@dataclass(frozen=True, slots=True)
class EditedTogether:
    """The files that changed, and the edits that are made by that."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    done: Mapping[ResourceId, tuple[Edit, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Set:
    """One edit of a service, and the same as one of its file."""

    desired: Desired
    edit: SetValue
    below: SetValue


def edited_together(parts: Sequence[tuple[Desired, Sequence[Edit]]], files: Mapping[str, bytes]) -> EditedTogether:
    """What of the edits of several resources can be said at an anchor; nothing where anything else would read differently."""
    changed: dict[str, bytes] = {}
    edits_by_resource: dict[ResourceId, tuple[Edit, ...]] = {}
    for (file, document), sets in _by_document(parts).items():
        data = changed.get(file, files.get(file))
        if data is None or len({anchor_edit.desired.id for anchor_edit in sets}) < 2:
            continue
        text, edits_made = edited_anchors(
            file, data, [anchor_edit.below for anchor_edit in sets], document=document, dialect=Dialect.COMPOSE
        )
        own_sets = [anchor_edit for anchor_edit in sets if anchor_edit.below in edits_made]
        if own_sets and _is_intended(own_sets, {**files, **changed}, {**files, **changed, file: text}):
            changed[file] = text
            for edit in own_sets:
                edits_by_resource[edit.desired.id] = (*edits_by_resource.get(edit.desired.id, ()), edit.edit)
    return EditedTogether(changed, edits_by_resource)


def _by_document(parts: Sequence[tuple[Desired, Sequence[Edit]]]) -> Mapping[tuple[str, int], list[_Set]]:
    sets: dict[tuple[str, int], list[_Set]] = {}
    for desired, edits in parts:
        for edit in edits:
            if not isinstance(desired.origins, LocatedOrigins) or not isinstance(edit, SetValue):
                continue
            location = desired.origins.location(edit.pointer)
            if location is not None and location.line is None and location.through is Through.LITERAL:
                below = SetValue(location.pointer, doubled_dollars(edit.value))
                sets.setdefault((location.file, location.document), []).append(_Set(desired, edit, below))
    return sets


def _is_intended(sets: Sequence[_Set], before: Mapping[str, bytes], after: Mapping[str, bytes]) -> bool:
    """Whether the services read as they are to, and all others as before."""
    first = sets[0].desired
    expected: dict[str, JSON] = trees_of(first, before)
    for edit in sets:
        name = str(edit.desired.id)
        expected[name] = applied(expected.get(name), edit.edit)
    return same(trees_of(first, after), expected)
