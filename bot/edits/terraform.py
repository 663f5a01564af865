"""Edits of Terraform files: literal attributes only; what is computed is Terraform's to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.edits import hcl, hcl_nodes
from bot.edits.values import applied, ordered, same, steps
from bot.errors import Refused
from bot.intake.cw import parse
from bot.intake.syntax import ListExpression, ObjectExpression, Parsed
from bot.intake.terraform import read_terraform
from bot.model.drift import AddEntry, Adoption, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer
from bot.model.paths import format_path
from bot.model.resource import Desired, Origin


def adopt_terraform(desired: Desired, edits: Sequence[Edit], files: Mapping[str, bytes]) -> Adoption:
    """The file after ``edits``, read again: the block's literal attributes are as intended and no other block changed."""
    data = files.get(desired.file)
    if data is None:
        raise Refused(f"{desired.file} is no longer there")
    for edit in ordered(edits):
        for step in list(steps(_tree(desired, data), edit)):
            data = _stepped(desired, data, step)
    return Adoption({desired.file: data} if data != files[desired.file] else {})


def _resources(desired: Desired, data: bytes) -> dict[str, Desired]:
    return {
        f"{resource.id.kind}.{resource.id.name}": resource
        for resource in read_terraform({desired.file: data}).resources
    }


def _own(desired: Desired) -> str:
    return f"{desired.id.kind}.{desired.id.name}"


def _tree(desired: Desired, data: bytes) -> JSON:
    declared = _resources(desired, data).get(_own(desired))
    if declared is None:
        raise Refused(f"{desired.file} no longer declares {desired.id}")
    return declared.tree


def _stepped(desired: Desired, data: bytes, step: Edit) -> bytes:
    before = _resources(desired, data)
    parsed = parse(desired.file, data)
    after = parsed.text.encode(_text(parsed, before[_own(desired)], step))
    problems = read_terraform({desired.file: after}).errors
    now = {name: resource.tree for name, resource in _resources(desired, after).items()}
    expected: dict[str, JSON] = {name: resource.tree for name, resource in before.items()}
    expected[_own(desired)] = applied(expected[_own(desired)], step)
    if problems or not same(now, expected):
        raise Refused(f"{desired.file}: {format_path(step.pointer)} cannot be written without changing something else")
    return after


def _text(parsed: Parsed, declared: Desired, step: Edit) -> str:
    origin = declared.origins.at(step.pointer)
    match step:
        case SetValue(_, value):
            return hcl.replaced(parsed, hcl_nodes.node_at(parsed, _need(origin, step.pointer)), value)
        case AddEntry(pointer, key, value):
            return _added(parsed, _need(origin, pointer), key, value, nested=bool(pointer))
        case RemoveEntry(pointer):
            return _removed(parsed, _need(origin, pointer))


def _need(origin: Origin | None, pointer: Pointer) -> Origin:
    if origin is None:
        raise Refused(f"{format_path(pointer)} is computed by Terraform: change the expression by hand")
    return origin


def _added(parsed: Parsed, origin: Origin, key: str | None, value: JSON, *, nested: bool) -> str:
    if not nested or _is_block(parsed, origin):
        block = hcl_nodes.block_at(parsed, origin)
        if key is not None and block.body.get(key) is not None:
            raise Refused(f"{origin.file}:{origin.line}: {key} is computed by Terraform: change the expression by hand")
        return hcl.with_attribute(parsed, block.body, block, key or "", value)
    node = hcl_nodes.node_at(parsed, origin)
    if isinstance(node, ObjectExpression) and key is not None:
        if hcl_nodes.item_called(parsed, node, key) is not None:
            raise Refused(f"{origin.file}:{origin.line}: {key} is computed by Terraform: change the expression by hand")
        return hcl.with_item(parsed, node, key, value)
    if isinstance(node, ListExpression) and key is None:
        return hcl.with_element(parsed, node, value)
    raise Refused(f"{origin.file}:{origin.line}: nothing can be added here")


def _is_block(parsed: Parsed, origin: Origin) -> bool:
    try:
        block = hcl_nodes.block_at(parsed, origin)
    except Refused:
        return False
    return block.end == parsed.text.char(origin.end)


def _removed(parsed: Parsed, origin: Origin) -> str:
    if _is_block(parsed, origin):
        return hcl.without_assignment(parsed, hcl_nodes.block_at(parsed, origin))
    text = hcl.without(parsed, hcl_nodes.node_at(parsed, origin))
    if text is None:
        raise Refused(f"{origin.file}:{origin.line}: nothing can be removed here")
    return text
