"""Expressions of ``.cw`` files to traced values. Part of :mod:`bot.assembly.assemble`.

What an expression may refer to is given as a :data:`~bot.assembly.evaluator.Scope`; faults carry the position that
people have to look at.
"""

from __future__ import annotations

from typing import Final, assert_never

from bot.assembly.calls import call
from bot.assembly.evaluator import Evaluator
from bot.assembly.loops import comprehension
from bot.assembly.operators import binary, unary
from bot.assembly.references import reference, splat, words
from bot.assembly.rendering import render_template
from bot.assembly.values import Value, decided_by
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
        return value.moved(at.origin(node), through, name)
    return value


def _through(at: Evaluator, node: Expression) -> tuple[Through, str | None]:
    path = words(node)
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
            # Only the chosen side is looked at, so unlike in Terraform its type is not unified with the other's.
            holds, reason = at.decision(node.condition)
            return decided_by(at.value(node.yes if holds else node.no), reason)
        case ForExpression():
            return comprehension(at, node)
        case Parentheses():
            return at.value(node.inner)
        case _:
            assert_never(node)


def _object(at: Evaluator, node: ObjectExpression) -> Value:
    entries: dict[str, Value] = {}
    secret = False
    for item in node.items:
        key, hidden = _key(at, item.key)
        if key in entries:
            at.fault(item.key, f"the key {'of a sensitive value' if hidden else repr(key)} is written twice")
        entries[key] = at.value(item.value)
        secret = secret or hidden
    whole = Value(entries, at.trace(node))
    return whole.secret() if secret else whole


def _key(at: Evaluator, node: Expression) -> tuple[str, bool]:
    """The text of an object's key, and whether that is secret: a bare word is itself."""
    if isinstance(node, Name):
        return node.name, False
    value = at.value(node)
    return at.key(node, value), value.sensitive
