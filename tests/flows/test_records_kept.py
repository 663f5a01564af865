"""A check is never stopped by where its record is kept."""

from __future__ import annotations

import pytest

from bot.sessions.gitref import REF
from tests.entry import clockwork
from tests.flows.stage import NAME, Stage


@pytest.mark.parametrize("store", ["postgresql://nobody@127.0.0.1:1/none", "sqlite:////proc/none/sessions.db"])
def test_a_store_that_cannot_be_opened_stops_no_check(stage: Stage, store: str) -> None:
    """The check is published all the same; the record waits, and is in the store once there is one."""
    stage.config_drift()
    stage.tick()
    before = stage.file("clockwork.yaml")
    stage.edit("clockwork.yaml", lambda text: f"{text}sessions: {{store: '{store}'}}\n")
    variables = {**stage.options().environment, "CLOCKWORK_CACHE": str(stage.directory / "runner")}

    def judge() -> str:
        done = clockwork("guard", "pr", "1", "--repo", stage.box.git_url(NAME), folder=stage.directory, **variables)
        assert done.returncode == 0, done
        return str(done.stderr)

    assert "1 session record could not be stored" in judge()
    assert REF not in stage.box.backend.repositories.open(NAME).references
    stage.edit("clockwork.yaml", lambda _: before)
    assert judge() == ""
    listing = clockwork(
        "sessions", "list", "--json", "--repo", stage.box.git_url(NAME), folder=stage.directory, **variables
    )
    assert listing.stdout.count('"pull": 1') == 2, listing
