"""Candidates rendered, within a budget; and slots marked to see which of them shows up in a rendered value.

Marking is what makes the search short: all slots that may set a value get a word of their own, one rendering shows which
word comes out, and only that slot is tried for real.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.errors import Refused
from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree
from bot.origins.changes import Candidate, FileEdit, dumped
from bot.origins.desire import DesiredEdit
from bot.origins.effect import is_applied, successors
from bot.origins.fitting import part, text_of
from bot.origins.scene import Objects, Scene
from bot.origins.slots import Slot

SLOW_MOST: Final = 16
"""Renderings for one wanted edit: kustomize takes about 0.1 s for each."""
CHEAP_MOST: Final = 120
"""The same where rendering takes milliseconds."""
_NUMBERS_FROM: Final = 31_001
"""Numbers that mark: ports as good as any (1 to 65535), and unlikely to be written anywhere."""


@dataclass(slots=True)
class Trials:
    """Renders what candidates make of the tree as it is now; ``objects`` are what it renders to without them."""

    scene: Scene
    tree: FileTree
    objects: Objects
    tried: int = 0
    most: int = SLOW_MOST
    """Renderings left before the search gives up on this edit, counted from ``tried``."""
    reached: bool = False
    """Whether a candidate set the wanted value already, though it moves more than that."""

    def begin(self, most: int) -> None:
        """The budget of the next wanted edit."""
        self.most = self.tried + most
        self.reached = False

    @property
    def exhausted(self) -> bool:
        """Whether nothing may be tried any more."""
        return self.tried >= self.most

    def outcome(self, files: Mapping[str, bytes], target: str) -> Objects | None:
        """One target with ``files`` changed; None where that does not render, or the budget is used up."""
        if self.exhausted:
            return None
        self.tried += 1
        return self.scene.render(self.tree.with_changes(files), frozenset({target}))

    def near(self, files: Mapping[str, bytes], desire: DesiredEdit) -> Tree | None:
        """The object of ``desire`` with ``files`` changed, under whatever name; None where it does not render."""
        if self.scene.near is None:
            outcome = self.outcome(files, desire.target)
        elif self.exhausted:
            return None
        else:
            self.tried += 1
            outcome = self.scene.near(self.tree.with_changes(files), (desire.target, desire.id))
        if outcome is None:
            return None
        objects, before = outcome.get(desire.target, {}), self.objects.get(desire.target, {})
        name = desire.id if desire.id in objects else successors(before, objects).get(desire.id)
        return None if name is None else objects[name]

    def other_targets(self, candidate: Candidate, target: str) -> Objects | None:
        """The other targets that read a file of ``candidate``, with it; None where one does not render."""
        readers: frozenset[str] = frozenset()
        for file in candidate.files:
            readers |= self.scene.readers(file)
        readers -= {target}
        if not readers:
            return {}
        self.tried += 1
        return self.scene.render(self.tree.with_changes(candidate.files), readers)

    # -- marks ----------------------------------------------------------------------------------------------------

    def slots_in_value(self, desire: DesiredEdit, slots: Sequence[Slot], *, by_fit: bool) -> list[Slot]:
        """Those of ``slots`` that show up in the value that ``desire`` is about. ``by_fit``: only the part of a slot that
        fits the value is marked, so that the rest of it stays as it is.
        """
        marks = {index: mark for index, slot in enumerate(slots) if (mark := _mark(index, slot, desire, by_fit=by_fit))}
        return [slots[index] for index in sorted(self._showing(desire, slots, marks))]

    def _showing(self, desire: DesiredEdit, slots: Sequence[Slot], marks: Mapping[int, _Mark]) -> Iterator[int]:
        if not marks or self.exhausted:
            return
        tree = self._rendered(
            desire,
            [
                mark_edits
                for index, mark in marks.items()
                if (mark_edits := next(slots[index].edits_for(mark.value), None))
            ],
        )
        if tree is not None:
            now = desire.value_in(tree)
            shown_indexes = [index for index, mark in marks.items() if mark.token in _texts(now)]
            if shown_indexes or now == desire.old:
                yield from shown_indexes
                return
            if len(marks) == 1:
                yield from marks
                return
        if len(marks) == 1:
            return
        items = list(marks.items())
        yield from self._showing(desire, slots, dict(items[: len(items) // 2]))
        yield from self._showing(desire, slots, dict(items[len(items) // 2 :]))

    def moves_value(self, desire: DesiredEdit, slot: Slot, value: JSON) -> bool:
        """Whether the rendered value is another one once ``slot`` says ``value``."""
        placed = next(slot.edits_for(value), None)
        tree = None if placed is None else self._rendered(desire, [placed])
        return tree is not None and desire.value_in(tree) != desire.old

    def turned(self, desire: DesiredEdit, slots: Iterable[Slot]) -> Iterator[Slot]:
        """Those switches among ``slots`` that make the wanted value when they are turned over."""
        for slot in slots:
            placed = next(slot.edits_for(not slot.value), None) if isinstance(slot.value, bool) else None
            tree = None if placed is None else self._rendered(desire, [placed])
            if tree is not None and is_applied(desire.edit, desire.tree, tree):
                yield slot

    def needed(self, desire: DesiredEdit, slot: Slot, new: str) -> JSON:
        """What a slot of any value must say so that the rendered text becomes ``new``: what is put in the place at which
        its mark shows up. None where the rendered text does not take it in as it is.
        """
        mark = _mark(0, slot, desire, by_fit=False)
        placed = None if mark is None else next(slot.edits_for(mark.value), None)
        tree = None if placed is None else self._rendered(desire, [placed])
        now = None if tree is None else desire.value_in(tree)
        if mark is None or now is None or isinstance(now, (Mapping, list, tuple)):
            return None
        return part(mark.token, text_of(now), new)

    def _rendered(self, desire: DesiredEdit, edits: Sequence[tuple[FileEdit, ...]]) -> Tree | None:
        try:
            files = dumped([edit for slot_edits in edits for edit in slot_edits], self.tree)
        except (Refused, KeyError, IndexError):
            return None
        return self.near(files, desire)


@dataclass(frozen=True, slots=True)
class _Mark:
    value: JSON
    token: str


def _mark(index: int, slot: Slot, desire: DesiredEdit, *, by_fit: bool) -> _Mark | None:
    """What a slot says while it is marked, and the text by which it is known; None where it cannot be."""
    token = f"zq{index}zq"
    match slot.value:
        case bool():
            return None  # either value looks like that of any other switch
        case int():
            return _Mark(_NUMBERS_FROM + index, str(_NUMBERS_FROM + index))
        case str() if by_fit and slot.value not in text_of(desire.old) and text_of(desire.old) in slot.value:
            return _Mark(slot.value.replace(text_of(desire.old), token), token)
        case str() if by_fit and ":" in slot.value and "\n" not in slot.value:
            return _Mark(slot.value + token, token)  # an image without a tag, or a URL without a scheme, may be none
        case str() if by_fit or "\n" not in slot.value:
            return _Mark(token, token)
        case None if not by_fit:
            return _Mark(token, token)
        case _:
            return None


def _texts(value: JSON) -> str:
    """All texts of a value, one after the other."""
    if isinstance(value, Mapping):
        return "\n".join([*value, *map(_texts, value.values())])
    if isinstance(value, (list, tuple)):
        return "\n".join(map(_texts, value))
    return text_of(value)
