"""Variables that Flux fills in after a build: ``${NAME}`` and its forms with defaults, in all text of an object.

Source: fluxcd.io, "Post build variable substitution"; the forms are those of drone/envsubst that its page names.
``$NAME`` without braces stays, ``$${NAME}`` is the text ``${NAME}``, and objects that say
``kustomize.toolkit.fluxcd.io/substitute: disabled`` stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from bot.intake.scalars import Dialect, resolve
from bot.model.json import JSON, Tree

_SUBSTITUTE: Final = "kustomize.toolkit.fluxcd.io/substitute"
_FORM: Final = re.compile(
    r"\$(?P<escaped>\$)?\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<operator>:=|:-|=|-)(?P<default>[^{}]*))?\}"
)


def substituted(tree: Tree, values: Mapping[str, JSON], *, known: bool) -> Tree:
    """``tree`` with variables filled in. Without a value or default they become empty, as Flux has it, if all values
    are ``known``.

    Flux substitutes in the YAML text, so what comes in unquoted is read again: ``replicas: ${N}`` becomes a number.
    """
    if _is_left(tree):
        return tree
    return {key: _filled(value, values, known=known) for key, value in tree.items()}


def _is_left(tree: Tree) -> bool:
    meta = tree.get("metadata")
    for part in ("annotations", "labels"):
        held = meta.get(part) if isinstance(meta, Mapping) else None
        if isinstance(held, Mapping) and held.get(_SUBSTITUTE) == "disabled":
            return True
    return False


def _filled(value: JSON, values: Mapping[str, JSON], *, known: bool) -> JSON:
    if isinstance(value, str):
        return _text(value, values, known=known) if "${" in value else value
    if isinstance(value, Mapping):
        return {_key(key, values, known=known): _filled(each, values, known=known) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [_filled(each, values, known=known) for each in value]
    return value


def _key(key: str, values: Mapping[str, JSON], *, known: bool) -> str:
    filled = _text(key, values, known=known) if "${" in key else key
    return filled if isinstance(filled, str) else key


def _text(text: str, values: Mapping[str, JSON], *, known: bool) -> JSON:
    def put(match: re.Match[str]) -> str:
        if match["escaped"]:
            return match[0][1:]
        value = values.get(match["name"])
        if isinstance(value, str) and (value or match["operator"] not in {":=", ":-"}):
            return value
        if match["operator"] is not None:
            return match["default"] or ""
        return "" if known else match[0]

    filled = _FORM.sub(put, text)
    whole = _FORM.fullmatch(text)
    if whole is not None and not whole["escaped"] and "\n" not in filled and filled != text:
        return resolve(filled, Dialect.KUBERNETES)
    return filled
