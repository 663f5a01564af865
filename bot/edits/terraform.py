"""Edits of Terraform files: literal attributes only; what is computed is Terraform's to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.edits import hcl, hcl_nodes
from bot.edits.values import applied, ordered, same, steps, touched
from bot.errors import Refused
from bot.intake.cw import parse
from bot.intake.syntax import Block, Expression, ListExpression, ObjectExpression, Parsed
from bot.intake.terraform import read_terraform
from bot.model.drift import AddEntry, Adoption, Edit, RemoveEntry, SetValue
from bot.model.json import JSON
from bot.model.paths import format_path
from bot.model.resource import Desired


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


def _address(desired: Desired) -> str:
    return f"{desired.id.kind}.{desired.id.name}"


def _tree(desired: Desired, data: bytes) -> JSON:
    declared = _resources(desired, data).get(_address(desired))
    if declared is None:
        raise Refused(f"{desired.file} no longer declares {desired.id}")
    return declared.tree


def _stepped(desired: Desired, data: bytes, step: Edit) -> bytes:
    before = _resources(desired, data)
    parsed = parse(desired.file, data)
    after = parsed.text.encode(_text(parsed, before[_address(desired)], step))
    problems = read_terraform({desired.file: after}).errors
    now = {name: resource.tree for name, resource in _resources(desired, after).items()}
    expected: dict[str, JSON] = {name: resource.tree for name, resource in before.items()}
    expected[_address(desired)] = applied(expected[_address(desired)], step)
    if problems or not same(now, expected):
        raise Refused(f"{desired.file}: {format_path(touched(step))} cannot be written without changing something else")
    return after


def _text(parsed: Parsed, declared: Desired, step: Edit) -> str:
    origin = declared.origins.at(step.pointer)
    if origin is None:
        raise Refused(f"{format_path(step.pointer)} is computed by Terraform: change the expression by hand")
    block = hcl_nodes.block_at(parsed, origin)
    match step:
        case SetValue(_, value):
            return hcl.replaced(parsed, hcl_nodes.node_at(parsed, origin), value)
        case AddEntry(_, key, value):
            return _added(parsed, block or hcl_nodes.node_at(parsed, origin), key, value)
        case RemoveEntry():
            if block is not None:
                return hcl.without_assignment(parsed, block)
            return hcl.without(parsed, hcl_nodes.node_at(parsed, origin))


def _added(parsed: Parsed, node: Block | Expression, key: str | None, value: JSON) -> str:
    match node:
        case Block() if key is not None and node.body.get(key) is None:
            return hcl.with_attribute(parsed, node, key, value)
        case ObjectExpression() if key is not None and hcl_nodes.item_called(parsed, node, key) is None:
            return hcl.with_item(parsed, node, key, value)
        case ListExpression() if key is None:
            return hcl.with_element(parsed, node, value)
    advice = (
        "nothing can be added here" if key is None else f"{key} is computed by Terraform: change the expression by hand"
    )
    raise Refused(f"{parsed.text.file}:{parsed.text.line(node.start)}: {advice}")
