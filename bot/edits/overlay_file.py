"""The bytes of one overlay file: YAML that people may read and delete lines from. Used by :mod:`bot.edits.overlays`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from bot.edits.style import FileStyle, block
from bot.errors import Invalid
from bot.intake.mistakes import reason
from bot.intake.scalars import Dialect
from bot.intake.spans import locate
from bot.intake.text import NotText, Text, text_error
from bot.intake.yamlspans import span_trees
from bot.intake.yamltree import Broken, load
from bot.model.json import JSON, Pointer
from bot.model.paths import Item, format_path, parse_path
from bot.model.resource import SourceError

FOLDER: Final = ".clockwork/overlays/"
_HEADER: Final = (
    "# Fixes that Clockwork made in rendered files, kept when they are rendered again.\n"
    "# Delete an entry to let configuration decide again.\n"
)


@dataclass(frozen=True, slots=True)
class Absent:
    """No value at all, which is not null."""


@dataclass(frozen=True, slots=True)
class OverlayEntry:
    """One patch: at ``pointer`` of the rendered tree of ``resource``, ``value`` stands instead of ``replaced``.

    ``append`` adds ``value`` to the list at ``pointer``, which was ``replaced``. ``drifts`` are the fingerprints that
    called for it.
    """

    resource: str
    pointer: Pointer
    value: JSON | Absent
    replaced: JSON | Absent
    drifts: tuple[str, ...] = ()
    append: bool = False


class _EntryModel(BaseModel):
    model_config = ConfigDict(extra="forbid")

    resource: str
    path: str
    value: JsonValue = None
    append: JsonValue = None
    replaced: JsonValue = None
    drift: list[str] = []


class _FileModel(BaseModel):
    model_config = ConfigDict(extra="forbid")

    task: str
    entries: list[_EntryModel]


def dump_file(task: str, entries: Sequence[OverlayEntry]) -> bytes:
    """The file of one task."""
    content: dict[str, JSON] = {"task": task, "entries": [_written(entry) for entry in entries]}
    return (_HEADER + "\n".join(block(content, FileStyle())) + "\n").encode("utf-8")


def _written(entry: OverlayEntry) -> dict[str, JSON]:
    fields: dict[str, JSON] = {"resource": entry.resource, "path": format_path(entry.pointer)}
    if not isinstance(entry.value, Absent):
        fields["append" if entry.append else "value"] = entry.value
    if not isinstance(entry.replaced, Absent):
        fields["replaced"] = entry.replaced
    return fields | {"drift": list(entry.drifts)}


def load_file(path: str, data: bytes) -> tuple[str, tuple[OverlayEntry, ...], list[SourceError]]:
    """Task, entries and mistakes of one file. An entry with a mistake is left out."""
    try:
        text = Text.of(path, data)
        documents = load(text, Dialect.COMPOSE)
    except NotText as problem:
        return "", (), [text_error(path, problem)]
    except Broken as problem:
        return "", (), [problem.error]
    if not documents or documents[0] is None:
        return "", (), []
    try:
        model = _FileModel.model_validate(documents[0].value)
    except ValidationError as exc:
        return "", (), [_mistake(text, error["loc"], reason(error)) for error in exc.errors()]
    entries: list[OverlayEntry] = []
    errors: list[SourceError] = []
    for index, recorded in enumerate(model.entries):
        try:
            entries.append(_entry(recorded))
        except Invalid as exc:
            errors.append(_mistake(text, ("entries", index, "path"), exc.message))
    return model.task, tuple(entries), errors


def _entry(model: _EntryModel) -> OverlayEntry:
    pointer = tuple(part for part in parse_path(model.path) if not isinstance(part, Item))
    if not pointer or format_path(pointer) != model.path:
        raise Invalid(f"{model.path!r} is not a raw path; elements are written [#0]")
    set_fields = model.model_fields_set
    append = "append" in set_fields
    value: JSON | Absent = model.append if append else model.value if "value" in set_fields else Absent()
    return OverlayEntry(
        model.resource,
        pointer,
        value,
        model.replaced if "replaced" in set_fields else Absent(),
        tuple(model.drift),
        append,
    )


def _mistake(text: Text, location: tuple[int | str, ...], message: str) -> SourceError:
    tree: Any = span_trees(text)[0]
    node = locate(tree, location).node
    return text.error(node.start, message)
