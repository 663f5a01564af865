"""One running sandbox per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox.server import Sandbox
from tests.flows.stage import Stage, open_stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A fresh stage: nothing has drifted yet."""
    with Sandbox.start(tmp_path / "sandbox") as box:
        yield open_stage(tmp_path, box)
