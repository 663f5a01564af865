"""Where in the rendered objects of a resource the attributes are that its ``ignore_changes`` names.

Found by rendering the resource once more with that attribute marked, so that no second table says what goes where; one that
the resource does not set gets a value for that, because who ignores ``replicas`` mostly leaves them to somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from bot.assembly.config import IgnoredChange, Resource, Stack
from bot.assembly.schema import SCHEMAS, Schema
from bot.assembly.types import ListOf, MapOf, OneOf, ScalarType, Type
from bot.assembly.values import Data, Trace, Value
from bot.drift.compose.shape import service_shape
from bot.drift.kubernetes.kinds import shape_of
from bot.drift.shapes import ANY, Shape
from bot.forge.bundle import ArtifactPart
from bot.model.json import Pointer
from bot.model.resource import LeftAlone, Origin, Platform, ResourceId
from bot.targets.places import canonical, named_by

Parts = Callable[[Stack], Iterable[ArtifactPart]]
_MARK: Final = Trace(Origin("", -1, -1, 0, 0))
_UNMARKED: Final = Trace(Origin("", -2, -2, 0, 0))
_ALL: Final = ("*",)
_SCALARS: Final[Mapping[ScalarType, Data]] = {
    ScalarType.DURATION: "1s",
    ScalarType.SIZE: "1m",
    ScalarType.BOOL: True,
    ScalarType.NUMBER: 1,
    ScalarType.INTEGER: 1,
    ScalarType.PORT: 1,
}


def left_alone(stack: Stack, resource: Resource, parts: Parts) -> Mapping[ResourceId, tuple[LeftAlone, ...]]:
    """The places of each object of ``resource`` that its lifecycle leaves alone."""
    left_alone_places: dict[ResourceId, tuple[LeftAlone, ...]] = {}
    for change in resource.ignored:
        body = _marked(resource.body, change.pointer, SCHEMAS[resource.kind])
        lone_stack = replace(stack, resources=(replace(resource, body=body),))
        for part in parts(lone_stack):
            left_alone_places[part.id] = (*left_alone_places.get(part.id, ()), *_left_alone(part, change))
    return left_alone_places


def _left_alone(part: ArtifactPart, change: IgnoredChange) -> Iterator[LeftAlone]:
    plain, shape = part.tree.plain(), _shape(part)
    for pointer in _marks(part.tree, ()) if change.pointer else [_ALL]:
        for path in canonical(_outside(pointer, shape), plain, shape):
            yield LeftAlone(path, change.name, change.file, change.line)


def _outside(pointer: Pointer, shape: Shape) -> Pointer:
    """The list around an element that is known by what is at ``pointer``: live it is another element."""
    element_paths = (
        element[:-1] for element in named_by(pointer, shape) if element != pointer and pointer[-1] != "name"
    )
    return next(element_paths, pointer)


def _shape(part: ArtifactPart) -> Shape:
    if part.id.platform is Platform.KUBERNETES:
        return shape_of(part.id.group, part.id.kind)
    return service_shape() if part.id.kind == "service" else ANY


def _marks(value: Value, pointer: Pointer) -> Iterator[Pointer]:
    """The outermost marked values."""
    if value.trace.origin == _MARK.origin:
        yield pointer
        return
    for key, child in value.mapping.items():
        yield from _marks(child, (*pointer, key))
    for index, child in enumerate(value.elements):
        yield from _marks(child, (*pointer, index))


def _marked(value: Value, pointer: Pointer, schema: Schema) -> Value:
    """The body of a block with what is at ``pointer`` marked, and made up where there is nothing."""
    if not pointer:
        return _retraced(value)
    name, *steps = pointer
    child = value.mapping.get(str(name))
    if name in schema.attributes:
        entries = _attribute(child, schema.attributes[str(name)], steps)
    else:
        inner = schema.blocks[str(name)]
        if inner.many:
            entries = _blocks(child, steps, inner.schema)
        else:
            entries = _marked(child or _block(inner.schema, _UNMARKED), tuple(steps), inner.schema)
    return replace(value, data={**value.mapping, str(name): entries})


def _attribute(child: Value | None, kind: Type, steps: list[str | int]) -> Value:
    if not steps:
        return _sample(kind, _MARK) if child is None else _retraced(child)
    sample = _sample(kind.item if isinstance(kind, MapOf) else kind, _MARK)
    siblings = {} if child is None else child.mapping
    child_value = siblings.get(str(steps[0]))
    return Value(
        {**siblings, str(steps[0]): sample if child_value is None else _retraced(child_value)},
        child.trace if child else _UNMARKED,
    )


def _blocks(child: Value | None, steps: list[str | int], schema: Schema) -> Value:
    blocks = child.elements if child is not None and child.elements else (_block(schema, _UNMARKED),)
    trace = _UNMARKED if child is None else child.trace
    if not steps:
        return Value(tuple(_retraced(block) for block in blocks), _MARK)
    index, *inner_steps = steps
    marked = [
        _marked(block, tuple(inner_steps), schema) if at == index or not isinstance(index, int) else block
        for at, block in enumerate(blocks)
    ]
    return Value(tuple(marked), trace)


def _retraced(value: Value) -> Value:
    return value.retraced(lambda trace: replace(trace, origin=_MARK.origin))


def _block(schema: Schema, trace: Trace) -> Value:
    """A block that sets everything."""
    entries = {name: _sample(kind, trace) for name, kind in schema.attributes.items()}
    for name, inner in schema.blocks.items():
        block = _block(inner.schema, trace)
        entries[name] = Value((block,), trace) if inner.many else block
    return Value(entries, trace)


def _sample(kind: Type, trace: Trace) -> Value:
    """A value of a type; texts are also numbers, which some renderers ask for."""
    match kind:
        case MapOf(item):
            return Value({"1": _sample(item, trace)}, trace)
        case ListOf(item):
            return Value((_sample(item, trace),), trace)
        case OneOf(choices):
            return Value(choices[0], trace)
        case ScalarType():
            return Value(_SCALARS.get(kind, "1"), trace)
    return Value({}, trace)
