"""One running sandbox per test, or one world without a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox.server import Sandbox
from tests.flows.stage import Prepared, Stage, open_stage
from tests.flows.world import World


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A fresh stage: nothing has drifted yet."""
    with Sandbox.start(tmp_path / "sandbox") as box:
        yield open_stage(tmp_path, box)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """What several tests of a file begin with."""
    return Prepared(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A fresh world: nothing has drifted yet."""
    return World(tmp_path)
