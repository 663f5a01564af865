"""From a live value that differs through the comparison and the edit, and back to what is rendered then."""

from __future__ import annotations

from collections.abc import Iterator

from bot.assembly.assemble import assemble
from bot.assembly.config import AssembledConfig
from bot.assembly.tracing import TracedOrigins
from bot.assembly.values import ValueForm
from bot.drift.diff import examine
from bot.drift.options import ComparisonOptions
from bot.drift.surroundings import ComparisonContext
from bot.edits.adopt import adopt
from bot.edits.overlays import Overlays
from bot.edits.values import applied
from bot.forge.render import render
from bot.model.drift import SetValue
from bot.model.json import JSON, Pointer
from bot.model.resource import Desired, Observed, Through

OPTIONS = ComparisonOptions(mask_key=b"a key for tests")
_OTHER = {"Forbid": "Replace", "Exact": "Prefix"}
_NAMES = frozenset({"name", "mountPath", "containerPort"})


def configured(text: str) -> AssembledConfig:
    """The configuration of one file, in which there is no mistake."""
    assembly = assemble({"main.cw": text.encode()}, variables={}, environment={})
    assert not assembly.errors
    return assembly.config


def rendered(text: str) -> dict[str, Desired]:
    """What one file declares, by name."""
    return {str(desired.id): desired for desired in render(configured(text), Overlays()).desired}


def written(desired: Desired) -> Iterator[Pointer]:
    """Every leaf of a rendered object that is a literal of its file; what tells elements of lists apart, aside."""
    assert isinstance(desired.origins, TracedOrigins)
    for pointer, value in desired.origins.tree.walk():
        is_literal = value.trace.origin.through is Through.LITERAL and value.trace.form is not ValueForm.FIXED
        if is_literal and not value.mapping and not value.elements and pointer[-1] not in _NAMES:
            yield pointer


def changed(value: JSON) -> JSON:
    """Another value of the same kind."""
    match value:
        case "Forbid" | "Exact":
            return _OTHER[value]
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str() if value.endswith("Mi"):
            return f"1{value}"
    return f"{value}2"


def came_back(text: str, name: str, pointer: Pointer) -> str:
    """The file after the live value at ``pointer`` of an object changed and was adopted.

    Fails where the comparison does not find exactly that, or where the file then renders to anything but what is live.
    """
    desired = rendered(text)[name]
    live = applied(desired.tree, SetValue(pointer, changed(at(desired, pointer))))
    assert isinstance(live, dict)
    assert not examine(desired, Observed(desired.id, dict(desired.tree)), None, OPTIONS, ComparisonContext()).drift
    (drift,) = examine(desired, Observed(desired.id, live), None, OPTIONS, ComparisonContext()).drift
    files = adopt(desired, drift.adopt, {"main.cw": text.encode()}, cw=configured(text)).files
    after = files["main.cw"].decode()
    assert rendered(after)[name].tree == live
    return after


def at(desired: Desired, pointer: Pointer) -> JSON:
    """The value at ``pointer`` of a rendered object."""
    assert isinstance(desired.origins, TracedOrigins)
    value = desired.origins.value(pointer)
    assert value is not None
    return value.plain()
