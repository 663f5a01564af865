"""Two accounts of one object that differ, as two files of live state give them, or one file that has it twice.

Called where accounts are put together; the first one counts, and a note says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.model.drift import IgnoreNote
from bot.model.json import JSON, Tree, mapping
from bot.model.wording import some

_PASSING: Final = frozenset({"managedFields", "resourceVersion", "generation", "selfLink"})
"""Metadata that move with every write, whatever is written."""


def same_state(tree: Tree, second: Tree) -> bool:
    """Whether two accounts say the same of an object, its status aside."""
    return tree == second or _comparable(tree) == _comparable(second)


def contradiction(location: str, names: Sequence[str], counts: str) -> IgnoreNote:
    """The note that ``location`` has several accounts of the objects ``names``, and what ``counts``."""
    return IgnoreNote(location, "contradictory", f"different accounts of {some(names)}; {counts}")


def _comparable(tree: Tree) -> dict[str, JSON]:
    metadata = {key: value for key, value in mapping(tree.get("metadata")).items() if key not in _PASSING}
    return {**{key: value for key, value in tree.items() if key != "status"}, "metadata": metadata}
