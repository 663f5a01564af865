"""Terraform files as resources: what their blocks say literally, with origins. What is computed is left out: only
Terraform knows it, and its plan (:mod:`bot.observers`) says how it drifts.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bot.intake.cw import literal_value, parse
from bot.intake.declared import Declared, sort_errors
from bot.intake.discover import folder_of
from bot.intake.syntax import Block, Body, Expression, ListExpression, Name, ObjectExpression, Parsed, Template
from bot.intake.text import Text
from bot.model.json import JSON, Pointer
from bot.model.resource import Desired, Origin, Platform, ResourceId, SourceKind


@dataclass(frozen=True, slots=True)
class LiteralOrigins:
    """Origins of the literal attributes of one block."""

    origins: Mapping[Pointer, Origin] = field(default_factory=dict)

    def at(self, pointer: Pointer) -> Origin | None:
        return self.origins.get(pointer)


def read_terraform(files: Mapping[str, bytes]) -> Declared:
    """The resource blocks of all ``.tf`` files. A folder that a module block refers to has that module's address."""
    parsed = {path: parse(path, files[path]) for path in sorted(files)}
    scopes = _scopes(parsed)
    resources: dict[tuple[str, ResourceId], Desired] = {}
    seen_ids: set[ResourceId] = set()
    for path, file in parsed.items():
        for block in file.body.blocks:
            if block.kind == "resource" and len(block.labels) == 2:
                resource_read = _resource(file.text, block, scopes.get(folder_of(path), ""))
                if resource_read.id not in seen_ids or (folder_of(path), resource_read.id) in resources:
                    resources.setdefault((path, resource_read.id), resource_read)
                    seen_ids.add(resource_read.id)
    errors = [error for file in parsed.values() for error in file.errors]
    return Declared(tuple(resources.values()), sort_errors(errors))


def _scopes(parsed: Mapping[str, Parsed]) -> dict[str, str]:
    """Folder to module address, for modules used from one place (Terraform documentation, "Resource Address Reference")."""
    scopes: dict[str, str] = {}
    for path, file in parsed.items():
        for block in file.body.blocks:
            source = block.body.get("source") if block.kind == "module" and block.labels else None
            is_known, text = literal_value(source.expression) if source else (False, None)
            if is_known and isinstance(text, str) and text.startswith("."):
                folder = posixpath.normpath(posixpath.join(folder_of(path), text))
                scopes[folder] = f"module.{block.labels[0].value}"
    return scopes


def _resource(text: Text, block: Block, scope: str) -> Desired:
    identity = ResourceId(Platform.TERRAFORM, block.labels[0].value, scope, block.labels[1].value)
    origins: dict[Pointer, Origin] = {}
    tree = _body(text, block.body, (), origins)
    origins[()] = text.origin(block.start, block.end)
    line, _ = text.position(block.start)
    return Desired(
        id=identity,
        task=str(identity),
        source=SourceKind.TERRAFORM,
        tree=tree,
        file=text.file,
        line=line,
        origins=LiteralOrigins(origins),
    )


def _body(text: Text, body: Body, at: Pointer, origins: dict[Pointer, Origin]) -> dict[str, JSON]:
    tree: dict[str, JSON] = {}
    for item in body.assignments:
        for value in _literal(text, item.expression, (*at, item.name), origins):
            tree[item.name] = value
    for kind in dict.fromkeys(block.kind for block in body.blocks):
        blocks = [block for block in body.blocks if block.kind == kind]
        blocks_list: list[JSON] = []
        for index, block in enumerate(blocks):
            origins[(*at, kind, index)] = text.origin(block.start, block.end)
            blocks_list.append(_body(text, block.body, (*at, kind, index), origins))
        tree[kind] = blocks_list
        origins[(*at, kind)] = text.origin(blocks[0].start, blocks[-1].end)
    return tree


def _literal(text: Text, node: Expression, at: Pointer, origins: dict[Pointer, Origin]) -> Iterator[JSON]:
    """The value of ``node`` if it is written literally; nothing otherwise."""
    is_known, value = literal_value(node)
    if not is_known and isinstance(node, Template) and all(hasattr(part, "value") for part in node.parts):
        is_known, value = True, "".join(part.value for part in node.parts if hasattr(part, "value"))
    if isinstance(node, ListExpression):
        items = [list(_literal(text, item, (*at, index), origins)) for index, item in enumerate(node.items)]
        is_known = all(items)
        if is_known:
            origins[at] = text.origin(node.start, node.end)
            yield [item[0] for item in items]
        return
    if isinstance(node, ObjectExpression):
        yield from _object(text, node, at, origins)
        return
    if is_known:
        origins[at] = text.origin(node.start, node.end)
        yield value


def _object(text: Text, node: ObjectExpression, at: Pointer, origins: dict[Pointer, Origin]) -> Iterator[JSON]:
    tree: dict[str, JSON] = {}
    for item in node.items:
        key = item.key.name if isinstance(item.key, Name) else literal_value(item.key)[1]
        if isinstance(key, str):
            for value in _literal(text, item.value, (*at, key), origins):
                tree[key] = value
    origins[at] = text.origin(node.start, node.end)
    yield tree
