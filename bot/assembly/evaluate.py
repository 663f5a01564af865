"""Expressions of ``.cw`` files to traced values. Part of :mod:`bot.assembly.assemble`.

What an expression may refer to is given as a :data:`~bot.assembly.evaluator.Scope`; faults carry the position that
people have to look at. Operators: HCL native syntax specification, "Operations".
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, assert_never

from bot.assembly.calls import call
from bot.assembly.evaluator import Evaluator
from bot.assembly.faults import Fault, Misuse
from bot.assembly.functions.arguments import unified
from bot.assembly.functions.sets import as_members
from bot.assembly.loops import comprehension
from bot.assembly.numbers import calculate
from bot.assembly.references import reference, reference_names, splat
from bot.assembly.rendering import render_template
from bot.assembly.values import Value, as_number, decided_by, equal, kind_of
from bot.intake.syntax import (
    Attribute,
    Binary,
    Conditional,
    Expression,
    ForExpression,
    FunctionCall,
    Index,
    ListExpression,
    Literal,
    Name,
    ObjectExpression,
    Parentheses,
    Splat,
    Template,
    Unary,
)
from bot.model.resource import Through

_THROUGH: Final = {"var": Through.VARIABLE, "local": Through.LOCAL, "module": Through.MODULE}


def evaluate(at: Evaluator, node: Expression) -> Value:
    """The value of an expression. Raises :class:`~bot.assembly.faults.Fault`."""
    value = _value(at, node)
    if isinstance(node, Attribute | Index | Splat | FunctionCall | Conditional | Name | Parentheses | ForExpression):
        through, name = _through(at, node)
        at.spend(node, value.size())
        return at.counted(value).moved(at.origin(node), through, name)
    return value


def _through(at: Evaluator, node: Expression) -> tuple[Through, str | None]:
    path = reference_names(node)
    if not path or not isinstance(node, Attribute | Index) or path[0] in at.bound:
        return Through.EXPRESSION, None
    return _THROUGH.get(path[0], Through.EXPRESSION), ".".join(path[1:]) if len(path) > 1 else path[0]


def _value(at: Evaluator, node: Expression) -> Value:
    at.spend(node)
    match node:
        case Literal():
            return Value(node.value, at.trace(node))
        case Template():
            return render_template(at, node)
        case ListExpression():
            return Value(tuple(at.value(item) for item in node.items), at.trace(node))
        case ObjectExpression():
            return _object(at, node)
        case Name() | Attribute() | Index():
            return reference(at, node)
        case Splat():
            return splat(at, node)
        case FunctionCall():
            return call(at, node)
        case Unary():
            return _unary(at, node)
        case Binary():
            return _binary(at, node)
        case Conditional():
            return _conditional(at, node)
        case ForExpression():
            return comprehension(at, node)
        case Parentheses():
            return at.value(node.inner)
        case _:
            assert_never(node)


def _conditional(at: Evaluator, node: Conditional) -> Value:
    """The side that is chosen, in the one type of both (HCL specification, "Conditional Operator"). A side that has no value is
    no matter while the other one is chosen.
    """
    is_true, reason = at.decision(node.condition)
    chosen_value = at.value(node.yes if is_true else node.no)
    try:
        not_taken = at.value(node.no if is_true else node.yes)
    except Fault as fault:
        if fault.static:
            raise
        return decided_by(chosen_value, reason)
    if chosen_value.data is None or not_taken.data is None:
        return decided_by(chosen_value, reason)
    try:
        common = unified((chosen_value, not_taken))[0]
        if not_taken.unique and isinstance(node.yes if is_true else node.no, ListExpression):
            common = replace(common, data=as_members(common.elements), unique=True)
        return decided_by(common, reason)
    except Misuse:
        kinds = (
            f"{kind_of(chosen_value)} and {kind_of(not_taken)}"
            if kind_of(chosen_value) != kind_of(not_taken)
            else "parts of two types"
        )
        at.fault(node, f"both results of a condition have one type, these are {kinds}", "two values of one type")


def _object(at: Evaluator, node: ObjectExpression) -> Value:
    entries: dict[str, Value] = {}
    secret = False
    for item in node.items:
        key, hidden = _key(at, item.key)
        if key in entries:
            at.fault(item.key, f"the key {'of a sensitive value' if hidden else repr(key)} is written twice")
        entries[key] = at.value(item.value)
        secret = secret or hidden
    object_value = Value(entries, at.trace(node))
    return object_value.secret() if secret else object_value


def _key(at: Evaluator, node: Expression) -> tuple[str, bool]:
    """The text of an object's key, and whether that is secret: a bare word is itself."""
    if isinstance(node, Name):
        return node.name, False
    value = at.value(node)
    return at.key(node, value), value.sensitive


_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def _unary(at: Evaluator, node: Unary) -> Value:
    """``!condition`` or ``-number``."""
    operand = at.value(node.operand)
    if node.operator == "!":
        return at.computed(node, not at.condition(node.operand), (operand,))
    number = as_number(operand)
    if number is None:
        at.fault(node, f"cannot negate a {kind_of(operand)}", "a number")
    literal = isinstance(node.operand, Literal)
    return Value(-number, at.trace(node)) if literal else at.computed(node, -number, (operand,))


def _binary(at: Evaluator, node: Binary) -> Value:
    """Two operands: ``&& ||`` look at the second one only where it counts."""
    if node.operator in {"&&", "||"}:
        left, reason = at.decision(node.left)
        if left == (node.operator == "||"):
            return at.computed(node, left, (reason,))
        right, right_reason = at.decision(node.right)
        return at.computed(node, right, (reason, right_reason))
    operands = at.value(node.left), at.value(node.right)
    if node.operator in {"==", "!="}:
        return at.computed(node, equal(*operands) == (node.operator == "=="), operands)
    a, b = _number(at, node, node.left, operands[0]), _number(at, node, node.right, operands[1])
    if node.operator in _COMPARISONS:
        return at.computed(node, _COMPARISONS[node.operator](a, b), operands)
    if node.operator == "%" and b == 0:
        return at.computed(node, a, operands)
    if node.operator == "/" and b == 0:
        at.fault(node.right, "division by zero")
    try:
        return at.computed(node, calculate(node.operator, a, b), operands)
    except ArithmeticError:
        at.fault(node, "this number is too large")


def _number(at: Evaluator, node: Binary, side: Expression, operand: Value) -> int | float:
    number = as_number(operand)
    if number is None:
        at.fault(side, f"{node.operator!r} needs numbers, this is a {kind_of(operand)}", "a number")
    return number
