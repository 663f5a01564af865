"""What one commit of a history adds to all commits before it."""

from __future__ import annotations

from datetime import datetime

from bot.model.dataclass import dataclass
from bot.model.finding import FileChange


@dataclass(frozen=True, slots=True)
class CommitAdditions:
    """A commit with the files that none before it had, each with its blob id. ``at`` is UTC, ``subject`` one line."""

    sha: str
    author: str
    at: datetime
    subject: str
    files: tuple[tuple[str, FileChange], ...]
