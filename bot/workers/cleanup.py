"""Forgets what is old: session records in small batches, database space, log files that grew.

Each batch is a transaction of its own, so that nobody who records a session waits long.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Sequence
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
class Cleaned:
    """What one clean-up did."""

    sessions: int
    logs: int = 0


def clean(store: SessionRecords, *, now: datetime, keep: timedelta = KEEP, logs: Sequence[Path] = ()) -> Cleaned:
    """Sessions older than ``keep`` are gone, their room is given back, and ``logs`` that grew are rotated."""
    removed = 0
    while gone := store.prune(now - keep):
        removed += gone
    store.tidy()
    return Cleaned(removed, sum(rotate(log) for log in logs))


def rotate(log: Path, *, least: int = LOG_BYTES, keep: int = LOG_FILES) -> bool:
    """``log`` is ``log.1.gz`` now and older ones moved up, if it had ``least`` bytes; at most ``keep`` are kept.

    The file itself is renamed: its writer has to open it again. Raises ``Unavailable`` when the folder does not allow it.
    """
    try:
        if not log.is_file() or log.stat().st_size < least:
            return False
        _numbered(log, keep).unlink(missing_ok=True)
        for number in range(keep - 1, 0, -1):
            if _numbered(log, number).exists():
                _numbered(log, number).replace(_numbered(log, number + 1))
        # Renamed before it is packed, not copied and emptied: whoever has it open goes on writing into the renamed file.
        moved = log.replace(log.with_name(f"{log.name}.rotating"))
        _compress(moved, _numbered(log, 1))
    except OSError as exc:
        raise Unavailable(f"cannot rotate {log}: {exc.strerror}") from exc
    return True


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}.gz")


def _compress(source: Path, target: Path) -> None:
    with source.open("rb") as plain, gzip.open(target, "wb") as packed:
        shutil.copyfileobj(plain, packed)
    source.unlink()
