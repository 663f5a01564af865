"""Statements of IAM policies however Terraform lets them be written: objects, JSON in texts and here-documents.

Each is read as what it says, never as the text around a word. Called by :mod:`.access`.

Sources: AWS documentation, "IAM JSON policy elements reference" (Effect, Action, Principal, NotPrincipal, Condition).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.guardrails.hcl import HclAttribute
from bot.guardrails.hcl_values import HclValue, UnknownValue, scalars, value_of
from bot.model.patterns import regex

_KEYS_AND_STARS: Final = regex(r"(?:\\?\"?\b(\w++)\\?\"?\s{0,8}[=:](?!:))|\\?\"(\*(?::\*)?)\\?\"")
_EVERYWHERE: Final = frozenset({"*", "", "0.0.0.0/0", "::/0"})
"""Values of a condition that everything satisfies, as a pattern, or as a range."""


@dataclass(frozen=True, slots=True)
class PolicyStatement:
    """What one statement that allows something gives: every action, or something to everybody."""

    every_action: bool
    everybody: bool


def allowances(attribute: HclAttribute) -> Iterator[PolicyStatement]:
    """What the policy of an attribute allows. Linear in its text."""
    waiting = [value_of(attribute)]
    while waiting:
        current = waiting.pop()
        if isinstance(current, UnknownValue) and current.text:
            current = _by_words(current.text)
        if isinstance(current, Mapping):
            if any(_is_word(effect, "allow") for effect in scalars(current.get("effect"))):
                yield PolicyStatement(_every_action(current), _everybody(current) and not _is_narrowed(current))
            waiting += current.values()
        elif isinstance(current, Sequence) and not isinstance(current, str):
            waiting += current


def _by_words(text: str) -> Mapping[str, HclValue]:
    """A policy that cannot be read, as one statement with the stars behind each word; its conditions count as such."""
    if "llow" not in text and "\\u" not in text:
        return {}
    stars: dict[str, list[HclValue]] = {}
    key = ""
    for match in _KEYS_AND_STARS.finditer(text):
        key = match[1].lower() if match[1] else key
        if match[2]:
            stars.setdefault(key, []).append(match[2])
        elif key == "condition":
            stars["condition"] = [UnknownValue()]
    return {"effect": "Allow", **stars, "principal": [*stars.get("principal", []), *stars.get("aws", [])]}


def _is_word(value: str | None | UnknownValue, text: str) -> bool:
    return isinstance(value, str) and value.strip().lower() == text


def _every_action(statement: Mapping[str, HclValue]) -> bool:
    """``*``, ``*:*``, and what else stands for every action: on every resource all but some, and all of IAM, which gives
    the rest.
    """
    actions = (*scalars(statement.get("action")), *scalars(statement.get("actions")))
    if any(isinstance(action, str) and "*" in action and not {*action} - {*"*:?"} for action in actions):
        return True
    is_wide = "notaction" in statement or any(_is_word(action, "iam:*") for action in actions)
    return is_wide and any(_is_word(resource, "*") for resource in scalars(statement.get("resource")))


def _everybody(statement: Mapping[str, HclValue]) -> bool:
    if "notprincipal" in statement:
        return True
    return any(_is_word(principal, "*") for principal in scalars(statement.get("principal")))


def _is_narrowed(statement: Mapping[str, HclValue]) -> bool:
    """Whether the statement has a condition that not everything satisfies."""
    return any(
        isinstance(value, UnknownValue) or (value is not None and value not in _EVERYWHERE)
        for value in scalars(statement.get("condition"))
    )
