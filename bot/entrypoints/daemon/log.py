"""The daemon's log: JSON lines, on standard error or in a file that keeps its size.

The file is rotated by whoever writes it. Where standard output and error lead into it too (a daemon in the background),
they follow, so that what a library or a crashing interpreter prints is found in the same place.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bot.entrypoints.levels import LEVELS
from bot.errors import Invalid, Unavailable
from bot.secrecy.redaction import redact_tokens
from bot.workers.cleanup import LOG_BYTES, LOG_FILES, rotate

if TYPE_CHECKING:
    import structlog


class LogTarget(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


class LogFile:
    """A file that lines are added to. ``largest`` is in bytes; so many ``backups`` stay beside it, packed.

    Safe for many threads. A full disk costs lines, never the daemon. Raises ``Invalid`` for a file that cannot be made.
    """

    def __init__(self, path: Path, *, largest: int = LOG_BYTES, file_count: int = LOG_FILES) -> None:
        self.path = path
        self.largest = largest
        self.backups = file_count
        self._lock = threading.Lock()
        try:
            self._descriptor = self._opened()
            self._size = os.fstat(self._descriptor).st_size
        except OSError as exc:
            raise Invalid(f"the log {path} cannot be written: {exc.strerror}", advice="Name another.") from exc
        self._streams = [stream for stream in (1, 2) if self._leads_here(stream)]

    def write(self, text: str, /) -> None:
        """Add ``text``; first give the file another name where it would grow beyond its size."""
        data = text.encode(errors="backslashreplace")
        with self._lock:
            try:
                if self._size and self._size + len(data) > self.largest:
                    self._rotate()
                self._size += os.write(self._descriptor, data)
            except OSError:
                return

    def flush(self) -> None:
        """Nothing waits: every line is written at once."""

    def reopen(self) -> None:
        """Write into a new file of this name from now on: somebody renamed the old one."""
        with self._lock:
            self._replace()

    def close(self) -> None:
        """The file is closed; later lines are lost."""
        with self._lock:
            os.close(self._descriptor)

    def _opened(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _leads_here(self, stream: int) -> bool:
        try:
            return os.path.sameopenfile(stream, self._descriptor)
        except OSError:
            return False

    def _rotate(self) -> None:
        try:
            rotate(self.path, least=0, keep=self.backups)
        except Unavailable:  # a folder that allows no new names: the file grows on
            self._size = 0
            return
        self._replace()

    def _replace(self) -> None:
        descriptor = self._opened()
        for stream in self._streams:
            os.dup2(descriptor, stream)
        os.close(self._descriptor)
        self._descriptor, self._size = descriptor, os.fstat(descriptor).st_size


def logger(target: LogTarget | None = None, *, level: str = "info", form: str = "json") -> structlog.stdlib.BoundLogger:
    """Lines with a time, from ``level`` on, as JSON or for people; on standard error without a ``target``."""
    import structlog

    renderer = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS.get(level, LEVELS["info"])),
        processors=[
            _without_tokens,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=lambda *_: _Lines(target or sys.stderr),
    )
    log: structlog.stdlib.BoundLogger = structlog.get_logger()
    return log


class _Lines:
    """A logger in structlog's sense: either level writes its line to one target."""

    def __init__(self, target: LogTarget) -> None:
        self._target = target

    def msg(self, line: str) -> None:
        """Write one line. Where nobody reads any more (a closed pipe) it is lost, and the work goes on."""
        with suppress(OSError):
            self._target.write(f"{line}\n")
            self._target.flush()

    debug = info = warning = error = msg


def _without_tokens(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Every text of an event redacted: a message of another program may quote what it was given."""
    return {key: redact_tokens(value) if isinstance(value, str) else value for key, value in event.items()}
