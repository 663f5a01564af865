"""The edits of a declared tree that would make Git say what is live, in the tree's own syntax. Used by the judges."""

from __future__ import annotations

from bot.drift.canonical import spare
from bot.drift.walk import ORDER, Difference, Side
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import Tree, mappings, value_at
from bot.model.paths import Item


def edits(difference: Difference, declared: Tree) -> tuple[Edit, ...]:
    """For trees that are compared as they are written (Kubernetes objects); ``declared`` is the one to edit.

    A changed value is set, a value that is no longer live is removed, an addition is written into the mapping or list
    it belongs to: as people write it, without what the server fills in, unless the elements beside it say that too. A
    difference of order has no edit.
    """
    pointer = difference.location.pointer
    match difference.side:
        case Side.BOTH if difference.shape is ORDER:
            return ()
        case Side.BOTH:
            return (SetValue(pointer, spare(difference.observed, difference.shape)),)
        case Side.DESIRED:
            return (RemoveEntry(pointer),)
        case Side.OBSERVED if not difference.location.path or not pointer:
            return ()
        case Side.OBSERVED:
            return _addition(difference, declared)


def _addition(difference: Difference, declared: Tree) -> tuple[Edit, ...]:
    *around, last = difference.location.pointer
    said = {key for element in mappings(value_at(declared, tuple(around))) for key in element}
    value = spare(difference.observed, difference.shape, frozenset(said))
    if not isinstance(difference.location.path[-1], Item):
        return (AddEntry(tuple(around), str(last), value),)
    if difference.declared:
        return (AddEntry(tuple(around), None, value),)
    return (AddEntry(tuple(around[:-1]), str(around[-1]), [value]),)
