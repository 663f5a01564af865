"""The inverse search: the smallest edit of a repository's own files that renders to exactly what is wanted.

Theory of operation. Rendering is a function from files to objects that nobody can invert: templates, patches and
generators lie in between. But it can be asked: a candidate edit is right when rendering again gives the wanted value
and moves nothing else, in any target. Hints (:mod:`bot.origins.candidates`) make the search short; the second rendering
makes its answer true. An edit that moves other objects too is only offered when none is exact, and names them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.edits.values import ordered, steps
from bot.errors import Refused
from bot.model.drift import Edit
from bot.model.json import JSON, Tree
from bot.model.paths import format_path
from bot.model.resource import ResourceId
from bot.origins.candidates import candidates
from bot.origins.changes import Candidate
from bot.origins.desire import DesiredEdit
from bot.origins.effect import Comparison, SideEffects, desired_tree, is_applied
from bot.origins.leaves import path_of
from bot.origins.scene import EditPlan, Goal, NoEdit, Objects, Scene, Spot
from bot.origins.trials import CHEAP_MOST, SLOW_MOST, Trials


def find_edit(goal: Goal, scene: Scene) -> EditPlan | NoEdit:
    """The edit of files that sets everything that ``goal`` asks for, one wanted edit after the other."""
    objects = scene.objects.get(goal.target, {})
    for id_, edits in goal.edits.items():
        if id_ not in objects:
            return NoEdit(f"{id_} is not rendered any more")
        if (noisy := _noisy(goal.target, id_, edits, scene)) is not None:
            return noisy
    open_edits = {
        id_: [(edit, _steps(objects[id_], edit)) for edit in edits if not is_applied(edit, objects[id_], objects[id_])]
        for id_, edits in goal.edits.items()
    }
    separate_edits = {id_: tuple(step for _, parts in edits for step in parts) for id_, edits in open_edits.items()}
    together = {
        id_: tuple(step for edit, parts in edits for step in (parts if len(parts) == 1 else [edit]))
        for id_, edits in open_edits.items()
    }
    plan = _searched(Goal(goal.target, together), scene, 0)
    if isinstance(plan, NoEdit) and separate_edits != together:
        return _searched(Goal(goal.target, separate_edits), scene, plan.tried)
    return plan


def _searched(goal: Goal, scene: Scene, tried_count: int) -> EditPlan | NoEdit:
    objects = scene.objects[goal.target]
    try:
        desired = {id_: desired_tree(objects[id_], edits) for id_, edits in goal.edits.items()}
    except Refused as exc:
        return NoEdit(exc.message, tried_count)
    trials = Trials(scene, scene.tree, scene.objects, tried_count)
    return _Run(goal, scene, desired, trials, dict(scene.objects)).result()


def _steps(tree: Tree, edit: Edit) -> list[Edit]:
    """The edits of single values in a mapping or list that ``edit`` comes to."""
    try:
        return list(steps(tree, edit))
    except (KeyError, Refused):
        return [edit]


def _noisy(target: str, id_: ResourceId, edits: tuple[Edit, ...], scene: Scene) -> NoEdit | None:
    """Why nobody can set what every rendering makes anew."""
    pointers = scene.noise.get((target, id_), frozenset())
    for edit in edits:
        if any(edit.pointer[: len(pointer)] == pointer for pointer in pointers):
            provenance = scene.provenance_of(target, id_)
            location = format_path(path_of(scene.objects[target][id_], edit.pointer))
            reason = f"{location} of {id_} is made anew at each rendering"
            return NoEdit(reason, 0, provenance.file, provenance.line)
    return None


@dataclass(slots=True)
class _Run:
    """One search. ``desired`` are the goal's objects in the end, ``objects`` the targets as the edits so far make them."""

    goal: Goal
    scene: Scene
    desired: Mapping[ResourceId, JSON]
    trials: Trials
    objects: dict[str, Mapping[ResourceId, Tree]]
    spots: list[Spot] = field(default_factory=list)
    done: list[tuple[ResourceId, Edit]] = field(default_factory=list)
    names: dict[ResourceId, ResourceId] = field(default_factory=dict)
    """The goal's objects that got another name on the way."""

    def result(self) -> EditPlan | NoEdit:
        for id_, edits in self.goal.edits.items():
            for edit in ordered(edits):
                if (failure := self._take(id_, edit)) is not None:
                    return failure
                self.done.append((id_, edit))
        return self._plan()

    def _plan(self) -> EditPlan | NoEdit:
        """What all edits together come to, compared with what there was at first. There is none where they undo one another."""
        tree = self.trials.tree
        files = {
            path: data for path, data in tree.changed.items() if data is not None and self.scene.tree.read(path) != data
        }
        desired = {id_: (final,) for id_, final in self.desired.items()}
        comparison = self._comparison(desired)
        effect = comparison.effect(self.scene.objects, self.objects)
        if (missing := self._missing(comparison, effect)) is not None:
            return missing
        moves = tuple(sorted(effect.moves, key=str))
        through = tuple(sorted(effect.through, key=str))
        return EditPlan(files, tuple(self.spots), moves, effect.renamed, through, self.trials.tried, effect.followers)

    def _missing(self, comparison: Comparison, effect: SideEffects) -> NoEdit | None:
        """Why the edits come to less than is wanted: one of them undid another. Where more of an object changes, that is
        among what moves.
        """
        names = {old.name: new.name for old, new in effect.renamed.items()}
        for id_, desired in self.desired.items():
            moves_too = (self.goal.target, id_) in effect.moves and id_ not in effect.renamed
            now = self.objects[self.goal.target].get(effect.renamed.get(id_, id_))
            if not moves_too and (now is None or not comparison.is_reached(id_, now, desired, names)):
                provenance = self.scene.provenance_of(self.goal.target, id_)
                reason = f"no edit of this repository's files makes all that is wanted of {id_} at once"
                return NoEdit(reason, self.trials.tried, provenance.file, provenance.line)
        return None

    def _take(self, id_: ResourceId, edit: Edit) -> NoEdit | None:
        """Find and apply the edit for one wanted change; what is so already needs none."""
        target = self.goal.target
        name = self.names.get(id_, id_)
        now = self.objects[target].get(name)
        if now is None:
            return NoEdit(f"{id_} is not rendered any more once the rest is changed", self.trials.tried)
        if is_applied(edit, self.scene.objects[target][id_], now):
            return None
        desire = DesiredEdit.of(target, name, edit, self.objects[target], self.scene, known_as=id_)
        self.trials.begin(CHEAP_MOST if desire.provenance.cheap else SLOW_MOST)
        step = _Step(self, desire, id_, self._comparison(self._ahead(id_, edit)))
        best: tuple[Candidate, Objects, SideEffects] | None = None
        for candidate in candidates(desire, self.trials):
            judgement = step.judged(candidate)
            if judgement is None:
                continue
            outcome, effect = judgement
            if effect.is_clean:
                self._apply(candidate, outcome, effect)
                return None
            if best is None or self._cost(effect) < self._cost(best[2]):
                best = candidate, outcome, effect
        if best is not None:
            self._apply(*best)
            return None
        return self._nothing(desire)

    def _ahead(self, id_: ResourceId, edit: Edit) -> dict[ResourceId, tuple[JSON, ...]]:
        """What the goal's objects may become now: as they are wanted after this edit, and as they are in the end."""
        ahead: dict[ResourceId, tuple[JSON, ...]] = {}
        for object_id, final in self.desired.items():
            edits = [final_values for done_id, final_values in self.done if done_id == object_id] + (
                [edit] if object_id == id_ else []
            )
            soon = desired_tree(self.scene.objects[self.goal.target][object_id], edits)
            ahead[self.names.get(object_id, object_id)] = (soon, final)
        return ahead

    def _comparison(self, desired: Mapping[ResourceId, tuple[JSON, ...]]) -> Comparison:
        target, scene = self.goal.target, self.scene
        carriers: frozenset[ResourceId] = frozenset()
        for id_ in self.goal.edits:
            carriers |= scene.provenance_of(target, id_).carriers
        brought = frozenset(
            id_
            for id_ in scene.objects[target]
            if scene.provenance_of(target, id_).carriers.intersection(self.goal.edits)
        )
        return Comparison(target, desired, scene.noise, carriers, brought)

    def _cost(self, effect: SideEffects) -> tuple[int, int]:
        """How much moves that nobody asked for: objects of other targets, then all."""
        unasked = effect.moves - effect.followers
        return sum(target != self.goal.target for target, _ in unasked), len(unasked)

    def first_name(self, id_: ResourceId) -> ResourceId:
        """The name under which the goal asks for an object."""
        return next((old for old, new in self.names.items() if new == id_), id_)

    def _apply(self, candidate: Candidate, outcome: Objects, effect: SideEffects) -> None:
        self.names.update({self.first_name(old): new for old, new in effect.renamed.items()})
        self.objects.update(outcome)
        self.trials.tree = self.trials.tree.with_changes(candidate.files)
        self.trials.objects = self.objects
        self.spots += candidate.spots

    def _nothing(self, desire: DesiredEdit) -> NoEdit:
        provenance = desire.provenance
        location = f"{format_path(path_of(desire.tree, desire.pointer))} of {desire.id}"
        reason = f"no file of this repository sets {location}"
        if self.done:
            reason += " in a way that keeps what else is wanted"
        elif provenance.is_template:
            reason += f": the template {provenance.file} makes it, and no value of the chart changes it"
        else:
            reason += " in a way that could be found"
        return NoEdit(reason, self.trials.tried, provenance.file, provenance.line)


