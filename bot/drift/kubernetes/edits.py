"""The edits of a declared tree that would make Git say what is live, in the tree's own syntax. Used by the judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from bot.drift.authoring import authored, rewritten
from bot.drift.kubernetes.ownership import Owners
from bot.drift.shapes import FilledBy, Form, Shape
from bot.drift.walk import ORDER, Difference, Side, Step
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Tree, elements, mappings, value_at
from bot.model.paths import Item

_ChoiceTest: TypeAlias = Callable[[tuple[Step, ...]], bool]
"""Whether somebody chose the field at these steps, which the server may fill in as well."""


def edits(difference: Difference, declared: Tree, owners: Owners) -> tuple[Edit, ...]:
    """For trees that are compared as they are written (Kubernetes objects); ``declared`` is the one to edit and ``owners``
    the writers of the live one.

    A changed value is set, a value that is no longer live is removed, an addition is written into the mapping or list
    it belongs to: as its author would write it (:mod:`bot.drift.authoring`). A difference of order has no edit.
    """
    pointer = difference.location.pointer
    match difference.side:
        case Side.BOTH if difference.shape is ORDER:
            return ()
        case Side.BOTH:
            return (SetValue(pointer, rewritten(value_at(declared, pointer), difference.observed, difference.shape)),)
        case Side.DESIRED:
            return (RemoveEntry(pointer),)
        case Side.OBSERVED if not difference.location.path or not pointer:
            return ()
        case Side.OBSERVED:
            return _addition(difference, declared, owners)


def _addition(difference: Difference, declared: Tree, owners: Owners) -> tuple[Edit, ...]:
    *around, last = difference.location.pointer
    surroundings = value_at(declared, tuple(around))
    live = _sent(difference.observed, difference.shape, _choice_test(difference, surroundings, owners))
    value = authored(live, difference.shape, elements(surroundings))
    if not isinstance(difference.location.path[-1], Item):
        return (AddEntry(tuple(around), str(last), value),)
    if difference.declared:
        return (AddEntry(tuple(around), None, value),)
    return (AddEntry(tuple(around[:-1]), str(around[-1]), [value]),)


def _choice_test(difference: Difference, declared_around: JSON, owners: Owners) -> _ChoiceTest:
    """Who wrote an addition tells: what the server gave out (a node port) is owned by nobody. Where that is not known,
    whatever is there may have been chosen, unless Git has an element of the same name that leaves it to the server: a
    Service's port that got another number.
    """
    if owners.recorded:
        start = difference.location.steps
        return lambda steps: owners.writer((*start, *steps)) is not None
    live = difference.observed
    name = live.get("name") if isinstance(live, (dict, Mapping)) else None
    before = next((element for element in mappings(declared_around) if element.get("name") == name), None)
    return lambda steps: before is None or steps[0] in before


def _sent(live: JSON, shape: Shape, choice: _ChoiceTest, at: tuple[Step, ...] = ()) -> JSON:
    """``live`` without what the server filled in."""
    if isinstance(live, (dict, Mapping)):
        children = ((key, value, shape.child(key), (*at, key)) for key, value in live.items())
        return {
            key: _sent(value, child, choice, steps)
            for key, value, child, steps in children
            if child.filled not in {FilledBy.SERVER, FilledBy.ALLOCATED} or choice(steps)
        }
    if isinstance(live, (list, tuple)):
        keyed = shape.form is Form.KEYED
        steps: list[Step] = [
            element if keyed and isinstance(element, (dict, Mapping)) else i for i, element in enumerate(live)
        ]
        return [_sent(element, shape.element, choice, (*at, step)) for element, step in zip(live, steps, strict=True)]
    return live
