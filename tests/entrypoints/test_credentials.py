"""Secrets that are handed over as files of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.entrypoints.credentials import credentials
from bot.errors import Invalid
from bot.settings import secrets
from tests.entry import clockwork


def test_each_file_stands_for_the_variable_of_its_name(tmp_path: Path) -> None:
    """A token, a key of several lines, and nothing of what Kubernetes keeps beside them."""
    (tmp_path / "CLOCKWORK_TOKEN").write_text("t0k\n")
    (tmp_path / "APP_KEY").write_text("-----BEGIN\nabc\n")
    (tmp_path / "..data").mkdir()
    (tmp_path / "README.md").write_text("no variable")
    told = credentials({"CLOCKWORK_CREDENTIALS": str(tmp_path)})
    assert told == {"CLOCKWORK_TOKEN": "t0k", "APP_KEY": "-----BEGIN\nabc"}
    assert secrets(told).token == "t0k"


def test_a_variable_that_is_set_stays(tmp_path: Path) -> None:
    """What the environment says goes before the file of that name."""
    (tmp_path / "CLOCKWORK_TOKEN").write_text("file")
    assert credentials({"CLOCKWORK_CREDENTIALS": str(tmp_path), "CLOCKWORK_TOKEN": "set"}) == {}


def test_without_a_folder_there_are_none() -> None:
    """No variable, or an empty one, names no folder."""
    assert credentials({}) == credentials({"CLOCKWORK_CREDENTIALS": ""}) == {}


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", b"x" * (1024 * 1024 + 1)])
def test_what_can_be_no_variable_is_told_without_its_value(tmp_path: Path, content: bytes) -> None:
    """A file that is no text, or holds what no variable can, is named."""
    (tmp_path / "CLOCKWORK_TOKEN").write_bytes(content)
    with pytest.raises(Invalid, match=r"CLOCKWORK_CREDENTIALS: .*/CLOCKWORK_TOKEN") as told:
        credentials({"CLOCKWORK_CREDENTIALS": str(tmp_path)})
    assert "xxx" not in str(told.value)


def test_a_folder_that_is_not_there_ends_the_command(tmp_path: Path) -> None:
    """Whoever names a folder that cannot be read is told so, instead of running without its secrets."""
    done = clockwork("policy", "show", folder=tmp_path, CLOCKWORK_CREDENTIALS=str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert "nowhere: No such file or directory" in done.stderr
