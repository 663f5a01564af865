"""The inverse search: the smallest edit of a repository's own files that renders to exactly what is wanted.

Theory of operation. Rendering is a function from files to objects that nobody can invert: templates, patches and
generators lie in between. But it can be asked: a candidate edit is right when rendering again gives the wanted value
and moves nothing else, in any target. Hints (:mod:`bot.origins.candidates`) make the search short; the second rendering
makes its answer true. An edit that moves other objects too is only offered when none is exact, and names them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.edits.values import applied, at, same
from bot.errors import Refused
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree
from bot.model.paths import format_path
from bot.model.resource import ResourceId
from bot.origins.candidates import Asked, Candidate, candidates
from bot.origins.scene import EditPlan, Goal, NoEdit, Objects, Scene, Spot


def find_edit(goal: Goal, scene: Scene) -> EditPlan | NoEdit:
    """The edit of files that sets everything that ``goal`` asks for, one wanted edit after the other."""
    return _found(goal, scene, written=False)


def _found(goal: Goal, scene: Scene, *, written: bool) -> EditPlan | NoEdit:
    run = _Run(goal, scene, scene.tree, {t: dict(objects) for t, objects in scene.objects.items()}, written)
    for id_, edits in goal.edits.items():
        for edit in edits:
            if (failure := run.take(id_, edit)) is not None:
                return failure
    files = {
        path: data for path, data in run.tree.changed.items() if data is not None and scene.tree.read(path) != data
    }
    return EditPlan(files, tuple(run.spots), tuple(sorted(run.moves, key=str)), run.tried)


@dataclass(slots=True)
class _Run:
    goal: Goal
    scene: Scene
    tree: FileTree
    objects: dict[str, dict[ResourceId, Tree]]
    written: bool
    """Only what is written already counts, whatever else it moves: a trace asks who sets a value now."""
    spots: list[Spot] = field(default_factory=list)
    moves: set[tuple[str, ResourceId]] = field(default_factory=set)
    tried: int = 0

    def take(self, id_: ResourceId, edit: Edit) -> NoEdit | None:
        """Find and apply the edit for one wanted change; what is there already needs none."""
        held = self.objects.get(self.goal.target, {}).get(id_)
        if held is None:
            return NoEdit(f"{id_} is not rendered any more", self.tried)
        if _is_so(held, edit):
            return None
        asked = Asked(self.goal.target, id_, held, edit)
        try:
            wanted = applied(held, edit)
        except Refused as exc:
            return NoEdit(exc.message, self.tried)
        wide: tuple[Candidate, Objects, frozenset[tuple[str, ResourceId]]] | None = None
        for candidate in candidates(asked, self.scene, self.tree, written=self.written):
            self.tried += 1
            outcome = self.scene.render(
                self.tree.with_changes({candidate.file: candidate.data}), frozenset({candidate.file})
            )
            moved = None if outcome is None else self._effect(asked, wanted, outcome)
            if outcome is None or moved is None:
                continue
            if not moved or self.written:
                self._apply(candidate, outcome, moved)
                return None
            if wide is None or len(moved) < len(wide[2]):
                wide = candidate, outcome, moved
        if wide is not None:
            self._apply(*wide)
            return None
        where = format_path(asked.pointer)
        return NoEdit(f"no file of this repository sets {where} of {id_} in a way that could be found", self.tried)

    def _effect(self, asked: Asked, wanted: JSON, outcome: Objects) -> frozenset[tuple[str, ResourceId]] | None:
        """The objects that move beside what is wanted; None where the wanted one does not become what it must."""
        now = outcome.get(asked.target, {}).get(asked.id)
        if now is None:
            return None
        if not same(now, wanted) and not (self._asked_for(asked.target, asked.id, now) and _is_so(now, asked.edit)):
            return None
        moved = set()
        for target, objects in outcome.items():
            before = self.objects.get(target, {})
            for id_ in {**before, **objects}:
                if (target, id_) == (asked.target, asked.id) or (target == asked.target and id_ in self.scene.carriers):
                    continue
                old, new = before.get(id_), objects.get(id_)
                if old is new or (old is not None and new is not None and same(old, new)):
                    continue
                if new is None or not self._asked_for(target, id_, new):
                    moved.add((target, id_))
        return frozenset(moved)

    def _asked_for(self, target: str, id_: ResourceId, now: Tree) -> bool:
        """Whether an object changed only as the whole goal wants it."""
        held = self.objects.get(target, {}).get(id_)
        edits = self.goal.edits.get(id_, ()) if target == self.goal.target else ()
        if held is None or not edits:
            return False
        try:
            return any(same(now, applied(held, edit)) for edit in edits) or same(now, _all(held, edits))
        except Refused:
            return False

    def _apply(self, candidate: Candidate, outcome: Objects, moved: frozenset[tuple[str, ResourceId]]) -> None:
        self.tree = self.tree.with_changes({candidate.file: candidate.data})
        for target, objects in outcome.items():
            self.objects[target] = dict(objects)
        self.spots.append(candidate.spot)
        self.moves |= moved


def _all(held: JSON, edits: Sequence[Edit]) -> JSON:
    for edit in edits:
        held = applied(held, edit)
    return held


def _is_so(tree: Tree, edit: Edit) -> bool:
    """Whether an object says already what an edit wants."""
    try:
        match edit:
            case SetValue(pointer, value):
                return same(at(tree, pointer), value)
            case AddEntry(pointer, None, value):
                listed = at(tree, pointer)
                return isinstance(listed, (list, tuple)) and any(same(each, value) for each in listed)
            case AddEntry(pointer, key, value):
                return same(at(tree, (*pointer, str(key))), value)
            case RemoveEntry(pointer):
                at(tree, pointer)
                return False
    except KeyError:
        return isinstance(edit, RemoveEntry)


def probed(value: JSON) -> JSON:
    """Another value of the same type: what a trace sets to see who moves it. None where nothing sensible is another."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case float():
            return value + 1.0
        case str():
            return value + "x" if value else "x"
        case _:
            return None


def trace(target: str, id_: ResourceId, pointer: tuple[str | int, ...], scene: Scene) -> EditPlan | NoEdit:
    """The line that sets one rendered value: the edit that would set another there, which is not made."""
    held = scene.objects.get(target, {}).get(id_)
    if held is None:
        return NoEdit(f"{target or 'the repository'} has no {id_}")
    try:
        value = at(held, pointer)
    except KeyError:
        return NoEdit(f"{id_} has nothing at {format_path(pointer)}")
    other = probed(value)
    if other is None:
        return NoEdit(f"{format_path(pointer)} of {id_} is no single value")
    return _found(Goal(target, {id_: (SetValue(pointer, other),)}), scene, written=True)
