"""What arguments of Terraform come to, as far as that is written: each alternative, and what only Terraform knows as such.

Detectors ask here where the text of an expression would mislead: comments, braces within texts, conditions, JSON in texts.

Sources: Terraform language, "Strings and Templates", "Conditional Expressions", "jsonencode" and "JSON Configuration Syntax".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.guardrails.hcl import HclAttribute, HclBlock
from bot.intake import cw, syntax
from bot.intake.scanner import Mistake
from bot.intake.text import Text


@dataclass(frozen=True, slots=True)
class UnknownValue:
    """What only Terraform knows, or a text that looks like JSON and is none: then ``text`` is that."""

    text: str = ""


HclValue: TypeAlias = "str | None | UnknownValue | Sequence[HclValue] | Mapping[str, HclValue]"
"""A list holds elements and alternatives alike; keys are in lower case, numbers and truths are as they are written."""
_UNKNOWN: Final = UnknownValue()
_TRANSPARENT: Final = frozenset(
    {"coalesce", "compact", "concat", "distinct", "flatten", "jsondecode", "jsonencode", "merge", "nonsensitive", "reverse",
     "sensitive", "setunion", "sort", "tolist", "tonumber", "toset", "tostring", "try"}
)  # fmt: skip
"""Functions that come to nothing that is not among their arguments."""


def value_of(attribute: HclAttribute) -> HclValue:
    """The value of an attribute. Linear in its text."""
    return _of_json(attribute.text) if attribute.expression is None else _value(attribute.expression)


def expression_value(text: str) -> HclValue:
    """The value of an expression that stands alone."""
    try:
        return _value(cw.parse_expression(Text("", text)))
    except Mistake:
        return UnknownValue(text)


def lowered_texts(block: HclBlock, *names: str) -> tuple[str | UnknownValue, ...]:
    """What the attributes of these names may come to, in small letters; empty where none is set."""
    attributes = (block.attribute(name) for name in names)
    values = (value for attribute in attributes if attribute is not None for value in scalars(value_of(attribute)))
    return tuple(value.strip().lower() if isinstance(value, str) else value for value in values if value is not None)


def scalars(value: HclValue) -> Iterator[str | None | UnknownValue]:
    """The scalars of a value, at any depth."""
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Mapping):
            waiting += current.values()
        elif isinstance(current, str | UnknownValue | None):
            yield current
        else:
            waiting += current


def _of_json(text: str) -> HclValue:
    """JSON as a value; what is none is unknown."""
    try:
        return _lowered(json.loads(text))
    except (ValueError, RecursionError):
        return UnknownValue(text)


def _lowered(tree: object) -> HclValue:
    match tree:
        case dict():
            return {str(key).lower(): _lowered(child) for key, child in tree.items()}
        case list():
            return [_lowered(child) for child in tree]
        case str():
            return _of_text(tree)
        case _:
            return None if tree is None else str(tree).lower()


def _of_text(text: str) -> HclValue:
    """A text, or the policy that it holds: JSON, or in a JSON configuration an expression of Terraform."""
    inner = text.strip()
    if inner.startswith("${") and inner.endswith("}"):
        return expression_value(inner[2:-1])
    return _of_json(inner) if inner[:1] in {"{", "["} else text


def _value(expression: object) -> HclValue:
    match expression:
        case syntax.Literal(value=value):
            return None if value is None else str(value).lower()
        case syntax.Template():
            return _of_template(expression)
        case syntax.ObjectExpression(items=items):
            return {str(_key(item.key)).lower(): _value(item.value) for item in items}
        case syntax.ListExpression(items=items):
            return [_value(item) for item in items]
        case syntax.FunctionCall(name=name, arguments=arguments):
            return [*map(_value, arguments), *([] if name in _TRANSPARENT else [_UNKNOWN])]
        case syntax.ForExpression(value=value):
            return [_value(value)]
        case syntax.Conditional(yes=yes, no=no):
            return [_value(yes), _value(no)]
        case syntax.Parentheses(inner=inner):
            return _value(inner)
        case _:
            return _UNKNOWN


def _key(expression: syntax.Expression) -> object:
    return expression.name if isinstance(expression, syntax.Name) else _value(expression)


def _of_template(template: syntax.Template) -> HclValue:
    """A text; what is filled in stands as a word within quotes, and as ``null`` where JSON has none around it."""
    match template.parts:
        case (syntax.Interpolation(expression=expression),):
            return _value(expression)
    texts: list[str] = []
    quoted = False
    for part in template.parts:
        if isinstance(part, syntax.TextPart):
            texts.append(part.value)
            quoted ^= _quotes(part.value) % 2 == 1
        elif isinstance(part, syntax.Interpolation):
            part_value = _value(part.expression)
            texts.append(part_value if isinstance(part_value, str) else "${}" if quoted else "null")
    return _of_text("".join(texts))


def _quotes(text: str) -> int:
    return sum(match == '"' for match in re.findall(r"\\[\s\S]|\"", text))
