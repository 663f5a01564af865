"""What is neither drift nor in sync. Used by :mod:`bot.drift.compose.services`.

What Git says of a service and nobody sees of its container is unknown, and counted. Values that Git alone cannot tell (a
variable of the deploying shell: Compose specification, 12-interpolation.md) are not compared: a drift on one would propose
to write what the environment holds, often a secret, into the repository. What Git does say about the same resource is
compared as ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bot.drift.drifts import Attribution, Maker
from bot.drift.options import ComparisonOptions
from bot.drift.shapes import ANY
from bot.drift.walk import Difference, Location, Side
from bot.model.drift import DriftKind, Suppressed
from bot.model.json import JSON, Pointer, Tree, get
from bot.model.paths import Path
from bot.model.resource import Desired

_NOT_COMPARED: Final = frozenset(
    [
        "annotations",
        "blkio_config",
        "cpu_count",
        "cpu_percent",
        "cpu_rt_period",
        "cpu_rt_runtime",
        "credential_spec",
        "external_links",
        "isolation",
        "links",
        "mac_address",
        "mem_swappiness",
        "post_start",
        "pre_stop",
        "storage_opt",
        "use_api_socket",
        "volumes_from",
    ]
)
"""Keys of a service that change its container, and of which inspect is not read."""


def without(tree: Tree, paths: Sequence[Path]) -> dict[str, JSON]:
    """``tree`` without what stands at ``paths``."""
    remaining = dict(tree)
    for first, *inner_path in paths:
        below = remaining.pop(str(first), None)
        if inner_path and isinstance(below, (dict, Mapping)):
            remaining[str(first)] = without(below, [tuple(inner_path)])
    return remaining


def unseen(
    paths: Sequence[Path], declared: Tree, desired: Desired, tree: Tree, options: ComparisonOptions
) -> Iterator[Suppressed]:
    """What Git says and is not seen live is unknown."""
    maker = Maker(desired, options, observed=tree)
    for path in paths:
        location = Location(None, "", "", "")
        for part in path:
            location = location.entry(str(part))
        difference = Difference(Side.DESIRED, location, get(declared, *map(str, path)), None, ANY)
        drift = maker.drift(difference, Attribution(DriftKind.MISSING), ())
        yield Suppressed(drift, "unseen", "it is not seen live: unknown whether it is so")


def not_compared(desired: Desired, tree: Tree, options: ComparisonOptions) -> Iterator[Suppressed]:
    """What Git says by a key that has no counterpart."""
    paths = [(key,) for key in desired.tree if key in _NOT_COMPARED]
    yield from unseen(paths, desired.tree, desired, tree, options)


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
