"""Values that Git alone cannot tell (a variable of the deploying shell: Compose specification, 12-interpolation.md) are not
compared. Called for every drift of Compose.

What Git does say about the same resource is compared as ever. A drift on an unknown value would propose to write what
the environment holds, often a secret, into the repository.
"""

from __future__ import annotations

from bot.model.json import Pointer, Tree
from bot.model.paths import Path
from bot.model.resource import Desired


def compared(path: Path, desired: Desired) -> bool:
    """Whether a drift at ``path`` is about something that Git really tells."""
    unknown = (_path_of(pointer, desired.tree) for pointer in desired.unknown)
    return not any(path[: len(unknown_place)] == unknown_place or not path for unknown_place in unknown)


def _path_of(pointer: Pointer, tree: Tree) -> Path:
    """The canonical path of an unknown value: an entry of a mapping by its key, anything inside a list by the list."""
    if len(pointer) < 2 or pointer[0] not in {"environment", "labels"}:
        return pointer[:1]
    if isinstance(pointer[1], str):
        return pointer[:2]
    entries_listed = tree.get(str(pointer[0]))
    entry_text = entries_listed[pointer[1]] if isinstance(entries_listed, (list, tuple)) else ""
    name = str(entry_text).partition("=")[0]
    return pointer[:1] if "$" in name else (pointer[0], name)
