"""Plans that were found before, remembered by the contents of all files that had a say: the same question about the same
files has the same answer. That there is none is not remembered: a tool may only have run out of time.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from bot.origins.scene import EditPlan, Goal, NoEdit, Scene
from bot.origins.search import find_edit

_MOST: Final = 1000
"""Plans that are kept; the one that was not asked for the longest goes first."""


@dataclass(slots=True)
class Plans:
    """Finds edits and remembers them. Safe to use from several threads."""

    _known: OrderedDict[str, EditPlan] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, goal: Goal, scene: Scene) -> EditPlan | NoEdit:
        """As :func:`~bot.origins.search.find_edit`."""
        key = _key(goal, scene)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        plan = find_edit(goal, scene)
        if isinstance(plan, NoEdit):
            return plan
        with self._lock:
            self._known[key] = plan
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return plan


def _key(goal: Goal, scene: Scene) -> str:
    """The goal, and the ids of all files of every target that shares a file with the goal's own."""
    own = scene.inputs.get(goal.target, frozenset())
    targets = sorted(target for target, inputs in scene.inputs.items() if target == goal.target or own & inputs)
    digest = hashlib.sha256(repr((goal.target, sorted(goal.edits.items(), key=str), targets)).encode())
    for path in sorted(frozenset().union(*(scene.inputs.get(target, frozenset()) for target in targets))):
        digest.update(f"{path}\0{scene.tree.id_of(path)}\0".encode())
    return digest.hexdigest()
