"""What guardrails say about a change: findings, failure modes, verdicts."""

from __future__ import annotations

from enum import StrEnum

from bot.model.choices import Mode as Mode  # noqa: PLC0414 - those who judge look for it here
from bot.model.choices import Verdict as Verdict  # noqa: PLC0414
from bot.model.dataclass import dataclass
from bot.model.severity import Severity


class Enforce(StrEnum):
    """What one rule does when it fires. Compare with :attr:`rank`."""

    OFF = "off"
    NOTICE = "notice"
    WARN = "warn"
    BLOCK = "block"

    @property
    def rank(self) -> int:
        """0 for off up to 3 for block."""
        return ("off", "notice", "warn", "block").index(self.value)


class AuthorKind(StrEnum):
    """Who wrote a change. It can be forged, so it may only raise severity."""

    HUMAN = "human"
    BOT = "bot"
    AGENT = "agent"


class FileStatus(StrEnum):
    """What happened to one file between base and head."""

    ADDED = "added"
    MODIFIED = "modified"
    REMOVED = "removed"
    RENAMED = "renamed"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a change with its bytes before and after.

    ``before`` is None for an added file, ``after`` for a removed one; both None with ``omitted`` set when the bytes
    could not or should not be read (submodule, too large), which is not the same as empty; ``sample`` then holds its first
    bytes. ``mode`` is git's file mode; ``old_mode`` that of the base where it was another.
    """

    path: str
    status: FileStatus
    before: bytes | None
    after: bytes | None
    old_path: str | None = None
    omitted: str | None = None
    mode: int = 0o100644
    old_mode: int | None = None
    sample: bytes = b""


@dataclass(frozen=True, slots=True)
class Change:
    """A change to judge: base..head. Text fields are hostile data. ``truncated`` says why the file list is not whole."""

    base: str
    head: str
    files: tuple[FileChange, ...]
    title: str = ""
    body: str = ""
    author: str = ""
    author_kind: AuthorKind = AuthorKind.HUMAN
    agent: str | None = None
    branch: str = ""
    number: int | None = None
    labels: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    """Commit messages, oldest first."""
    truncated: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation or failure mode. Lines count from 1 in the head's file (in the base's for a removed file).

    ``evidence`` has secrets masked. ``by`` is the detector or ``assistant:<name>``. ``fingerprint`` is stable under
    rebase: a hash of rule, path, white-space-normalised line and which occurrence it is.
    """

    rule: str
    title: str
    severity: Severity
    enforce: Enforce
    file: str | None
    line: int | None
    end_line: int | None
    message: str
    suggestion: str | None = None
    evidence: str | None = None
    fingerprint: str = ""
    by: str = "detector"
    category: str = ""
