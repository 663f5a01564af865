"""The values of variables, in Terraform's order: default, environment, ``clockwork.cwvars``, ``*.auto.cwvars``, ``--var``.

Source: Terraform documentation, "Input Variables", on the precedence of variable definitions; ``clockwork.cwvars``
stands for ``terraform.tfvars``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.assembly.constant import constant, need_constant
from bot.assembly.evaluator import Evaluator
from bot.assembly.faults import Fault
from bot.assembly.types import Mismatch, NoType, ScalarType, Type, converted, defaults_of, parse_type
from bot.assembly.values import Trace, Value
from bot.intake.cw import parse_expression
from bot.intake.scanner import Mistake
from bot.intake.syntax import Assignment, Block, Expression, FunctionCall, Parsed, walk
from bot.intake.text import Text
from bot.model.resource import Origin, SourceError, Through

PREFIX: Final = "CLOCKWORK_VAR_"


@dataclass(frozen=True, slots=True)
class GivenValue:
    """A value given from outside: the expression and the file it is in, or text from the environment or command line."""

    where: str
    text: Text
    expression: Expression | None


def from_files(parsed: Mapping[str, Parsed], folder: str) -> dict[str, GivenValue]:
    """What the ``.cwvars`` files of ``folder`` set; a later file wins."""
    prefix = f"{folder}/" if folder else ""
    auto = sorted(path for path in parsed if path.endswith(".auto.cwvars") and _directly(path, prefix))
    given_values: dict[str, GivenValue] = {}
    for path in (f"{prefix}clockwork.cwvars", *auto):
        for item in parsed[path].body.assignments if path in parsed else ():
            given_values[item.name] = GivenValue(path, parsed[path].text, item.expression)
    return given_values


def _directly(path: str, prefix: str) -> bool:
    return path.startswith(prefix) and "/" not in path[len(prefix) :]


def from_outside(values: Mapping[str, str], label: str) -> dict[str, GivenValue]:
    """Values given as text on the command line or in the environment."""
    return {name: GivenValue(f"{label}{name}", Text(f"{label}{name}", text), None) for name, text in values.items()}


def declared_type(at: Evaluator, block: Block) -> Type:
    """The type a variable block declares. Raises :class:`~bot.assembly.faults.Fault`."""
    type_expression = block.body.get("type")
    if type_expression is None:
        return ScalarType.ANY
    try:
        kind = parse_type(type_expression.expression)
    except NoType as problem:
        expected = "string, number, bool, any, list(T), set(T), map(T) or object({...})"
        at.fault(problem.node, "this is not a type", expected)
    for part in walk(type_expression.expression):
        if isinstance(part, FunctionCall) and part.name == "optional" and len(part.arguments) > 1:
            need_constant(at, part.arguments[1])
    for inner, default in defaults_of(kind):
        fit(at, constant(at).value(default), inner, "the default of an optional attribute")
    return kind


def given_value(at: Evaluator, given_text: GivenValue, kind: Type, block: Block) -> Value:
    """The value given from outside, as the variable's type. Raises :class:`~bot.assembly.faults.Fault`."""
    inner, name = replace(at, text=given_text.text), block.labels[0].value
    if given_text.expression is not None:
        return fit(inner, inner.value(given_text.expression), kind, name)
    origin = Origin(given_text.where, 0, len(given_text.text.chars), 1, 1, Through.EXPRESSION)
    if kind is ScalarType.STRING or kind is ScalarType.ANY:
        return Value(given_text.text.chars, Trace(origin))
    try:
        value = inner.value(parse_expression(given_text.text))
    except Mistake as mistake:
        raise Fault(mistake.error) from mistake
    return fit(inner, value.moved(origin, Through.EXPRESSION), kind, name)


def fit(at: Evaluator, value: Value, kind: Type, name: str) -> Value:
    """``value`` as ``kind``. Raises :class:`~bot.assembly.faults.Fault` at the value, in whichever file it is written."""
    try:
        return converted(value, kind, constant(at).value)
    except Mismatch as mismatch:
        origin, message = mismatch.value.trace.origin, f"{name}: {mismatch.message}"
        if origin.file == at.text.file:
            raise Fault(at.text.error_at(origin.line, origin.column, message, mismatch.expected)) from mismatch
        raise Fault(SourceError(origin.file, origin.line, origin.column, message, mismatch.expected)) from mismatch


def flag(at: Evaluator, item: Assignment | None) -> bool:
    """Whether an attribute is there and true. Raises :class:`~bot.assembly.faults.Fault`."""
    if item is None:
        return False
    need_constant(at, item.expression)
    return constant(at).condition(item.expression)
