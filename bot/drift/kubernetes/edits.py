"""The edits of a declared tree that would make Git say what is live, in the tree's own syntax. Used by the judges."""

from __future__ import annotations

from bot.drift.walk import ORDER, Difference, Side
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.paths import Item


def edits(finding: Difference) -> tuple[Edit, ...]:
    """For trees that are compared as they are written (Kubernetes objects).

    A changed value is set, a value that is no longer live is removed, an addition is written into the mapping or list
    it belongs to. A difference of order has no edit.
    """
    pointer = finding.place.pointer
    match finding.side:
        case Side.BOTH if finding.shape is ORDER:
            return ()
        case Side.BOTH:
            return (SetValue(pointer, finding.observed),)
        case Side.DESIRED:
            return (RemoveEntry(pointer),)
        case Side.OBSERVED if not finding.place.path or not pointer:
            return ()
        case Side.OBSERVED:
            return _addition(finding)


def _addition(finding: Difference) -> tuple[Edit, ...]:
    *around, last = finding.place.pointer
    if not isinstance(finding.place.path[-1], Item):
        return (AddEntry(tuple(around), str(last), finding.observed),)
    if finding.declared:
        return (AddEntry(tuple(around), None, finding.observed),)
    return (AddEntry(tuple(around[:-1]), str(around[-1]), [finding.observed]),)
