"""One guarded AI run: the request, the assistant's reply, the result, and the record that is kept of it."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from enum import StrEnum

from bot.model.dataclass import dataclass
from bot.model.finding import Change, Finding, Mode, Verdict


class ReplyStatus(StrEnum):
    """How one assistant run ended."""

    OK = "ok"
    AUTH = "auth"
    RATE_LIMIT = "rate_limit"
    TIMEOUT = "timeout"
    BAD_OUTPUT = "bad_output"
    CRASH = "crash"
    TOO_LARGE = "too_large"
    DISABLED = "disabled"

    @property
    def failed(self) -> bool:
        """Whether an assistant was asked and gave no usable answer."""
        return self not in {ReplyStatus.OK, ReplyStatus.DISABLED}

    @property
    def was_asked(self) -> bool:
        """Whether the assistant was asked at all."""
        return self is not ReplyStatus.DISABLED


@dataclass(frozen=True, slots=True)
class Prompt:
    """What an assistant is asked. ``text`` is complete: instructions, guardrail bodies, nonce-delimited data block.

    ``schema`` is the JSON schema of the reply, as JSON text.
    """

    text: str
    schema: str
    nonce: str


@dataclass(frozen=True, slots=True)
class ReplyFinding:
    """One finding as an assistant wrote it: untrusted, not yet checked against the diff."""

    rule: str
    file: str
    line: int | None
    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What an assistant answered. ``stderr_tail`` is redacted. Cost is in US dollars, None where the tool tells none."""

    assistant: str
    status: ReplyStatus
    findings: tuple[ReplyFinding, ...] = ()
    message: str = ""
    milliseconds: int = 0
    exit_code: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    stderr_tail: str = ""


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """One change to be judged in a mode, for an agent where the request names one (agent-specific documents)."""

    change: Change
    mode: Mode
    agent: str | None = None
    repository: str = ""


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """The answer to an :class:`ReviewRequest`: verdict, all findings (detectors first), the replies they partly came from."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    replies: tuple[Reply, ...] = ()
    session: str = ""
    notes: tuple[str, ...] = ()
    complete: bool = True
    """Whether every detector ran and every assistant that was asked answered; else asking again may say more."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What another run says of a change that had no rights: its verdict, and as a reply what its assistants found."""

    verdict: Verdict
    reply: Reply


@dataclass(frozen=True, slots=True)
class Session:
    """The record of one guarded run. No diff and no prompt text is kept, and evidence is masked."""

    id: str
    at: datetime
    repository: str
    agent: str
    mode: Mode
    verdict: Verdict
    head: str
    base: str
    number: int | None
    milliseconds: int
    findings: tuple[Finding, ...] = ()
    replies: tuple[Reply, ...] = field(default=())
    failure: str | None = None
    """Why the run itself failed (detector crash, time-out), None when it did not."""
