"""The documents that ship with Clockwork, read beforehand: no run has to read YAML and check fifty of them again.

``shipped.json`` has what each says by the SHA-256 of its bytes, so that a document that was changed is simply read. It is
written by ``.github/scripts/guardrails.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from bot.guardrails.documents import body_of
from bot.guardrails.rule import (
    Alternative,
    Applies,
    Ask,
    Builtin,
    Detect,
    Example,
    Guardrail,
    Pattern,
    Require,
    WaiverPolicy,
)
from bot.intake.ready import digest
from bot.model.finding import AuthorKind, Enforce, Mode
from bot.model.severity import Severity

FILE: Final = Path(__file__).with_name("shipped.json")
Front: TypeAlias = Mapping[str, Any]
"""A front matter as :func:`written` makes it."""


def guardrail(path: str, data: bytes) -> Guardrail | None:
    """What a document says whose bytes are those of a shipped one; None for any other."""
    front = _fronts().get(digest(data))
    return None if front is None else guardrail_of(front, path, body_of(path, data))


@cache
def _fronts() -> Mapping[str, Front]:
    fronts: Mapping[str, Front] = json.loads(FILE.read_bytes())
    return fronts


def written(document: Guardrail) -> Front:
    """What is kept of a document: all that it says beside the defaults, and the kind of its detector."""
    front = {name: part for name, part in _plain(document, full=False).items() if name not in {"file", "body"}}
    return {**front, "detect": _plain(document.detect, full=True)}


def _plain(value: Any, *, full: bool) -> Any:
    """A value as JSON has it; objects, unless they are to be ``full``, without what they have by default."""
    if is_dataclass(value):
        parts = ((each, getattr(value, each.name)) for each in fields(value))
        return {each.name: _plain(part, full=full) for each, part in parts if full or part != _default(each)}
    if isinstance(value, Mapping):
        return {key.value: _plain(part, full=full) for key, part in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)  # a set has another order in each process
    if isinstance(value, tuple):
        return [_plain(part, full=full) for part in value]
    return value.value if isinstance(value, Enum) else value


def _default(each: Field[Any]) -> object:
    return each.default if each.default_factory is MISSING else each.default_factory()


def guardrail_of(front: Front, path: str, body: str) -> Guardrail:
    """The guardrail that :func:`written` kept. Nothing is checked."""
    values = {
        **front,
        "severity": Severity(front["severity"]),
        "detect": _detect(front["detect"]),
        "enforce": {Mode(mode): Enforce(enforce) for mode, enforce in front.get("enforce", {}).items()},
        "applies": _applies(front.get("applies", {})),
        "examples": tuple(map(_example, front.get("examples", ()))),
        "waiver": WaiverPolicy(**front.get("waiver", {})),
        "file": path,
        "body": body,
    }
    if "agent_severity" in front:
        values["agent_severity"] = Severity(front["agent_severity"])
    return Guardrail(**values)


def _applies(front: Front) -> Applies:
    values: dict[str, Any] = {key: tuple(value) for key, value in front.items()}
    if "authors" in front:
        values["authors"] = frozenset(map(AuthorKind, front["authors"]))
    return Applies(**values)


def _example(front: Front) -> Example:
    return Example(**{**front, "labels": tuple(front.get("labels", ()))})


def _detect(front: Front) -> Detect:
    match front["kind"]:
        case "builtin":
            return Builtin()
        case "ai":
            return Ask(**front)
        case "regex":
            sets: dict[str, Any] = {"keywords": tuple(front["keywords"]), "not_in": frozenset(front["not_in"])}
            return Pattern(**{**front, **sets})
        case "require":
            alternatives = tuple(
                Alternative(changed=tuple(alternative["changed"]), label=alternative["label"])
                for alternative in front["then_any"]
            )
            return Require(if_changed=tuple(front["if_changed"]), then_any=alternatives)
        case kind:
            raise ValueError(f"documents of kind {kind} are not kept")
