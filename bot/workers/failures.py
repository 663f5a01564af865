"""What counts as a failure in a session, one value each: findings that warn or block, replies that failed, broken runs.

Called by the analysis (trends) and the export (the list people read). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bot.model.finding import Enforce, Finding
from bot.model.session import Reply, ReplyStatus, Session
from bot.model.severity import Severity

_BY_PREFIX: Final = {
    "INT": "integrity",
    "DES": "destruction",
    "TST": "tests",
    "SEC": "security",
    "K8S": "kubernetes",
    "TF": "terraform",
    "CI": "workflows",
    "DEP": "dependencies",
    "INJ": "injection",
    "META": "meta",
    "CW": "clockwork",
    "SYS": "system",
}
"""Where a finding names no category, the letters before the number of its rule do."""

_MEANING: Final = {
    ReplyStatus.AUTH: ("The assistant rejected the API key", Severity.HIGH),
    ReplyStatus.RATE_LIMIT: ("The assistant's rate limit was reached", Severity.LOW),
    ReplyStatus.TIMEOUT: ("The assistant timed out", Severity.MEDIUM),
    ReplyStatus.BAD_OUTPUT: ("The assistant's reply was not valid", Severity.MEDIUM),
    ReplyStatus.CRASH: ("The assistant crashed", Severity.MEDIUM),
    ReplyStatus.TOO_LARGE: ("The change or the answer was too large for the assistant", Severity.MEDIUM),
}
"""What each failed reply means, and how bad it is."""

_NO_ANSWER: Final = "SYS-003"
"""The guardrail for an assistant's answer that cannot be used."""
ASSISTANT: Final = "assistant"
"""The category of what went wrong with an assistant, and not with the change that it was asked about."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that went wrong. Texts are as recorded: hostile, to be escaped by whoever shows them.

    ``tool`` is whose failure it is: the agent whose change was judged, or the assistant that gave no answer. ``file`` and
    ``line`` are where, in the head of the change.
    """

    session: Session
    tool: str
    category: str
    rule: str
    severity: Severity
    title: str
    detail: str
    file: str = ""
    line: int | None = None
    blocked: bool = False
    advice: str = ""
    """What the guardrail's own document says to do instead; empty for what an assistant found."""

    @property
    def agent(self) -> str:
        """Who it counts against: the author's agent, but the assistant for what only went wrong with the assistant."""
        return self.tool if self.category == ASSISTANT else self.session.agent or "unknown"

    @property
    def location(self) -> str:
        """The file with its line."""
        return self.file if self.line is None or not self.file else f"{self.file}:{self.line}"


def failures_in(sessions: Iterable[Session]) -> Sequence[Failure]:
    """Every failure in ``sessions``, newest first; within a session in the order they were recorded."""
    ordered = sorted(sessions, key=lambda session: (session.at, session.id), reverse=True)
    return [failure for session in ordered for failure in _of(session)]


def _of(session: Session) -> Iterator[Failure]:
    if session.failure is not None:
        title = "The guarded run itself failed"
        yield Failure(session, "clockwork", "system", "run-failed", Severity.HIGH, title, session.failure)
    failed = [reply for reply in session.replies if reply.status.failed]
    for finding in session.findings:
        if finding.enforce.rank >= Enforce.WARN.rank and not _is_repeated(finding, failed):
            yield _fired(session, finding)
    for reply in failed:
        yield _bad_reply(session, reply)


def _is_repeated(finding: Finding, failed: Iterable[Reply]) -> bool:
    """Whether ``finding`` only says that an assistant gave no answer; the reply itself says more."""
    return finding.rule == _NO_ANSWER and any(
        reply.assistant in finding.message and f"({reply.status.value})" in finding.message for reply in failed
    )


def _fired(session: Session, finding: Finding) -> Failure:
    return Failure(
        session,
        tool=_blamed(session, finding),
        category=finding.category.strip().lower() or _BY_PREFIX.get(finding.rule.partition("-")[0], "other"),
        rule=finding.rule,
        severity=finding.severity,
        title=finding.title or finding.rule,
        detail=finding.message,
        file=finding.file or "",
        line=finding.line,
        blocked=finding.enforce is Enforce.BLOCK,
        advice=(finding.suggestion or "") if finding.by == "detector" else "",
    )


def _blamed(session: Session, finding: Finding) -> str:
    """Whose failure a finding is: the author's agent, or the assistant that made something up."""
    by, _, assistant = finding.by.partition(":")
    if finding.rule == _NO_ANSWER and by == "assistant" and assistant:
        return assistant
    return session.agent or "unknown"


def _bad_reply(session: Session, reply: Reply) -> Failure:
    title, severity = _MEANING[reply.status]
    rule, detail = f"assistant-{reply.status}", reply.message or reply.stderr_tail
    return Failure(session, reply.assistant, ASSISTANT, rule, severity, title, detail)
