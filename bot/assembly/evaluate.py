"""Expressions of ``.cw`` files to traced values. Part of :mod:`bot.assembly.assemble`.

What an expression may refer to is given as a :class:`~bot.assembly.evaluator.Scope`; faults carry the position that
people have to look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NoReturn, assert_never

from bot.assembly.calls import call
from bot.assembly.evaluator import Scope
from bot.assembly.faults import EvaluationBudget, Fault
from bot.assembly.loops import comprehension
from bot.assembly.operators import binary, unary
from bot.assembly.references import reference, splat, words
from bot.assembly.rendering import render_template
from bot.assembly.values import Trace, Value, as_bool, as_text, kind_of, traced
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
from bot.intake.text import Text
from bot.model.json import JSON
from bot.model.resource import Origin, Through

_THROUGH: Final = {"var": Through.VARIABLE, "local": Through.LOCAL, "module": Through.MODULE}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The :class:`~bot.assembly.evaluator.Evaluator`. ``bound`` are the names of enclosing loops."""

    text: Text
    names: Scope
    budget: EvaluationBudget
    bound: Mapping[str, Value] = field(default_factory=dict)

    def within(self, names: Mapping[str, Value]) -> Evaluation:
        return replace(self, bound={**self.bound, **names})

    def fault(self, node: Expression, message: str, expected: str | None = None) -> NoReturn:
        raise Fault(self.text.error(node.start, message, expected))

    def origin(self, node: Expression, through: Through = Through.LITERAL, name: str | None = None) -> Origin:
        return self.text.origin(node.start, node.end, through, name)

    def value(self, node: Expression) -> Value:
        value = self._value(node)
        if isinstance(
            node, Attribute | Index | Splat | FunctionCall | Conditional | Name | Parentheses | ForExpression
        ):
            through, name = self._through(node)
            self.spend(node, value.size())
            return value.moved(self.origin(node), through, name)
        return value

    def _through(self, node: Expression) -> tuple[Through, str | None]:
        path = words(node)
        if not path or not isinstance(node, Attribute | Index) or path[0] in self.bound:
            return Through.EXPRESSION, None
        return _THROUGH.get(path[0], Through.EXPRESSION), ".".join(path[1:]) if len(path) > 1 else path[0]

    def spend(self, node: Expression, steps: int = 1) -> None:
        if self.budget.spent:
            raise Fault(None)
        if not self.budget.spend(steps):
            self.fault(node, "evaluating this configuration takes too long")

    def _value(self, node: Expression) -> Value:
        self.spend(node)
        match node:
            case Literal():
                return Value(node.value, self.trace(node))
            case Template():
                return render_template(self, node)
            case ListExpression():
                return Value(tuple(self.value(item) for item in node.items), self.trace(node))
            case ObjectExpression():
                return self._object(node)
            case Name() | Attribute() | Index():
                return reference(self, node)
            case Splat():
                return splat(self, node)
            case FunctionCall():
                return call(self, node)
            case Unary():
                return unary(self, node)
            case Binary():
                return binary(self, node)
            case Conditional():
                # Only the chosen side is looked at, so unlike in Terraform its type is not unified with the other's.
                return self.value(node.yes if self.condition(node.condition) else node.no)
            case ForExpression():
                return comprehension(self, node)
            case Parentheses():
                return self.value(node.inner)
            case _:
                assert_never(node)

    def trace(self, node: Expression, parts: Sequence[Value] = ()) -> Trace:
        through = Through.EXPRESSION if parts else Through.LITERAL
        return Trace(self.origin(node, through), sensitive=any(part.sensitive for part in parts))

    def computed(self, node: Expression, plain: JSON, parts: Sequence[Value]) -> Value:
        trace = replace(self.trace(node, parts), origin=self.origin(node, Through.EXPRESSION))
        return traced(plain, trace)

    def _object(self, node: ObjectExpression) -> Value:
        entries: dict[str, Value] = {}
        for item in node.items:
            key = self._key(item.key)
            if key in entries:
                self.fault(item.key, f"the key {key!r} is written twice")
            entries[key] = self.value(item.value)
        return Value(entries, self.trace(node))

    def _key(self, node: Expression) -> str:
        """The text of an object's key: a bare word is itself."""
        if isinstance(node, Name):
            return node.name
        text = as_text(self.value(node))
        if text is None:
            self.fault(node, "an object's key is text", "text")
        return text

    def condition(self, node: Expression) -> bool:
        value = self.value(node)
        holds = as_bool(value)
        if holds is None:
            self.fault(node, f"a condition is true or false, this is a {kind_of(value)}", "true or false")
        return holds
