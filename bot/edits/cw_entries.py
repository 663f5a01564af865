"""Where entries of a rendered tree are added to and removed from in ``.cw`` files. Part of :mod:`bot.edits.cw`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bot.assembly.tracing import TracedOrigins
from bot.assembly.values import Value, ValueForm
from bot.edits import hcl, hcl_nodes
from bot.errors import Refused
from bot.intake.syntax import Block, Body, ListExpression, ObjectExpression, Parsed
from bot.model.json import JSON, Pointer
from bot.model.paths import format_path
from bot.model.resource import Through

Open = Callable[[str], Parsed]
Change = tuple[str, bytes, str | None]
_BLOCK_NAMES: Final = {"healthcheck", "logging"}
_PORT_NAMES: Final = {"target": "container", "published": "host", "protocol": "protocol", "host_ip": "address"}
"""Compose Specification, "ports", long syntax, to the attributes of a ``port`` block."""


def added(opened: Open, origins: TracedOrigins, pointer: Pointer, key: str | None, value: JSON) -> Change:
    """File, new bytes and note of an entry added at ``pointer`` of the rendered tree."""
    if pointer == ("ports",) and key is None and isinstance(value, Mapping):
        return _port(opened, origins, value)
    body_pointer, mode = origins.containers.get(pointer, ((), ""))
    if mode == "pairs" and isinstance(value, Mapping) and value.keys() == {"name", "value"}:
        key, value, mode = str(value["name"]), value["value"], "map"
    if mode == "map":
        return _into_map(opened, origins, pointer, body_pointer, key=key, value=value)
    if mode == "block" and key is not None:
        return _into_block(opened, origins, pointer, key, value)
    if mode == "body" and key is not None and origins.containers.get((key,), ((), ""))[1] == "block":
        parsed, block = _resource(opened, origins)
        if isinstance(value, Mapping):
            return _done(parsed, hcl.with_block(parsed, block, key, _block_entries(key, value)), None)
    if mode == "body" and key is not None and (key,) in origins.containers:
        return _into_map(opened, origins, (key,), (key,), key=None, value=value, whole=True)
    if mode == "body" and key is not None and not isinstance(value, (Mapping, list, tuple)):
        parsed, block = _resource(opened, origins)
        return _done(parsed, hcl.with_attribute(parsed, block.body, block, key, value), None)
    raise Refused(f"{format_path(pointer)} is made by the renderer: change the .cw file by hand")


def _block_entries(name: str, value: Mapping[str, JSON]) -> dict[str, JSON]:
    return {key: item for own, item in value.items() for key, item in [_renamed(name, own, item)]}


def _renamed(block: str, key: str, value: JSON) -> tuple[str, JSON]:
    """The name and value that a Compose field has in a ``.cw`` block (Compose Specification, "healthcheck": ``test``)."""
    if block == "healthcheck" and key == "test":
        if isinstance(value, (list, tuple)) and value and value[0] in {"CMD", "CMD-SHELL"}:
            return "command", str(value[1]) if value[0] == "CMD-SHELL" else list(value[1:])
        return "command", value
    return key, value


def _resource(opened: Open, origins: TracedOrigins) -> tuple[Parsed, Block]:
    origin = origins.tree.trace.origin
    parsed = opened(origin.file)
    return parsed, hcl_nodes.block_at(parsed, origin)


def _done(parsed: Parsed, chars: str, note: str | None) -> Change:
    return parsed.text.file, parsed.text.encode(chars), note


def _into_map(
    opened: Open,
    origins: TracedOrigins,
    pointer: Pointer,
    body_pointer: Pointer,
    *,
    key: str | None,
    value: JSON,
    whole: bool = False,
) -> Change:
    container = origins.value(pointer)
    if container is None or whole or not _written(origins, pointer, container):
        return _new_map(opened, origins, body_pointer, value if key is None and whole else _entry(key, value))
    origin = container.trace.origin
    parsed = opened(origin.file)
    node = hcl_nodes.node_at(parsed, origin)
    if isinstance(node, ObjectExpression) and key is not None:
        return _done(parsed, hcl.with_item(parsed, node, key, value), None)
    if isinstance(node, ListExpression) and key is None:
        return _done(parsed, hcl.with_element(parsed, node, value), None)
    note = f"{origin.file}:{origin.line}: the new entry was laid over the expression that gives the others"
    function = "merge" if key is not None else "concat"
    return _done(parsed, hcl.wrapped(parsed, node, function, _entry(key, value)), note)


def _written(origins: TracedOrigins, pointer: Pointer, container: Value) -> bool:
    """Whether the container has text of its own: it is not just the resource's block, as made-up labels are."""
    return bool(pointer) and container.trace.origin != origins.tree.trace.origin


