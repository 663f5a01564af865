"""Access policies in JSON compared by what they mean: AWS IAM, and policies of the same form of other services.

A text alone is a list of one, and the order of actions, resources, principals and of the statements says nothing; a list
of condition values keeps its order, which providers keep as well (AWS: IAM JSON policy elements reference, "Grammar of
the IAM JSON policy language"). What is no policy compares as JSON. Used by :mod:`bot.observers.plans`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Final

from bot.drift.canonical import spelled
from bot.model.json import JSON, Tree, several

_QUOTED: Final = re.compile(r'"(?>(?:[^"\\]|\\.)*)"', re.DOTALL)
_SETS: Final = frozenset({"Action", "NotAction", "Resource", "NotResource"})
_PRINCIPALS: Final = frozenset({"Principal", "NotPrincipal"})
_SILENT: Final[tuple[tuple[str, JSON], ...]] = (("Sid", ""), ("Condition", {}))
"""Elements that say nothing."""


DEEPEST: Final = 100
"""How many brackets may be open at once in what is read; a policy has eight."""


def parsed(text: str) -> JSON:
    """The JSON in a value of a plan. Raises :class:`ValueError` for what is none, says a key twice or is too deep."""
    if _depth(text) > DEEPEST:
        raise ValueError("nested too deeply to be compared")
    value: JSON = json.loads(text, object_pairs_hook=_once)
    return value


def _depth(text: str) -> int:
    """How deep ``text`` nests, its own texts left out."""
    depths = accumulate(1 if sign in "{[" else -1 for sign in _QUOTED.sub("", text) if sign in "{}[]")
    return max(depths, default=0)


def _once(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("a key stands there twice")
    return entries


def same(first: JSON, second: JSON) -> bool:
    """Whether two parsed JSON texts say the same; 1 and ``true`` do not."""
    if spelled(_exact(first)) == spelled(_exact(second)):
        return True
    if (
        not isinstance(first, Mapping)
        or not isinstance(second, Mapping)
        or not (_is_policy(first) and _is_policy(second))
    ):
        return False
    return spelled(_policy(first)) == spelled(_policy(second))


def _exact(value: JSON) -> JSON:
    """``value`` with whole numbers written in one way."""
    if isinstance(value, Mapping):
        return {key: _exact(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(element) for element in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_policy(document: Tree) -> bool:
    statements = several(document.get("Statement"))
    return bool(statements) and all(
        isinstance(statement, Mapping) and "Effect" in statement for statement in statements
    )


def _policy(document: Tree) -> Tree:
    statements = [
        _statement(statement) for statement in several(document["Statement"]) if isinstance(statement, Mapping)
    ]
    return {**document, "Statement": sorted(statements, key=spelled)}


def normal(statement: Tree) -> Tree:
    """``statement`` in the form that its spellings share, its elements in small letters: actions and resources as lists,
    principals as texts ``SERVICE NAME``, and of each condition operator the list of its tests.
    """
    parts = {key.lower(): value for key, value in _statement(statement).items()}
    for key in ("principal", "notprincipal"):
        if isinstance(names_by_service := parts.get(key), Mapping):
            parts[key] = [f"{service} {name}" for service, names in names_by_service.items() for name in several(names)]
    return parts


def _statement(statement: Tree) -> Tree:
    return {key: _element(key, value) for key, value in statement.items() if (key, value) not in _SILENT}


def _element(key: str, value: JSON) -> JSON:
    if key in _SETS:
        return _folded(value) if key.endswith("Action") else _set(value)
    if key in _PRINCIPALS:
        return _principal(value)
    if key == "Condition" and isinstance(value, Mapping):
        return {operator: _values(tested) for operator, tested in value.items()}
    return value


def _values(tested: JSON) -> JSON:
    """Keys of conditions take no notice of case; values keep their order, and one alone is a list of one. A key that
    stands there in two spellings tests twice.
    """
    if not isinstance(tested, Mapping):
        return tested
    tests = [[key.lower(), [_text(value) for value in several(values)]] for key, values in tested.items()]
    return sorted(tests, key=spelled)


def _principal(value: JSON) -> JSON:
    """``"*"`` is everybody of AWS, and an account's number its root user."""
    if not isinstance(value, Mapping):
        return {"AWS": _set(value)}
    return {
        service: sorted({_account(str(_text(name))) for name in several(service_names)})
        for service, service_names in value.items()
    }


def _account(principal: str) -> str:
    parts = principal.split(":")
    is_root = len(parts) == 6 and parts[2] == "iam" and parts[5] == "root"
    return parts[4] if is_root else principal


def _set(value: JSON) -> JSON:
    return sorted({str(_text(element)) for element in several(value)})


def _folded(value: JSON) -> JSON:
    """Actions take no notice of case (AWS: IAM JSON policy elements, Action)."""
    return sorted({str(_text(element)).lower() for element in several(value)})


def _text(value: JSON) -> JSON:
    """Values of policies are texts, however they are written (AWS: IAM JSON policy elements, Condition)."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value
