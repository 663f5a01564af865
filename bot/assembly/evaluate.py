"""Expressions of ``.cw`` files to traced values. Part of :mod:`bot.assembly.assemble`.

What an expression may refer to is given as a :data:`~bot.assembly.evaluator.Scope`; faults carry the position that
people have to look at.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, assert_never

from bot.assembly.calls import call
from bot.assembly.evaluator import Evaluator
from bot.assembly.faults import Fault, Misuse
from bot.assembly.functions.arguments import unified
from bot.assembly.functions.sets import as_members
from bot.assembly.loops import comprehension
from bot.assembly.operators import binary, unary
from bot.assembly.references import reference, reference_names, splat
from bot.assembly.rendering import render_template
from bot.assembly.values import Value, decided_by, kind_of
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
            return unary(at, node)
        case Binary():
            return binary(at, node)
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
