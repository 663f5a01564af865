"""``clockwork comments`` as a workflow calls it, by both of its names."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.sandbox.server import Sandbox
from tests.entry import clockwork
from tests.flows.stage import NAME, open_stage


def test_a_command_is_answered_once_under_either_name(tmp_path: Path) -> None:
    """The first run answers the comment, the next one finds nothing pending, as ``hear`` does in older workflows."""
    with Sandbox.start(tmp_path / "sandbox") as box:
        stage = open_stage(tmp_path, box)
        number = stage.api("POST", "/issues", title="a thread", body="of people")["number"]
        stage.api("POST", f"/issues/{number}/comments", body="/clockwork halt for the audit")
        environment = {**stage.options().environment}
        words = (str(number), "--repo", box.git_url(NAME))
        first = clockwork("comments", *words, folder=tmp_path, **environment)
        assert (first.returncode, first.stdout.count("Halted everything")) == (0, 1), first
        for verb in ("comments", "hear"):
            again = clockwork(verb, *words, folder=tmp_path, **environment)
            assert (again.returncode, again.stdout) == (0, "No pending commands.\n"), again


@pytest.mark.parametrize(("words", "shown"), [(("--help",), False), (("hear", "--help"), True)])
def test_the_former_name_is_understood_and_not_advertised(tmp_path: Path, words: tuple[str, ...], shown: bool) -> None:
    """Nobody who reads the list of commands learns ``hear``; who calls it is understood."""
    done = clockwork(*words, folder=tmp_path)
    assert done.returncode == 0
    assert ("clockwork hear" in done.stdout or "\n  hear " in done.stdout) is shown
    assert "/clockwork comments" in done.stdout
