"""Where entries of a rendered tree are added to and removed from in ``.cw`` files. Part of :mod:`bot.edits.cw`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bot.assembly.tracing import TracedOrigins
from bot.assembly.values import ValueForm
from bot.edits import hcl, hcl_nodes
from bot.edits.values import touched
from bot.errors import Refused
from bot.intake.syntax import Block, ListExpression, ObjectExpression, Parsed
from bot.model.drift import AddEntry
from bot.model.json import JSON, Pointer
from bot.model.paths import format_path
from bot.model.resource import Origin, Through

Open = Callable[[str], Parsed]
Change = tuple[str, bytes, str | None]
_BLOCK_NAMES: Final = {"healthcheck", "logging", "livenessProbe", "readinessProbe", "startupProbe", "defaultBackend"}
_LISTED: Final = {"containers", "initContainers", "rules", "paths", "tls"}
"""Lists of manifests whose elements are blocks."""
_PORT_NAMES: Final = {"target": "container", "published": "host", "protocol": "protocol", "host_ip": "address"}
"""Compose Specification, "ports", long syntax, to the attributes of a ``port`` block."""


def added(opener: Open, origins: TracedOrigins, step: AddEntry) -> Change:
    """File, new bytes and note of an entry added to the rendered tree."""
    pointer, key, value = step.pointer, step.key, step.value
    if pointer == ("ports",) and key is None and isinstance(value, Mapping):
        return _port(opener, origins, value)
    mode = origins.containers.get(pointer, ((), ""))[1]
    match mode:
        case "pairs" if isinstance(value, Mapping) and value.keys() == {"name", "value"}:
            return _into_map(opener, origins, pointer, str(value["name"]), value["value"])
        case "map":
            return _into_map(opener, origins, pointer, key, value)
        case "block" if key is not None:
            parsed, block = _resource(opener, origins)
            name = str(pointer[-1])
            return _done(parsed, _in_block(parsed, block, name, *_renamed(name, key, value)))
        case "body" if key is not None and (
            (key,) in origins.containers or not isinstance(value, (Mapping, list, tuple))
        ):
            return _into_body(opener, origins, key, value)
    raise Refused(f"{format_path(touched(step))} is made by the renderer: change the .cw file by hand")


def _into_body(opener: Open, origins: TracedOrigins, key: str, value: JSON) -> Change:
    parsed, block = _resource(opener, origins)
    if isinstance(value, Mapping) and origins.containers[(key,)][1] == "block":
        entries = dict(_renamed(key, entry_key, item) for entry_key, item in value.items())
        return _done(parsed, hcl.with_block(parsed, block, key, entries))
    return _done(parsed, hcl.with_attribute(parsed, block, key, value))


def _renamed(block: str, key: str, value: JSON) -> tuple[str, JSON]:
    """The name and value that a Compose field has in a ``.cw`` block (Compose Specification, "healthcheck": ``test``)."""
    if (block, key) != ("healthcheck", "test"):
        return key, value
    match value:
        case str():
            return "command", value
        case ["CMD", *words]:
            return "command", words
        case ["CMD-SHELL", line]:
            return "command", line
    raise Refused("healthcheck.test is neither CMD nor CMD-SHELL: change the .cw file by hand")


def _resource(opener: Open, origins: TracedOrigins) -> tuple[Parsed, Block]:
    origin = origins.tree.trace.origin
    parsed = opener(origin.file)
    block = hcl_nodes.block_at(parsed, origin)
    if block is None:
        raise Refused(f"{origin.file}:{origin.line}: the block is no longer where it was")
    return parsed, block


def _done(parsed: Parsed, chars: str, note: str | None = None) -> Change:
    return parsed.text.file, parsed.text.encode(chars), note


def _into_map(opener: Open, origins: TracedOrigins, pointer: Pointer, key: str | None, value: JSON) -> Change:
    container = origins.value(pointer)
    if container is None or container.trace.origin == origins.tree.trace.origin:
        # It has no text of its own: there is none, or it is made up from the resource's block, as labels are.
        return _new_map(opener, origins, pointer, [value] if key is None else {key: value})
    origin = container.trace.origin
    parsed = opener(origin.file)
    node = hcl_nodes.node_at(parsed, origin)
    note = f"{origin.file}:{origin.line}: the new entry was laid over the expression that gives the others"
    match node:
        case ObjectExpression() if key is not None:
            return _done(parsed, hcl.with_item(parsed, node, key, value))
        case ListExpression() if key is None:
            return _done(parsed, hcl.with_element(parsed, node, value))
        case _ if key is None:
            return _done(parsed, hcl.concatenated(parsed, node, value), note)
        case _:
            return _done(parsed, hcl.merged(parsed, node, key, value), note)


def _new_map(opener: Open, origins: TracedOrigins, pointer: Pointer, value: JSON) -> Change:
    holder = origins.value(pointer[:-1])
    parsed, block = _resource(opener, origins)
    *outer, name = map(str, origins.containers[pointer][0])
    inner = hcl_nodes.block_at(parsed, holder.trace.origin) if len(outer) > 1 and holder is not None else None
    if inner is not None:
        return _done(parsed, hcl.with_attribute(parsed, inner, name, value))
    if outer:
        return _done(parsed, _in_block(parsed, block, outer[0], name, value))
    return _done(parsed, hcl.with_attribute(parsed, block, name, value))


def _in_block(parsed: Parsed, block: Block, name: str, key: str, value: JSON) -> str:
    inner = next((inner for inner in block.body.blocks if inner.kind == name), None)
    if inner is None:
        return hcl.with_block(parsed, block, name, {key: value})
    return hcl.with_attribute(parsed, inner, key, value)


def _port(opener: Open, origins: TracedOrigins, value: Mapping[str, JSON]) -> Change:
    parsed, block = _resource(opener, origins)
    entries = {
        _PORT_NAMES[key]: _number(item) for key, item in value.items() if key in _PORT_NAMES and item is not None
    }
    if entries.get("protocol") == "tcp":
        del entries["protocol"]
    return _done(parsed, hcl.with_block(parsed, block, "port", entries))


def _number(value: JSON) -> JSON:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def removed(opener: Open, origins: TracedOrigins, pointer: Pointer) -> tuple[str, bytes]:
    """File and new bytes after the value at ``pointer`` of the rendered tree is gone."""
    rendered = origins.value(pointer)
    if rendered is None:
        raise Refused(f"{format_path(pointer)} is not written in a .cw file")
    origin = rendered.trace.origin
    parsed = opener(origin.file)
    block = hcl_nodes.block_at(parsed, origin) if _is_block(pointer) else None
    if block is not None and origin == origins.tree.trace.origin:
        raise Refused(f"{format_path(pointer)} is what the block is for: change the .cw file by hand")
    if block is not None:
        return parsed.text.file, parsed.text.encode(hcl.without_assignment(parsed, block))
    if origin.through is not Through.LITERAL and _shares(origins, pointer[:-1], origin):
        raise Refused(
            f"{format_path(pointer)} comes from {origin.name or 'an expression'}: change the .cw file by hand"
        )
    return parsed.text.file, parsed.text.encode(hcl.without(parsed, hcl_nodes.node_at(parsed, origin)))


def _is_block(pointer: Pointer) -> bool:
    """Whether what is rendered there has a block of its own."""
    is_listed = pointer[:-1] == ("ports",) or (len(pointer) > 1 and pointer[-2] in _LISTED)
    return is_listed or pointer[-1] in _BLOCK_NAMES


def _shares(origins: TracedOrigins, pointer: Pointer, origin: Origin) -> bool:
    """Whether what is written at ``origin`` gives the whole collection at ``pointer``."""
    container = origins.value(pointer)
    plain = container is not None and container.trace.form is ValueForm.PLAIN
    is_given = plain or origins.containers.get(pointer, ((), ""))[1] == "pairs"
    return is_given and container is not None and container.trace.origin == origin
