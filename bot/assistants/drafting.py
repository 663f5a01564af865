"""What became of an assignment, as the contract has it: words, files that differ, or the kind of failure.

Shared by assistants that are programs and those that are endpoints. The words are the tool's own: only its key is taken
out, because guardrails judge what it really said; whoever shows them redacts them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from bot.assistants.attempt import AssistantRun, FailedRun, RawReply, recorded
from bot.model.guarded import AIErrorKind, Draft
from bot.model.session import Reply, ReplyStatus

_KINDS: Final[Mapping[ReplyStatus, AIErrorKind]] = {
    ReplyStatus.AUTH: AIErrorKind.REFUSED,
    ReplyStatus.RATE_LIMIT: AIErrorKind.REFUSED,
    ReplyStatus.TOO_LARGE: AIErrorKind.FAILED,
    ReplyStatus.TIMEOUT: AIErrorKind.TIMED_OUT,
    ReplyStatus.BAD_OUTPUT: AIErrorKind.NO_OUTPUT,
    ReplyStatus.CRASH: AIErrorKind.FAILED,
    ReplyStatus.DISABLED: AIErrorKind.MISSING,
}


def draft_of(name: str, run: AssistantRun, secrets: Collection[str]) -> Draft:
    """The draft that a finished run is."""
    run = _by_files_alone(run)
    reply, answer, files_left = recorded(name, run, secrets), run.answer, run.left
    if isinstance(answer, FailedRun):
        kind = AIErrorKind.MISSING if run.missing else _KINDS[answer.status]
        return Draft(reply, failure=kind)
    text = answer.text
    for secret in secrets:
        text = text.replace(secret, "[redacted]") if secret else text
    files, incomplete = (None, None) if files_left is None else (files_left.files, files_left.incomplete)
    if not text.strip() and not files and not incomplete:
        empty = replace(reply, status=ReplyStatus.BAD_OUTPUT, message="it neither answered nor changed a file")
        return Draft(empty, failure=AIErrorKind.NO_OUTPUT)
    return Draft(reply, text, files, incomplete)


def failed_draft(name: str, kind: AIErrorKind, reason: str) -> Draft:
    """The draft of an assistant that was never started."""
    return Draft(Reply(name, ReplyStatus.DISABLED, message=reason), failure=kind)


def _by_files_alone(run: AssistantRun) -> AssistantRun:
    """A tool that changed files and ended well may do so without a word."""
    answer = run.answer
    silent = isinstance(answer, FailedRun) and answer.status is ReplyStatus.BAD_OUTPUT
    if silent and run.exit_code == 0 and run.left is not None and run.left.files:
        return replace(run, answer=RawReply(""))
    return run
