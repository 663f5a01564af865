"""Session records that their log did not take, kept in a folder of this machine until it takes them.

A record that a working log refuses by itself is put aside there as ``ID.refused``, for a person to look at: it is never
offered again. A file that is no record, torn or of a newer version, is left where it is and counted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from bot.errors import BotError, Invalid
from bot.model.figures import Figures
from bot.model.session import Session
from bot.sessions.codec import decode, encode

LARGEST: Final = 1000
"""Records that are kept; one more is lost."""
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")


class SessionSpool:
    """The folder. It is made when something is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, session: Session) -> bool:
        """Whether it is kept: the folder may be full, or not to be written."""
        file = self._file(session)
        draft = file.with_suffix(f".{os.getpid()}.new")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if sum(1 for _ in self.folder.iterdir()) >= LARGEST:
                return False
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:  # noqa: PTH123 - a mode
                out.write(encode(session))
            draft.replace(file)
        except OSError:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            return False
        return True

    def waiting(self) -> tuple[Session, ...]:
        """What is kept, by name."""
        return tuple(session for session in self._read() if session is not None)

    def unreadable(self) -> int:
        """How many files in its place are no records."""
        return sum(session is None for session in self._read())

    def put_aside(self, session: Session) -> None:
        """Its log will never have it: it is kept, and offered no more."""
        with suppress(OSError):
            self._file(session).replace(self._file(session).with_suffix(".refused"))

    def forget(self, sessions: Sequence[Session]) -> None:
        """Their log has them now."""
        for session in sessions:
            with suppress(OSError):
                self._file(session).unlink(missing_ok=True)

    def _read(self) -> Iterator[Session | None]:
        for file in sorted(self.folder.glob("*.json")):
            try:
                yield decode(file.read_bytes())
            except FileNotFoundError:
                continue  # another process has handed it in
            except (OSError, Invalid):
                yield None

    def _file(self, session: Session) -> Path:
        return self.folder / f"{_UNSAFE.sub('-', session.id)[:80] or 'session'}.json"


class UnopenedSessions:
    """A session log that could not be opened: whoever asks it hears why, and what is handed in is kept elsewhere."""

    def __init__(self, error: BotError) -> None:
        self._error = error

    def write(self, sessions: Sequence[Session]) -> None:
        """Raises why it could not be opened."""
        del sessions
        raise self._error

    def recent(self, *, since: object = None, limit: int = 1000) -> Sequence[Session]:
        """Raises why it could not be opened."""
        del since, limit
        raise self._error

    def figures(self, *, since: object = None) -> Figures:
        """Raises why it could not be opened."""
        del since
        raise self._error

    def prune(self, before: object, *, batch: int = 500) -> int:
        """Raises why it could not be opened."""
        del before, batch
        raise self._error

    def tidy(self) -> None: ...

    def close(self) -> None: ...
