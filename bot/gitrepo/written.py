"""The files of a commit as they lie in a folder of our own: brought up to date, and what is gone from Git taken away."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from bot.errors import Refused
from bot.ports import Repository

_EXECUTABLE: Final = 0o100755


def written_out(repository: Repository, commit: str, folder: Path) -> Path:
    """``folder`` with the files of ``commit``; one that is as it should be is not touched, and what others wrote stays.

    Which files are ours is listed beside the folder: who may write in it, such as a container that mounts it, could else have
    any file of this machine taken away.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    entries = {entry.path: entry for entry in repository.entries(commit)}
    listing_file = folder.with_name(f"{folder.name}.json")
    before: list[str] = json.loads(listing_file.read_bytes()) if listing_file.is_file() else []
    _list(listing_file, {*before, *entries})
    for name in {*before, *entries}:
        _check_own(folder, name)
    for name in before:
        if name not in entries:
            (folder / name).unlink(missing_ok=True)
    for name, entry in entries.items():
        _write(folder / name, repository.blob(entry.blob), executable=entry.mode == _EXECUTABLE)
    _list(listing_file, {*entries})
    return folder


def _list(file: Path, names: set[str]) -> None:
    """Whole or not at all: a run that dies in the middle leaves the list that was there."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_text(json.dumps(sorted(names)))
    fresh.replace(file)


def _check_own(folder: Path, name: str) -> None:
    """Raise ``Refused`` where a container that may write here laid a link in the way: it could lead anywhere."""
    for path in (folder / name, *(folder / name).parents):
        if path == folder:
            return
        if path.is_symlink():
            raise Refused(f"{path} is a symbolic link that Clockwork did not make", advice="Remove it.")


def _write(file: Path, data: bytes, *, executable: bool) -> None:
    """In place, because a container may have mounted the file itself and keeps the one that it has."""
    if file.is_file() and file.read_bytes() == data:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    file.chmod(0o755 if executable else 0o644)
