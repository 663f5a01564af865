"""What an adoption comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Adoption:
    """Changed files (path to new bytes; the others stay) and sentences a reviewer should see in the pull request."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
