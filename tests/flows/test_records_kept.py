"""A check is never stopped by where its record is kept."""

from __future__ import annotations

import pytest

from bot.sessions.gitref import REF
from tests.entry import clockwork
from tests.flows.stage import NAME, Stage


@pytest.mark.parametrize("store", ["postgresql://nobody@127.0.0.1:1/none", "sqlite:////proc/none/sessions.db"])
def test_a_store_that_cannot_be_opened_stops_no_check(stage: Stage, store: str) -> None:
    """The check is published all the same; the record waits for a database, and is in it once there is one."""
    stage.config_drift()
    stage.tick()
    before = stage.file("clockwork.yaml")
    stage.edit("clockwork.yaml", lambda text: f"{text}sessions: {{store: '{store}'}}\n")
    variables = {**stage.options().environment, "CLOCKWORK_CACHE": str(stage.directory / "runner")}

    def judge() -> str:
        done = clockwork("guard", "pr", "1", "--repo", stage.box.git_url(NAME), folder=stage.directory, **variables)
        assert done.returncode == 0, done
        return str(done.stderr)

    def listed() -> int:
        listing = clockwork(
            "sessions", "list", "--json", "--repo", stage.box.git_url(NAME), folder=stage.directory, **variables
        )
        return listing.stdout.count('"pull": 1')

    assert "1 session record could not be stored" in judge()
    assert REF not in stage.box.backend.repositories.open(NAME).references
    stage.edit("clockwork.yaml", lambda _: before)
    assert (judge(), listed()) == ("", 1), "what belongs in a database is published in Git"
    ours = f"{before}sessions: {{store: 'sqlite:///{stage.directory}/sessions.db'}}\n"
    stage.edit("clockwork.yaml", lambda _: ours)
    assert (judge(), listed()) == ("", 2)
