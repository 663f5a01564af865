"""Edits on plain values: what an edit of text must come to, and the smaller edits that a large one is made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from bot.errors import Refused
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer, is_list, value_at
from bot.model.paths import format_path


def at(value: JSON, pointer: Pointer) -> JSON:
    """The value at ``pointer``. Raises :class:`KeyError` where there is none."""
    for segment in pointer:
        inside_map = isinstance(value, Mapping) and isinstance(segment, str)
        inside_list = is_list(value) and isinstance(segment, int) and segment < len(value)
        if not (inside_map or inside_list):
            raise KeyError(segment)
        value = value[segment]  # type: ignore[index]  # just checked
    return value


def touched(edit: Edit) -> Pointer:
    """The place that ``edit`` is about: of an added entry its own, of an added element its list."""
    return (*edit.pointer, edit.key) if isinstance(edit, AddEntry) and edit.key is not None else edit.pointer


def applied(value: JSON, edit: Edit) -> JSON:
    """``value`` as it is after ``edit``; ``value`` itself stays. Raises :class:`~bot.errors.Refused` if it cannot be."""
    match edit:
        case SetValue(pointer, new):
            return _changed(value, pointer, new)
        case RemoveEntry(pointer):
            return _removed(value, pointer)
        case AddEntry(pointer, key, new):
            return _added(value, pointer, key, new)


def _changed(value: JSON, pointer: Pointer, new: JSON) -> JSON:
    if not pointer:
        return new
    head, remaining_pointer = pointer[0], pointer[1:]
    if isinstance(value, Mapping) and isinstance(head, str):
        return {**value, head: _changed(value.get(head), remaining_pointer, new)}
    if value is None and isinstance(head, str):
        return {head: _changed(None, remaining_pointer, new)}
    if is_list(value) and isinstance(head, int) and head < len(value):
        return [_changed(item, remaining_pointer, new) if index == head else item for index, item in enumerate(value)]
    raise Refused(f"the source has nothing at {format_path(pointer)} that could be changed")


def _removed(value: JSON, pointer: Pointer) -> JSON:
    head, remaining_pointer = pointer[0] if pointer else None, pointer[1:]
    if isinstance(value, Mapping) and head in value and isinstance(head, str):
        if remaining_pointer:
            return {**value, head: _removed(value[head], remaining_pointer)}
        return {key: item for key, item in value.items() if key != head}
    if is_list(value) and isinstance(head, int) and head < len(value):
        if remaining_pointer:
            return [_removed(item, remaining_pointer) if index == head else item for index, item in enumerate(value)]
        return [item for index, item in enumerate(value) if index != head]
    raise Refused(f"the source has nothing at {format_path(pointer)} that could be removed")


def _added(value: JSON, pointer: Pointer, key: str | None, new: JSON) -> JSON:
    if key is not None:
        return _changed(value, (*pointer, key), new)
    try:
        elements = at(value, pointer)
    except KeyError:
        elements = None
    if elements is None:
        return _changed(value, pointer, [new])
    if is_list(elements):
        return _changed(value, pointer, [*elements, new])
    raise Refused(f"the source has no list at {format_path(pointer)}")


def same(left: object, right: object) -> bool:
    """Equality that keeps types apart: ``1``, ``1.0``, ``True``, ``"1"`` and what is not there are five values."""
    if isinstance(left, str):
        return left == right and isinstance(right, str)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    if is_list(left) and is_list(right):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (left != left and right != right)  # noqa: PLR0124 (not a number equals nothing)
    return type(left) is type(right) and left == right


def ordered(edits: Sequence[Edit]) -> list[Edit]:
    """An order in which earlier edits do not move what later ones point at: changes, additions, removals from the end."""
    changes: list[Edit] = [edit for edit in edits if isinstance(edit, SetValue)]
    additions: list[Edit] = [edit for edit in edits if isinstance(edit, AddEntry)]
    removals = [edit for edit in edits if isinstance(edit, RemoveEntry)]
    removals.sort(key=lambda edit: [(isinstance(part, int), part) for part in edit.pointer], reverse=True)
    return [*changes, *additions, *removals]


def paired(value: JSON, edits: Sequence[Edit]) -> list[Edit]:
    """``edits`` with one element removed from a list and a like one added to it made a change of that element.

    Lists whose elements have no lasting name are compared so: a port that got another number went and came. Alike are
    objects of the same name that differ in one value and, at most, say more.
    """
    edit_list = list(edits)
    for added in [edit for edit in edits if isinstance(edit, AddEntry) and edit.key is None]:
        removals = [edit for edit in edit_list if isinstance(edit, RemoveEntry) and edit.pointer[:-1] == added.pointer]
        similar = [edit for edit in removals if _alike(value_at(value, edit.pointer), added.value)]
        if len(similar) == 1:
            edit_list[edit_list.index(similar[0])] = SetValue(similar[0].pointer, added.value)
            edit_list.remove(added)
    return edit_list


def _alike(left: JSON, right: JSON) -> bool:
    if not isinstance(left, Mapping) or not isinstance(right, Mapping) or not left.keys() <= right.keys():
        return False
    differing = [key for key, item in left.items() if not same(item, right[key])]
    return len(differing) == 1 and differing[0] != "name"


def steps(value: JSON, edit: Edit) -> Iterator[Edit]:
    """``edit`` as edits that touch as little as possible: a changed collection becomes changes of what differs in it."""
    if isinstance(edit, AddEntry) and edit.key is not None:
        try:
            old = at(value, (*edit.pointer, edit.key))
        except KeyError:
            yield edit
            return
        yield from _difference((*edit.pointer, edit.key), old, edit.value)
    elif isinstance(edit, SetValue):
        try:
            old = at(value, edit.pointer)
        except KeyError:
            yield _missing(value, edit)
            return
        yield from _difference(edit.pointer, old, edit.value)
    else:
        yield edit


def _missing(value: JSON, edit: SetValue) -> Edit:
    last = edit.pointer[-1]
    if isinstance(last, str):
        return AddEntry(edit.pointer[:-1], last, edit.value)
    elements = value_at(value, edit.pointer[:-1])
    if is_list(elements) and last == len(elements):
        return AddEntry(edit.pointer[:-1], None, edit.value)
    raise Refused(f"the source has nothing at {format_path(edit.pointer)} that could be changed")


def _difference(pointer: Pointer, old: JSON, new: JSON) -> Iterator[Edit]:
    if same(old, new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping) and old and new:
        for key, item in new.items():
            if key not in old:
                yield AddEntry(pointer, key, item)
            else:
                yield from _difference((*pointer, key), old[key], item)
        yield from (RemoveEntry((*pointer, key)) for key in old if key not in new)
    elif is_list(old) and is_list(new) and old and new:
        yield from _list_difference(pointer, list(old), list(new))
    else:
        yield SetValue(pointer, new)


def _list_difference(pointer: Pointer, old: list[JSON], new: list[JSON]) -> Iterator[Edit]:
    removed_indexes = _left_out(old, new)
    if removed_indexes is not None:
        yield from (RemoveEntry((*pointer, index)) for index in reversed(removed_indexes))
        return
    gaps = _gaps(old, new)
    for start, end, first, last in gaps:
        for index, (before, after) in enumerate(zip(old[start:end], new[first:last], strict=False), start):
            yield from _difference((*pointer, index), before, after)
    start, end, first, last = gaps[-1]
    yield from (AddEntry(pointer, None, item) for item in new[first + end - start : last])
    for start, end, first, last in reversed(gaps):
        yield from (RemoveEntry((*pointer, index)) for index in range(end - 1, start + last - first - 1, -1))


def _gaps(old: list[JSON], new: list[JSON]) -> list[tuple[int, int, int, int]]:
    """The spans of ``old`` and ``new`` between the elements that both share; all of both where something new would have to
    go between two of those, since a list grows at its end only.
    """
    matcher = SequenceMatcher(None, [*map(_spelled, old)], [*map(_spelled, new)], autojunk=False)
    gaps = [(start, end, first, last) for tag, start, end, first, last in matcher.get_opcodes() if tag != "equal"]
    grows = any(last - first > end - start and end < len(old) for start, end, first, last in gaps)
    return [(0, len(old), 0, len(new))] if grows or not gaps else gaps


def _spelled(value: JSON) -> str:
    """A text that is equal for values that are the :func:`same`."""
    return json.dumps(value, sort_keys=True, default=lambda item: dict(item) if isinstance(item, Mapping) else [*item])


def _left_out(old: list[JSON], new: list[JSON]) -> list[int] | None:
    """The indexes to leave out of ``old`` to get ``new``; None when there are none such."""
    removed_indexes: list[int] = []
    match_count = 0
    for index, item in enumerate(old):
        if match_count < len(new) and same(item, new[match_count]):
            match_count += 1
        else:
            removed_indexes.append(index)
    return removed_indexes if match_count == len(new) else None
