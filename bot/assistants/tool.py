"""An assistant that is a program: what all command-line tools share. Each tool's own facts are in the module of its name.

A tool is asked on stdin (an argument over 131,072 bytes fails, and text can be read as a subcommand) and it succeeded
when it exited with 0, its own error flag is clear and its JSON fits the schema. Its stderr is noise unless it failed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, assert_never

from bot.assistants.attempt import Answer, AssistantRun, FailedRun, Sleep, reply
from bot.model.session import Prompt, Reply, ReplyStatus
from bot.processes import (
    DEADLINE_SECONDS,
    GRACE_SECONDS,
    OUTPUT_CAP,
    Monotonic,
    ProcessEnd,
    ProcessResult,
    Workspace,
    fresh_place,
    run,
)


@dataclass(frozen=True, slots=True)
class ToolOptions:
    """How an assistant runs. ``path`` is the ``PATH`` it gets, ``key`` its one secret, ``environment`` holds none.

    ``program`` replaces the tool's usual name. Seconds and bytes; ``output_cap`` counts stdout.
    """

    path: str = os.defpath
    key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    model: str | None = None
    program: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    deadline_seconds: float = DEADLINE_SECONDS
    grace_seconds: float = GRACE_SECONDS
    output_cap: int = OUTPUT_CAP


class Tool(Protocol):
    """The facts of one tool: how it is called and what its output means. Pure but for files in the place it is given."""

    @property
    def name(self) -> str: ...

    def key_variable(self, options: ToolOptions) -> str | None:
        """The environment variable it reads its key from."""
        ...

    def environment(self, options: ToolOptions) -> Mapping[str, str]:
        """The variables it needs beside ``PATH``, ``HOME`` and its key."""
        ...

    def command(self, prompt: Prompt, options: ToolOptions, place: Workspace) -> Sequence[str]:
        """The argument list. May write files into ``place.home`` and ``place.scratch`` that it names or the tool reads."""
        ...

    def text(self, prompt: Prompt) -> str:
        """What it is asked on stdin."""
        ...

    def answer(self, ran: ProcessResult, place: Workspace) -> Answer:
        """What a run that exited by itself (whatever its code) came to."""
        ...


class ToolAssistant:
    """A tool behind the Assistant port."""

    def __init__(
        self,
        tool: Tool,
        options: ToolOptions,
        *,
        name: str | None = None,
        sleep: Sleep = time.sleep,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._tool = tool
        self._options = options
        self._name = name or tool.name
        self._sleep = sleep
        self._monotonic = monotonic

    @property
    def name(self) -> str:
        return self._name

    def run(self, prompt: Prompt) -> Reply:
        secrets = () if self._options.key is None else (self._options.key,)
        return reply(self._name, lambda: self._attempt(prompt), sleep=self._sleep, secrets=secrets)

    def _attempt(self, prompt: Prompt) -> AssistantRun:
        try:
            with fresh_place() as place:
                ran = self._run(prompt, place)
                return AssistantRun(self._answer(ran, place), ran.milliseconds, ran.exit_code, ran.stderr)
        except OSError as exc:
            return AssistantRun(FailedRun(ReplyStatus.CRASH, f"no place to run in: {exc.strerror}"), 0)

    def _run(self, prompt: Prompt, place: Workspace) -> ProcessResult:
        options = self._options
        return run(
            self._tool.command(prompt, options, place),
            self._tool.text(prompt).encode("utf-8", "replace"),
            env=self._variables(),
            deadline_seconds=options.deadline_seconds,
            grace_seconds=options.grace_seconds,
            output_cap=options.output_cap,
            place=place,
            monotonic=self._monotonic,
        )

    def _variables(self) -> dict[str, str]:
        options = self._options
        variables = {"PATH": options.path, **self._tool.environment(options), **options.environment}
        variable = self._tool.key_variable(options)
        if options.key is not None and variable is not None:
            variables[variable] = options.key
        return variables

    def _answer(self, ran: ProcessResult, place: Workspace) -> Answer:
        seconds, cap = self._options.deadline_seconds, self._options.output_cap
        match ran.ending:
            case ProcessEnd.TIMEOUT:
                return FailedRun(ReplyStatus.TIMEOUT, f"no answer within {seconds:g} s", again=True)
            case ProcessEnd.TOO_LARGE:
                return FailedRun(ReplyStatus.TOO_LARGE, f"more than {cap} bytes of output")
            case ProcessEnd.NOT_FOUND:
                return FailedRun(ReplyStatus.CRASH, f"could not be started: {ran.stderr}")
            case ProcessEnd.EXITED:
                return self._tool.answer(ran, place)
            case _:
                assert_never(ran.ending)


def with_schema(prompt: Prompt) -> str:
    """The prompt for a tool that takes no schema of its own."""
    return f"{prompt.text}\n\nReply with one JSON object and nothing else. It fits this JSON schema:\n{prompt.schema}\n"
