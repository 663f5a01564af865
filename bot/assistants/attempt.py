"""One try at an assistant and the rule for a second one: only after a rate limit, a server's 5xx or a time-out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

from bot.assistants.folder import LeftFiles
from bot.assistants.reply import parse_findings, redacted
from bot.errors import Invalid
from bot.model.session import Prompt, Reply, ReplyStatus

MAX_WAIT_SECONDS: Final = 60.0
"""A longer ``Retry-After`` is not waited for: the reply says rate_limit and the next run tries again."""
RATE_LIMIT_WAIT_SECONDS: Final = 5.0
TAIL_KEPT: Final = 2000

Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run cost, where the tool tells: tokens in and out, US dollars."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class RawReply:
    """A tool that did its work: the model's own words, still to be parsed."""

    text: str
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A tool that did not: why, in the contract's words. ``again`` says whether a second try may help."""

    status: ReplyStatus
    message: str
    again: bool = False
    wait_seconds: float | None = None


Answer = RawReply | FailedRun


@dataclass(frozen=True, slots=True)
class AssistantRun:
    """One answer with what only the run itself knows: how long it took, how it exited, what it wrote to stderr."""

    answer: Answer
    milliseconds: int
    exit_code: int | None = None
    stderr: str = ""
    left: LeftFiles | None = None
    """What it left in its folder, where it had a copy of the repository's files."""
    missing: bool = False
    """Whether there was no program to start."""


class RetriedAssistant(ABC):
    """What all assistants share: a name, a key that no reply shows, and when they are asked once more."""

    def __init__(self, name: str, *, key: str | None, sleep: Sleep) -> None:
        self._name = name
        self._secrets = () if key is None else (key,)
        self._sleep = sleep

    @property
    def name(self) -> str:
        return self._name

    def run(self, prompt: Prompt) -> Reply:
        """The reply after one or two attempts; ``milliseconds`` counts both, not the wait between."""
        return _finished(self._name, retried(lambda: self._attempt(prompt), self._sleep), self._secrets)

    @abstractmethod
    def _attempt(self, prompt: Prompt) -> AssistantRun:
        """Ask once."""


def retried(attempt: Callable[[], AssistantRun], sleep: Sleep) -> AssistantRun:
    """What one or two attempts came to; ``milliseconds`` counts both, not the wait between."""
    first = attempt()
    if not isinstance(first.answer, FailedRun) or not _worth_another(first.answer):
        return first
    wait = first.answer.wait_seconds
    if wait is None:
        wait = RATE_LIMIT_WAIT_SECONDS if first.answer.status is ReplyStatus.RATE_LIMIT else 0.0
    sleep(wait)
    second = attempt()
    return replace(second, milliseconds=first.milliseconds + second.milliseconds)


def _worth_another(failed: FailedRun) -> bool:
    return failed.again and (failed.wait_seconds or 0.0) <= MAX_WAIT_SECONDS


def recorded(name: str, attempt: AssistantRun, secrets: Collection[str]) -> Reply:
    """The reply that says how a run went, without anything of what was answered."""
    answer = attempt.answer
    usage = answer.usage if isinstance(answer, RawReply) else Usage()
    blank = Reply(
        assistant=name,
        status=ReplyStatus.OK,
        milliseconds=attempt.milliseconds,
        exit_code=attempt.exit_code,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=usage.cost_usd,
        stderr_tail=redacted(attempt.stderr, secrets)[-TAIL_KEPT:],
    )
    if isinstance(answer, FailedRun):
        return replace(blank, status=answer.status, message=redacted(answer.message, secrets)[:TAIL_KEPT])
    return blank


def _finished(name: str, attempt: AssistantRun, secrets: Collection[str]) -> Reply:
    blank, answer = recorded(name, attempt, secrets), attempt.answer
    if isinstance(answer, FailedRun):
        return blank
    try:
        return replace(blank, findings=parse_findings(answer.text, secrets=secrets))
    except Invalid as exc:
        return replace(blank, status=ReplyStatus.BAD_OUTPUT, message=exc.message)
