"""Calls of functions to their results."""

from __future__ import annotations

from bot.assembly.evaluator import Evaluator
from bot.assembly.faults import LONGEST_TEXT, Fault, Misuse
from bot.assembly.functions.table import METERED, NAMES, PLAIN, TRACED
from bot.assembly.values import Value
from bot.intake.declared import nearest
from bot.intake.syntax import FunctionCall
from bot.model.json import JSON


def call(at: Evaluator, node: FunctionCall) -> Value:
    """The result of a call."""
    if node.name in {"try", "can"}:
        return _attempt(at, node)
    if node.name not in NAMES:
        near = nearest(node.name, NAMES)
        at.fault(node, f"there is no function {node.name}()", f"{near}()" if near else None)
    arguments = [at.value(argument) for argument in node.arguments]
    if node.spread and arguments:
        arguments = [*arguments[:-1], *arguments[-1].elements]
    _check_count(at, node, len(arguments))
    try:
        if node.name in TRACED:
            result = TRACED[node.name].call(*arguments)
            return result if isinstance(result, Value) else Value(result, at.trace(node, arguments))
        return at.computed(node, _plain(at, node, arguments), arguments)
    except Misuse as misuse:
        at.fault(node, f"{node.name}() {misuse}")
    except (ValueError, ArithmeticError):
        at.fault(node, f"{node.name}() cannot work with these values")


def _check_count(at: Evaluator, node: FunctionCall, count: int) -> None:
    function = PLAIN.get(node.name) or METERED.get(node.name) or TRACED[node.name]
    fewest, most = function.fewest, function.most
    if count < fewest or (most is not None and count > most):
        takes = f"{fewest}" if most == fewest else f"{fewest} to {most}" if most else f"at least {fewest}"
        at.fault(node, f"{node.name}() takes {takes} argument{'s' * (takes != '1')}, not {count}")


def _plain(at: Evaluator, node: FunctionCall, arguments: list[Value]) -> JSON:
    if sum(argument.characters() for argument in arguments) > LONGEST_TEXT:
        at.fault(node, f"{node.name}() takes at most {LONGEST_TEXT} characters")
    plain = [argument.plain() for argument in arguments]
    metered = METERED.get(node.name)
    result = metered.call(*plain, budget=at.budget) if metered else PLAIN[node.name].call(*plain)
    if isinstance(result, str) and len(result) > LONGEST_TEXT:
        at.fault(node, f"{node.name}() makes more than {LONGEST_TEXT} characters")
    return result


def _attempt(at: Evaluator, node: FunctionCall) -> Value:
    for argument in node.arguments:
        try:
            value = at.value(argument)
        except Fault:
            continue
        return value if node.name == "try" else at.computed(node, True, ())
    if node.name == "can":
        return at.computed(node, False, ())
    return at.fault(node, "none of the alternatives of try() has a value")
