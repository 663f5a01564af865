"""Statements of IAM policies however Terraform lets them be written: objects, JSON in texts and here-documents.

Each is read as what it says, never as the text around a word. Called by :mod:`.access`.

Sources: AWS documentation, "IAM JSON policy elements reference" (Effect, Action, Principal, NotPrincipal, Condition); Terraform
language, "Strings and Templates", "jsonencode" and "JSON Configuration Syntax".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.guardrails.hcl import HclAttribute
from bot.intake import cw, syntax
from bot.intake.scanner import Mistake
from bot.intake.text import Text

Value: TypeAlias = "str | None | _Unknown | Sequence[Value] | Mapping[str, Value]"
"""What an expression comes to: a list holds every alternative, a key is in lower case."""

_WORDS: Final = re.compile(r"(?:\\?\"?\b(\w++)\\?\"?\s{0,8}[=:](?!:))|\\?\"(\*(?::\*)?)\\?\"")
_EVERYWHERE: Final = frozenset({"*", "", "0.0.0.0/0", "::/0"})
"""Values of a condition that everything satisfies, as a pattern, or as a range."""


@dataclass(frozen=True, slots=True)
class _Unknown:
    """What only Terraform knows."""


_UNKNOWN: Final = _Unknown()


@dataclass(frozen=True, slots=True)
class PolicyStatement:
    """What one statement that allows something gives: every action, or something to everybody."""

    every_action: bool
    everybody: bool


def allowances(attribute: HclAttribute) -> Iterator[PolicyStatement]:
    """What the policy of an attribute allows. Linear in its text."""
    for value in _policies(attribute):
        yield from _statements(value)


def _policies(attribute: HclAttribute) -> Iterator[Value]:
    """The values of an attribute, and of the texts in it."""
    if attribute.expression is None:
        yield _of_json(attribute.text)
        return
    yield _value(attribute.expression)


def _of_json(text: str) -> Value:
    """JSON as a value; what is none counts by the words in it."""
    try:
        return _lowered(json.loads(text))
    except (ValueError, RecursionError):
        return _by_words(text)


def _lowered(tree: object) -> Value:
    match tree:
        case dict():
            return {str(key).lower(): _lowered(child) for key, child in tree.items()}
        case list():
            return [_lowered(child) for child in tree]
        case str():
            return _of_text(tree)
        case _:
            return None if tree is None else str(tree)


def _of_text(text: str) -> Value:
    """A text, or the policy that it holds: JSON, or in a JSON configuration an expression of Terraform."""
    inner = text.strip()
    if inner.startswith("${") and inner.endswith("}"):
        try:
            return _value(cw.parse_expression(Text("", inner[2:-1])))
        except Mistake:
            return _by_words(inner)
    return _of_json(inner) if inner[:1] in {"{", "["} else text


def _value(expression: object) -> Value:
    match expression:
        case syntax.Literal(value=value):
            return None if value is None else str(value).lower()
        case syntax.Template():
            return _of_template(expression)
        case syntax.ObjectExpression(items=items):
            return {str(_key(item.key)).lower(): _value(item.value) for item in items}
        case syntax.ListExpression(items=items) | syntax.FunctionCall(arguments=items):
            return [_value(item) for item in items]
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


def _of_template(template: syntax.Template) -> Value:
    """A text; what is filled in stands as a word within quotes, and as ``null`` where JSON has none around it."""
    match template.parts:
        case (syntax.Interpolation(expression=expression),):
            return _value(expression)
    written: list[str] = []
    quoted = False
    for part in template.parts:
        if isinstance(part, syntax.TextPart):
            written.append(part.value)
            quoted ^= _quotes(part.value) % 2 == 1
        elif isinstance(part, syntax.Interpolation):
            known = _value(part.expression)
            written.append(known if isinstance(known, str) else "${}" if quoted else "null")
    return _of_text("".join(written))


def _quotes(text: str) -> int:
    return sum(match == '"' for match in re.findall(r"\\[\s\S]|\"", text))


def _by_words(text: str) -> Value:
    """A policy that cannot be read, as one statement with the stars behind each word; its conditions count as such."""
    if "llow" not in text and "\\u" not in text:
        return _UNKNOWN
    stars: dict[str, list[Value]] = {}
    word = ""
    for match in _WORDS.finditer(text):
        word = match[1].lower() if match[1] else word
        if match[2]:
            stars.setdefault(word, []).append(match[2])
        elif word == "condition":
            stars["condition"] = [_UNKNOWN]
    return {"effect": "Allow", **stars, "principal": [*stars.get("principal", []), *stars.get("aws", [])]}


def _statements(value: Value) -> Iterator[PolicyStatement]:
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Mapping):
            if any(_is_word(effect, "allow") for effect in _flat(current.get("effect"))):
                yield PolicyStatement(_every_action(current), _everybody(current) and not _is_narrowed(current))
            waiting += current.values()
        elif isinstance(current, Sequence) and not isinstance(current, str):
            waiting += current


def _flat(value: Value) -> Iterator[str | None | _Unknown]:
    """The scalars of a value, at any depth."""
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Mapping):
            waiting += current.values()
        elif isinstance(current, str | _Unknown | None):
            yield current
        else:
            waiting += current


def _is_word(value: str | None | _Unknown, word: str) -> bool:
    return isinstance(value, str) and value.strip().lower() == word


def _every_action(statement: Mapping[str, Value]) -> bool:
    """``*``, ``*:*``, and what else stands for every action."""
    actions = (*_flat(statement.get("action")), *_flat(statement.get("actions")))
    return any(isinstance(action, str) and "*" in action and not {*action} - {*"*:?"} for action in actions)


def _everybody(statement: Mapping[str, Value]) -> bool:
    if "notprincipal" in statement:
        return True
    return any(_is_word(who, "*") for who in _flat(statement.get("principal")))


def _is_narrowed(statement: Mapping[str, Value]) -> bool:
    """Whether the statement has a condition that not everything satisfies."""
    return any(
        isinstance(value, _Unknown) or (value is not None and value not in _EVERYWHERE)
        for value in _flat(statement.get("condition"))
    )
