"""A live value as the author of a manifest would write it: spelled like what stands beside it, without what goes unsaid.

What is live holds more than anybody writes. Left out is what is never desired state, and what equals a default of the
tables, unless the declared elements beside it say it too. What the server may fill in or give out stays in an element that
is only live: whoever added it may have chosen it, some of it must be said (Ingress v1 requires ``pathType``), and its
default is another one in other versions of the API. An element of a list that Git declares already stays as it is written.
Called by the judges that make edits of a declared tree as it is compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Final

from bot.drift.canonical import SCALARS, absent, canonical, is_default, resolved, same, spelled
from bot.drift.shapes import FilledBy, Form, Shape
from bot.drift.walk import walk
from bot.model.json import JSON, Tree, elements

_FILLED_IN: Final = frozenset({FilledBy.SERVER, FilledBy.ALLOCATED})


def authored(live: JSON, shape: Shape, previous_values: Sequence[JSON] = ()) -> JSON:
    """``live`` as whoever wrote the values ``previous_values`` it would write it: those that stand where it does or will."""
    if isinstance(live, (dict, Mapping)):
        return _entries(live, shape, live, [value for value in previous_values if isinstance(value, (dict, Mapping))])
    if isinstance(live, (list, tuple)):
        element = resolved(shape, live).element
        around = [previous for value in previous_values for previous in elements(value)]
        return [authored(live_element, element, around) for live_element in live]
    if shape.canonical is None:
        return live
    return next((value for value in previous_values if type(value) is type(live) and same(value, live, shape)), live)


def _entries(live: Tree, shape: Shape, parent: Tree, previous_entries: Sequence[Tree] = ()) -> dict[str, JSON]:
    """The ``live`` entries of ``parent`` that are worth writing."""
    previous_by_key = {key: [entry[key] for entry in previous_entries if key in entry] for key in live}
    return {
        key: authored(value, shape.child(key), previous_by_key[key])
        for key, value in live.items()
        if shape.form is Form.MAP
        or not _goes_unsaid(value, shape.child(key), parent, was_declared=bool(previous_by_key[key]))
    }


def _goes_unsaid(value: JSON, shape: Shape, parent: Tree, *, was_declared: bool) -> bool:
    """Whether nobody would write ``value`` in a mapping like ``parent``. ``was_declared``: those beside it have the field.

    An empty value that only stands for its own absence as long as nothing stands beside it (a volume's ``emptyDir``) says
    something.
    """
    if value is None:
        return True
    if shape.filled is FilledBy.IGNORED:
        return not was_declared or not isinstance(value, SCALARS)
    return not was_declared and shape.filled not in _FILLED_IN and is_default(value, shape, parent)


def rewritten(declared: JSON, live: JSON, shape: Shape) -> JSON:
    """``declared`` as its author would change it to say what is ``live``: what says the same stays as it is there."""
    if isinstance(declared, (dict, Mapping)) and isinstance(live, (dict, Mapping)):
        return _rewritten_mapping(declared, live, shape)
    if isinstance(declared, (list, tuple)) and isinstance(live, (list, tuple)):
        return _rewritten_list(declared, live, resolved(shape, declared, live))
    return authored(live, shape, [declared])


def _rewritten_mapping(declared: Tree, live: Tree, shape: Shape) -> JSON:
    entries: dict[str, JSON] = {}
    for key, value in declared.items():
        child = shape.child(key)
        if child.filled is FilledBy.IGNORED:
            entries[key] = value
        elif live.get(key) is not None:
            entries[key] = rewritten(value, live[key], child)
        elif shape.form is not Form.MAP and absent(value, child, live, declared):
            entries[key] = value
    new = {key: value for key, value in live.items() if key not in declared}
    return {**entries, **_entries(new, shape, live)}


def _rewritten_list(declared: Sequence[JSON], live: Sequence[JSON], shape: Shape) -> list[JSON]:
    """The order is the live one; where it means nothing, the declared one with what is new behind it."""
    kept_places = _matching_elements(declared, live, shape.element)
    changed = _changed(declared, live, shape.element, kept_places)
    elements_written: list[JSON] = []
    for index, value in enumerate(live):
        if index in kept_places:
            elements_written.append(declared[kept_places[index]])
        elif index in changed:
            elements_written.append(rewritten(declared[changed[index]], value, shape.element))
        else:
            elements_written.append(authored(value, shape.element, declared))
    free = shape.form is Form.SET or shape.unordered or shape.form is Form.KEYED
    if not free or shape.ordered or shape.expanding:
        return elements_written
    all_places = {**kept_places, **changed}
    return [
        elements_written[index]
        for index in sorted(range(len(live)), key=lambda index: all_places.get(index, len(declared)))
    ]


def _matching_elements(declared: Sequence[JSON], live: Sequence[JSON], shape: Shape) -> dict[int, int]:
    """The live elements, by index, that say what a declared one says: in as many words, else with what was filled in."""
    open_: defaultdict[str, list[int]] = defaultdict(list)
    for place_index, value in reversed([*enumerate(declared)]):
        open_[spelled(canonical(value, shape))].append(place_index)
    kept_places = {
        index: equal_places.pop()
        for index, value in enumerate(live)
        if (equal_places := open_.get(spelled(canonical(value, shape)), []))
    }
    if shape.form is not Form.STRUCT:
        return kept_places
    silent = sorted(open_index for indexes_left in open_.values() for open_index in indexes_left)
    for index, value in enumerate(live):
        if index not in kept_places and (filled := _filled_in(declared, silent, value, shape)) is not None:
            kept_places[index] = filled
            silent.remove(filled)
    return kept_places


def _filled_in(declared: Sequence[JSON], indexes: Sequence[int], value: JSON, shape: Shape) -> int | None:
    """The place of the declared element of which ``value`` is what the server made."""
    if not isinstance(value, (dict, Mapping)):
        return None
    for index in indexes:
        element = declared[index]
        if isinstance(element, (dict, Mapping)) and not walk(element, value, shape):
            return index
    return None


def _changed(
    declared: Sequence[JSON], live: Sequence[JSON], shape: Shape, kept_places: Mapping[int, int]
) -> dict[int, int]:
    """The other live elements, by index, with the declared one that each was before it changed, as far as one is like it."""
    removed_indexes = sorted(set(range(len(declared))) - set(kept_places.values()))
    changed: dict[int, int] = {}
    for index, value in enumerate(live):
        if index in kept_places or not isinstance(value, (dict, Mapping)):
            continue
        likenesses = [
            (removed_index, _likeness(declared[removed_index], value, shape)) for removed_index in removed_indexes
        ]
        partner, shared = max(likenesses, key=itemgetter(1), default=(0, 0))
        if shared:
            changed[index] = partner
            removed_indexes.remove(partner)
    return changed


def _likeness(declared: JSON, live: Tree, shape: Shape) -> int:
    """How many entries two elements share; 0 for those of different names."""
    if not isinstance(declared, (dict, Mapping)) or live.get("name") != declared.get("name"):
        return 0
    return sum(key in live and same(live[key], value, shape.child(key)) for key, value in declared.items())
