"""Folders go with what they were made for, with the process, and with the next one that needs one where it was killed."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot import temporary
from bot.temporary import folder_of, temporary_folder

_CODE = """
import signal, sys
from bot import temporary
temporary._YOUNG = float(sys.argv[1])
class Owner: pass
owner = Owner()
print(temporary.folder_of(owner, "test"), flush=True)
if len(sys.argv) > 2:
    signal.pause()
"""


def started(top: Path, young: float, *more: str) -> tuple[subprocess.Popen[str], Path]:
    """A process that has such a folder below ``top``, and the folder."""
    argv = [sys.executable, "-c", _CODE, str(young), *more]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(top)})
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_left_goes_with_the_next_and_what_lives_stays(tmp_path: Path) -> None:
    dead, left = started(tmp_path, 0, "wait")
    (left / "deep").mkdir()
    (left / "deep" / "file").write_text("x")
    alive, held = started(tmp_path, 0, "wait")
    linked = tmp_path / f"{temporary.PREFIX}link"
    linked.symlink_to(tmp_path)
    try:
        with dead:
            dead.send_signal(signal.SIGKILL)
        with started(tmp_path, 60)[0]:
            pass
        assert left.exists(), "it is young: perhaps it is not locked yet"
        with started(tmp_path, 0)[0]:
            pass
        assert sorted(tmp_path.iterdir()) == sorted([held, linked])
    finally:
        with alive:
            alive.send_signal(signal.SIGKILL)


def test_a_folder_goes_with_its_owner_and_with_its_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    class Owner:
        """Something that may be referred to weakly."""

    owner = Owner()
    folder = folder_of(owner, "owned")
    assert folder.stat().st_mode & 0o777 == 0o700
    del owner
    gc.collect()
    with temporary_folder("block") as inner:
        (inner / "locked").mkdir(mode=0o500)
        assert list(tmp_path.iterdir()) == [inner]
    assert not list(tmp_path.iterdir())
