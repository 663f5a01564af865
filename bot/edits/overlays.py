"""Artifact patches that outlive the next render: one file per task under ``.clockwork/overlays/``.

A fix of a rendered file is recorded as what was changed, from which rendered value, to what, for which drift. The renderer
applies an entry as long as configuration still renders the value it replaced; when a person changes that value in
configuration, configuration wins and the entry is dropped (:mod:`bot.forge.render`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from bot.edits.overlay_file import FOLDER, Absent, OverlayEntry, dump_file, load_file
from bot.edits.values import applied, at, ordered, same, touched
from bot.errors import Refused
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON
from bot.model.paths import format_path
from bot.model.resource import Desired, SourceError

__all__ = ["ABSENT", "OverlayEntry", "Overlays", "apply_entry", "dump", "load", "with_patch"]

ABSENT: Final = Absent()
"""There was no value, or there is to be none: unlike null."""

_Outcome: TypeAlias = "JSON | Absent"


@dataclass(frozen=True, slots=True)
class Overlays:
    """All recorded patches by task, entries in the order they are applied."""

    tasks: Mapping[str, tuple[OverlayEntry, ...]] = field(default_factory=dict)

    def of(self, task: str, resource: str) -> tuple[OverlayEntry, ...]:
        """The entries about one resource of a task."""
        return tuple(entry for entry in self.tasks.get(task, ()) if entry.resource == resource)

    def without(self, dropped: Sequence[OverlayEntry]) -> Overlays:
        """The same without some entries; a task without entries is left out."""
        kept_tasks = {
            task: tuple(entry for entry in entries if entry not in dropped) for task, entries in self.tasks.items()
        }
        return Overlays({task: entries for task, entries in kept_tasks.items() if entries})


def load(files: Mapping[str, bytes]) -> tuple[Overlays, tuple[SourceError, ...]]:
    """The overlays among ``files`` (path to bytes; others are passed over) and every mistake in them."""
    tasks: dict[str, tuple[OverlayEntry, ...]] = {}
    errors: list[SourceError] = []
    for path in sorted(files):
        if path.startswith(FOLDER) and path.endswith(".yaml"):
            task, entries, mistakes = load_file(path, files[path])
            errors += mistakes
            if entries:
                tasks[task] = tasks.get(task, ()) + entries
    return Overlays(tasks), tuple(errors)


def dump(overlays: Overlays) -> Mapping[str, bytes]:
    """The files that hold ``overlays``, the same bytes for the same overlays. Tasks that lost all entries have none."""
    return {
        f"{FOLDER}{file_name(task)}.yaml": dump_file(task, entries) for task, entries in sorted(overlays.tasks.items())
    }


def file_name(task: str) -> str:
    """The name of a task's overlay file: the task itself, with what cannot stand in a file name replaced."""
    safe = "".join(char if char.isalnum() or char in "-_." else "-" for char in task).strip(".")
    return safe or "task"


def with_patch(overlays: Overlays, desired: Desired, edits: Sequence[Edit], drift_ids: Sequence[str]) -> Overlays:
    """``overlays`` with ``edits`` of a rendered tree recorded. ``desired`` is the resource with overlays so far applied.

    Patching the same place again keeps the rendered value it first replaced; patching it back to that value removes the
    entry. Raises :class:`~bot.errors.Refused` for a secret value, which must not be written down.
    """
    entries = list(overlays.tasks.get(desired.task, ()))
    tree: JSON = desired.tree
    for edit in ordered(edits):
        if desired.hides(touched(edit)):
            raise Refused(f"{desired.id}: {format_path(touched(edit))} is secret and is not written into an overlay")
        new_entry = _entry(desired, tree, edit, tuple(drift_ids))
        tree = applied(tree, edit)
        entries = _recorded(entries, new_entry)
    tasks = {task: task_entries for task, task_entries in overlays.tasks.items() if task != desired.task}
    if entries:
        tasks[desired.task] = tuple(entries)
    return Overlays(tasks)


def _entry(desired: Desired, tree: JSON, edit: Edit, drifts: tuple[str, ...]) -> OverlayEntry:
    pointer = touched(edit)
    old: _Outcome
    try:
        old = at(tree, pointer)
    except KeyError:
        old = ABSENT
    match edit:
        case AddEntry(_, None, value):
            return OverlayEntry(str(desired.id), pointer, value, old, drifts, append=True)
        case SetValue(_, value) | AddEntry(_, _, value):
            return OverlayEntry(str(desired.id), pointer, value, old, drifts)
        case RemoveEntry():
            return OverlayEntry(str(desired.id), pointer, ABSENT, old, drifts)


def _recorded(entries: list[OverlayEntry], new_entry: OverlayEntry) -> list[OverlayEntry]:
    for index, entry in enumerate(entries):
        if (
            entry.resource == new_entry.resource
            and entry.pointer == new_entry.pointer
            and not entry.append
            and not new_entry.append
        ):
            merged = replace(
                new_entry, replaced=entry.replaced, drifts=tuple(dict.fromkeys((*entry.drifts, *new_entry.drifts)))
            )
            back = same(merged.value, merged.replaced)
            return [*entries[:index], *([] if back else [merged]), *entries[index + 1 :]]
    return [*entries, new_entry]


def apply_entry(tree: JSON, entry: OverlayEntry) -> JSON | str:
    """The rendered tree with one entry applied, or the sentence that says why the entry no longer holds.

    Text is never a whole tree, so the two cannot be confused.
    """
    path_text = format_path(entry.pointer)
    rendered: _Outcome
    try:
        rendered = at(tree, entry.pointer)
    except KeyError:
        rendered = ABSENT
    if not same(rendered, entry.replaced):
        return (
            f"configuration now sets {path_text} itself" if not isinstance(rendered, Absent) else f"{path_text} is gone"
        )
    try:
        if isinstance(entry.value, Absent):
            return applied(tree, RemoveEntry(entry.pointer))
        if entry.append:
            return applied(tree, AddEntry(entry.pointer, None, entry.value))
        return applied(tree, SetValue(entry.pointer, entry.value))
    except Refused:
        return f"{path_text} cannot be set in what is rendered now"
