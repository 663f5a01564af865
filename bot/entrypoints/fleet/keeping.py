"""What a fleet knows between starts, and that one start at a time keeps it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bot.entrypoints.fleet.accounts import history_of, history_text, known_of, known_text
from bot.errors import Refused
from bot.fleet.history import FleetHistory
from bot.fleet.status import FleetRepository


def load_repositories(file: Path) -> dict[str, FleetRepository]:
    """What is known of each repository; nothing runs. Empty where there is no such file, or where it cannot be read."""
    try:
        repositories = known_of(file.read_bytes())
    except OSError:
        return {}
    return {name: replace(repository, running=False) for name, repository in repositories.items()}


def save_repositories(file: Path, repositories: Mapping[str, FleetRepository]) -> None:
    """What is known, whole or not at all."""
    _keep(file, known_text(repositories))


def load_history(file: Path) -> FleetHistory:
    """The hours before. Empty where there is no such file, or where it cannot be read."""
    try:
        return history_of(file.read_bytes())
    except OSError:
        return FleetHistory()


def save_history(file: Path, history: FleetHistory) -> None:
    """The hours, whole or not at all."""
    _keep(file, history_text(history))


def _keep(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_bytes(data)
    fresh.replace(file)


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Nobody else keeps this fleet on this machine. ``Refused`` where somebody does."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "fleet.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            lock.seek(0)
            pid = lock.read(20).strip()
            by = f", by process {pid}" if pid.isdigit() else ""
            raise Refused(
                f"this fleet is kept already on this machine{by}", advice="End the other `fleet run` first."
            ) from exc
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