def _entry(key: str | None, value: JSON) -> JSON:
    return [value] if key is None else {key: value}


def _new_map(opened: Open, origins: TracedOrigins, body_pointer: Pointer, value: JSON) -> Change:
    parsed, block = _resource(opened, origins)
    if len(body_pointer) == 2:
        inner = _block(block.body, str(body_pointer[0]))
        if inner is None:
            return _done(
                parsed, hcl.with_block(parsed, block, str(body_pointer[0]), {str(body_pointer[1]): value}), None
            )
        block = inner
    return _done(parsed, hcl.with_attribute(parsed, block.body, block, str(body_pointer[-1]), value), None)


def _block(body: Body, name: str) -> Block | None:
    return next((block for block in body.blocks if block.kind == name), None)


def _into_block(opened: Open, origins: TracedOrigins, pointer: Pointer, key: str, value: JSON) -> Change:
    parsed, block = _resource(opened, origins)
    name = str(pointer[-1])
    key, value = _renamed(name, key, value)
    inner = _block(block.body, name)
    if inner is None:
        return _done(parsed, hcl.with_block(parsed, block, name, {key: value}), None)
    return _done(parsed, hcl.with_attribute(parsed, inner.body, inner, key, value), None)


def _port(opened: Open, origins: TracedOrigins, value: Mapping[str, JSON]) -> Change:
    parsed, block = _resource(opened, origins)
    entries = {
        _PORT_NAMES[key]: _number(item) for key, item in value.items() if key in _PORT_NAMES and item is not None
    }
    if entries.get("protocol") == "tcp":
        del entries["protocol"]
    return _done(parsed, hcl.with_block(parsed, block, "port", entries), None)


def _number(value: JSON) -> JSON:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def removed(opened: Open, origins: TracedOrigins, pointer: Pointer) -> tuple[str, bytes]:
    """File and new bytes after the value at ``pointer`` of the rendered tree is gone."""
    rendered = origins.value(pointer)
    if rendered is None:
        raise Refused(f"{format_path(pointer)} is not written in a .cw file")
    mode = origins.containers.get(pointer[:-1], ((), ""))[1]
    if mode == "pairs" and "value" in rendered.mapping:
        rendered = rendered.mapping["value"]
    origin = rendered.trace.origin
    parsed = opened(origin.file)
    if pointer[-1] in _BLOCK_NAMES or (pointer[:-1] == ("ports",) and rendered.mapping):
        return parsed.text.file, parsed.text.encode(hcl.without_assignment(parsed, hcl_nodes.block_at(parsed, origin)))
    parent = origins.value(pointer[:-1])
    inherited = parent is not None and parent.trace.form is ValueForm.PLAIN and parent.trace.origin == origin
    if origin.through is not Through.LITERAL and inherited:
        raise Refused(
            f"{format_path(pointer)} comes from {origin.name or 'an expression'}: change the .cw file by hand"
        )
    text = hcl.without(parsed, hcl_nodes.node_at(parsed, origin))
    if text is None:
        raise Refused(f"{format_path(pointer)} cannot be removed from {origin.file}:{origin.line}")
    return parsed.text.file, parsed.text.encode(text)
