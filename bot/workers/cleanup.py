"""Forgets what is old: session records in small batches, database space, log files that grew.

Each batch is a transaction of its own, so that nobody who records a session waits long.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from bot.errors import Unavailable
from bot.ports import SessionRecords

KEEP: Final = timedelta(days=30)
LOG_BYTES: Final = 10 * 1024 * 1024
LOG_FILES: Final = 5


@dataclass(frozen=True, slots=True)
class Logs:
    """Log files to rotate: ``reopened`` are opened for each line, so they may be renamed; ``held_open`` are files or
    globs that some program keeps open. One is rotated from ``least`` bytes on; so many ``backups`` stay beside it, packed.
    """

    reopened: tuple[Path, ...] = ()
    held_open: tuple[str, ...] = ()
    least: int = LOG_BYTES
    backups: int = LOG_FILES

    def rotate(self) -> int:
        """How many were rotated."""
        other_logs = sorted({path for pattern in self.held_open for path in _matching(pattern)})
        rotated = [rotate(log, least=self.least, keep=self.backups) for log in self.reopened]
        rotated += [
            rotate(log, least=self.least, keep=self.backups, is_open=True) for log in other_logs if log.suffix != ".gz"
        ]
        return sum(rotated)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What one clean-up did."""

    sessions: int
    logs: int = 0


def clean(store: SessionRecords, *, now: datetime, keep: timedelta = KEEP, logs: Logs | None = None) -> Cleaned:
    """Sessions older than ``keep`` are gone, their room is given back, and ``logs`` that grew are rotated."""
    removed = 0
    while removed_count := store.prune(now - keep):
        removed += removed_count
    store.tidy()
    return Cleaned(removed, 0 if logs is None else logs.rotate())


def rotate(log: Path, *, least: int = LOG_BYTES, keep: int = LOG_FILES, is_open: bool = False) -> bool:
    """``log`` is ``log.1.gz`` now and older ones moved up, if it had ``least`` bytes; at most ``keep`` are kept.

    The file itself is renamed: its writer has to open it again. With ``is_open`` it is copied and emptied instead, for a
    writer that never does and that appends. Raises ``Unavailable`` when the folder does not allow it.
    """
    try:
        if not log.is_file() or log.stat().st_size < least:
            return False
        _numbered(log, keep).unlink(missing_ok=True)
        for number in range(keep - 1, 0, -1):
            if _numbered(log, number).exists():
                _numbered(log, number).replace(_numbered(log, number + 1))
        if is_open:
            _compress_and_empty(log, _numbered(log, 1))
        else:
            # Renamed before it is packed, not copied and emptied: whoever has it open goes on writing into the renamed file.
            _compress(log.replace(log.with_name(f"{log.name}.rotating")), _numbered(log, 1))
    except OSError as exc:
        raise Unavailable(f"cannot rotate {log}: {exc.strerror}") from exc
    return True


def _matching(pattern: str) -> Iterable[Path]:
    path = Path(pattern).expanduser()
    return Path(path.anchor).glob(str(path.relative_to(path.anchor)))


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}.gz")


def _compress(source: Path, target: Path) -> None:
    with source.open("rb") as plain, gzip.open(target, "wb") as packed:
        shutil.copyfileobj(plain, packed)
    source.unlink()


def _compress_and_empty(log: Path, target: Path) -> None:
    """What is written between the last look for more and the emptying is lost (logrotate(8), "copytruncate": "there is a
    very small time slice"). Looking until nothing more came keeps it at that.
    """
    with log.open("r+b") as plain, gzip.open(target, "wb") as packed:
        while block := plain.read(1 << 16):
            packed.write(block)
        plain.truncate(0)