@dataclass(frozen=True, slots=True)
class _Step:
    """One wanted edit of a run, and how its candidates are judged."""

    run: _Run
    desire: DesiredEdit
    id: ResourceId
    """Its object under the name that the goal has for it."""
    comparison: Comparison

    def judged(self, candidate: Candidate) -> tuple[Objects, SideEffects] | None:
        """What a candidate comes to, where it sets the wanted value and keeps what was set before it: the goal's own
        target first, the others only then.
        """
        run, target = self.run, self.desire.target
        if not self._is_promising(candidate):
            return None
        outcome = run.trials.outcome(candidate.files, target)
        if outcome is None or not self._is_reached(
            outcome.get(target, {}), self.comparison.effect(run.objects, outcome)
        ):
            return None
        run.trials.reached = True
        other_outcome = run.trials.other_targets(candidate, target)
        if other_outcome is None:
            return None
        combined = {**outcome, **other_outcome}
        return combined, self.comparison.effect(run.objects, combined)

    def _is_promising(self, candidate: Candidate) -> bool:
        """Whether the object itself becomes what is wanted, as far as the little that brings it forth tells."""
        run, desire = self.run, self.desire
        if run.scene.near is None:
            return True
        now = run.trials.near(candidate.files, desire)
        return now is not None and is_applied(desire.edit, run.scene.objects[desire.target][self.id], now)

    def _is_reached(self, objects: Mapping[ResourceId, Tree], effect: SideEffects) -> bool:
        run = self.run
        names = {**run.names, **{run.first_name(old): new for old, new in effect.renamed.items()}}
        for id_, edit in [*run.done, (self.id, self.desire.edit)]:
            now = objects.get(names.get(id_, id_))
            if now is None or not is_applied(edit, run.scene.objects[self.desire.target][id_], now):
                return False
        return True
