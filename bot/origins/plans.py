"""Plans and lines that were found before, remembered by the contents of all files that had a say: the same question about
the same files has the same answer. That there is no plan is not remembered: a tool may only have run out of time.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Final

from bot.model.json import Pointer
from bot.model.resource import ResourceId
from bot.origins.scene import EditPlan, Goal, NoEdit, Scene, Spot

_MOST: Final = 1000
"""Answers that are kept; the one that was not asked for the longest goes first."""


@dataclass(slots=True)
class Plans:
    """Finds edits and lines and remembers them. Safe to use from several threads."""

    _answers: OrderedDict[str, EditPlan | Spot | None] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, goal: Goal, scene: Scene) -> EditPlan | NoEdit:
        """As :func:`~bot.origins.search.find_edit`."""
        key = _key(goal.target, sorted(goal.edits.items(), key=str), scene)
        if isinstance(remembered_plan := self._remembered(key), EditPlan):
            return remembered_plan
        from bot.origins.search import find_edit

        plan = find_edit(goal, scene)
        if isinstance(plan, EditPlan):
            self._remember(key, plan)
        return plan

    def deciding(self, target: str, id_: ResourceId, pointer: Pointer, scene: Scene) -> Spot | None:
        """The line that decides a rendered value, where few renderings find it."""
        key = _key(target, (id_, pointer), scene)
        remembered_spot = self._remembered(key)
        if remembered_spot is None or isinstance(remembered_spot, Spot):
            return remembered_spot
        from bot.origins.trace import deciding

        spot = deciding(target, id_, pointer, scene)
        self._remember(key, spot)
        return spot

    def _remembered(self, key: str) -> EditPlan | Spot | None | EllipsisType:
        """What was answered before; ``...`` where nothing was."""
        with self._lock:
            if key not in self._answers:
                return ...
            self._answers.move_to_end(key)
            return self._answers[key]

    def _remember(self, key: str, answer: EditPlan | Spot | None) -> None:
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > _MOST:
                self._answers.popitem(last=False)


def _key(target: str, question: object, scene: Scene) -> str:
    """The question, and the ids of all files of every target that shares a file with its own."""
    target_inputs = scene.inputs.get(target, frozenset())
    targets = sorted(
        other_target
        for other_target, inputs in scene.inputs.items()
        if other_target == target or target_inputs & inputs
    )
    digest = hashlib.sha256(repr((target, question, targets)).encode())
    for path in sorted(frozenset().union(*(scene.inputs.get(other_target, frozenset()) for other_target in targets))):
        digest.update(f"{path}\0{scene.tree.id_of(path)}\0".encode())
    return digest.hexdigest()
