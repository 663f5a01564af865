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


def authored(live: JSON, shape: Shape, beside: Sequence[JSON] = ()) -> JSON:
    """``live`` as whoever wrote the values ``beside`` it would write it: those that stand where it does or will."""
    if isinstance(live, (dict, Mapping)):
        return _entries(live, shape, live, [value for value in beside if isinstance(value, (dict, Mapping))])
    if isinstance(live, (list, tuple)):
        element = resolved(shape, live).element
        around = [each for value in beside for each in elements(value)]
        return [authored(each, element, around) for each in live]
    if shape.canonical is None:
        return live
    return next((value for value in beside if type(value) is type(live) and same(value, live, shape)), live)


def _entries(live: Tree, shape: Shape, parent: Tree, beside: Sequence[Tree] = ()) -> dict[str, JSON]:
    """The ``live`` entries of ``parent`` that are worth writing."""
    said = {key: [each[key] for each in beside if key in each] for key in live}
    return {
        key: authored(value, shape.child(key), said[key])
        for key, value in live.items()
        if shape.form is Form.MAP or not _goes_unsaid(value, shape.child(key), parent, said=bool(said[key]))
    }


def _goes_unsaid(value: JSON, shape: Shape, parent: Tree, *, said: bool) -> bool:
    """Whether nobody would write ``value`` in a mapping like ``parent``. ``said``: those beside it have the field.

    An empty value that only stands for its own absence as long as nothing stands beside it (a volume's ``emptyDir``) says
    something.
    """
    if value is None:
        return True
    if shape.filled is FilledBy.IGNORED:
        return not said or not isinstance(value, SCALARS)
    return not said and shape.filled not in _FILLED_IN and is_default(value, shape, parent)


def rewritten(declared: JSON, live: JSON, shape: Shape) -> JSON:
    """``declared`` as its author would change it to say what is ``live``: what says the same stays as it is there."""
    if isinstance(declared, (dict, Mapping)) and isinstance(live, (dict, Mapping)):
        return _rewritten_mapping(declared, live, shape)
    if isinstance(declared, (list, tuple)) and isinstance(live, (list, tuple)):
        return _rewritten_list(declared, live, resolved(shape, declared, live))
    return authored(live, shape, [declared])


def _rewritten_mapping(declared: Tree, live: Tree, shape: Shape) -> JSON:
    written: dict[str, JSON] = {}
    for key, value in declared.items():
        child = shape.child(key)
        if child.filled is FilledBy.IGNORED:
            written[key] = value
        elif live.get(key) is not None:
            written[key] = rewritten(value, live[key], child)
        elif shape.form is not Form.MAP and absent(value, child, live, declared):
            written[key] = value
    new = {key: value for key, value in live.items() if key not in declared}
    return {**written, **_entries(new, shape, live)}


def _rewritten_list(declared: Sequence[JSON], live: Sequence[JSON], shape: Shape) -> list[JSON]:
    """The order is the live one; where it means nothing, the declared one with what is new behind it."""
    kept = _kept(declared, live, shape.element)
    changed = _changed(declared, live, shape.element, kept)
    written: list[JSON] = []
    for index, value in enumerate(live):
        if index in kept:
            written.append(declared[kept[index]])
        elif index in changed:
            written.append(rewritten(declared[changed[index]], value, shape.element))
        else:
            written.append(authored(value, shape.element, declared))
    free = shape.form is Form.SET or shape.unordered or shape.form is Form.KEYED
    if not free or shape.ordered or shape.expanding:
        return written
    places = {**kept, **changed}
    return [written[index] for index in sorted(range(len(live)), key=lambda index: places.get(index, len(declared)))]


def _kept(declared: Sequence[JSON], live: Sequence[JSON], shape: Shape) -> dict[int, int]:
    """The live elements, by index, that say what a declared one says: in as many words, else with what was filled in."""
    open_: defaultdict[str, list[int]] = defaultdict(list)
    for place, value in reversed([*enumerate(declared)]):
        open_[spelled(canonical(value, shape))].append(place)
    kept = {
        index: places.pop()
        for index, value in enumerate(live)
        if (places := open_.get(spelled(canonical(value, shape)), []))
    }
    if shape.form is not Form.STRUCT:
        return kept
    silent = sorted(place for places in open_.values() for place in places)
    for index, value in enumerate(live):
        if index not in kept and (filled := _filled_in(declared, silent, value, shape)) is not None:
            kept[index] = filled
            silent.remove(filled)
    return kept


def _filled_in(declared: Sequence[JSON], places: Sequence[int], value: JSON, shape: Shape) -> int | None:
    """The place of the declared element of which ``value`` is what the server made."""
    if not isinstance(value, (dict, Mapping)):
        return None
    for place in places:
        element = declared[place]
        if isinstance(element, (dict, Mapping)) and not walk(element, value, shape):
            return place
    return None


def _changed(declared: Sequence[JSON], live: Sequence[JSON], shape: Shape, kept: Mapping[int, int]) -> dict[int, int]:
    """The other live elements, by index, with the declared one that each was before it changed, as far as one is like it."""
    gone = sorted(set(range(len(declared))) - set(kept.values()))
    changed: dict[int, int] = {}
    for index, value in enumerate(live):
        if index in kept or not isinstance(value, (dict, Mapping)):
            continue
        alike = [(place, _likeness(declared[place], value, shape)) for place in gone]
        like, shared = max(alike, key=itemgetter(1), default=(0, 0))
        if shared:
            changed[index] = like
            gone.remove(like)
    return changed


def _likeness(declared: JSON, live: Tree, shape: Shape) -> int:
    """How many entries two elements share; 0 for those of different names."""
    if not isinstance(declared, (dict, Mapping)) or live.get("name") != declared.get("name"):
        return 0
    return sum(key in live and same(live[key], value, shape.child(key)) for key, value in declared.items())
