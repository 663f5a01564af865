"""Sessions on a Git ref, for runners that keep nothing else: one small JSON file per session, sorted into days.

Records never change once written, so blobs read once are kept, and two writers never touch the same file: a lost race is
simply run again on the new tip.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from bot.errors import Invalid, Stale
from bot.model.figures import Figures, figures_of
from bot.model.session import Session
from bot.model.wording import counted
from bot.ports import Repository
from bot.sessions.codec import decode, encode

REF: Final = "refs/clockwork/sessions"
TRIES: Final = 12
_PATH: Final = re.compile(r"\d{4}/\d{2}/\d{2}/\d{6}-[\w.-]{1,100}\.json")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")


class GitSessions:
    """A :class:`~bot.sessions.queue.SessionLog` on a ref. Reads few records: the newest days first, each blob once."""

    def __init__(
        self,
        repository: Repository,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._repository = repository
        self._sleep = sleep
        self._jitter = jitter
        self._decoded: dict[str, Session | None] = {}

    def write(self, sessions: Sequence[Session]) -> None:
        changes = {_path(session): encode(session) + b"\n" for session in sessions}
        if not changes:
            return
        newest = max(session.at for session in sessions)
        message = f"Record {counted(len(changes), 'guarded run')}"

        def missing(files: Mapping[str, str]) -> Mapping[str, bytes | None]:
            return {path: data for path, data in changes.items() if path not in files}

        self._append(missing, message=message, at=newest)

    def recent(self, *, since: datetime | None = None, limit: int = 1000) -> Sequence[Session]:
        sessions: list[Session] = []
        for path, blob in sorted(_records(self._files()[1]), reverse=True):
            if len(sessions) >= limit or (since is not None and path[:17] < _stamp(since)):
                break
            session = self._session(blob)
            if session is not None and (since is None or session.at >= since):
                sessions.append(session)
        return tuple(sorted(sessions, key=lambda session: (session.at, session.id), reverse=True))

    def figures(self, *, since: datetime | None = None) -> Figures:
        return figures_of(self.recent(since=since, limit=100_000), since=since)

    def prune(self, before: datetime, *, batch: int = 500) -> int:
        removed: list[str] = []

        def old(files: Mapping[str, str]) -> Mapping[str, bytes | None]:
            paths = sorted(path for path, _ in _records(files) if path[:17] < _stamp(before))
            removed[:] = paths[:batch]
            return dict.fromkeys(removed)

        self._append(old, message="Forget guarded runs that are too old", at=before)
        return len(removed)

    def tidy(self) -> None:
        """Git gives room back when it collects garbage; there is nothing to do here."""

    def close(self) -> None:
        self._decoded.clear()

    def _append(
        self, changes_for: Callable[[Mapping[str, str]], Mapping[str, bytes | None]], *, message: str, at: datetime
    ) -> None:
        """Commit what ``changes_for`` says on the tip as it is; again on a newer tip after a lost race."""
        for attempt in range(TRIES):
            if attempt:
                self._sleep(self._jitter() * min(2.0, 0.05 * 2**attempt))
            tip, files = self._files()
            changes = changes_for(files)
            if not changes:
                return
            commit = self._repository.commit(tip or "", changes, message=message, at=at)
            try:
                self._repository.push(REF, commit, expected=tip)
            except Stale:
                continue
            return
        raise Stale(f"{REF} moved {TRIES} times while a session was being recorded")

    def _files(self) -> tuple[str | None, Mapping[str, str]]:
        """The remote's tip (None when the ref does not exist yet), fetched, and the blob ids of its files by path."""
        self._repository.fetch()
        tip = self._repository.head(REF)
        return tip, {} if tip is None else {entry.path: entry.blob for entry in self._repository.entries(tip)}

    def _session(self, blob: str) -> Session | None:
        if blob not in self._decoded:
            try:
                self._decoded[blob] = decode(self._repository.blob(blob))
            except Invalid:
                self._decoded[blob] = None
        return self._decoded[blob]


def _records(files: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    return [(path, blob) for path, blob in files.items() if _PATH.fullmatch(path)]


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y/%m/%d/%H%M%S")


def _path(session: Session) -> str:
    """``2026/11/21/201530-<id>.json``: sorting paths sorts sessions by second."""
    return f"{_stamp(session.at)}-{_UNSAFE.sub('-', session.id)[:80] or 'session'}.json"
