"""Label selectors in the notation of Kubernetes: what ``kubectl get -l`` takes as text, and what specs write as a mapping.

Used by ignore rules (:mod:`bot.drift.ignore`). Absent labels count as in Kubernetes: ``tier!=db`` and ``tier notin (db)``
select what has no ``tier`` too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, assert_never, get_args

from bot.errors import Invalid

# Kubernetes docs, "Labels and Selectors": "Syntax and character set", "Label selectors".
_KEY: Final = r"(?:[A-Za-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?"
_VALUE: Final = r"(?:[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)?"
_TERM: Final = re.compile(
    rf"\s*(?:(?P<not>!)\s*(?P<lacks>{_KEY})|(?P<key>{_KEY})"
    rf"(?:\s*(?P<sign>==|=|!=)\s*(?P<value>{_VALUE})|\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?)\s*",
    re.ASCII,
)
_WHOLE_KEY: Final = re.compile(_KEY, re.ASCII)
_WHOLE_VALUE: Final = re.compile(_VALUE, re.ASCII)
_COMMA: Final = re.compile(r",(?![^(]*\))")

Operator: TypeAlias = Literal["In", "NotIn", "Exists", "DoesNotExist"]
_OPERATORS: Final[tuple[Operator, ...]] = get_args(Operator)

Labels: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def selects(self, labels: Labels) -> bool:
        """Whether ``labels`` meet it."""
        match self.operator:
            case "In":
                return self.key in labels and labels[self.key] in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
            case _:
                assert_never(self.operator)


@dataclass(frozen=True, slots=True)
class Selector:
    """Conditions that must all be met."""

    requirements: tuple[Requirement, ...]

    def selects(self, labels: Labels) -> bool:
        """Whether ``labels`` meet every condition."""
        return all(requirement.selects(labels) for requirement in self.requirements)


def parse(selector_source: object) -> Selector:
    """The selector in either form. Raises :class:`~bot.errors.Invalid` that names the part and what to write."""
    if isinstance(selector_source, str):
        requirements = _terms(selector_source)
    elif isinstance(selector_source, Mapping):
        requirements = _requirements(selector_source)
    else:
        raise Invalid(
            "a selector is text such as 'app=web,tier!=db', or a mapping with matchLabels or matchExpressions"
        )
    if not requirements:
        raise Invalid("an empty selector says nothing: leave it out to mean every resource")
    return Selector(tuple(requirements))


def _terms(term_text: str) -> list[Requirement]:
    return [_term(term) for term in _COMMA.split(term_text)] if term_text.strip() else []


def _term(term_text: str) -> Requirement:
    match = _TERM.fullmatch(term_text)
    if match is None:
        raise Invalid(
            f"{term_text.strip()!r} is no condition: write key=value, key!=value, key in (a,b), key notin (a,b), key or !key"
        )
    if match["lacks"]:
        return Requirement(match["lacks"], "DoesNotExist")
    if match["sign"]:
        return Requirement(match["key"], "NotIn" if match["sign"] == "!=" else "In", frozenset({match["value"]}))
    if match["set"]:
        values = [_value(value.strip(), match["key"]) for value in match["values"].split(",")]
        return Requirement(match["key"], "In" if match["set"] == "in" else "NotIn", frozenset(values))
    return Requirement(match["key"], "Exists")


def _requirements(requirement_tree: Mapping[object, object]) -> list[Requirement]:
    unknown = sorted(str(key) for key in requirement_tree if key not in {"matchLabels", "matchExpressions"})
    if unknown:
        raise Invalid(
            f"{unknown[0]!r} is no part of a selector: write matchLabels, matchExpressions, or text: 'app=web'"
        )
    labels, expressions = requirement_tree.get("matchLabels") or {}, requirement_tree.get("matchExpressions") or []
    if not isinstance(labels, Mapping):
        raise Invalid("matchLabels is a mapping of label to value")
    if not isinstance(expressions, Sequence) or isinstance(expressions, str):
        raise Invalid("matchExpressions is a list of mappings with key, operator and values")
    equal = [Requirement(_key(key), "In", frozenset({_value(value, str(key))})) for key, value in labels.items()]
    return [*equal, *(_expression(expression) for expression in expressions)]


def _expression(expression_tree: object) -> Requirement:
    if not isinstance(expression_tree, Mapping) or not {"key", "operator"} <= {*expression_tree} <= {
        "key",
        "operator",
        "values",
    }:
        raise Invalid("each of matchExpressions has a key, an operator and, for In and NotIn, values")
    key, values = _key(expression_tree["key"]), expression_tree.get("values") or []
    operator = next(
        (operator_known for operator_known in _OPERATORS if operator_known == expression_tree["operator"]), None
    )
    if operator is None:
        raise Invalid(f"the operator {expression_tree['operator']!r} is none of {', '.join(_OPERATORS)}")
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise Invalid(f"the values of {key} are a list")
    if bool(values) is not (operator in {"In", "NotIn"}):
        raise Invalid(f"{operator} on {key} takes {'no values' if values else 'at least one value'}")
    return Requirement(key, operator, frozenset(_value(value, key) for value in values))


def _key(key_value: object) -> str:
    if not isinstance(key_value, str) or not _WHOLE_KEY.fullmatch(key_value):
        raise Invalid(f"{key_value!r} is no name of a label")
    return key_value


def _value(raw_value: object, key: str) -> str:
    if not isinstance(raw_value, str) or not _WHOLE_VALUE.fullmatch(raw_value):
        raise Invalid(f"{raw_value!r} is no value of the label {key}: labels are text, numbers and yes need quotes")
    return raw_value
