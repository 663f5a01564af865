"""What rendering comes to, and the pieces that both providers' renderers are made of."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from bot.assembly.config import Resource
from bot.assembly.values import Trace, Value, ValueForm, traced
from bot.edits.overlays import OverlayEntry
from bot.intake.discover import folder_of
from bot.model.json import JSON, Pointer
from bot.model.resource import Desired, ResourceId

BUILD: Final = ".clockwork/build"


@dataclass(frozen=True, slots=True)
class Dropped:
    """An overlay entry that no longer applies because configuration changed, and why in a sentence."""

    task: str
    entry: OverlayEntry
    reason: str


@dataclass(frozen=True, slots=True)
class ArtifactBundle:
    """``files``: path to bytes, all below ``.clockwork/build/``. ``desired``: what they declare. ``dropped``: overlay
    entries to forget, because configuration wins.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    desired: tuple[Desired, ...] = ()
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True)
class ArtifactPart:
    """One rendered object before overlays: its identity, its tree, and where it goes.

    ``root`` is its place in document ``document`` of ``artifact``. ``containers`` as in
    :class:`~bot.assembly.tracing.TracedOrigins`.
    """

    id: ResourceId
    task: str
    resource: Resource
    tree: Value
    artifact: str
    document: int = 0
    root: Pointer = ()
    containers: Mapping[Pointer, tuple[Pointer, str]] = field(default_factory=dict)


def fixed(value: JSON, source: Value) -> Value:
    """A value that a renderer made up; people are led to ``source``, but no edit can be written there."""
    return traced(value, Trace(source.trace.origin, sensitive=source.trace.sensitive, form=ValueForm.FIXED))


def derived(value: Value, data: JSON, form: ValueForm = ValueForm.FIXED) -> Value:
    """``value`` in another form."""
    return traced(data, replace(value.trace, form=form))


def tree(entries: Mapping[str, Value | None], source: Value) -> Value:
    """An object of rendered values; absent ones are left out."""
    present = {key: value for key, value in entries.items() if value is not None}
    return Value(present, replace(source.trace, form=ValueForm.FIXED))


def listed(items: list[Value], source: Value) -> Value:
    """A list of rendered values."""
    return Value(tuple(items), replace(source.trace, form=ValueForm.FIXED))


def each(value: Value | None, make: Callable[[Value], Value]) -> Value | None:
    """A list of what ``make`` makes of the elements of one; None for none."""
    return None if value is None else listed([make(item) for item in value.elements], value)


def rebased(value: Value | None, resource: Resource, artifact: str) -> Value | None:
    """A path that is relative to the ``.cw`` file, as seen from the artifact."""
    if value is None or not isinstance(value.data, str) or not value.data.startswith("."):
        return value
    target = posixpath.normpath(posixpath.join(folder_of(resource.file), value.data))
    return derived(value, posixpath.relpath(target, folder_of(artifact)))
