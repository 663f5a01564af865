"""Entries of mappings and lists that a chart's templates copy as a whole: annotations, environment, arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.edits.values import same
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer, Tree, value_at
from bot.origins.desire import DesiredEdit
from bot.origins.slots import simple


def overrides(desire: DesiredEdit, defaults: Tree, layer_values: JSON) -> Iterator[Edit]:
    """Edits of a layer's values ``layer_values``, over ``defaults``, that may make the entry, change it or take it away.

    Helm merges mappings, and takes away a key that is null; a list replaces the other (Helm docs, "Values Files").
    """
    around, small = _small(desire)
    yield from _whole_overrides(desire, defaults, layer_values)
    for pointer, default in _collections(defaults, layer_values):
        own_value = value_at(layer_values, pointer)
        value = (
            merged(default, own_value)
            if isinstance(default, Mapping) and isinstance(own_value, Mapping)
            else own_value or default
        )
        if small is None:
            if same(value, desire.old):
                yield SetValue(pointer, desire.edit.value if isinstance(desire.edit, SetValue) else None)
        elif value and not _within(value, around):
            continue
        elif isinstance(value, Mapping):
            yield from _in_mapping(pointer, value, own_value, default, small)
        elif isinstance(value, (list, tuple)) and not (isinstance(small, AddEntry) and small.key is not None):
            new = _in_list(value, around, small)
            if new is not None:
                yield _set_edit(pointer, new)


def _whole_overrides(desire: DesiredEdit, defaults: Tree, layer_values: JSON) -> Iterator[Edit]:
    """A mapping or list that comes as a whole, for one of the values that is empty so far: that of its name first."""
    edit = desire.edit
    if not isinstance(edit, AddEntry) or edit.key is None or not isinstance(edit.value, (Mapping, list, tuple)):
        return
    empty = [
        pointer
        for pointer, default in _collections(defaults, layer_values)
        if not (default or value_at(layer_values, pointer))
        and isinstance(default, Mapping) == isinstance(edit.value, Mapping)
    ]
    for pointer in sorted(empty, key=lambda entry: entry[-1] != edit.key):
        yield _set_edit(pointer, edit.value)


def _small(desire: DesiredEdit) -> tuple[JSON, Edit | None]:
    """The rendered collection that gets, changes or loses an entry, and the edit from there; none for a new whole."""
    edit = desire.edit
    pointer = edit.pointer if isinstance(edit, AddEntry) else edit.pointer[:-1]
    around = value_at(desire.tree, pointer)
    match edit:
        case AddEntry(_, key, value):
            return around, AddEntry((), key, value)
        case SetValue(_, value) if isinstance(value, (Mapping, list, tuple)):
            return around, None
        case SetValue(outer_pointer, value):
            return around, SetValue(outer_pointer[-1:], value)
        case RemoveEntry(outer_pointer):
            return around, RemoveEntry(outer_pointer[-1:])


def _in_mapping(pointer: Pointer, value: Tree, own_value: JSON, default: JSON, small: Edit) -> Iterator[Edit]:
    match small:
        case AddEntry(_, str() as key, new):
            yield AddEntry(pointer, key, new)
        case AddEntry(_, None, {"name": str() as key, "value": new}):
            yield AddEntry(pointer, key, new)
        case SetValue((str() as key,), new) if key in value:
            yield AddEntry(pointer, key, new)
        case RemoveEntry((str() as key,)) if key in value:
            if isinstance(default, Mapping) and key in default:
                yield AddEntry(pointer, key, None)
            elif isinstance(own_value, Mapping) and key in own_value:
                yield RemoveEntry((*pointer, key))


def _in_list(value: JSON, around: JSON, small: Edit) -> JSON:
    """The list of the values after the edit of the rendered one: its elements are found by equality."""
    if not isinstance(value, (list, tuple)):
        return None
    if isinstance(small, AddEntry):
        return [*value, small.value]
    index = small.pointer[0]
    element = (
        around[index] if isinstance(around, (list, tuple)) and isinstance(index, int) and index < len(around) else None
    )
    numbers = [number for number, candidate in enumerate(value) if same(candidate, element)]
    if len(numbers) != 1:
        return None
    edit = SetValue((numbers[0],), small.value) if isinstance(small, SetValue) else RemoveEntry((numbers[0],))
    return simple(value, edit)


def _set_edit(pointer: Pointer, value: JSON) -> Edit:
    return AddEntry(pointer[:-1], str(pointer[-1]), value)


def merged(below: JSON, above: JSON) -> Tree:
    """Values over others as Helm lays them: mappings are merged, null takes away, all else is replaced."""
    result: dict[str, JSON] = dict(below) if isinstance(below, Mapping) else {}
    for key, value in above.items() if isinstance(above, Mapping) else ():
        old = result.get(key)
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(old, value) if isinstance(value, Mapping) and isinstance(old, Mapping) else value
    return result


def _collections(defaults: JSON, layer_values: JSON) -> Iterator[tuple[Pointer, JSON]]:
    """Every mapping and list of either, by keys alone, with what the defaults say there."""
    pointers = dict.fromkeys([*_walk(defaults, ()), *_walk(layer_values, ())])
    yield from ((pointer, value_at(defaults, pointer)) for pointer in pointers)


def _walk(value: JSON, pointer: Pointer) -> Iterator[Pointer]:
    if isinstance(value, Mapping):
        if pointer:
            yield pointer
        for key, entry in value.items():
            yield from _walk(entry, (*pointer, key))
    elif isinstance(value, (list, tuple)):
        yield pointer


def _within(value: JSON, around: JSON) -> bool:
    """Whether what values say is part of what was rendered, as a template that copies it makes it."""
    if isinstance(value, Mapping) and isinstance(around, Mapping):
        return all(key in around and same(around[key], entry) for key, entry in value.items())
    if isinstance(value, Mapping) and isinstance(around, (list, tuple)):
        values_by_name = {entry.get("name"): entry.get("value") for entry in around if isinstance(entry, Mapping)}
        return all(
            key in values_by_name and values_by_name[key] == (entry if isinstance(entry, str) else str(entry))
            for key, entry in value.items()
        )
    if isinstance(value, (list, tuple)) and isinstance(around, (list, tuple)):
        return all(any(same(element, candidate) for candidate in around) for element in value)
    return False
