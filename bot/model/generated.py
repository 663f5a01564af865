"""Names that end in a hash of what the object holds: kustomize's generators make a new object for each content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bot.model.json import JSON

_HASHED: Final = re.compile(r"(?P<name>.+)-[2456789bcdfghkmt]{10}")
"""A generated name with the hash of its content: kustomize replaces the characters that could form words
(``api/hasher/hasher.go``, ``encode``).
"""


def base_name(name: str) -> str:
    """The name of a generated object without the hash of its content; any other name as it is."""
    match = _HASHED.fullmatch(name)
    return match["name"] if match else name


def with_names(value: JSON, names: Mapping[str, str]) -> JSON:
    """``value`` with each text that is one of ``names`` replaced: whoever refers to an object says its whole name."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, Mapping):
        return {key: with_names(entry, names) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_names(element, names) for element in value]
    return value
