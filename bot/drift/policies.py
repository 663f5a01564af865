"""Access policies in JSON compared by what they mean: AWS IAM, and policies of the same form of other services.

A text alone is a list of one, and the order of actions, resources, principals and of the statements says nothing; a list
of condition values keeps its order, which providers keep as well (AWS: IAM JSON policy elements reference, "Grammar of
the IAM JSON policy language"). What is no policy compares as JSON. Used by :mod:`bot.observers.plans`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.drift.canonical import spelled
from bot.model.json import JSON, Tree, elements

_SETS: Final = frozenset({"Action", "NotAction", "Resource", "NotResource"})
_PRINCIPALS: Final = frozenset({"Principal", "NotPrincipal"})


def same(one: JSON, other: JSON) -> bool:
    """Whether two parsed JSON texts say the same."""
    if one == other:
        return True
    if not isinstance(one, Mapping) or not isinstance(other, Mapping) or not (_is_policy(one) and _is_policy(other)):
        return False
    return spelled(_policy(one)) == spelled(_policy(other))


def _is_policy(document: Tree) -> bool:
    statements = _several(document.get("Statement"))
    return bool(statements) and all(isinstance(each, Mapping) and "Effect" in each for each in statements)


def _policy(document: Tree) -> Tree:
    statements = [_statement(each) for each in _several(document["Statement"]) if isinstance(each, Mapping)]
    return {**document, "Statement": sorted(statements, key=spelled)}


def _statement(statement: Tree) -> Tree:
    return {key: _element(key, value) for key, value in statement.items() if not (key == "Sid" and value == "")}


def _element(key: str, value: JSON) -> JSON:
    if key in _SETS:
        return _folded(value) if key.endswith("Action") else _set(value)
    if key in _PRINCIPALS:
        return _principal(value)
    if key == "Condition" and isinstance(value, Mapping):
        return {operator: _values(tested) for operator, tested in value.items()}
    return value


def _values(tested: JSON) -> JSON:
    """Keys of conditions take no notice of case; values keep their order, and one alone is a list of one."""
    if not isinstance(tested, Mapping):
        return tested
    return {key.lower(): [_text(each) for each in _several(values)] for key, values in tested.items()}


def _principal(value: JSON) -> JSON:
    """``"*"`` is everybody of AWS, and an account's number its root user."""
    if not isinstance(value, Mapping):
        return {"AWS": _set(value)}
    return {service: sorted({_account(str(each)) for each in _several(named)}) for service, named in value.items()}


def _account(principal: str) -> str:
    parts = principal.split(":")
    is_root = len(parts) == 6 and parts[2] == "iam" and parts[5] == "root"
    return parts[4] if is_root else principal


def _set(value: JSON) -> JSON:
    return sorted({str(each) for each in _several(value)})


def _folded(value: JSON) -> JSON:
    """Actions take no notice of case (AWS: IAM JSON policy elements, Action)."""
    return sorted({str(each).lower() for each in _several(value)})


def _several(value: JSON) -> tuple[JSON, ...]:
    if value is None:
        return ()
    return tuple(elements(value)) if isinstance(value, (list, tuple)) else (value,)


def _text(value: JSON) -> JSON:
    return str(value).lower() if isinstance(value, bool) else value
