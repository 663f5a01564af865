"""An assistant that is a program: what all command-line tools share. Each tool's own facts are in the module of its name.

A tool is asked on stdin (Linux takes no argument over 131,072 bytes: execve(2), MAX_ARG_STRLEN; and text can be read as a
subcommand) and it succeeded
when it exited with 0, its own error flag is clear and its JSON fits the schema. Its stderr is noise unless it failed.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, assert_never

from bot.assistants.attempt import Answer, AssistantRun, FailedRun, RetriedAssistant, Sleep, retried
from bot.assistants.drafting import draft_of, failed_draft
from bot.assistants.folder import changed_files, write_tree
from bot.assistants.surroundings import ToolSurroundings, Unconfined, surroundings
from bot.confinement.walls import Confinement, Wall
from bot.errors import Refused
from bot.model.guarded import AIErrorKind, Draft, DraftAssignment
from bot.model.session import Prompt, Reply, ReplyFinding, ReplyStatus
from bot.processes import (
    DEADLINE_SECONDS,
    GRACE_SECONDS,
    OUTPUT_CAP,
    ProcessEnd,
    ProcessResult,
    Workspace,
    fresh_workspace,
    run,
)


@dataclass(frozen=True, slots=True)
class ToolOptions:
    """How an assistant runs. ``path`` is the ``PATH`` it gets, ``key`` its one secret.

    Seconds and bytes; ``output_cap`` counts stdout.
    """

    path: str = os.defpath
    key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    model: str | None = None
    deadline_seconds: float = DEADLINE_SECONDS
    grace_seconds: float = GRACE_SECONDS
    output_cap: int = OUTPUT_CAP
    confinement: Confinement = Confinement.REQUIRED
    readable: tuple[str, ...] = ()
    """Files and folders that it may read beside its own program."""


class AssistantTool(ABC):
    """The facts of one tool: how it is called and what its output means. Pure but for files in the workspace it is given."""

    name: str
    """The program, and what an assistant of this kind is called."""
    usual_key: str | None
    """Where its key is looked for unless settings name another variable; such a tool cannot do without one."""

    endpoint: str | None = None
    """The base URL of its model where settings name none; None for a tool that has no such thing."""
    asks: ClassVar[re.Pattern[str] | None] = None
    """The paths below its base URL that it needs; None where nobody knows. What else an account has is not its business."""
    asks_by_itself: ClassVar[bool] = False
    """Whether it asks hosts that no relay can stand for when it has no base URL."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Files and folders beside its own program that it cannot change files without."""

    def key_variable(self, _options: ToolOptions) -> str | None:
        """The environment variable it reads its key from."""
        return self.usual_key

    def environment(self, _options: ToolOptions) -> Mapping[str, str]:
        """The variables it needs beside ``PATH``, ``HOME`` and its key."""
        return {}

    @abstractmethod
    def command(self, prompt: Prompt, options: ToolOptions, workspace: Workspace) -> Sequence[str]:
        """The argument list. May write files into the workspace's home and scratch that it names or the tool reads."""

    def editing(self, _prompt: Prompt, _options: ToolOptions, _workspace: Workspace) -> Sequence[str]:
        """The argument list for a run behind a wall that may change the files of its working directory.

        Raises ``Refused`` for a tool that cannot.
        """
        raise Refused(f"{self.name} cannot be given files to change")

    def text(self, prompt: Prompt) -> str:
        """What it is asked on stdin."""
        return escaped_mentions(prompt.text)

    @abstractmethod
    def answer(self, ran: ProcessResult, workspace: Workspace) -> Answer:
        """What a run that exited by itself (whatever its code) came to."""


