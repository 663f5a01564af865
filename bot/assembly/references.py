"""References (``var.x``, ``service.web.port[0]``), indexes and splats to the values they lead to.

Source: HCL native syntax specification, "Variables and Variable Expressions", "Index Operator", "Splat Operators".
"""

from __future__ import annotations

from bot.assembly.evaluator import Evaluator
from bot.assembly.schema import ROOTS
from bot.assembly.values import Value, as_number, as_text, decided_by, kind_of
from bot.intake.declared import nearest_name
from bot.intake.syntax import Attribute, Expression, Index, Name, Splat, Template


def reference(at: Evaluator, node: Expression) -> Value:
    """The value that a name, attribute or index leads to."""
    path = reference_names(node)
    if path and path[0] in at.bound:
        return _followed(at, node, at.counted(at.bound[path[0]]), 1)
    if path:
        match = at.scope(path, at, node)
        if match is not None:
            value, length = match
            return _followed(at, node, at.counted(value), length)
        hint = (
            nearest_name(path[0], {*ROOTS, *at.bound})
            or "var.NAME, local.NAME, module.NAME.OUTPUT or KIND.NAME.ATTRIBUTE"
        )
        at.unknown(node, f"nothing is called {path[0]!r} here", hint)
    if isinstance(node, Index):
        return _at_index(at, node, at.value(node.target), at.value(node.key))
    if isinstance(node, Attribute):
        return _at_name(at, node, at.value(node.target), node.name)
    return at.fault(node, "this refers to nothing")


def splat(at: Evaluator, node: Splat) -> Value:
    """What the steps behind a ``[*]`` lead to from each element; what is no list is a list of one, null an empty one."""
    source = at.value(node.target)
    items = source.elements if isinstance(source.data, tuple) else () if source.data is None else (source,)
    values: list[Value] = []
    for item in items:
        value = item
        for step in node.steps:
            value = _after(at, node, value, step)
        values.append(value)
    return Value(tuple(values), at.trace(node, (source,)))


def _after(at: Evaluator, node: Splat, value: Value, step: str | Expression) -> Value:
    if isinstance(step, str):
        return _at_name(at, node, value, step)
    return _at_index(at, node, value, at.value(step))


def reference_names(node: Expression) -> list[str]:
    """The leading words of a reference: ``a.b["c"].d`` gives a, b, c, d; empty when it does not start with a name."""
    path: list[str] = []
    for step in _chain(node):
        match step:
            case Name():
                path.append(step.name)
            case Attribute() if path:
                path.append(step.name)
            case Index(key=Template() as key) if path and key.literal is not None:
                path.append(key.literal)
            case _:
                break
    return path


def _chain(node: Expression) -> list[Expression]:
    """The steps of a reference from its root on."""
    steps: list[Expression] = [node]
    while isinstance(node, Attribute | Index):
        node = node.target
        steps.append(node)
    return steps[::-1]


def _followed(at: Evaluator, node: Expression, value: Value, length: int) -> Value:
    """Where what of ``node`` comes after its first ``length`` words leads to from ``value``."""
    for step in _chain(node)[length:]:
        match step:
            case Attribute():
                value = _at_name(at, step, value, step.name)
            case Index():
                value = _at_index(at, step, value, at.value(step.key))
    return value


def _at_name(at: Evaluator, node: Expression, value: Value, name: str) -> Value:
    if not isinstance(value.data, dict):
        at.fault(node, f"a {kind_of(value)} has no attribute {name!r}", "an object")
    if name not in value.data:
        at.fault(node, f"there is no attribute {name!r}", None if value.sensitive else nearest_name(name, value.data))
    return value.data[name]


def _at_index(at: Evaluator, node: Expression, value: Value, key: Value) -> Value:
    if isinstance(value.data, dict):
        name = as_text(key) or ""
        if key.sensitive and name not in value.data:
            at.fault(node, "there is no attribute of this name, which is a sensitive value")
        return decided_by(_at_name(at, node, value, name), key)
    if value.unique:
        at.fault(node, "the elements of a set have no numbers", "tolist() around the set")
    number = as_number(key)
    if not isinstance(value.data, tuple) or number is None or number != int(number):
        at.fault(node, f"a {kind_of(value)} cannot be indexed by a {kind_of(key)}")
    if not 0 <= int(number) < len(value.data):
        shown_index = "of this number, a sensitive value," if key.sensitive else f"{int(number)}"
        at.fault(node, f"there is no element {shown_index} in a list of {len(value.data)}")
    return decided_by(value.data[int(number)], key)
