"""What a comparison of rendered objects leaves unsaid, and counts: values that nobody can compare, targets that run
nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bot.flows.declare import Declaration
from bot.model.drift import AddEntry, Drift, DriftKind, Edit, IgnoreNote
from bot.model.json import Pointer
from bot.model.resource import Desired, Platform
from bot.targets.desired import is_opaque


def without_opaque(
    drifts: Sequence[Drift], resources: Sequence[Desired]
) -> tuple[tuple[Drift, ...], tuple[IgnoreNote, ...]]:
    """The drifts about values that can be compared, and a note for each object that holds others.

    An encrypted value or a placeholder is in the live object as what it stands for: that difference is none.
    """
    opaque = {
        desired.id: desired.unknown
        for desired in resources
        if desired.unknown and desired.id.platform is Platform.KUBERNETES
    }
    if not opaque:
        return tuple(drifts), ()
    kept = [drift for drift in drifts if not _is_opaque(drift, opaque.get(drift.resource, frozenset()))]
    files = {desired.id: f"{desired.file}:{desired.line}" for desired in resources if desired.id in opaque}
    notes = [
        IgnoreNote(
            f"{id_.qualified} ({files[id_]})",
            "not compared",
            f"{len(pointers)} values that are encrypted or filled in later",
        )
        for id_, pointers in opaque.items()
    ]
    return tuple(kept), tuple(notes)


def _is_opaque(drift: Drift, opaque: frozenset[Pointer]) -> bool:
    if not opaque or not drift.path:
        return False
    plain = tuple(part for part in drift.path if isinstance(part, (str, int)))
    pointers: list[Pointer] = [plain] if len(plain) == len(drift.path) else []
    pointers += [_end(edit) for edit in drift.adopt]
    return any(pointer and is_opaque(pointer, opaque) for pointer in pointers)


def _end(edit: Edit) -> Pointer:
    return (*edit.pointer, edit.key) if isinstance(edit, AddEntry) and edit.key is not None else edit.pointer


def without_idle(drifts: Sequence[Drift], declaration: Declaration) -> tuple[tuple[Drift, ...], tuple[IgnoreNote, ...]]:
    """The drifts of targets of which something runs, and a note for each other one that only was found.

    An example overlay, or a cluster that this observer does not see, is not five hundred missing objects. A target that
    settings name is meant, and hears of each.
    """
    if declaration.deployment is None:
        return tuple(drifts), ()
    found = {target.name for target in declaration.deployment.targets if not target.declared}
    counts = Counter(desired.id.target for desired in declaration.resources if desired.id.target in found)
    missing = Counter(drift.resource.target for drift in drifts if drift.kind is DriftKind.MISSING and not drift.path)
    idle = {name for name, count in counts.items() if missing[name] == count}
    kept = tuple(drift for drift in drifts if drift.resource.target not in idle)
    notes = tuple(
        IgnoreNote(
            name,
            "not compared",
            f"none of its {counts[name]} objects runs here; name it under targets: in clockwork.yaml to hear of missing ones",
        )
        for name in sorted(idle)
    )
    return kept, notes
