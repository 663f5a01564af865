"""Declared files of every kind that the readers meet, and where they lie: the project's own here, more beside a checkout.

The project's own files are the suite: no test needs more. Where a checkout has a folder ``../shared/corpus`` of real
files of other projects, each of those is one more test, marked ``extra``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

OWN = Path(__file__).parent
BESIDE = Path(__file__).parents[3] / "shared" / "corpus"


def own(folder: str, pattern: str) -> list[Path]:
    """The project's own files of one folder whose name matches the glob ``pattern``."""
    return sorted((OWN / folder).glob(pattern))


def cases(folder: str, pattern: str, *, beside: str | None = None) -> list[pytest.ParameterSet]:
    """The project's own files of one folder as parameters, then those beside the checkout (folder ``beside``)."""
    more = sorted((BESIDE / (beside or folder)).glob(pattern))
    return [
        *(pytest.param(path, id=path.name) for path in own(folder, pattern)),
        *(pytest.param(path, id=f"beside-{path.name}", marks=pytest.mark.extra) for path in more),
    ]
