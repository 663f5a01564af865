"""Manifests that tests declare, as objects: each text is read once, by the reader in C."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import yaml


def parsed(text: bytes) -> Any:
    """The only document of ``text``, the caller's own."""
    return copy.deepcopy(_read(text))


@cache
def _read(text: bytes) -> Any:
    return yaml.load(text, yaml.CSafeLoader)
