"""Who owns which fields of an object, and what an apply or an update makes of that.

Written from the documentation of server-side apply (https://kubernetes.io/docs/reference/using-api/server-side-apply/) and
checked against the cases of structured-merge-diff's ``merge`` package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from tests.appliers.kube.paths import FieldSet, Path, display, named_members, ordered, without
from tests.appliers.kube.typed import Typed


@dataclass(frozen=True, slots=True)
class Owned:
    """What a manager owns, in which version of the kind, and whether it owns it by applying."""

    paths: FieldSet
    version: str
    applied: bool


Managers: TypeAlias = Mapping[str, Owned]


class Conflicting(Exception):
    """Fields that somebody else owns with another value. ``conflicts`` are (manager, path) in the order of messages."""

    def __init__(self, conflicts: list[tuple[str, Path]]) -> None:
        self.conflicts = conflicts
        super().__init__(_told(conflicts))


def _told(conflicts: list[tuple[str, Path]]) -> str:
    if len(conflicts) == 1:
        manager, path = conflicts[0]
        return f"conflict with {json.dumps(manager)}: {display(path)}"
    lines = []
    for manager in sorted({manager for manager, _ in conflicts}):
        lines.append(f"conflicts with {json.dumps(manager)}:")
        lines += [f"- {display(path)}" for other, path in conflicts if other == manager]
    return "\n".join(lines)


def apply(
    live: Typed,
    config: Typed,
    version: str,
    managers: Managers,
    manager: str,
    *,
    force: bool,
    ignored: FieldSet = frozenset(),
) -> tuple[Typed, Managers]:
    """The object and its managers after ``manager`` applied ``config``. ``ignored`` fields are never owned.

    Raises:
        Conflicting: where others own what would change, unless ``force``.
        NotOfType: where ``config`` has an item twice.
    """
    before = managers.get(manager)
    after = dict(managers) | {manager: Owned(without(config.fields(), ignored), version, applied=True)}
    merged = live.merge(config)
    pruned = _pruned(merged, after, before.paths if before else frozenset())
    return pruned, _settled(live, pruned, after, manager, force=force, ignored=ignored)


def update(
    live: Typed, new: Typed, version: str, managers: Managers, manager: str, *, ignored: FieldSet = frozenset()
) -> Managers:
    """The managers after ``manager`` put ``new`` in the place of ``live``: it owns whatever it changed."""
    after = dict(_settled(live, new, managers, manager, force=True, ignored=ignored))
    change = live.compare(new)
    before = after[manager].paths if manager in after else frozenset()
    mine = without((before - change.removed) | change.modified | change.added, ignored)
    after.pop(manager, None)
    return after | ({manager: Owned(mine, version, applied=False)} if mine else {})


def _settled(old: Typed, new: Typed, managers: Managers, manager: str, *, force: bool, ignored: FieldSet) -> Managers:
    """The managers once everybody else has lost what changed."""
    change = old.compare(new)
    changed = without(change.modified | change.added, ignored)
    others = [name for name in managers if name != manager]
    conflicts = [(name, path) for name in sorted(others) for path in ordered(managers[name].paths & changed)]
    if conflicts and not force:
        raise Conflicting(conflicts)
    lost = changed | without(change.removed, ignored)
    left = {
        name: replace(owned, paths=owned.paths - lost) if name != manager else owned for name, owned in managers.items()
    }
    return {name: owned for name, owned in left.items() if owned.paths}


def _pruned(merged: Typed, managers: Managers, last: FieldSet) -> Typed:
    """The object without what was applied last time and no longer is, unless somebody else owns it."""
    if not last:
        return merged
    atom = merged.schema.resolve(merged.type)

    def members(paths: FieldSet) -> FieldSet:
        return named_members(paths, merged.schema, atom)

    pruned = merged.remove(members(last))
    owned: FieldSet = frozenset().union(*(each.paths for each in managers.values()))
    whole = members(merged.fields())
    pruned = merged.remove(whole - (members(pruned.fields()) | members(owned)))
    return merged.remove((whole - members(pruned.fields())) & members(last))


def conflict_causes(conflicts: list[tuple[str, Path]], told: Mapping[str, str]) -> list[dict[str, Any]]:
    """``details.causes`` of the refusal; ``told`` is how a manager is named there."""
    return [
        {"reason": "FieldManagerConflict", "message": f"conflict with {told[manager]}", "field": display(path)}
        for manager, path in conflicts
    ]
