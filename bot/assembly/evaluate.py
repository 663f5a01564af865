"""Expressions of ``.cw`` files to traced values. Part of :mod:`bot.assembly.assemble`.

What an expression may refer to is given as a :class:`Scope`; faults carry the place that people have to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NoReturn, Protocol, assert_never

from bot.assembly.faults import LONGEST_TEXT, EvaluationBudget, Fault
from bot.assembly.functions import NAMES, PLAIN, STRUCTURAL, Misuse, truth
from bot.assembly.values import Trace, Value, as_bool, as_number, as_text, equal, kind_of, traced
from bot.intake.declared import nearest
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

_ARITHMETIC: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": lambda a, b: a - b * int(a / b),
}
_LARGEST: Final = 10**300
_COMPARISON: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


class Scope(Protocol):
    """What the names in an expression stand for."""

    def reference(self, path: Sequence[str], at: Evaluation, node: Expression) -> tuple[Value, int] | None:
        """The value that the first words of ``path`` name, and how many words that took; None for an unknown root.

        Raises :class:`~bot.assembly.faults.Fault` when the root is known and the rest is not.
        """
        ...

    def roots(self) -> frozenset[str]:
        """The names a reference may start with."""
        ...


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Evaluates the expressions of one file. ``bound`` are the names of enclosing loops."""

    text: Text
    names: Scope
    budget: EvaluationBudget
    bound: Mapping[str, Value] = field(default_factory=dict)

    def fault(self, node: Expression, message: str, expected: str | None = None) -> NoReturn:
        """Stop: ``node`` has no value."""
        raise Fault(self.text.error(node.start, message, expected))

    def origin(self, node: Expression, through: Through = Through.LITERAL, name: str | None = None) -> Origin:
        """The place of a node."""
        return self.text.origin(node.start, node.end, through, name)

    def value(self, node: Expression) -> Value:
        """The value of ``node`` as it stands in a resource. Raises :class:`~bot.assembly.faults.Fault`."""
        found = self._value(node)
        if isinstance(
            node, Attribute | Index | Splat | FunctionCall | Conditional | Name | Parentheses | ForExpression
        ):
            through, name = self._how(node)
            self._spend(node, found.size())
            return found.moved(self.origin(node), through, name)
        return found

    def _how(self, node: Expression) -> tuple[Through, str | None]:
        path = _path(node)
        if not path or not isinstance(node, Attribute | Index) or path[0] in self.bound:
            return Through.EXPRESSION, None
        known = {"var": Through.VARIABLE, "local": Through.LOCAL, "module": Through.MODULE}
        return known.get(path[0], Through.EXPRESSION), ".".join(path[1:]) if len(path) > 1 else path[0]

    def _spend(self, node: Expression, steps: int = 1) -> None:
        if self.budget.spent:
            raise Fault(None)
        if not self.budget.spend(steps):
            self.fault(node, "evaluating this configuration takes too long")

    def _value(self, node: Expression) -> Value:
        self._spend(node)
        match node:
            case Literal():
                return Value(node.value, self._trace(node))
            case Template():
                from bot.assembly.rendering import render_template

                return render_template(self, node)
            case ListExpression():
                return Value(tuple(self.value(item) for item in node.items), self._trace(node))
            case ObjectExpression():
                return self._object(node)
            case Name() | Attribute() | Index():
                return self._reference(node)
            case Splat():
                return self._splat(node)
            case FunctionCall():
                return self._call(node)
            case Unary():
                return self._unary(node)
            case Binary():
                return self._binary(node)
            case Conditional():
                return self.value(node.yes if self.condition(node.condition) else node.no)
            case ForExpression():
                return self._for(node)
            case Parentheses():
                return self.value(node.inner)
            case _:
                assert_never(node)

    def _trace(self, node: Expression, parts: Sequence[Value] = ()) -> Trace:
        through = Through.EXPRESSION if parts else Through.LITERAL
        return Trace(self.origin(node, through), sensitive=any(part.sensitive for part in parts))

    def made(self, node: Expression, plain: JSON, parts: Sequence[Value]) -> Value:
        """A value computed from ``parts``: secret when one of them is."""
        trace = replace(self._trace(node, parts), origin=self.origin(node, Through.EXPRESSION))
        return traced(plain, trace)

    def _object(self, node: ObjectExpression) -> Value:
        entries: dict[str, Value] = {}
        for item in node.items:
            key = self.key(item.key)
            if key in entries:
                self.fault(item.key, f"the key {key!r} is written twice")
            entries[key] = self.value(item.value)
        return Value(entries, self._trace(node))

    def key(self, node: Expression) -> str:
        """The text of an object's key: a bare word is itself."""
        if isinstance(node, Name):
            return node.name
        text = as_text(self.value(node))
        if text is None:
            self.fault(node, "an object's key is text", "text")
        return text

    def condition(self, node: Expression) -> bool:
        """A truth value."""
        found = self.value(node)
        truth_value = as_bool(found)
        if truth_value is None:
            self.fault(node, f"a condition is true or false, this is a {kind_of(found)}", "true or false")
        return truth_value

    def _reference(self, node: Expression) -> Value:
        path = _path(node)
        if path and path[0] in self.bound:
            return self._steps(node, self.bound[path[0]], 1)
        if path:
            found = self.names.reference(path, self, node)
            if found is not None:
                return self._steps(node, found[0], found[1])
            meant = nearest(path[0], {*self.names.roots(), *self.bound})
            hint = f"'{meant}'" if meant else "var.NAME, local.NAME, module.NAME.OUTPUT or KIND.NAME.ATTRIBUTE"
            self.fault(node, f"nothing is called {path[0]!r} here", hint)
        if isinstance(node, Index):
            return self._at_index(node, self.value(node.target), self.value(node.key))
        if isinstance(node, Attribute):
            return self._at_name(node, self.value(node.target), node.name)
        return self.fault(node, "this refers to nothing")

    def _steps(self, node: Expression, value: Value, done: int) -> Value:
        """Follow what of ``node`` comes after its first ``done`` words."""
        chain = _chain(node)
        for step in chain[done:]:
            match step:
                case Attribute():
                    value = self._at_name(step, value, step.name)
                case Index():
                    value = self._at_index(step, value, self.value(step.key))
        return value

    def _at_name(self, node: Expression, value: Value, name: str) -> Value:
        if not isinstance(value.data, dict):
            self.fault(node, f"a {kind_of(value)} has no attribute {name!r}", "an object")
        if name not in value.data:
            meant = nearest(name, value.data)
            self.fault(node, f"there is no attribute {name!r}", f"{meant!r}" if meant else None)
        return value.data[name]

    def _at_index(self, node: Expression, value: Value, key: Value) -> Value:
        if isinstance(value.data, dict):
            return self._at_name(node, value, as_text(key) or "")
        number = as_number(key)
        if not isinstance(value.data, tuple) or number is None or number != int(number):
            self.fault(node, f"a {kind_of(value)} cannot be indexed by a {kind_of(key)}")
        if not 0 <= int(number) < len(value.data):
            self.fault(node, f"there is no element {int(number)} in a list of {len(value.data)}")
        return value.data[int(number)]

    def _splat(self, node: Splat) -> Value:
        source = self.value(node.target)
        items = source.elements if isinstance(source.data, tuple) else () if source.data is None else (source,)
        made: list[Value] = []
        for item in items:
            taken = item
            for step in node.steps:
                if isinstance(step, str):
                    taken = self._at_name(node, taken, step)
                else:
                    taken = self._at_index(node, taken, self.value(step))
            made.append(taken)
        return Value(tuple(made), self._trace(node, (source,)))

    def _call(self, node: FunctionCall) -> Value:
        if node.name in {"try", "can"}:
            return self._attempt(node)
        if node.name not in NAMES:
            meant = nearest(node.name, NAMES)
            self.fault(node, f"there is no function {node.name}()", f"{meant}()" if meant else None)
        arguments = [self.value(argument) for argument in node.arguments]
        if node.spread and arguments:
            arguments = [*arguments[:-1], *arguments[-1].elements]
        try:
            return self._called(node, arguments)
        except Misuse as misuse:
            self.fault(node, f"{node.name}() {misuse}")
        except (ValueError, OverflowError, ArithmeticError):
            self.fault(node, f"{node.name}() cannot work with these values")

    def _called(self, node: FunctionCall, arguments: list[Value]) -> Value:
        if node.name in {"alltrue", "anytrue"} and len(arguments) == 1:
            return self.made(node, truth(node.name, arguments[0]), arguments)
        entry = PLAIN.get(node.name) or STRUCTURAL.get(node.name)
        fewest, most = (entry[1], entry[2]) if entry else (1, 1)
        if len(arguments) < fewest or (most is not None and len(arguments) > most):
            count = f"{fewest}" if most == fewest else f"{fewest} to {most}" if most else f"at least {fewest}"
            self.fault(node, f"{node.name}() takes {count} argument{'s' * (count != '1')}, not {len(arguments)}")
        if node.name in PLAIN:
            if sum(argument.characters() for argument in arguments) > LONGEST_TEXT:
                self.fault(node, f"{node.name}() takes at most {LONGEST_TEXT} characters")
            plain = PLAIN[node.name][0](*(argument.plain() for argument in arguments))
            if isinstance(plain, str) and len(plain) > LONGEST_TEXT:
                self.fault(node, f"{node.name}() makes more than {LONGEST_TEXT} characters")
            return self.made(node, plain, arguments)
        found = STRUCTURAL[node.name][0](*arguments)
        if isinstance(found, Value):
            return found
        return Value(found, self._trace(node, arguments))

    def _attempt(self, node: FunctionCall) -> Value:
        for argument in node.arguments:
            try:
                found = self.value(argument)
            except Fault:
                continue
            return found if node.name == "try" else self.made(node, True, ())
        if node.name == "can":
            return self.made(node, False, ())
        return self.fault(node, "none of the alternatives of try() has a value")

    def _unary(self, node: Unary) -> Value:
        operand = self.value(node.operand)
        if node.operator == "!":
            return self.made(node, not self.condition(node.operand), (operand,))
        number = as_number(operand)
        if number is None:
            self.fault(node, f"cannot negate a {kind_of(operand)}", "a number")
        literal = isinstance(node.operand, Literal)
        return Value(-number, self._trace(node)) if literal else self.made(node, -number, (operand,))

    def _binary(self, node: Binary) -> Value:
        if node.operator in {"&&", "||"}:
            left = self.condition(node.left)
            decided = left == (node.operator == "||")
            return self.made(node, left if decided else self.condition(node.right), ())
        one, other = self.value(node.left), self.value(node.right)
        if node.operator in {"==", "!="}:
            return self.made(node, equal(one, other) == (node.operator == "=="), (one, other))
        a, b = as_number(one), as_number(other)
        if a is None or b is None:
            wrong = one if a is None else other
            at = node.left if a is None else node.right
            self.fault(at, f"{node.operator!r} needs numbers, this is a {kind_of(wrong)}", "a number")
        if node.operator in _COMPARISON:
            return self.made(node, _COMPARISON[node.operator](a, b), (one, other))
        if node.operator in "/%" and b == 0:
            self.fault(node.right, "division by zero")
        try:
            result = _ARITHMETIC[node.operator](a, b)
            if abs(result) > _LARGEST:
                self.fault(node, "this number is too large")
            return self.made(node, int(result) if result == int(result) else result, (one, other))
        except OverflowError:
            self.fault(node, "this number is too large")

    def _for(self, node: ForExpression) -> Value:
        source = self.value(node.collection)
        pairs = self._pairs(node.collection, source)
        listed: list[Value] = []
        entries: dict[str, Value] = {}
        groups: dict[str, list[Value]] = {}
        for key, value in pairs:
            bound = {**self.bound, **_bound(node.names, key, value)}
            inner = Evaluation(self.text, self.names, self.budget, bound)
            if node.condition is not None and not inner.condition(node.condition):
                continue
            made = inner.value(node.value)
            if node.key is None:
                listed.append(made)
                continue
            name = as_text(inner.value(node.key))
            if name is None:
                self.fault(node.key, "an object's key is text", "text")
            if node.grouped:
                groups.setdefault(name, []).append(made)
            elif name in entries:
                self.fault(node.key, f"two elements give the key {name!r}", "'...' after the value to group them")
            else:
                entries[name] = made
        if node.key is None:
            return Value(tuple(listed), self._trace(node, (source,)))
        entries |= {name: Value(tuple(items), self._trace(node, items)) for name, items in groups.items()}
        return Value(dict(sorted(entries.items())), self._trace(node, (source,)))

    def _pairs(self, node: Expression, source: Value) -> list[tuple[Value, Value]]:
        trace = self.made(node, None, ()).trace
        if isinstance(source.data, tuple):
            return [(Value(index, trace), item) for index, item in enumerate(source.data)]
        if isinstance(source.data, dict):
            return [(Value(key, trace), item) for key, item in sorted(source.data.items())]
        return self.fault(node, f"cannot go through a {kind_of(source)}", "a list or an object")


def _bound(names: tuple[str, ...], key: Value, value: Value) -> dict[str, Value]:
    return {names[0]: value} if len(names) == 1 else {names[0]: key, names[1]: value}


def _chain(node: Expression) -> list[Expression]:
    """The steps of a reference from its root on."""
    steps: list[Expression] = [node]
    while isinstance(node, Attribute | Index):
        node = node.target
        steps.append(node)
    return steps[::-1]


def _path(node: Expression) -> list[str]:
    """The leading words of a reference: ``a.b["c"].d`` gives a, b, c, d; empty when it does not start with a name."""
    words: list[str] = []
    for step in _chain(node):
        match step:
            case Name():
                words.append(step.name)
            case Attribute() if words:
                words.append(step.name)
            case Index(key=Template() as key) if words and key.literal is not None:
                words.append(key.literal)
            case _:
                break
    return words
