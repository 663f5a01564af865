"""What the daemon tells of ways to write that the host closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.sandbox.server import Sandbox
from tests.entrypoints.test_daemon_polling import keeping
from tests.flows.stage import NAME, open_stage

pytestmark = pytest.mark.slow


def test_closed_lanes_stand_in_the_status(tmp_path: Path) -> None:
    """Pull requests that may not be opened, and issues that are switched off: each with the switch, and when it is tried."""
    with Sandbox.start(tmp_path / "sandbox") as box:
        stage = open_stage(tmp_path, box)
        box.admin.switch(NAME, has_issues=False)
        message = "GitHub Actions is not permitted to create or approve pull requests."
        box.faults.fail(403, r"/pulls$", method="POST", times=99, message=message)
        stage.config_drift()
        stage.show()
        with keeping(stage) as daemon:
            told = {closure["text"].partition(":")[0]: closure for closure in daemon.status()["closed"]}
            assert set(told) == {"No pull request can be opened", "No issue can be filed"}
            assert told["No pull request can be opened"]["again"] is not None
            assert 'Switch on "Issues"' in told["No issue can be filed"]["text"]
