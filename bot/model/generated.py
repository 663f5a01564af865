"""Names that end in a hash of what the object holds: kustomize's generators make a new object for each content."""

from __future__ import annotations

import re
from typing import Final

_HASHED: Final = re.compile(r"(?P<name>.+)-[2456789bcdfghkmt]{10}")
"""A generated name with the hash of its content: kustomize replaces the characters that could form words
(``api/hasher/hasher.go``, ``encode``).
"""


def base_name(name: str) -> str:
    """The name of a generated object without the hash of its content; any other name as it is."""
    match = _HASHED.fullmatch(name)
    return match["name"] if match else name
