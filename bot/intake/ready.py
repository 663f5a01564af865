"""The YAML tables that ship with Clockwork, read beforehand: ``policies/`` has thousands of lines, and every run needs them.

``shipped.json`` has the value of each by the SHA-256 of its bytes, so that a file that was changed is simply read. It is
written by ``.github/scripts/guardrails.py``. Called by those who read tables of ``policies/``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from bot.model.json import JSON

FILE: Final = Path(__file__).with_name("shipped.json")
FOLDERS: Final = ("fields", "metadata", "platforms")
"""The folders below ``policies/`` whose files are kept."""


def value_of(data: bytes, file: str) -> JSON:
    """The value of one of our own files, as :func:`bot.intake.lined.read_document` reads it; ``Invalid`` as from there."""
    values = _values()
    if (key := digest(data)) in values:
        return values[key]
    from bot.intake.lined import read_document

    return read_document(data, file).value


def digest(data: bytes) -> str:
    """By what a file is known."""
    return hashlib.sha256(data).hexdigest()


@cache
def _values() -> Mapping[str, JSON]:
    values: Mapping[str, JSON] = json.loads(FILE.read_bytes())
    return values