class ToolAssistant(RetriedAssistant):
    """A tool behind the Assistant port."""

    def __init__(self, tool: AssistantTool, options: ToolOptions, *, name: str | None, sleep: Sleep) -> None:
        super().__init__(name or tool.name, key=options.key, sleep=sleep)
        self._tool = tool
        self._options = options

    def run(self, prompt: Prompt) -> Reply:
        """As of every assistant, with the signs of the prompt in what it found."""
        reply = super().run(prompt)
        return (
            replace(reply, findings=tuple(map(unescaped_finding, reply.findings))) if _AT[0] in prompt.text else reply
        )

    def draft(self, assignment: DraftAssignment) -> Draft:
        """See :class:`bot.ports.Drafter`. Behind a wall it changes files of a copy; without one, where settings allow
        that, it has no tools and answers as in a review.
        """
        try:
            run = retried(lambda: self._work(assignment), self._sleep)
        except Unconfined as exc:
            return failed_draft(self._name, AIErrorKind.UNCONFINED, str(exc))
        except Refused as exc:
            return failed_draft(self._name, AIErrorKind.MISSING, str(exc))
        return draft_of(self._name, run, self._secrets)

    def _work(self, assignment: DraftAssignment) -> AssistantRun:
        tool = self._tool
        prompt = Prompt(assignment.text, assignment.schema, "")
        try:
            with (
                fresh_workspace() as workspace,
                surroundings(self._options, workspace, tool, key=self._takes_key(), files=tool.needs) as around,
            ):
                if around.wall is Wall.NONE:
                    ran = self._run(prompt, around)
                    return self._finished(ran, workspace)
                laid_files = write_tree(assignment.tree, workspace.work)
                command = tool.editing(prompt, around.options, workspace)
                ran = self._start(command, assignment.text, around)
                return replace(self._finished(ran, workspace), left=changed_files(workspace.work, laid_files))
        except OSError as exc:
            return AssistantRun(FailedRun(ReplyStatus.CRASH, f"no place to run in: {exc.strerror}"), 0)

    def _finished(self, ran: ProcessResult, workspace: Workspace) -> AssistantRun:
        missing = ran.ending is ProcessEnd.NOT_FOUND
        return AssistantRun(self._answer(ran, workspace), ran.milliseconds, ran.exit_code, ran.stderr, missing=missing)

    def _attempt(self, prompt: Prompt) -> AssistantRun:
        tool, options = self._tool, self._options
        try:
            with (
                fresh_workspace() as workspace,
                surroundings(options, workspace, tool, key=self._takes_key()) as around,
            ):
                return self._finished(self._run(prompt, around), workspace)
        except Refused as exc:
            return AssistantRun(FailedRun(ReplyStatus.DISABLED, str(exc)), 0)
        except OSError as exc:
            return AssistantRun(FailedRun(ReplyStatus.CRASH, f"no place to run in: {exc.strerror}"), 0)

    def _takes_key(self) -> bool:
        return self._options.key is not None and self._tool.key_variable(self._options) is not None

    def _run(self, prompt: Prompt, around: ToolSurroundings) -> ProcessResult:
        command = self._tool.command(prompt, around.options, around.workspace)
        return self._start(command, self._tool.text(prompt), around)

    def _start(self, command: Sequence[str], text: str, around: ToolSurroundings) -> ProcessResult:
        options = around.options
        return run(
            around.command_line(command),
            text.encode("utf-8", "replace"),
            env=self._variables(options),
            deadline_seconds=options.deadline_seconds,
            grace_seconds=options.grace_seconds,
            output_cap=options.output_cap,
            workspace=around.workspace,
        )

    def _variables(self, options: ToolOptions) -> dict[str, str]:
        variables = {"PATH": options.path, **self._tool.environment(options)}
        variable = self._tool.key_variable(options)
        if options.key is not None and variable is not None:
            variables[variable] = options.key
        return variables

    def _answer(self, ran: ProcessResult, workspace: Workspace) -> Answer:
        seconds, cap = self._options.deadline_seconds, self._options.output_cap
        match ran.ending:
            case ProcessEnd.TIMEOUT:
                return FailedRun(ReplyStatus.TIMEOUT, f"no answer within {seconds:g} s", again=True)
            case ProcessEnd.TOO_LARGE:
                return FailedRun(ReplyStatus.TOO_LARGE, f"more than {cap} bytes of output")
            case ProcessEnd.NOT_FOUND:
                return FailedRun(ReplyStatus.CRASH, f"could not be started: {ran.stderr}")
            case ProcessEnd.EXITED:
                return self._tool.answer(ran, workspace)
            case _:
                assert_never(ran.ending)


_AT: Final = ("@", "\uff20")
"""Tools put a file's content in the place of ``@path`` wherever it stands (anthropics/claude-code-action#957; Gemini CLI
documentation, "Commands", "At commands"). The full-width sign looks the same and names no file."""


def escaped_mentions(text: str) -> str:
    """``text`` with nothing in it that a tool would put a file in the place of."""
    if _AT[0] not in text:
        return text
    return f"(In the text below every commercial at sign is written {_AT[1]}.)\n\n{text.replace(*_AT)}"


def unescaped_finding(finding: ReplyFinding) -> ReplyFinding:
    """A finding about files as they are called (``@types/node``)."""
    return replace(finding, file=finding.file.replace(_AT[1], _AT[0]), message=finding.message.replace(_AT[1], _AT[0]))


def with_schema(prompt: Prompt) -> str:
    """The prompt for a tool that takes no schema of its own."""
    order = "Reply with one JSON object and nothing else. It fits this JSON schema:"
    return f"{escaped_mentions(prompt.text)}\n\n{order}\n{prompt.schema}\n"
