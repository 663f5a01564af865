"""Operators to their results (HCL native syntax specification, "Operations")."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Final

from bot.assembly.evaluator import Evaluator
from bot.assembly.numbers import calculate
from bot.assembly.values import Value, as_number, equal, kind_of
from bot.intake.syntax import Binary, Expression, Literal, Unary

_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def unary(at: Evaluator, node: Unary) -> Value:
    """``!condition`` or ``-number``."""
    operand = at.value(node.operand)
    if node.operator == "!":
        return at.computed(node, not at.condition(node.operand), (operand,))
    number = as_number(operand)
    if number is None:
        at.fault(node, f"cannot negate a {kind_of(operand)}", "a number")
    literal = isinstance(node.operand, Literal)
    return Value(-number, at.trace(node)) if literal else at.computed(node, -number, (operand,))


def binary(at: Evaluator, node: Binary) -> Value:
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
