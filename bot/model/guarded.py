"""One guarded run of an AI tool: what it is asked, what it left behind, what is made of it, and how it can fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.errors import Unavailable
from bot.model.filetree import FileTree
from bot.model.finding import Change, Finding, Mode, Verdict
from bot.model.session import Reply


class AIErrorKind(StrEnum):
    """Why an AI tool has no output to judge."""

    MISSING = "missing"
    """Its program or its key is not there."""
    REFUSED = "refused"
    """Its model's host says no: the key, a limit, or the size of the request."""
    TIMED_OUT = "timed out"
    FAILED = "failed"
    NO_OUTPUT = "no output"
    """It ended well, and neither answered nor changed a file."""
    UNCONFINED = "unconfined"
    """It would have run without a wall around it."""


class AIExecutionError(Unavailable):
    """An AI tool that gave no output to judge, with the ``kind`` of failure. Nothing was written. Exit code 3."""

    def __init__(self, kind: AIErrorKind, message: str, *, advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class DraftAssignment:
    """What an assistant is to do. ``text`` is complete; ``schema`` is the JSON schema of an answer that holds files, as
    JSON text; ``tree`` are the files that it gets a copy of where it can change some.
    """

    text: str
    schema: str
    tree: FileTree


@dataclass(frozen=True, slots=True)
class DraftFile:
    """One file that differs from the copy that was handed out. ``data`` is None for a deleted one.

    ``refused`` says why it is never written, whatever it holds (a link, a device, too large); ``data`` is None then too.
    """

    path: str
    data: bytes | None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What an assistant made of an assignment: its own words as they are, and the files it left different.

    All of it is untrusted. ``files`` is None where it could only answer; ``incomplete`` says why they are not all that it
    left. ``failure`` is None unless there is nothing to judge; ``reply`` is what is recorded.
    """

    reply: Reply
    text: str = ""
    files: tuple[DraftFile, ...] | None = None
    incomplete: str | None = None
    failure: AIErrorKind | None = None


@dataclass(frozen=True, slots=True)
class AIRequest:
    """A prompt for an AI tool. ``tool`` is the name or kind of an assistant, ``agent`` that of an agent's document.

    ``session_id`` names the run's record; without one, one is made. What is recorded under a name stays as it is.
    ``mode`` may be given as its word.
    """

    tool: str
    prompt: str
    agent: str | None = None
    mode: Mode = Mode.STANDARD
    session_id: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode", Mode(self.mode))


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced block of an answer: the first word after the fence, and what is inside. ``line`` counts from 1."""

    language: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class ParsedOutput:
    """What an output says: a summary in the tool's words, its fenced blocks, and the files it would write.

    ``files``: repository path to bytes, None for a file to delete.
    """

    summary: str
    blocks: tuple[CodeBlock, ...] = ()
    files: Mapping[str, bytes | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AIResult:
    """What became of an :class:`AIRequest`.

    ``raw_output`` is what the tool said, credentials redacted. ``violations`` are the guardrails that its output breaks,
    ``failures`` the failure modes it shows (category integrity or system). ``execution_time`` is in seconds.
    ``approved``: in standard mode all but what could never be written, in strict nothing with a critical finding.
    """

    raw_output: str
    parsed: ParsedOutput
    violations: tuple[Finding, ...]
    failures: tuple[Finding, ...]
    approved: bool
    execution_time: float
    session_id: str
    verdict: Verdict
    change: Change
    reply: Reply
    notes: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Violations, then failures."""
        return (*self.violations, *self.failures)
