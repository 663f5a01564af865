"""Places of a Compose tree that are emptied or hidden: by ``!reset``, by a tag nobody knows, by a value that cannot be read.

Called by whoever reads Compose files. All places of a tree are visited in one walk, however many they are. Source of
``!reset``: the Compose specification, "Merge and override", "Reset value".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from bot.intake.located import LocatedValue
from bot.model.json import Pointer


@dataclass(slots=True)
class _Step:
    """What a set of pointers says below one place: which children it leads to, and whether it means the place itself."""

    children: dict[str | int, _Step] = field(default_factory=dict)
    selected: bool = False


def _steps(pointers: Iterable[Pointer]) -> _Step:
    top = _Step()
    for pointer in pointers:
        step = top
        for segment in pointer:
            step = step.children.setdefault(segment, _Step())
        step.selected = True
    return top


def without(tree: LocatedValue, pointers: Iterable[Pointer], *, in_lists: bool = False) -> LocatedValue:
    """``tree`` without what stands at ``pointers``; elements of lists go only where ``in_lists`` says so."""
    step = _steps(pointers)
    return replace(tree, data={}) if step.selected else _without(tree, step, in_lists=in_lists)


def _without(tree: LocatedValue, step: _Step, *, in_lists: bool) -> LocatedValue:
    if not step.children:
        return tree
    if isinstance(tree.data, dict):
        entries = dict(tree.data)
        for key, below in step.children.items():
            if isinstance(key, str) and key in entries:
                child = entries.pop(key) if below.selected else entries[key]
                if not below.selected:
                    entries[key] = _without(child, below, in_lists=in_lists)
        return replace(tree, data=entries)
    if isinstance(tree.data, list) and in_lists:
        kept_items = [(step.children.get(at), item) for at, item in enumerate(tree.data)]
        items = [
            item if below is None else _without(item, below, in_lists=True)
            for below, item in kept_items
            if not (below and below.selected)
        ]
        return replace(tree, data=items)
    return tree


def hidden(tree: LocatedValue, pointers: Iterable[Pointer]) -> LocatedValue:
    """``tree`` in which the values at ``pointers`` are known to nobody."""
    return _hidden(tree, _steps(pointers))


def _hidden(tree: LocatedValue, step: _Step) -> LocatedValue:
    if step.selected:
        tree = replace(tree, location=replace(tree.location, unknown=True))
    if not step.children:
        return tree
    below = step.children
    if isinstance(tree.data, dict):
        entries = {key: _hidden(child, below[key]) if key in below else child for key, child in tree.data.items()}
        return replace(tree, data=entries)
    if isinstance(tree.data, list):
        items = [_hidden(item, below[at]) if at in below else item for at, item in enumerate(tree.data)]
        return replace(tree, data=items)
    return tree
