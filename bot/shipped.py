"""Finds the data that ships with Clockwork: ``policies/`` and ``templates/``, in a wheel and in a checkout alike."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bot.errors import Invalid

_PACKAGE: Final = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The shipped folder ``name`` (``policies`` or ``templates``). ``Invalid`` when the installation lacks it."""
    for path in (_PACKAGE / "data" / name, _PACKAGE.parent / name):
        if path.is_dir():
            return path
    raise Invalid(f"this installation of clockwork lacks its {name} folder", advice="Install it again.")


@cache
def files(name: str, pattern: str = "**/*") -> Mapping[str, bytes]:
    """The files below a shipped folder that match ``pattern``, by path relative to it with forward slashes, sorted. A process
    reads them once.
    """
    root = folder(name)
    paths = sorted(path for path in root.glob(pattern) if path.is_file())
    return MappingProxyType({path.relative_to(root).as_posix(): path.read_bytes() for path in paths})
