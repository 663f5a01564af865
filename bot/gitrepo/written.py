"""The files of a commit as they lie in a folder of our own: brought up to date, and what is gone from Git taken away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from bot.errors import Refused
from bot.ports import Repository

_LIST: Final = ".clockwork-files.json"
"""The names of the files that were written: others that lie there, such as what containers write, stay."""
_EXECUTABLE: Final = 0o100755


def written_out(repository: Repository, commit: str, folder: Path) -> Path:
    """``folder`` with the files of ``commit``. Files are replaced whole; one that is as it should be is not touched."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    entries = {entry.path: entry for entry in repository.entries(commit)}
    listed = folder / _LIST
    before: list[str] = json.loads(listed.read_bytes()) if listed.is_file() else []
    listed.write_text(json.dumps(sorted({*before, *entries})))
    for name in {*before, *entries}:
        _check_own(folder, name)
    for name in before:
        if name not in entries:
            (folder / name).unlink(missing_ok=True)
    for name, entry in entries.items():
        _write(folder / name, repository.blob(entry.blob), executable=entry.mode == _EXECUTABLE)
    listed.write_text(json.dumps(sorted(entries)))
    return folder


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
